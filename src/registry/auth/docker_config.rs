//! The JSON in which docker and podman keep credentials: which entry is for which repository. Pure.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::{Map, Value};

use super::credential::Credential;
use crate::reference::{DOCKER_HUB, with_folded_host};

/// The name under which `docker login` keeps Docker Hub's credential.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// A docker `config.json` or a containers `auth.json`.
pub(crate) struct AuthFile(Map<String, Value>);

#[derive(Debug)]
pub(crate) enum DockerEntry {
    /// The credential under this key.
    Credential(Credential, String),
    /// This helper is to be asked for this server.
    Helper { suffix: String, server: String },
    /// The entry under this key is damaged.
    Damaged(String),
    /// Nothing.
    Nothing,
}

impl AuthFile {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Value::Object(config)) => Some(Self(config)),
            _ => None,
        }
    }

    /// Returns what there is for `name`, which is `host[:port]/path`.
    ///
    /// The longest path-scoped entry (containers-auth.json(5)), then the host's, in the spellings that are in use; of
    /// one key its helper, then its credential. What has no entry is asked of `credsStore`, as docker does.
    pub(crate) fn entry(&self, name: &str) -> DockerEntry {
        let host = name.split('/').next().unwrap_or(name);
        let scopes =
            std::iter::successors(Some(name), |scope| scope.rsplit_once('/').map(|(scope, _)| scope));
        let hub = [DOCKER_HUB_KEY, "index.docker.io", "registry-1.docker.io"];
        let spellings = hub.into_iter().filter(|_| host == DOCKER_HUB);
        for key in scopes.chain(spellings) {
            match self.at(key) {
                DockerEntry::Nothing => {}
                found => return found,
            }
        }
        // Addresses, as older versions of docker wrote them.
        let legacy = self.table("auths").into_iter().flat_map(|auths| auths.keys()).find(|key| {
            let address = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
            address.is_some_and(|address| address.split('/').next() == Some(host))
        });
        match legacy.map(|key| self.at(key)) {
            None | Some(DockerEntry::Nothing) => {}
            Some(found) => return found,
        }
        match self.0.get("credsStore").and_then(Value::as_str).filter(|store| !store.is_empty()) {
            Some(store) => {
                let server = if host == DOCKER_HUB { DOCKER_HUB_KEY } else { host };
                DockerEntry::Helper { suffix: store.to_owned(), server: server.to_owned() }
            }
            None => DockerEntry::Nothing,
        }
    }

    fn table(&self, name: &str) -> Option<&Map<String, Value>> {
        self.0.get(name).and_then(Value::as_object)
    }

    /// Returns what `table` has for `key`, whose host may be spelled otherwise there.
    fn in_table(&self, table: &str, key: &str) -> Option<&Value> {
        let table = self.table(table)?;
        let spelled_otherwise = || table.iter().find(|(known, _)| with_folded_host(known) == key);
        table.get(key).or_else(|| spelled_otherwise().map(|(_, value)| value))
    }

    fn at(&self, key: &str) -> DockerEntry {
        let helper = self.in_table("credHelpers", key).and_then(Value::as_str);
        if let Some(helper) = helper.filter(|helper| !helper.is_empty()) {
            return DockerEntry::Helper { suffix: helper.to_owned(), server: key.to_owned() };
        }
        let Some(entry) = self.in_table("auths", key) else {
            return DockerEntry::Nothing;
        };
        let text = |name: &str| entry.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let credential = if let Some(token) = text("identitytoken") {
            Some(Credential::Identity(token.into()))
        } else if let Some(auth) = text("auth") {
            decoded(auth)
        } else if let (Some(user), Some(password)) = (text("username"), text("password")) {
            Some(Credential::Password { user: user.to_owned(), password: password.into() })
        } else {
            return DockerEntry::Nothing;
        };
        match credential {
            Some(credential) => DockerEntry::Credential(credential, key.to_owned()),
            None => DockerEntry::Damaged(key.to_owned()),
        }
    }
}

