//! Which texts read like an image without a digest, wherever they stand.

use crate::reference::Reference;

/// Tags without a digit that images are known by.
const WORDS: [&str; 15] = [
    "alpine", "canary", "dev", "develop", "edge", "latest", "lts", "main", "mainline", "master", "nightly",
    "slim", "stable", "staging", "testing",
];

/// Numbers of two digits that are ports more often than versions.
const PORTS: [&str; 8] = ["20", "21", "22", "25", "53", "69", "80", "88"];

/// Returns whether a word reads like an image with a tag and without a digest. `host:8080` is an address, `app:web` are words.
pub(super) fn is_image_like(word: &str) -> bool {
    let Ok(reference) = Reference::parse(word) else { return false };
    let (Some(tag), None) = (reference.tag(), reference.digest()) else { return false };
    let name = reference.name();
    // Users, times, MAC addresses and hashes have no name in front of the colon.
    let is_hash = matches!(name, "sha256" | "sha512" | "sha1" | "md5");
    if is_hash || name == "on-failure" || !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return false;
    }
    let has_host = name.split_once('/').is_some_and(|(host, _)| host.contains('.'));
    if tag.bytes().all(|byte| byte.is_ascii_digit()) {
        return match tag.len() {
            1 | 2 => name.len() > 2 && !PORTS.contains(&tag) && !is_address(name),
            3..=5 => has_host,
            _ => !is_address(name),
        };
    }
    // `kubernetes.io/os:linux` is a label.
    WORDS.contains(&tag) || is_version(tag) || has_host && name.matches('/').count() > 1
}

/// Returns whether a name is that of a host, as of a service, and not of an image.
fn is_address(name: &str) -> bool {
    !name.contains('/') && name.contains('.')
}

/// Returns whether a tag starts as versions do, or has one in it: `1.27`, `v2`, `3-alpine`, `release-1.2`, `sha-0a1b2c3`.
fn is_version(tag: &str) -> bool {
    let mut parts = tag.split(['.', '-', '_', '+']);
    parts.any(|part| {
        let digits = part.strip_prefix(['v', 'r']).unwrap_or(part);
        digits.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Returns the words of a text on one line among which an image may be.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| {
        c.is_whitespace()
            || matches!(
                c,
                '"' | '\'' | '`' | '=' | ',' | ';' | '(' | ')' | '|' | '[' | ']' | '{' | '}' | '<' | '>'
            )
    };
    text.split(ends).filter(|word| word.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_from_addresses_and_words() {
        for image in [
            "nginx:1.27",
            "nginx:latest",
            "postgres:16",
            "redis:7-alpine",
            "acme/app:v2",
            "ghcr.io/acme/app:prod",
            "registry.corp:5000/app:20260101",
            "app:release-1.2",
        ] {
            assert!(is_image_like(image), "{image}");
        }
        for other in [
            "redis:6379",
            "web.default.svc:80",
            "localhost:8080",
            "nginx",
            "nginx:1.27@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "app:web",
            "system:masters",
            "job:request_rate:sum",
            "kubernetes.io/os:linux",
            "0:0",
            "12:30",
            "00:11:22",
            "https://nginx:1.27",
            "${IMAGE}:1.27",
        ] {
            assert!(!is_image_like(other), "{other}");
        }
    }
}
