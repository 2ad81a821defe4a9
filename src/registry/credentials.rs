//! Credentials from where the ecosystem keeps them: docker's `config.json` and containers' `auth.json`.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::{Map, Value};
use tokio::sync::{Mutex, oneshot};

use super::keyed::Keyed;
use super::location::Endpoint;
use crate::reference::DOCKER_HUB;

/// The name under which `docker login` keeps Docker Hub's credential.
const DOCKER_HUB_KEY: &str = "https://index.docker.io/v1/";

/// How long a credential helper may take.
const HELPER_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a credential is used before it is looked up again: helpers hand out ones that expire.
const LIFETIME: Duration = Duration::from_secs(300);

/// Where credentials may be, as the environment says. [`Default`] says nowhere.
#[derive(Clone, Debug, Default)]
pub struct Environment {
    /// `REGISTRY_AUTH_FILE`: a containers `auth.json`.
    pub registry_auth_file: Option<PathBuf>,
    /// `DOCKER_AUTH_CONFIG`: the text of a docker `config.json`.
    pub docker_auth_config: Option<SecretString>,
    /// `DOCKER_CONFIG`: the directory of docker's `config.json`.
    pub docker_config: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`: has `containers/auth.json` where podman logs in.
    pub xdg_runtime_dir: Option<PathBuf>,
    /// `HOME`
    pub home: Option<PathBuf>,
}

impl Environment {
    /// Returns what this process's environment says.
    pub fn read() -> Self {
        let path = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            registry_auth_file: path("REGISTRY_AUTH_FILE"),
            docker_auth_config: std::env::var("DOCKER_AUTH_CONFIG")
                .ok()
                .filter(|v| !v.is_empty())
                .map(Into::into),
            docker_config: path("DOCKER_CONFIG"),
            xdg_runtime_dir: path("XDG_RUNTIME_DIR"),
            home: path("HOME"),
        }
    }
}

/// The places to look for credentials, first to last. [`Default`] has none: every registry is asked anonymously.
#[derive(Debug, Default)]
pub struct Credentials {
    sources: Arc<Vec<Source>>,
    found: Keyed<Mutex<Option<(Instant, Found)>>>,
}

/// One place with credentials, under the name that messages use: paths of the machine stay out of pull requests.
#[derive(Debug)]
struct Source {
    name: &'static str,
    content: Content,
}

#[derive(Debug)]
enum Content {
    File(PathBuf),
    Text(SecretString),
}

/// A credential for one registry.
#[derive(Clone, Debug)]
pub(super) enum Credential {
    /// For Basic, and for a token by GET.
    Password { user: String, password: SecretString },
    /// An OAuth2 refresh token, for a token by POST.
    Identity(SecretString),
}

/// What a look-up came to.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// A credential, and the name of its source.
    Credential(Credential, &'static str),
    /// Every source was read and none has one.
    Nothing,
    /// A source could not be read, and no other had one: the reason, without secrets.
    Problem(String),
}

impl Credentials {
    /// Returns the sources that `environment` names, in the order `REGISTRY_AUTH_FILE`, `DOCKER_AUTH_CONFIG`, docker's
    /// `config.json`, containers' `auth.json`. Nothing is read yet.
    pub fn new(environment: &Environment) -> Self {
        let home = |below: &str| environment.home.as_ref().map(|home| home.join(below));
        let docker =
            environment.docker_config.clone().or_else(|| home(".docker")).map(|dir| dir.join("config.json"));
        let runtime = environment.xdg_runtime_dir.as_ref().map(|dir| dir.join("containers/auth.json"));
        let file =
            |name, path: Option<PathBuf>| path.map(|path| Source { name, content: Content::File(path) });
        let text = environment.docker_auth_config.clone();
        let sources = [
            file("REGISTRY_AUTH_FILE", environment.registry_auth_file.clone()),
            text.map(|text| Source { name: "DOCKER_AUTH_CONFIG", content: Content::Text(text) }),
            file("docker's config.json", docker),
            file("containers' auth.json", runtime),
            file("containers' auth.json", home(".config/containers/auth.json")),
        ];
        Self { sources: Arc::new(sources.into_iter().flatten().collect()), found: Keyed::default() }
    }

    /// Returns the credential for `endpoint`. A helper is run at most once per repository and five minutes.
    pub(super) async fn find(&self, endpoint: &Endpoint) -> Found {
        if self.sources.is_empty() {
            return Found::Nothing;
        }
        let name = format!("{}/{}", endpoint.shown(), endpoint.repository);
        let slot = self.found.get(&name);
        let mut slot = slot.lock().await;
        if let Some((since, found)) = &*slot
            && since.elapsed() < LIFETIME
        {
            return found.clone();
        }
        let found = look_up(Arc::clone(&self.sources), name).await;
        *slot = Some((Instant::now(), found.clone()));
        found
    }
}

/// Looks in all sources, on a thread of its own: a helper that hangs must hold up neither the run nor its end, as a
/// task on the runtime's blocking pool would.
async fn look_up(sources: Arc<Vec<Source>>, name: String) -> Found {
    let (sender, receiver) = oneshot::channel();
    let thread = std::thread::Builder::new().name("credentials".to_owned()).spawn(move || {
        let mut problem = Found::Nothing;
        for source in &*sources {
            match source.credential(&name) {
                Found::Nothing => {}
                Found::Problem(text) => problem = Found::Problem(text),
                found => {
                    problem = found;
                    break;
                }
            }
        }
        // The receiver is gone where this took too long.
        drop(sender.send(problem));
    });
    if let Err(error) = thread {
        return Found::Problem(format!("the credentials could not be looked up ({error})"));
    }
    match tokio::time::timeout(HELPER_TIMEOUT, receiver).await {
        Ok(Ok(found)) => found,
        Ok(Err(_)) => Found::Problem("the look-up of credentials failed".to_owned()),
        Err(_) => Found::Problem(format!(
            "the credential helper did not answer within {} s; run it by hand",
            HELPER_TIMEOUT.as_secs()
        )),
    }
}

impl Source {
    /// Returns the credential for `name`, which is `host[:port]/path`. Blocks while a helper runs.
    fn credential(&self, name: &str) -> Found {
        let bytes: SecretSlice<u8> = match &self.content {
            Content::Text(text) => text.expose_secret().as_bytes().to_vec().into(),
            Content::File(path) => match fs_err::File::open(path).and_then(read_to_end) {
                Ok(bytes) => bytes.into(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Found::Nothing,
                Err(error) => {
                    return Found::Problem(format!("{} cannot be read: {}", self.name, error.kind()));
                }
            },
        };
        let bytes = bytes.expose_secret();
        let Ok(Value::Object(config)) = serde_json::from_slice(bytes) else {
            return Found::Problem(format!("{} is not the JSON that `docker login` writes", self.name));
        };
        match docker_credential::get_credential_from_reader(bytes, &key(&config, name)) {
            Ok(DockerCredential::IdentityToken(token)) => {
                Found::Credential(Credential::Identity(token.into()), self.name)
            }
            Ok(DockerCredential::UsernamePassword(user, password)) => {
                Found::Credential(Credential::Password { user, password: password.into() }, self.name)
            }
            Err(error) => self.without(&error),
        }
    }

    /// What a failed look-up means. What a helper printed is not passed on: it may hold a secret.
    fn without(&self, error: &CredentialRetrievalError) -> Found {
        let problem = match error {
            CredentialRetrievalError::NoCredentialConfigured | CredentialRetrievalError::ConfigNotFound => {
                return Found::Nothing;
            }
            // The words of docker-credential-helpers, `credentials.errCredentialsNotFoundMessage`.
            CredentialRetrievalError::HelperFailure { stdout, stderr, .. }
                if [stdout, stderr].iter().any(|text| text.contains("credentials not found")) =>
            {
                return Found::Nothing;
            }
            CredentialRetrievalError::HelperFailure { helper, .. } => {
                format!("`{helper}`, which {} names, failed; run it by hand", self.name)
            }
            CredentialRetrievalError::HelperCommunicationError => {
                format!("the credential helper that {} names cannot be run; is it installed?", self.name)
            }
            CredentialRetrievalError::MalformedHelperResponse => {
                format!("the credential helper that {} names answered no credential", self.name)
            }
            CredentialRetrievalError::CredentialDecodingError
            | CredentialRetrievalError::CredentialMismatchError
            | CredentialRetrievalError::ConfigReadError => {
                format!("the entry in {} is damaged; log in again", self.name)
            }
        };
        Found::Problem(problem)
    }
}

/// Returns the key under which `config` has a credential for `name`: the longest path-scoped entry
/// (containers-auth.json(5)), then the host's, in the spellings that are in use.
fn key(config: &Map<String, Value>, name: &str) -> String {
    let host = name.split('/').next().unwrap_or(name);
    let has = |key: &str| {
        let entry = |table: &str| config.get(table).and_then(|table| table.get(key));
        entry("credHelpers").is_some()
            || entry("auths").and_then(Value::as_object).is_some_and(|entry| !entry.is_empty())
    };
    let mut scope = name;
    loop {
        if has(scope) {
            return scope.to_owned();
        }
        match scope.rsplit_once('/') {
            Some((shorter, _)) => scope = shorter,
            None => break,
        }
    }
    if host != DOCKER_HUB {
        return host.to_owned();
    }
    let spellings = [DOCKER_HUB_KEY, "index.docker.io", "registry-1.docker.io"];
    spellings.into_iter().find(|key| has(key)).unwrap_or(DOCKER_HUB_KEY).to_owned()
}

fn read_to_end(mut file: fs_err::File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `base64 <<< user:secret-NAME`, as `docker login` stores it.
    fn entry(name: &str) -> Value {
        use base64::Engine as _;
        let auth = base64::engine::general_purpose::STANDARD.encode(format!("user:secret-{name}"));
        serde_json::json!({"auth": auth})
    }

    fn environment(config: &Value) -> Environment {
        Environment { docker_auth_config: Some(config.to_string().into()), ..Environment::default() }
    }

    async fn password(config: &Value, host: &str, repository: &str) -> String {
        let endpoint = Endpoint { host: host.to_owned(), repository: repository.to_owned(), insecure: false };
        match Credentials::new(&environment(config)).find(&endpoint).await {
            Found::Credential(Credential::Password { user, password }, "DOCKER_AUTH_CONFIG") => {
                assert_eq!(user, "user");
                password.expose_secret().to_owned()
            }
            other => format!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn the_longest_path_wins_and_a_host_never_gets_anothers() {
        let config = serde_json::json!({"auths": {
            "quay.io": entry("host"), "quay.io/acme": entry("path"), "https://old.example/v1/": entry("old"),
            "ghcr.io": {},
        }});
        for (host, repository, expected) in [
            ("quay.io", "other/api", "secret-host"),
            ("quay.io", "acme/api", "secret-path"),
            ("quay.io", "acme-two/api", "secret-host"),
            ("old.example", "a", "secret-old"),
            ("quay.io:444", "acme/api", "Nothing"),
            ("ghcr.io", "acme/api", "Nothing"),
            ("evil.example", "quay.io/acme", "Nothing"),
        ] {
            assert_eq!(password(&config, host, repository).await, expected, "{host}/{repository}");
        }
    }

    #[tokio::test]
    async fn docker_hub_is_found_under_each_of_its_names() {
        for key in ["https://index.docker.io/v1/", "docker.io", "index.docker.io", "registry-1.docker.io"] {
            let config = serde_json::json!({"auths": {key: entry("hub")}});
            assert_eq!(
                password(&config, "registry-1.docker.io", "library/nginx").await,
                "secret-hub",
                "{key}"
            );
            assert_eq!(password(&config, "ghcr.io", "library/nginx").await, "Nothing");
        }
    }

    #[tokio::test]
    async fn a_damaged_file_is_a_problem_and_the_next_source_still_counts() {
        let dir = tempfile::tempdir().unwrap();
        fs_err::write(dir.path().join("config.json"), "not json secret-x").unwrap();
        let endpoint = Endpoint { host: "ghcr.io".to_owned(), repository: "a".to_owned(), insecure: false };
        let mut environment =
            Environment { docker_config: Some(dir.path().to_owned()), ..Environment::default() };
        match Credentials::new(&environment).find(&endpoint).await {
            Found::Problem(text) => {
                assert!(text.contains("config.json") && !text.contains("secret"), "{text}");
            }
            other => panic!("{other:?}"),
        }
        let auth = dir.path().join("auth.json");
        fs_err::write(&auth, serde_json::json!({"auths": {"ghcr.io": entry("next")}}).to_string()).unwrap();
        environment.registry_auth_file = Some(auth);
        let found = Credentials::new(&environment).find(&endpoint).await;
        assert!(matches!(found, Found::Credential(_, "REGISTRY_AUTH_FILE")), "{found:?}");
    }

    #[tokio::test]
    async fn a_helper_that_is_not_there_is_a_problem_and_no_secret_is_in_debug() {
        let config = serde_json::json!({
            "auths": {"quay.io": entry("quay"), "id.example": {"identitytoken": "secret-identity"}},
            "credHelpers": {"ghcr.io": "tagpin-no-such-helper"},
        });
        assert!(password(&config, "ghcr.io", "a").await.contains("is it installed"));
        let credentials = Credentials::new(&environment(&config));
        for host in ["quay.io", "id.example"] {
            let endpoint = Endpoint { host: host.to_owned(), repository: "a".to_owned(), insecure: false };
            let found = credentials.find(&endpoint).await;
            assert!(matches!(found, Found::Credential(..)), "{found:?}");
            assert!(!format!("{found:?} {credentials:?} {:?}", environment(&config)).contains("secret-"));
        }
    }
}
