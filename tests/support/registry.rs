//! A registry on loopback that answers what a real one answers, in every mood: the pull half of the OCI
//! distribution-spec, with distribution's authentication. It keeps a log of what it served.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode, header};
use futures_util::stream;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinHandle;

pub(crate) use super::mood::{BodyMood, DigestHeader, Fault, Faults, Mood, Referrers};

/// The user that the registry knows.
pub(crate) const USER: &str = "robot";
/// The user's password. No output may ever hold it.
pub(crate) const PASSWORD: &str = "secret-password-6f1d";
/// The user's identity token. No output may ever hold it.
pub(crate) const IDENTITY_TOKEN: &str = "secret-identity-93ac";
/// What every token that is handed out starts with. No output may ever hold it.
pub(crate) const TOKEN_PREFIX: &str = "secret-token-";

pub(crate) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
pub(crate) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
pub(crate) const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
pub(crate) const SCHEMA_1: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";
const CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// A running registry. It stops when it is dropped.
pub(crate) struct Registry {
    host: String,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// One request that was answered.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub(crate) struct RequestLog {
    /// `HEAD`, `GET`, `POST`.
    pub(crate) method: String,
    /// The path, without the query.
    pub(crate) path: String,
    /// The status; 0 while there is no answer.
    pub(crate) status: u16,
    /// The kind of the `Authorization` header: `none`, `basic`, `bearer`.
    pub(crate) authorization: String,
    /// From which port of the client: another one is another connection.
    #[serde(skip)]
    pub(crate) from: u16,
    /// When it came.
    #[serde(skip)]
    pub(crate) at: Instant,
}

#[derive(Default)]
struct Shared(Mutex<Content>);