/// Reads `user:password` in Base64.
fn decoded(auth: &str) -> Option<Credential> {
    let bytes: SecretSlice<u8> = STANDARD.decode(auth).ok()?.into();
    let text = SecretString::from(std::str::from_utf8(bytes.expose_secret()).ok()?);
    let (user, password) = text.expose_secret().split_once(':')?;
    // Docker pads with zeros (cli/config/configfile, decodeAuth).
    let password = SecretString::from(password.trim_end_matches('\0'));
    Some(Credential::Password { user: user.to_owned(), password })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `user:secret-NAME` in Base64, as `docker login` stores it.
    fn auth(name: &str) -> Value {
        json!({"auth": STANDARD.encode(format!("user:secret-{name}"))})
    }

    fn found(config: &Value, name: &str) -> String {
        match AuthFile::parse(config.to_string().as_bytes()).unwrap().entry(name) {
            DockerEntry::Credential(Credential::Password { user, password }, _) => {
                assert_eq!(user, "user");
                password.expose_secret().to_owned()
            }
            DockerEntry::Helper { suffix, server } => format!("{suffix} for {server}"),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn the_longest_path_wins_and_a_host_never_gets_anothers() {
        let config = json!({"auths": {
            "quay.io": auth("host"), "quay.io/acme": auth("path"), "https://old.example/v1/": auth("old"),
            "ghcr.io": {}, "plain.example": {"username": "user", "password": "secret-plain"},
            "damaged.example": {"auth": "no colon"},
        }});
        for (name, expected) in [
            ("quay.io/other/api", "secret-host"),
            ("quay.io/acme/api", "secret-path"),
            ("quay.io/acme", "secret-path"),
            ("quay.io/acme-two/api", "secret-host"),
            ("old.example/a", "secret-old"),
            ("plain.example/a", "secret-plain"),
            ("quay.io:444/acme/api", "Nothing"),
            ("ghcr.io/acme/api", "Nothing"),
            ("evil.example/quay.io/acme", "Nothing"),
            ("damaged.example/a", "Damaged(\"damaged.example\")"),
        ] {
            assert_eq!(found(&config, name), expected, "{name}");
        }
    }

    #[test]
    fn docker_hub_is_found_under_each_of_its_names() {
        for key in [DOCKER_HUB_KEY, "docker.io", "index.docker.io", "registry-1.docker.io"] {
            let config = json!({"auths": {key: auth("hub")}});
            assert_eq!(found(&config, "docker.io/library/nginx"), "secret-hub", "{key}");
            assert_eq!(found(&config, "ghcr.io/library/nginx"), "Nothing");
        }
    }

    #[test]
    fn helpers_go_before_entries_of_the_same_key_and_the_store_comes_last() {
        let config = json!({
            "auths": {"quay.io": auth("quay"), "ghcr.io": auth("ghcr"), "ghcr.io/acme": auth("acme"), "gcr.io": {}},
            "credHelpers": {"ghcr.io": "gh"},
            "credsStore": "desktop",
        });
        for (name, expected) in [
            ("ghcr.io/other/api", "gh for ghcr.io"),
            ("ghcr.io/acme/api", "secret-acme"),
            ("quay.io/a", "secret-quay"),
            ("gcr.io/a", "desktop for gcr.io"),
            ("else.example:5000/a", "desktop for else.example:5000"),
            ("docker.io/library/nginx", "desktop for https://index.docker.io/v1/"),
        ] {
            assert_eq!(found(&config, name), expected, "{name}");
        }
    }

    #[test]
    fn identity_tokens_are_told_from_passwords() {
        let config = json!({"auths": {"r.example": {"identitytoken": "secret-id", "auth": "AAA"}}});
        let file = AuthFile::parse(config.to_string().as_bytes()).unwrap();
        assert!(matches!(file.entry("r.example/a"), DockerEntry::Credential(Credential::Identity(_), _)));
        assert!(AuthFile::parse(b"not json").is_none() && AuthFile::parse(b"[]").is_none());
    }
}
