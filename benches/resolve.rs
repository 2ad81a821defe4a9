//! How fast 500 distinct references are resolved on a local docker-registry, beside a bare keep-alive loop of the same
//! HEAD requests (the floor) and `skopeo inspect` under xargs; and again with 50 ms of latency.
//!
//! `cargo bench --bench resolve` (Debian: docker-registry, skopeo). Each round has a client of its own: connections,
//! challenges and all. The best of several rounds counts.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and fails loudly")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use support::docker::{docker_registry, installed, push};
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    ClientSettings, DigestLevel, HttpRegistry, RecordedOrigin, Requirement, TagQuery, TagRef, Trust, ask,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// How many distinct references are resolved.
const REFERENCES: usize = 500;

/// How many are asked for at the same time: the default.
const CONCURRENCY: usize = 8;

/// How long every answer takes to come back, in the second part.
const LATENCY: Duration = Duration::from_millis(50);

/// How often each is run.
const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    if !installed(&["docker-registry"]) {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let server = docker_registry(&dir, "", "");
    let mut images = Vec::new();
    for repository in 0..50 {
        for tag in 0..REFERENCES / 50 {
            let name = format!("acme/app-{repository}");
            let (digest, _) = push(&server).index(&name, &tag.to_string(), &format!("{tag}")).await;
            images.push((name, tag.to_string(), digest));
        }
    }
    let direct = format!("127.0.0.1:{}", server.port);
    let slow = delayed(direct.clone()).await;
    for (name, host) in [("local", &direct), ("50 ms", &slow)] {
        let floor = best(async || bare(host, &images).await).await;
        println!("{name}: bare HEAD, {CONCURRENCY} at once, kept alive   {:.3} s", floor.as_secs_f64());
        let daily = best(async || resolve(host, &images, true).await).await;
        let ratio = daily.as_secs_f64() / floor.as_secs_f64();
        println!(
            "{name}: tagpin, nothing moved (500 HEAD)       {:.3} s, {ratio:.2} of the floor",
            daily.as_secs_f64()
        );
        let first = best(async || resolve(host, &images, false).await).await;
        let ratio = first.as_secs_f64() / floor.as_secs_f64() / 2.0;
        println!(
            "{name}: tagpin, all new (1000 HEAD)            {:.3} s, {ratio:.2} of twice the floor",
            first.as_secs_f64()
        );
        if host == &slow {
            let rounds = REFERENCES.div_ceil(CONCURRENCY) as f64 * LATENCY.as_secs_f64();
            println!(
                "{name}: ceil(500 / {CONCURRENCY}) × 50 ms is {rounds:.3} s: {:.2} of it",
                daily.as_secs_f64() / rounds
            );
        }
    }
    if Command::new("skopeo").arg("--version").stdout(Stdio::null()).status().is_ok() {
        let time = skopeo(&direct, &images);
        println!("local: skopeo inspect under xargs -P {CONCURRENCY}         {:.3} s", time.as_secs_f64());
    } else {
        println!("skipped: skopeo is not installed");
    }
}

type Image = (String, String, String);

/// Asks for every tag over connections that are kept, and does nothing else.
async fn bare(host: &str, images: &[Image]) {
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let accept = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";
    let requests = stream::iter(images).map(async |(name, tag, digest)| {
        let url = format!("http://{host}/v2/{name}/manifests/{tag}");
        let response = client.head(url).header("accept", accept).send().await.unwrap();
        assert_eq!(response.headers()["docker-content-digest"].to_str().unwrap(), digest);
    });
    requests.buffer_unordered(CONCURRENCY).collect::<Vec<()>>().await;
}

/// Resolves every tag as `pin` and `run` do.
async fn resolve(host: &str, images: &[Image], is_pinned: bool) {
    let registry =
        HttpRegistry::new(ClientSettings { trust: Trust::Typed, ..ClientSettings::default() }).unwrap();
    let asked: Vec<TagQuery> = images
        .iter()
        .map(|(name, tag, digest)| {
            let reference = Reference::parse(&format!("{host}/{name}:{tag}")).unwrap();
            let present = Digest::parse(digest).filter(|_| is_pinned);
            let wanted = Requirement {
                level: DigestLevel::Index,
                needed: Vec::new(),
                present,
                recorded: RecordedOrigin::Nothing,
            };
            let question = TagRef::new(&reference);
            TagQuery { question, reference: reference.to_string(), wanted: vec![wanted] }
        })
        .collect();
    let answers = ask(&registry, &asked, 256, |_, _| {}).await;
    for (asked, (_, _, digest)) in asked.iter().zip(images) {
        assert_eq!(answers[&asked.question].as_ref().unwrap().resolution.digest.as_str(), digest);
    }
}

fn skopeo(host: &str, images: &[Image]) -> Duration {
    let mut lines = String::new();
    for (name, tag, _) in images {
        let _ = writeln!(lines, "docker://{host}/{name}:{tag}");
    }
    let file = tempfile::NamedTempFile::new().unwrap();
    fs_err::write(file.path(), lines).unwrap();
    let start = Instant::now();
    let status = Command::new("xargs")
        .args(["-P", &CONCURRENCY.to_string(), "-n", "1", "-a"])
        .arg(file.path())
        .args(["skopeo", "inspect", "--tls-verify=false", "--raw"])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success());
    start.elapsed()
}

async fn best(work: impl AsyncFn()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        work().await;
        best = best.min(start.elapsed());
    }
    best
}

/// Starts a server in front of `host` that passes everything on, each answer 50 ms late; returns its address.
async fn delayed(host: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(&host).await.unwrap();
            drop((client.set_nodelay(true), server.set_nodelay(true)));
            let ((mut from_client, mut to_client), (mut from_server, mut to_server)) =
                (client.into_split(), server.into_split());
            tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
            tokio::spawn(async move {
                let mut buffer = vec![0; 1 << 16];
                while let Ok(length) = from_server.read(&mut buffer).await {
                    if length == 0 {
                        break;
                    }
                    tokio::time::sleep(LATENCY).await;
                    if to_client.write_all(&buffer[..length]).await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    address
}