#[derive(Default)]
pub(super) struct Content {
    pub(super) host: String,
    /// By repository and digest: media type and bytes.
    blobs: HashMap<(String, String), (String, Vec<u8>)>,
    /// By repository and tag.
    tags: HashMap<(String, String), String>,
    pub(super) mood: Mood,
    log: Vec<RequestLog>,
    /// The tokens that are valid: the scopes, and until when.
    pub(super) tokens: HashMap<String, (Vec<String>, Instant)>,
    pub(super) issued: usize,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Registry {
    /// Starts an empty registry on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let host = listener.local_addr().expect("it is bound").to_string();
        let shared = Arc::new(Shared::default());
        shared.lock().host.clone_from(&host);
        let router = Router::new().fallback(serve).with_state(Arc::clone(&shared));
        let server = tokio::spawn(async move {
            let router = router.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, router).await.expect("the server runs until it is stopped");
        });
        Self { host, shared, server }
    }

    /// Returns `127.0.0.1:PORT`.
    pub(crate) fn host(&self) -> String {
        self.host.clone()
    }

    /// Returns `localhost:PORT`: the same registry under a name that is another host to a client.
    pub(crate) fn other_host(&self) -> String {
        self.host.replace("127.0.0.1", "localhost")
    }

    /// Changes the mood.
    pub(crate) fn set(&self, change: impl FnOnce(&mut Mood)) {
        change(&mut self.shared.lock().mood);
    }

    /// Returns what was asked so far.
    pub(crate) fn requests(&self) -> Vec<RequestLog> {
        self.shared.lock().log.clone()
    }

    /// Forgets what was asked so far.
    pub(crate) fn forget_requests(&self) {
        self.shared.lock().log.clear();
    }

    /// Makes every token that was handed out invalid.
    pub(crate) fn revoke_tokens(&self) {
        self.shared.lock().tokens.clear();
    }

    /// Stores an image index with a manifest for each of `platforms` and an attestation, points the tag at it and
    /// returns its digest. Equal arguments give equal digests; another `seed` gives others.
    pub(crate) fn put_index(&self, repository: &str, tag: &str, platforms: &[&str], seed: &str) -> String {
        self.put_index_as(OCI_INDEX, repository, tag, platforms, seed)
    }

    /// The same with another media type for the index.
    pub(crate) fn put_index_as(
        &self,
        media_type: &str,
        repository: &str,
        tag: &str,
        platforms: &[&str],
        seed: &str,
    ) -> String {
        let mut entries = Vec::new();
        for platform in platforms.iter().copied().chain(["unknown/unknown"]) {
            let mut entry = self.image(repository, platform, seed);
            let mut parts = platform.split('/');
            entry["platform"] = json!({"os": parts.next(), "architecture": parts.next()});
            if let Some(variant) = parts.next() {
                entry["platform"]["variant"] = json!(variant);
            }
            if platform == "unknown/unknown" {
                entry["annotations"] = json!({"vnd.docker.reference.type": "attestation-manifest"});
            }
            entries.push(entry);
        }
        let body = json!({"schemaVersion": 2, "mediaType": media_type, "manifests": entries});
        self.put_raw(repository, tag, media_type, body.to_string().into_bytes())
    }

    /// Stores an image for linux/amd64 without an index, points the tag at it and returns its digest.
    pub(crate) fn put_manifest(&self, repository: &str, tag: &str, seed: &str) -> String {
        let descriptor = self.image(repository, "linux/amd64", seed);
        let digest = descriptor["digest"].as_str().expect("it is text").to_owned();
        self.point(repository, tag, &digest);
        digest
    }

    /// Stores any bytes as a manifest, points the tag at them and returns their digest.
    pub(crate) fn put_raw(&self, repository: &str, tag: &str, media_type: &str, body: Vec<u8>) -> String {
        let digest = self.store(repository, media_type, body);
        self.point(repository, tag, &digest);
        digest
    }

    /// Points the tag at a digest, whether or not it is there.
    pub(crate) fn point(&self, repository: &str, tag: &str, digest: &str) {
        self.shared.lock().tags.insert((repository.to_owned(), tag.to_owned()), digest.to_owned());
    }

    /// Answers `body` for `digest`, whatever it hashes to.
    pub(crate) fn replace(&self, repository: &str, digest: &str, body: &[u8]) {
        self.replace_as("application/octet-stream", repository, digest, body);
    }

    /// The same with a media type.
    pub(crate) fn replace_as(&self, media_type: &str, repository: &str, digest: &str, body: &[u8]) {
        let key = (repository.to_owned(), digest.to_owned());
        self.shared.lock().blobs.insert(key, (media_type.to_owned(), body.to_vec()));
    }

    /// Removes what `digest` names.
    pub(crate) fn remove(&self, repository: &str, digest: &str) {
        self.shared.lock().blobs.remove(&(repository.to_owned(), digest.to_owned()));
    }

    /// Returns the digest of the manifest for `platform` that `put_index` stores.
    pub(crate) fn platform_digest(&self, repository: &str, platform: &str, seed: &str) -> String {
        self.image(repository, platform, seed)["digest"].as_str().expect("it is text").to_owned()
    }

    fn image(&self, repository: &str, platform: &str, seed: &str) -> Value {
        let mut parts = platform.split('/');
        let mut config = json!({
            "os": parts.next(), "architecture": parts.next(), "rootfs": {"type": "layers", "diff_ids": []},
            "config": {"Labels": {"seed": seed}},
        });
        if let Some(variant) = parts.next() {
            config["variant"] = json!(variant);
        }
        let config = self.store_json(repository, CONFIG, &config);
        let layer = {
            let digest = format!("sha256:{}", hex::encode(Sha256::digest(format!("{seed}{platform}"))));
            json!({"mediaType": LAYER, "digest": digest, "size": 1000})
        };
        let manifest =
            json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
        self.store_json(repository, OCI_MANIFEST, &manifest)
    }

    pub(super) fn store_json(&self, repository: &str, media_type: &str, value: &Value) -> Value {
        let body = value.to_string().into_bytes();
        let size = body.len();
        json!({"mediaType": media_type, "digest": self.store(repository, media_type, body), "size": size})
    }

    pub(crate) fn store(&self, repository: &str, media_type: &str, body: Vec<u8>) -> String {
        let digest = format!("sha256:{}", hex::encode(Sha256::digest(&body)));
        let key = (repository.to_owned(), digest.clone());
        self.shared.lock().blobs.insert(key, (media_type.to_owned(), body));
        digest
    }
}

