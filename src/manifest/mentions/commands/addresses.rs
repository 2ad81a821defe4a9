//! The addresses whose manifests commands deploy.

/// Programs that deploy what lies at an address, and the words by which they do.
const CLIENTS: [(&str, &[&str]); 10] = [
    ("docker", &["compose", "stack"]),
    ("docker-compose", &["up", "run", "create"]),
    ("helm", &["-f", "--values"]),
    ("kapp", &["deploy"]),
    ("kubectl", &["apply", "create", "replace"]),
    ("kustomize", &["build"]),
    ("nerdctl", &["compose"]),
    ("nomad", &["run"]),
    ("oc", &["apply", "create", "replace"]),
    ("podman", &["play"]),
];

/// Returns the address of the manifests that a command applies: one that it is given, or the one that its text has something else fetch
/// for it.
pub(in super::super) fn applied<'t>(
    words: &'t [String],
    fetched: impl FnOnce() -> Option<&'t str>,
) -> Option<&'t str> {
    let has = |word: &str| words.iter().any(|said| said == word);
    let is_client = CLIENTS.iter().any(|(client, verbs)| has(client) && verbs.iter().any(|verb| has(verb)));
    let given = words.iter().map(|word| match word.split_once('=') {
        Some((flag, value)) if flag.starts_with('-') => value,
        _ => word,
    });
    let mut addresses = given.filter(|word| is_address(word));
    let address = addresses.next().filter(|_| is_client);
    if address.is_none() && is_client && has("-") { fetched() } else { address }
}

/// Returns the first address in a line that names one of [`CLIENTS`], which it may be fetched for.
pub(in super::super) fn fetched(text: &str) -> Option<&str> {
    let is_client = |word: &&str| CLIENTS.iter().any(|(client, _)| client == word);
    let ends = |c: char| c.is_whitespace() || "\"'`;()<>".contains(c);
    let lines =
        text.lines().filter(|line| line.contains("://") && line.split(ends).any(|word| is_client(&word)));
    lines.flat_map(|line| line.split(ends)).find(|word| is_address(word))
}

fn is_address(word: &str) -> bool {
    const SCHEMES: [&str; 6] = ["git::", "git@", "http://", "https://", "oci://", "ssh://"];
    // As kustomize takes repositories: by their host alone.
    let forge = |host: &str| ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org"].contains(&host);
    let host = || word.split_once('/').map(|(host, _)| host);
    SCHEMES.iter().any(|scheme| word.starts_with(scheme)) || host().is_some_and(forge)
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    #[test]
    fn what_a_command_applies_from_elsewhere_is_told() {
        let address = "https://example.com/main/d.yaml";
        let applied = |line: &str| {
            let commands = words::commands(line);
            commands.iter().find_map(|words| applied(words, || fetched(line))).map(str::to_owned)
        };
        for line in [
            format!("kubectl apply -f {address}"),
            format!("kubectl --context a create --filename={address}"),
            format!("curl -s {address} | kubectl apply -f -"),
            format!("podman kube play {address}"),
            format!("kapp deploy -a w -f {address}"),
        ] {
            assert_eq!(applied(&line).as_deref(), Some(address), "{line}");
        }
        for (line, address) in [
            ("kubectl apply -k gitlab.com/acme/k8s//prod?ref=main", "gitlab.com/acme/k8s//prod?ref=main"),
            ("kubectl apply -k git@example.com:acme/k8s.git", "git@example.com:acme/k8s.git"),
            ("docker compose -f oci://docker.io/acme/app up", "oci://docker.io/acme/app"),
        ] {
            assert_eq!(applied(line).as_deref(), Some(address), "{line}");
        }
        for line in [
            "kubectl apply -f d.yaml",
            "kubectl apply -f d.yaml && curl -f https://example.com/ready",
            "docker compose up -d; curl -fsS https://example.com/ready",
            "kubectl get pods",
        ] {
            assert_eq!(applied(line), None, "{line}");
        }
    }
}
