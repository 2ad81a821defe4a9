//! Credentials from where the ecosystem keeps them: docker's `config.json` and containers' `auth.json`.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use secrecy::SecretString;
use tokio::sync::Mutex;

use super::credential::{Credential, CredentialOrigin};
use super::credential_helper;
use super::credential_paths::CredentialPaths;
use super::credential_source::{self, CredentialSource, SourceContent, SourceKind};
use super::docker_config::DockerEntry;
use crate::registry::endpoint::{self, Endpoint};
use crate::registry::error::CredentialError;
use crate::registry::http::once_map::OnceMap;
use crate::registry::rule::RegistryRule;
use crate::registry::trace::step;

/// How long a credential helper may take, where nothing else is said.
pub const HELPER_TIMEOUT: Duration = Duration::from_secs(10);

/// The places to look for credentials, first to last. [`Default`] has none: every registry is asked anonymously.
#[derive(Debug, Default)]
pub struct Credentials {
    /// From the configuration's `token-env`: for these locations before all else.
    given: Vec<Given>,
    sources: Vec<CredentialSource>,
    helper_timeout: Option<Duration>,
    /// By helper and server. The lock is held while the helper runs, so that each runs once.
    helped: OnceMap<Mutex<Option<(Instant, Lookup)>>>,
    /// Which credentials a registry has accepted: one of those that is refused has expired.
    accepted: OnceMap<AtomicBool>,
}

#[derive(Debug)]
struct Given {
    location: String,
    variable: String,
    /// `None` where the variable is not set.
    credential: Option<Credential>,
}

#[derive(Clone, Debug)]
pub(crate) enum Lookup {
    Credential(Credential, CredentialOrigin),
    /// Every source was read and none has one.
    Nothing,
    /// A source could not be read, and no other had one: the reason, without secrets.
    Problem(CredentialError),
}

impl Credentials {
    /// Returns the sources that `environment` names, in the order `REGISTRY_AUTH_FILE`, `DOCKER_AUTH_CONFIG`, docker's
    /// `config.json`, containers' `auth.json`. Nothing is read yet.
    pub fn new(environment: &CredentialPaths) -> Self {
        let home = |below: &str| environment.home.as_ref().map(|home| home.join(below));
        let docker =
            environment.docker_config.clone().or_else(|| home(".docker")).map(|dir| dir.join("config.json"));
        let runtime = environment.xdg_runtime_dir.as_ref().map(|dir| dir.join("containers/auth.json"));
        let source = CredentialSource::new;
        let file = |name, path: Option<PathBuf>| path.map(|path| source(name, SourceKind::File(path)));
        let text = environment.docker_auth_config.clone();
        let sources = [
            file("REGISTRY_AUTH_FILE", environment.registry_auth_file.clone()),
            text.map(|text| source("DOCKER_AUTH_CONFIG", SourceKind::Text(text))),
            file("docker's config.json", docker),
            file("containers' auth.json", runtime),
            file("containers' auth.json", home(".config/containers/auth.json")),
        ];
        Self { sources: sources.into_iter().flatten().collect(), ..Self::default() }
    }

    /// Returns these credentials and before them those that `rules` take from the environment, which `lookup` reads.
    #[must_use]
    pub fn with_variables(
        mut self,
        rules: &[RegistryRule],
        lookup: impl Fn(&str) -> Option<SecretString>,
    ) -> Self {
        self.given = rules
            .iter()
            .filter_map(|rule| {
                let variable = rule.token_env.as_ref()?;
                let password = |password| Credential::Password { user: variable.user.clone(), password };
                Some(Given {
                    location: rule.location.clone(),
                    variable: variable.name.clone(),
                    credential: lookup(&variable.name).map(password),
                })
            })
            .collect();
        self
    }

    /// Returns these credentials with another limit for credential helpers; it is 10 s otherwise.
    #[must_use]
    pub fn with_helper_timeout(self, limit: Duration) -> Self {
        Self { helper_timeout: Some(limit), ..self }
    }

