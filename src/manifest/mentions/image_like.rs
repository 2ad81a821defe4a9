//! Which texts read like an image without a digest, wherever they stand.

use crate::reference::Reference;

/// Names of Docker Hub's official images that people run.
const OFFICIAL: [&str; 76] = [
    "adminer",
    "alpine",
    "amazoncorretto",
    "amazonlinux",
    "arangodb",
    "bash",
    "busybox",
    "caddy",
    "cassandra",
    "centos",
    "clojure",
    "consul",
    "couchdb",
    "debian",
    "docker",
    "drupal",
    "eclipse-temurin",
    "elasticsearch",
    "elixir",
    "erlang",
    "fedora",
    "flink",
    "fluentd",
    "ghost",
    "golang",
    "gradle",
    "groovy",
    "haproxy",
    "haskell",
    "hello-world",
    "httpd",
    "influxdb",
    "jenkins",
    "jetty",
    "joomla",
    "julia",
    "kibana",
    "kong",
    "logstash",
    "mariadb",
    "matomo",
    "maven",
    "mediawiki",
    "memcached",
    "mongo",
    "mongo-express",
    "mysql",
    "nats",
    "neo4j",
    "nextcloud",
    "nginx",
    "node",
    "odoo",
    "openjdk",
    "percona",
    "perl",
    "php",
    "phpmyadmin",
    "postgres",
    "python",
    "rabbitmq",
    "redis",
    "redmine",
    "registry",
    "rethinkdb",
    "ruby",
    "rust",
    "solr",
    "sonarqube",
    "spark",
    "swift",
    "telegraf",
    "tomcat",
    "traefik",
    "ubuntu",
    "wordpress",
];

/// Tags without a digit that images are known by.
const WORDS: [&str; 18] = [
    "alpine",
    "canary",
    "dev",
    "develop",
    "edge",
    "latest",
    "lts",
    "main",
    "mainline",
    "master",
    "nightly",
    "prod",
    "production",
    "release",
    "slim",
    "stable",
    "staging",
    "testing",
];

/// What may stand before a reference to say where it is.
const SCHEMES: [&str; 3] = ["docker://", "oci://", "registry://"];

/// How much a word says of itself that it is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is one by its looks.
    Image,
    /// It is one where its name is that of an image, or its place says so.
    Perhaps,
}

/// Returns how much a word reads like an image with a tag and without a digest; `None` where it does not. `host:8080` is an
/// address, `kubernetes.io/os:linux` a label.
pub(super) fn likeness(word: &str) -> Option<Likeness> {
    let reference = Reference::parse(without_scheme(word)).ok()?;
    let (Some(tag), None) = (reference.tag(), reference.digest()) else { return None };
    let name = reference.name();
    // Users, times, MAC addresses and hashes have no name in front of the colon.
    let is_hash = matches!(name, "sha256" | "sha512" | "sha1" | "md5");
    let is_number = tag.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = is_number && (3..=5).contains(&tag.len()) || tag == "80";
    if is_hash || !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    match name.split_once('/') {
        Some((host, path)) if host.contains('.') && !host.contains(':') && !path.contains('/') => {
            (is_version(tag) && !is_number).then_some(Likeness::Image)
        }
        // `namespace/service:5432`
        Some((host, _)) if is_port && !host.contains(['.', ':']) => Some(Likeness::Perhaps),
        Some(_) => Some(Likeness::Image),
        None if is_port || name.contains('.') => None,
        None if OFFICIAL.contains(&name) => Some(Likeness::Image),
        None => (is_version(tag) || WORDS.contains(&tag)).then_some(Likeness::Perhaps),
    }
}

/// Returns whether a word that reads like an image has a version for a tag, as words of programs seldom do.
pub(super) fn has_version(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(_, tag)| is_version(tag))
}

/// Returns a word without what says how it is fetched.
pub(super) fn without_scheme(word: &str) -> &str {
    SCHEMES.iter().find_map(|scheme| word.strip_prefix(scheme)).unwrap_or(word)
}

/// Returns whether a tag starts as versions do, or has one in it: `1.27`, `v2`, `3-alpine`, `release-1.2`, `sha-0a1b2c3`.
fn is_version(tag: &str) -> bool {
    let mut parts = tag.split(['.', '-', '_', '+']);
    parts.any(|part| {
        let digits = part.strip_prefix(['v', 'r']).unwrap_or(part);
        digits.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Returns the words of a text on one line among which an image may be; not those that a build makes.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || "\"'`=,;()|[]{}<>".contains(c);
    let words = text.split(ends).filter(|word| !word.is_empty());
    let is_made = |before: &str| matches!(before, "-t" | "--tag" | "push" | "tag");
    let pairs = words.scan("", move |before, word| Some((std::mem::replace(before, word), word)));
    pairs.filter(move |(before, word)| word.contains(':') && !is_made(before)).map(|(_, word)| word)
}

/// Returns the images that a command asks for by name alone: `--image nginx`, `docker://nginx`.
pub(super) fn asked_for(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| c.is_whitespace() || "\"'`,;()|[]{}<>".contains(c));
    let words = words.filter(|word| !word.is_empty());
    let pairs = words.scan("", |before, word| Some((std::mem::replace(before, word), word)));
    let named = pairs.filter_map(|(before, word)| {
        let after = (before == "--image").then_some(word);
        after.or_else(|| word.strip_prefix("--image=")).or_else(|| word.strip_prefix("docker://"))
    });
    named.filter(|word| {
        Reference::parse(word).is_ok_and(|image| image.tag().is_none() && image.digest().is_none())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_from_addresses_and_words() {
        for image in [
            "nginx:1.27",
            "nginx:mainline",
            "postgres:16",
            "node:22",
            "acme/app:v2",
            "acme/app:prod",
            "localhost:5000/app:prod",
            "docker://acme/app:1",
            "ghcr.io/acme/app:prod",
            "registry.corp:5000/app:20260101",
        ] {
            assert_eq!(likeness(image), Some(Likeness::Image), "{image}");
        }
        for perhaps in ["app:release-1.2", "tier:1", "branch:main", "on-failure:5", "default/db:5432"] {
            assert_eq!(likeness(perhaps), Some(Likeness::Perhaps), "{perhaps}");
        }
        for other in [
            "redis:6379",
            "web.default.svc:80",
            "localhost:8080",
            "nginx",
            "nginx:1.27@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "job:request_rate:sum",
            "kubernetes.io/os:linux",
            "nvidia.com/gpu:1",
            "system:masters",
            "app:app",
            "0:0",
            "12:30",
            "00:11:22",
            "https://nginx:1.27",
            "${IMAGE}:1.27",
        ] {
            assert_eq!(likeness(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_command_asks_for_needs_no_tag() {
        let asked = |line| asked_for(line).collect::<Vec<_>>();
        assert_eq!(asked("kubectl create deployment web --image nginx --port 80"), ["nginx"]);
        assert_eq!(asked("kubectl run a --image=acme/app"), ["acme/app"]);
        assert_eq!(asked("skopeo copy docker://acme/app dir:a"), ["acme/app"]);
        assert!(asked("--image=$IMAGE --image nginx:1.27 --images a image b").is_empty());
    }

    #[test]
    fn what_a_build_makes_is_no_word_of_it() {
        assert_eq!(
            words("docker build -t acme/app:1 . && docker run nginx:1").collect::<Vec<_>>(),
            ["nginx:1"]
        );
    }
}