impl Drop for Registry {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let path = parts.uri.path().to_owned();
    let authorization = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let kind = authorization.and_then(|value| value.split(' ').next()).unwrap_or("none").to_ascii_lowercase();
    let (at, latency, hang, fault) = {
        let mut content = shared.lock();
        content.log.push(RequestLog {
            method: parts.method.to_string(),
            path: path.clone(),
            status: 0,
            authorization: kind,
            from: peer.port(),
            at: Instant::now(),
        });
        let is_token = path == "/token";
        let fault = content.mood.faults.as_mut().filter(|_| !is_token).and_then(Faults::draw);
        let hang = match is_token {
            true => content.mood.token_hangs,
            false => content.mood.body == BodyMood::Hang || fault == Some(Fault::Hang),
        };
        (content.log.len() - 1, content.mood.latency, hang, fault)
    };
    if hang {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(latency).await;
    let early = match fault {
        Some(Fault::TooMany) => Some(failure(429, Some(0))),
        Some(Fault::Internal) => Some(failure(500, None)),
        // A body that breaks off before its first byte, after headers that say nothing: all that is left of a HEAD.
        Some(Fault::Dropped) => {
            let broken = stream::iter([Err::<Vec<u8>, _>(std::io::Error::other("dropped"))]);
            let response = Response::builder().header(header::CONTENT_LENGTH, 1000);
            Some(response.body(Body::from_stream(broken)).expect("valid"))
        }
        _ => None,
    };
    if let Some(response) = early {
        if let Some(entry) = shared.lock().log.get_mut(at) {
            entry.status = response.status().as_u16();
        }
        return response;
    }
    let form = axum::body::to_bytes(body, 1 << 20).await.unwrap_or_default();
    let mut content = shared.lock();
    let response = if path == "/token" {
        let query = if parts.method == Method::POST {
            String::from_utf8_lossy(&form).into_owned()
        } else {
            parts.uri.query().unwrap_or_default().to_owned()
        };
        content.token(&parts.method, authorization, &query)
    } else {
        let (digest, spoilt) = (content.mood.digest, content.mood.body);
        match fault {
            Some(Fault::Wrong) => content.mood.digest = DigestHeader::Lying,
            Some(Fault::Truncated) => content.mood.body = BodyMood::Truncated,
            _ => {}
        }
        let query = parts.uri.query().unwrap_or_default();
        let response = content.answer(&parts.method, &path, query, &parts.headers, authorization);
        (content.mood.digest, content.mood.body) = (digest, spoilt);
        response
    };
    // `forget_requests` may have come between.
    if let Some(entry) = content.log.get_mut(at) {
        entry.status = response.status().as_u16();
    }
    response
}

impl Content {
    fn answer(
        &mut self,
        method: &Method,
        path: &str,
        query: &str,
        headers: &HeaderMap,
        authorization: Option<&str>,
    ) -> Response<Body> {
        let Some(rest) = path.strip_prefix("/v2/") else {
            return plain(StatusCode::NOT_FOUND, "404 page not found\n");
        };
        let split = ["/manifests/", "/blobs/", "/referrers/"].iter().find_map(|part| {
            let (repository, reference) = rest.rsplit_once(part)?;
            Some((repository, reference, *part))
        });
        let repository = split.map(|(repository, ..)| repository);
        if !self.authorized(repository, authorization) {
            return self.challenge(repository, authorization);
        }
        let Some((repository, reference, part)) = split else {
            return if rest.is_empty() { plain(StatusCode::OK, "{}") } else { unknown("NAME_UNKNOWN") };
        };
        if part == "/referrers/" {
            return self.referrers(repository, reference, path, query);
        }
        let manifest = part == "/manifests/";
        if manifest {
            if let Some((status, pause)) = self.mood.failures.pop() {
                return failure(status, pause);
            }
            if let Some(status) = self.mood.always {
                return failure(status, None);
            }
            if let Some(status) = self.mood.get.filter(|_| method == Method::GET) {
                return failure(status, None);
            }
            if let Some(status) = self.mood.head.filter(|_| method == Method::HEAD) {
                return failure(status, None);
            }
            if let Some(base) = &self.mood.redirect {
                let response = Response::builder().status(StatusCode::TEMPORARY_REDIRECT);
                return response
                    .header(header::LOCATION, format!("{base}{path}"))
                    .body(Body::empty())
                    .expect("valid");
            }
        }
        let digest = if reference.contains(':') {
            reference.to_owned()
        } else {
            match self.tags.get(&(repository.to_owned(), reference.to_owned())) {
                Some(digest) => digest.clone(),
                None => return unknown("MANIFEST_UNKNOWN"),
            }
        };
        let Some((media_type, body)) = self.blobs.get(&(repository.to_owned(), digest.clone())) else {
            return unknown(if manifest { "MANIFEST_UNKNOWN" } else { "BLOB_UNKNOWN" });
        };
        // As distribution does: what the client does not accept is not there.
        let accepted = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
        if manifest
            && media_type != SCHEMA_1
            && !accepted.flat_map(|v| v.split(',')).any(|v| v.trim() == media_type)
        {
            return unknown("MANIFEST_UNKNOWN");
        }
        let mut response = Response::builder()
            .header(header::CONTENT_TYPE, media_type)
            .header(header::CONTENT_LENGTH, body.len())
            .header("Docker-Distribution-Api-Version", "registry/2.0");
        if !manifest {
            return response.body(Body::from(body.clone())).expect("valid");
        }
        response = match self.mood.digest {
            DigestHeader::Right => response.header("Docker-Content-Digest", &digest),
            DigestHeader::Missing => response,
            DigestHeader::Lying => {
                response.header("Docker-Content-Digest", format!("sha256:{}", "ab".repeat(32)))
            }
            DigestHeader::Malformed => response.header("Docker-Content-Digest", "sha256:ABC"),
        };
        for (name, value) in &self.mood.headers {
            response = response.header(name, value);
        }
        let body = match self.mood.body {
            BodyMood::Changed => {
                let mut body = body.clone();
                body.push(b' ');
                if let Some(headers) = response.headers_mut() {
                    headers.insert(header::CONTENT_LENGTH, body.len().into());
                }
                Body::from(body)
            }
            BodyMood::Endless => {
                if let Some(headers) = response.headers_mut() {
                    headers.remove(header::CONTENT_LENGTH);
                }
                Body::from_stream(stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b' '; 1 << 16])))
            }
            BodyMood::Truncated => {
                let half = body[..body.len() / 2].to_vec();
                Body::from_stream(stream::iter([Ok(half), Err(std::io::Error::other("cut off"))]))
            }
            BodyMood::Right | BodyMood::Hang => Body::from(body.clone()),
        };
        response.body(body).expect("valid")
    }

    /// Lists the manifests that name `digest` as their subject (distribution-spec, "Listing Referrers").
    fn referrers(&self, repository: &str, digest: &str, path: &str, query: &str) -> Response<Body> {
        let size = match &self.mood.referrers {
            Referrers::Missing => return plain(StatusCode::NOT_FOUND, "404 page not found\n"),
            Referrers::Status(status) => return failure(*status, None),
            Referrers::List(list) => return plain(StatusCode::OK, list),
            Referrers::Api(size) => *size,
            Referrers::Endless | Referrers::Link(_) => usize::MAX,
        };
        let mut all: Vec<(&String, Value, usize)> = Vec::new();
        for ((of, name), (media_type, body)) in &self.blobs {
            let manifest: Value = serde_json::from_slice(body).unwrap_or_default();
            if of == repository && media_type.contains("manifest") && manifest["subject"]["digest"] == digest
            {
                all.push((name, manifest, body.len()));
            }
        }
        all.sort_by_key(|(name, ..)| (*name).clone());
        let start: usize = query.strip_prefix("last=").and_then(|text| text.parse().ok()).unwrap_or_default();
        let entries = all.iter().skip(start).take(size).map(|(name, manifest, size)| {
            let artifact_type = Some(&manifest["artifactType"]).filter(|it| it.is_string());
            json!({
                "mediaType": OCI_MANIFEST, "digest": name, "size": size,
                "artifactType": artifact_type.unwrap_or(&manifest["config"]["mediaType"]),
                "annotations": manifest["annotations"],
            })
        });
        let entries: Vec<Value> = entries.collect();
        let body = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).to_string();
        let next = start + entries.len();
        let link = match &self.mood.referrers {
            Referrers::Endless => Some(format!("{path}?last=0")),
            Referrers::Link(link) => Some(link.clone()),
            _ => (next < all.len()).then(|| format!("{path}?last={next}")),
        };
        let mut response = Response::builder().header(header::CONTENT_TYPE, OCI_INDEX);
        if let Some(link) = link {
            response = response.header(header::LINK, format!("<{link}>; rel=\"next\""));
        }
        response.body(Body::from(body)).expect("valid")
    }
}

fn unknown(code: &str) -> Response<Body> {
    let body = json!({"errors": [{"code": code, "message": "unknown to registry"}]});
    plain(StatusCode::NOT_FOUND, &body.to_string())
}

pub(super) fn failure(status: u16, pause: Option<u64>) -> Response<Body> {
    let mut response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    if let Some(pause) = pause {
        response = response.header(header::RETRY_AFTER, pause);
    }
    let body = json!({"errors": [{"code": "UNKNOWN", "message": "a mood of the test"}]});
    response.body(Body::from(body.to_string())).expect("valid")
}

pub(super) fn plain(status: StatusCode, body: &str) -> Response<Body> {
    let response = Response::builder().status(status).header(header::CONTENT_TYPE, "application/json");
    response.body(Body::from(body.to_owned())).expect("valid")
}