    /// Returns the credential for `endpoint`. A helper is run at most once for each server and five minutes.
    pub(crate) async fn find(&self, endpoint: &Endpoint) -> Lookup {
        let found = self.look_up(endpoint).await;
        step(|| {
            let host = endpoint.shown();
            match &found {
                Lookup::Credential(_, CredentialOrigin { source, key }) => {
                    format!("credential for {host}: from {source}, entry `{key}`")
                }
                Lookup::Nothing => format!("credential for {host}: none found{}", self.looked_at()),
                Lookup::Problem(error) => format!("credential for {host}: {error}"),
            }
        });
        found
    }

    /// Returns the credential for `endpoint`, without a word about it.
    pub(crate) async fn look_up(&self, endpoint: &Endpoint) -> Lookup {
        let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
        let given = self.given.iter().filter(|given| {
            endpoint::host(&given.location) == endpoint.host && endpoint::is_below(&name, &given.location)
        });
        if let Some(given) = given.max_by_key(|given| given.location.len()) {
            let Given { location, variable, credential } = given;
            let Some(credential) = credential.clone() else {
                return Lookup::Problem(CredentialError::VariableUnset(variable.clone()));
            };
            let origin =
                CredentialOrigin { source: format!("the variable {variable}"), key: location.clone() };
            return Lookup::Credential(credential, origin);
        }
        let mut problem = Lookup::Nothing;
        for source in &self.sources {
            match self.look_into(source, &name).await {
                Lookup::Nothing => {}
                Lookup::Problem(error) => problem = Lookup::Problem(error),
                found => return found,
            }
        }
        problem
    }

    /// Returns what `source` has for `name`, which is `host[:port]/path`.
    async fn look_into(&self, source: &CredentialSource, name: &str) -> Lookup {
        let read = source.read().await;
        let entry = match &*read {
            SourceContent::File(file) => file.entry(name),
            SourceContent::Nothing => return Lookup::Nothing,
            SourceContent::Problem(error) => return Lookup::Problem(error.clone()),
        };
        match entry {
            DockerEntry::Nothing => Lookup::Nothing,
            DockerEntry::Damaged(key) => {
                Lookup::Problem(CredentialError::Damaged { key, source_name: source.name() })
            }
            DockerEntry::Credential(credential, key) => {
                Lookup::Credential(credential, CredentialOrigin { source: source.name().to_owned(), key })
            }
            DockerEntry::Helper { suffix, server } => self.help(source.name(), &suffix, &server).await,
        }
    }

    async fn help(&self, source: &'static str, suffix: &str, server: &str) -> Lookup {
        let slot = self.helped.get(&format!("{suffix} {server}"));
        let mut slot = slot.lock().await;
        if let Some((since, found)) = &*slot
            && since.elapsed() < credential_source::LIFETIME
        {
            return found.clone();
        }
        let limit = self.helper_timeout.unwrap_or(HELPER_TIMEOUT);
        let found = match credential_helper::get(suffix, server, limit).await {
            Ok(Some(credential)) => {
                let source = format!("`docker-credential-{suffix}`, which {source} names");
                Lookup::Credential(credential, CredentialOrigin { source, key: server.to_owned() })
            }
            Ok(None) => Lookup::Nothing,
            Err(error) => Lookup::Problem(CredentialError::Helper { source_name: source, error }),
        };
        *slot = Some((Instant::now(), found.clone()));
        found
    }

    pub(crate) fn accepted(&self, origin: &CredentialOrigin) {
        self.accepted.get(&origin.id()).store(true, Ordering::Relaxed);
    }

    /// Returns whether the credential that was refused may have expired, and forgets it then: it was accepted before.
    pub(crate) async fn expired(&self, origin: &CredentialOrigin) -> bool {
        if !self.accepted.get(&origin.id()).swap(false, Ordering::Relaxed) {
            return false;
        }
        step(|| format!("the credential from {} worked before and is looked up again", origin.source));
        for source in &self.sources {
            source.forget().await;
        }
        self.helped.clear();
        true
    }

