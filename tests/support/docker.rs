//! The real docker-registry (distribution), nginx in front of it, certificates, and pushing over its own API.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A child process that is killed when the test ends.
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Tells whether all of `programs` are there; says which one is not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
pub(crate) fn installed(programs: &[&str]) -> bool {
    let missing = programs.iter().find(|program| {
        let directories = std::env::var_os("PATH").unwrap_or_default();
        let mut found = std::env::split_paths(&directories).map(|directory| directory.join(program));
        !found.any(|path| path.is_file()) && !Path::new("/usr/sbin").join(program).is_file()
    });
    if let Some(program) = missing {
        eprintln!("skipped: {program} is not installed");
    }
    missing.is_none()
}

pub(crate) fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts `command` and waits until it listens on `port`.
pub(crate) fn start(mut command: Command, port: u16) -> Server {
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let server = Server { child, port };
    let begin = Instant::now();
    while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(begin.elapsed() < Duration::from_secs(10), "the server does not start");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// Starts docker-registry with `more` configuration under `dir`.
pub(crate) fn docker_registry(dir: &TempDir, more: &str, tls: &str) -> Server {
    let storage = format!("storage-{}", free_port());
    docker_registry_at(dir, &storage, more, tls)
}

/// The same with its images in the directory `storage` below `dir`.
pub(crate) fn docker_registry_at(dir: &TempDir, storage: &str, more: &str, tls: &str) -> Server {
    let port = free_port();
    let storage = dir.path().join(storage);
    let config = format!(
        "version: 0.1\nlog: {{level: error}}\nstorage: {{filesystem: {{rootdirectory: {}}}}}\n\
         http:\n  addr: 127.0.0.1:{port}\n{tls}{more}",
        storage.display()
    );
    let file = dir.path().join(format!("config-{port}.yml"));
    fs_err::write(&file, config).unwrap();
    let mut command = Command::new("docker-registry");
    command.arg("serve").arg(file);
    start(command, port)
}

fn sha256(bytes: &[u8]) -> String {
    format!("sha256:{}", hex::encode(Sha256::digest(bytes)))
}

/// Pushes to a registry over its own API.
pub(crate) struct Push<'a> {
    pub(crate) client: Client,
    pub(crate) base: String,
    pub(crate) user: Option<(&'a str, &'a str)>,
}

impl Push<'_> {
    fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, url);
        match self.user {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    pub(crate) async fn blob(&self, repository: &str, bytes: Vec<u8>) -> Value {
        let url = format!("{}/v2/{repository}/blobs/uploads/", self.base);
        let response = self.request(reqwest::Method::POST, &url).send().await.unwrap();
        assert_eq!(response.status(), 202);
        let location = response.headers()["location"].to_str().unwrap();
        let mut location = response.url().join(location).unwrap();
        let (digest, size) = (sha256(&bytes), bytes.len());
        location.query_pairs_mut().append_pair("digest", &digest);
        let response =
            self.request(reqwest::Method::PUT, location.as_str()).body(bytes).send().await.unwrap();
        assert_eq!(response.status(), 201);
        json!({"digest": digest, "size": size})
    }

    pub(crate) async fn manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        value: &Value,
    ) -> Value {
        let body = value.to_string().into_bytes();
        let (digest, size) = (sha256(&body), body.len());
        let reference = if reference.is_empty() { &digest } else { reference };
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.base);
        let request = self.request(reqwest::Method::PUT, &url).header("content-type", media_type).body(body);
        assert_eq!(request.send().await.unwrap().status(), 201);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// Pushes an index for two platforms; returns its digest and that of its arm64 manifest.
    pub(crate) async fn index(&self, repository: &str, tag: &str, seed: &str) -> (String, String) {
        let mut entries = Vec::new();
        for architecture in ["amd64", "arm64"] {
            let config = json!({"os": "linux", "architecture": architecture, "seed": seed});
            let mut config = self.blob(repository, config.to_string().into_bytes()).await;
            config["mediaType"] = json!("application/vnd.oci.image.config.v1+json");
            let mut layer = self.blob(repository, format!("layer {seed}").into_bytes()).await;
            layer["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar");
            let manifest =
                json!({"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [layer]});
            let mut entry = self.manifest(repository, "", MANIFEST, &manifest).await;
            entry["platform"] = json!({"os": "linux", "architecture": architecture});
            entries.push(entry);
        }
        let arm64 = entries[1]["digest"].as_str().unwrap().to_owned();
        let index = json!({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries});
        let index = self.manifest(repository, tag, INDEX, &index).await;
        (index["digest"].as_str().unwrap().to_owned(), arm64)
    }
}

pub(crate) fn push(server: &Server) -> Push<'static> {
    let client = Client::builder().no_proxy().build().unwrap();
    Push { client, base: format!("http://127.0.0.1:{}", server.port), user: None }
}

/// Makes a certificate authority and a certificate for `localhost` in `dir`.
pub(crate) fn certificates(dir: &Path) {
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").args(arguments.split(' ')).current_dir(dir).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    openssl("req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=tagpin-test-ca -keyout ca.key -out ca.pem");
    openssl("req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout server.key -out server.csr");
    fs_err::write(dir.join("names"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(
        "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile names -out server.pem",
    );
}

/// Starts nginx in front of `server`, with `more` in its location.
pub(crate) fn nginx(dir: &TempDir, server: &Server, more: &str, http: &str) -> Server {
    let port = free_port();
    let base = dir.path().join(format!("nginx-{port}"));
    fs_err::create_dir(&base).unwrap();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|name| format!("{name}_temp_path {}/{name};", base.display()))
        .collect();
    let config = format!(
        "daemon off; master_process off; pid {base}/pid; error_log {base}/error.log; events {{}} http {{ {temporary} access_log off; {http} \
         server {{ listen 127.0.0.1:{port}; location / {{ {more} proxy_pass http://127.0.0.1:{}; }} }} }}",
        server.port,
        base = base.display()
    );
    let file = base.join("nginx.conf");
    fs_err::write(&file, config).unwrap();
    let program = if Path::new("/usr/sbin/nginx").is_file() { "/usr/sbin/nginx" } else { "nginx" };
    let mut command = Command::new(program);
    command.arg("-p").arg(&base).arg("-c").arg(&file);
    start(command, port)
}
