//! The registry client against the real `docker-registry` (distribution): plain, with htpasswd, over TLS with an own
//! certificate authority, and behind nginx in its bad moods.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use reqwest::Client;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tagpin::platform::Platform;
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Asked, Behind, Credentials, Environment, HttpRegistry, Judged, Level, Limits, Question, Recorded,
    Registry as _, Settings, Wanted, ask,
};
use tempfile::TempDir;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A child process that is killed when the test ends.
struct Server {
    child: Child,
    port: u16,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Tells whether all of `programs` are there; says which one is not.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn installed(programs: &[&str]) -> bool {
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

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Starts `command` and waits until it listens on `port`.
fn start(mut command: Command, port: u16) -> Server {
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
fn docker_registry(dir: &TempDir, more: &str, tls: &str) -> Server {
    let port = free_port();
    let storage = dir.path().join(format!("storage-{port}"));
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
struct Push<'a> {
    client: Client,
    base: String,
    user: Option<(&'a str, &'a str)>,
}

impl Push<'_> {
    fn request(&self, method: reqwest::Method, url: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, url);
        match self.user {
            Some((user, password)) => request.basic_auth(user, Some(password)),
            None => request,
        }
    }

    async fn blob(&self, repository: &str, bytes: Vec<u8>) -> Value {
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

    async fn manifest(&self, repository: &str, reference: &str, media_type: &str, value: &Value) -> Value {
        let body = value.to_string().into_bytes();
        let (digest, size) = (sha256(&body), body.len());
        let reference = if reference.is_empty() { &digest } else { reference };
        let url = format!("{}/v2/{repository}/manifests/{reference}", self.base);
        let request = self.request(reqwest::Method::PUT, &url).header("content-type", media_type).body(body);
        assert_eq!(request.send().await.unwrap().status(), 201);
        json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    /// Pushes an index for two platforms; returns its digest and that of its arm64 manifest.
    async fn index(&self, repository: &str, tag: &str, seed: &str) -> (String, String) {
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

fn push(server: &Server) -> Push<'static> {
    let client = Client::builder().no_proxy().build().unwrap();
    Push { client, base: format!("http://127.0.0.1:{}", server.port), user: None }
}

fn settings() -> Settings {
    let limits = Limits { retry_delay: Duration::from_millis(10), ..Limits::default() };
    Settings { limits, ..Settings::default() }
}

fn question(port: u16, image: &str) -> Question {
    Question::new(&Reference::parse(&format!("localhost:{port}/{image}")).unwrap())
}

fn level(text: &str) -> Level {
    Level::Platform(Platform::parse(text).unwrap())
}

#[tokio::test]
async fn a_plain_registry_gives_the_digests_that_were_pushed() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = docker_registry(&dir, "", "");
    let (first, arm64) = push(&server).index("acme/api", "1", "a").await;
    let client = HttpRegistry::new(settings()).unwrap();
    let index = question(server.port, "acme/api:1");
    assert_eq!(client.resolve(&index, false).await.unwrap().digest.as_str(), first);
    let amd64 = || vec![Platform::parse("linux/amd64").unwrap()];
    let arm64 = Digest::parse(&arm64).unwrap();
    let behind = Some(Behind {
        index: Digest::parse(&first).unwrap(),
        platform: Platform::parse("linux/arm64").unwrap(),
    });
    let answer = judged(&client, &index, level("linux/arm64/v8"), None, Vec::new()).await;
    assert_eq!(answer, Ok(Judged::Write { digest: arm64, behind }));
    let answer = judged(&client, &index, level("linux/s390x"), None, Vec::new()).await;
    assert_eq!(answer, Err("no-such-platform"));
    for image in ["acme/api:2", "acme/none:1"] {
        let question = question(server.port, image);
        assert_eq!(judged(&client, &question, Level::Index, None, Vec::new()).await, Err("not-found"));
    }

    let (second, _) = push(&server).index("acme/api", "1", "b").await;
    let present = Digest::parse(&first);
    let answer = judged(&client, &index, Level::Index, present, amd64()).await;
    assert_eq!(answer, Ok(Judged::Write { digest: Digest::parse(&second).unwrap(), behind: None }));
}

/// Asks for one site.
async fn judged(
    client: &HttpRegistry,
    question: &Question,
    level: Level,
    present: Option<Digest>,
    needed: Vec<Platform>,
) -> Result<Judged, &'static str> {
    let wanted = Wanted { level, needed, present, recorded: Recorded::Nothing };
    let asked = Asked {
        question: question.clone(),
        reference: "acme/api:1".to_owned(),
        wanted: vec![wanted.clone()],
    };
    let answers = ask(client, &[asked], 4, |_, _| {}).await;
    let answer = answers[question].as_ref().map_err(|error| error.reason())?;
    match wanted.judge(question, answer).unwrap() {
        Judged::Failed(error) => Err(error.reason()),
        judged => Ok(judged),
    }
}

#[tokio::test]
async fn htpasswd_takes_the_credential_from_docker_s_config_and_refuses_others() {
    if !installed(&["docker-registry", "htpasswd"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let htpasswd = Command::new("htpasswd").args(["-Bbn", "robot", "secret-real"]).output().unwrap();
    let file = dir.path().join("htpasswd");
    fs_err::write(&file, htpasswd.stdout).unwrap();
    let auth = format!("auth: {{htpasswd: {{realm: basic-realm, path: {}}}}}\n", file.display());
    let server = docker_registry(&dir, &auth, "");
    let (digest, _) =
        Push { user: Some(("robot", "secret-real")), ..push(&server) }.index("acme/api", "1", "a").await;
    let api = question(server.port, "acme/api:1");
    for (password, expected) in [("secret-real", Ok(&digest)), ("secret-wrong", Err("unauthorized"))] {
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("robot:{password}"));
        let config = json!({"auths": {format!("localhost:{}", server.port): {"auth": auth}}});
        let docker = dir.path().join(if expected.is_ok() { "right" } else { "wrong" });
        fs_err::create_dir(&docker).unwrap();
        fs_err::write(docker.join("config.json"), config.to_string()).unwrap();
        let environment = Environment { docker_config: Some(docker), ..Environment::default() };
        let client =
            HttpRegistry::new(Settings { credentials: Credentials::new(&environment), ..settings() })
                .unwrap();
        let result = client.resolve(&api, false).await;
        let got = result
            .as_ref()
            .map(|answer| answer.digest.as_str())
            .map_err(tagpin::registry::ResolveError::reason);
        assert_eq!(got, expected.map(String::as_str), "{result:?}");
        assert!(!format!("{result:?} {client:?}").contains("secret"));
    }
    let error = HttpRegistry::new(settings()).unwrap().resolve(&api, false).await.unwrap_err();
    assert!(error.to_string().contains(&format!("docker login localhost:{}", server.port)), "{error}");
}

/// Makes a certificate authority and a certificate for `localhost` in `dir`.
fn certificates(dir: &Path) {
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

#[tokio::test]
async fn tls_with_an_own_authority_needs_its_certificate() {
    if !installed(&["docker-registry", "openssl"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    certificates(dir.path());
    let file = |name: &str| dir.path().join(name).display().to_string();
    let tls = format!("  tls: {{certificate: {}, key: {}}}\n", file("server.pem"), file("server.key"));
    let server = docker_registry(&dir, "", &tls);
    let root = fs_err::read(dir.path().join("ca.pem")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&root).unwrap();
    let client = Client::builder().no_proxy().tls_certs_merge([certificate]).build().unwrap();
    let push = Push { client, base: format!("https://localhost:{}", server.port), user: None };
    let (digest, _) = push.index("acme/api", "1", "a").await;
    let api = question(server.port, "acme/api:1");

    let client = HttpRegistry::new(Settings { roots: vec![root], ..settings() }).unwrap();
    assert_eq!(client.resolve(&api, false).await.unwrap().digest.as_str(), digest);

    let error = HttpRegistry::new(settings()).unwrap().resolve(&api, false).await.unwrap_err();
    assert_eq!(error.reason(), "unavailable", "{error}");
    assert!(error.to_string().contains("certificate"), "{error}");
}

/// Starts nginx in front of `server`, with `more` in its location.
fn nginx(dir: &TempDir, server: &Server, more: &str, http: &str) -> Server {
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

#[tokio::test]
async fn a_front_that_hides_the_digest_refuses_head_or_limits_the_rate_is_got_along_with() {
    if !installed(&["docker-registry", "nginx"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = docker_registry(&dir, "", "");
    let (digest, _) = push(&server).index("acme/api", "1", "a").await;
    for (front, get) in [
        ("proxy_hide_header Docker-Content-Digest;", 1),
        ("if ($request_method = HEAD) { return 405; }", 1),
        ("limit_req zone=slow; limit_req_status 429; add_header Retry-After 1 always;", 0),
    ] {
        let limit = "limit_req_zone $binary_remote_addr zone=slow:1m rate=1r/s;";
        let front = nginx(&dir, &server, front, limit);
        let client = HttpRegistry::new(settings()).unwrap();
        for _ in 0..2 {
            let answer = client.resolve(&question(front.port, "acme/api:1"), false).await.unwrap();
            assert_eq!(answer.digest.as_str(), digest);
        }
        let budget = client.budget()[&format!("localhost:{}", front.port)];
        assert_eq!(budget.get, get * 2, "{budget:?}");
    }
}