    fn looked_at(&self) -> String {
        let names: Vec<&str> = self.sources.iter().map(|source| source.name()).collect();
        if names.is_empty() { String::new() } else { format!(" in {}", names.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;
    use crate::registry::error::HelperError;
    use crate::registry::rule::TokenEnv;

    /// `user:secret-NAME` in Base64, as `docker login` stores it.
    fn entry(name: &str) -> serde_json::Value {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("user:secret-{name}"));
        serde_json::json!({"auth": auth})
    }

    fn environment(config: &serde_json::Value) -> CredentialPaths {
        CredentialPaths { docker_auth_config: Some(config.to_string().into()), ..CredentialPaths::default() }
    }

    #[tokio::test]
    async fn a_damaged_file_is_a_problem_and_the_next_source_still_counts() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("config.json"), "not json secret-x").unwrap();
        let endpoint = Endpoint::bare("ghcr.io", "a");
        let mut environment =
            CredentialPaths { docker_config: Some(dir.path().to_owned()), ..CredentialPaths::default() };
        match Credentials::new(&environment).find(&endpoint).await {
            Lookup::Problem(error) => {
                assert_eq!(error, CredentialError::NotJson("docker's config.json"));
            }
            other => panic!("{other:?}"),
        }
        let auth = dir.path().join("auth.json");
        fs_err::write(&auth, serde_json::json!({"auths": {"ghcr.io": entry("next")}}).to_string()).unwrap();
        environment.registry_auth_file = Some(auth);
        let found = Credentials::new(&environment).find(&endpoint).await;
        assert!(
            matches!(&found, Lookup::Credential(_, CredentialOrigin { source, .. }) if source == "REGISTRY_AUTH_FILE"),
            "{found:?}"
        );
    }

    #[tokio::test]
    async fn a_helper_that_is_not_there_is_a_problem_and_no_secret_is_in_debug() {
        let config = serde_json::json!({
            "auths": {"quay.io": entry("quay"), "id.example": {"identitytoken": "secret-identity"}},
            "credHelpers": {"ghcr.io": "tagpin-no-such-helper"},
        });
        let credentials = Credentials::new(&environment(&config));
        let found = credentials.find(&Endpoint::bare("ghcr.io", "a")).await;
        let not_run = HelperError::NotRun("docker-credential-tagpin-no-such-helper".to_owned());
        assert!(
            matches!(&found, Lookup::Problem(CredentialError::Helper { error, .. }) if *error == not_run),
            "{found:?}"
        );
        for host in ["quay.io", "id.example"] {
            let found = credentials.find(&Endpoint::bare(host, "a")).await;
            assert!(matches!(found, Lookup::Credential(..)), "{found:?}");
            assert!(!format!("{found:?} {credentials:?} {:?}", environment(&config)).contains("secret-"));
        }
    }

    #[tokio::test]
    async fn a_variable_is_for_its_location_only() {
        let rule = |prefix: &str, location: &str, name: &str| RegistryRule {
            prefix: prefix.to_owned(),
            location: location.to_owned(),
            token_env: Some(TokenEnv { name: name.to_owned(), user: "x-access-token".to_owned() }),
            ..RegistryRule::default()
        };
        let rules = [
            rule("ghcr.io", "ghcr.io", "GITHUB_TOKEN"),
            rule("ghcr.io/acme", "ghcr.io/acme", "ACME"),
            rule("docker.io", "cache.example/hub", "UNSET"),
        ];
        let lookup = |name: &str| (name != "UNSET").then(|| SecretString::from(format!("secret-{name}")));
        let config = serde_json::json!({"auths": {"quay.io": entry("quay"), "ghcr.io": entry("docker")}});
        let credentials = Credentials::new(&environment(&config)).with_variables(&rules, lookup);
        for (host, repository, expected) in [
            ("ghcr.io", "other/api", "secret-GITHUB_TOKEN"),
            ("ghcr.io", "acme/api", "secret-ACME"),
            ("ghcr.io", "acme2/api", "secret-GITHUB_TOKEN"),
            ("ghcr.io.evil.example", "a", "Nothing"),
            ("quay.io", "a", "secret-quay"),
            ("registry-1.docker.io", "library/nginx", "Nothing"),
        ] {
            let got = match credentials.find(&Endpoint::bare(host, repository)).await {
                Lookup::Credential(Credential::Password { password, .. }, _) => {
                    password.expose_secret().to_owned()
                }
                other => format!("{other:?}"),
            };
            assert_eq!(got, expected, "{host}/{repository}");
        }
        let found = credentials.find(&Endpoint::bare("cache.example", "hub/a")).await;
        let unset = CredentialError::VariableUnset("UNSET".to_owned());
        assert!(matches!(&found, Lookup::Problem(error) if *error == unset), "{found:?}");
        assert!(!format!("{credentials:?}").contains("secret-"));
    }
}
