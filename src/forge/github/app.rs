//! A GitHub App's own authentication: the key signs a short token, which buys one for the one repository.

use std::collections::BTreeMap;
use std::sync::Arc;

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::client::Call;
use super::{GitHub, GitHubSettings};
use crate::forge::{AppConfig, Attempt, Failure, ForgeError, Problem, SecretLookup};

/// What a run may need, with the access that it asks for. What the App was not given is left out: GitHub refuses a token
/// that asks for more.
const PERMISSIONS: [(&str, &str); 6] = [
    ("contents", "write"),
    ("pull_requests", "write"),
    ("workflows", "write"),
    ("issues", "write"),
    ("members", "read"),
    ("metadata", "read"),
];

const APP: &str = "the GitHub App";

const KEY: &str = "TAGPIN_GITHUB_APP_KEY";

/// How long the signed token is good for, in seconds: GitHub takes at most ten minutes.
const LIFE: i64 = 9 * 60;

/// How much the clocks may differ, in seconds.
const DRIFT: i64 = 60;

/// A GitHub App.
#[derive(Clone, Debug)]
pub struct App {
    /// Its client id, or its number.
    pub id: String,
    /// Its private key as PEM.
    pub key: SecretString,
}

#[derive(Serialize)]
struct Claims<'a> {
    iat: i64,
    exp: i64,
    iss: &'a str,
}

#[derive(Deserialize)]
pub(super) struct Installation {
    pub(super) id: u64,
    #[serde(default)]
    permissions: BTreeMap<String, String>,
}

#[derive(Deserialize)]
pub(super) struct InstallationToken {
    pub(super) token: String,
}

impl InstallationToken {
    pub(super) fn call(installation: u64, body: Value) -> Call {
        let path = format!("/app/installations/{installation}/access_tokens");
        // Asking twice makes two tokens, both of which end by themselves.
        Call { repeats: true, ..Call::new(Method::POST, path, Some(body)) }
    }
}

impl App {
    /// Returns the App of the configuration. Its key is in the file that is named there, or the variable
    /// `TAGPIN_GITHUB_APP_KEY`.
    ///
    /// # Errors
    /// There is no key.
    pub fn of(config: &AppConfig, lookup: SecretLookup<'_>) -> Result<Self, ForgeError> {
        let key = match &config.key_file {
            Some(file) => fs_err::read_to_string(file).map(SecretString::from).map_err(|error| {
                let problem =
                    format!("cannot read the private key of the GitHub App `{}`: {error}", config.id);
                ForgeError::Settings(Failure::new("", Problem::Other(problem)))
            })?,
            None => lookup(KEY).ok_or_else(|| {
                let problem = format!("the GitHub App `{}` has no private key", config.id);
                let failure = Failure::new("", Problem::Other(problem));
                ForgeError::Settings(failure.advise(format!("set {KEY} or `app-key-file`")))
            })?,
        };
        Ok(Self { id: config.id.clone(), key })
    }

    /// Returns a token for the repository of `settings` alone, with the permissions that a run needs and no others, good
    /// for an hour. The token in `settings` plays no part.
    ///
    /// # Errors
    /// The key is none, the App is not installed there, or the forge refuses.
    pub async fn token(&self, settings: &GitHubSettings) -> Result<SecretString, ForgeError> {
        let jwt = self.sign(jiff::Timestamp::now().as_second())?;
        // A token is not content: however many repositories there are, it does not count as a write.
        let writes = Arc::default();
        let github = GitHub::new(GitHubSettings { token: Some(jwt), writes, ..settings.clone() })?;
        let failure = |problem: &str| {
            let problem = format!("the GitHub App `{}` {problem} `{}`", self.id, github.full_name());
            github.client.failure(Problem::Other(problem)).of_repository(github.full_name())
        };
        let attempt = Attempt::Authenticate(APP);
        let installation: Installation =
            match github.get(github.repository_path("/installation"), &attempt).await {
                Err(ForgeError::NotFound(_)) => {
                    let failure = failure("is not installed on");
                    return Err(ForgeError::NotFound(failure.advise("install it there, or check its id")));
                }
                result => result?,
            };
        let granted = &installation.permissions;
        let permissions: BTreeMap<&str, &str> = PERMISSIONS
            .into_iter()
            .filter(|(name, access)| granted.get(*name).is_some_and(|has| has == access || has == "write"))
            .collect();
        for needed in ["contents", "pull_requests"] {
            if !permissions.contains_key(needed) {
                let advice = format!("give it \"{needed}: write\" and accept that in the installation");
                return Err(ForgeError::Forbidden(failure("lacks a permission on").advise(advice)));
            }
        }
        let body = json!({ "repositories": [settings.repository], "permissions": permissions });
        Ok(github
            .send::<InstallationToken>(InstallationToken::call(installation.id, body), &attempt)
            .await?
            .token
            .into())
    }

    pub(super) fn sign(&self, now: i64) -> Result<SecretString, ForgeError> {
        let unusable = |why: &str| {
            let problem = format!("cannot use the private key of the GitHub App `{}`: {why}", self.id);
            ForgeError::Settings(Failure::new("", Problem::Other(problem)))
        };
        let key = EncodingKey::from_rsa_pem(self.key.expose_secret().as_bytes())
            .map_err(|_no_key| unusable("it is not an RSA key in PEM, as GitHub hands it out"))?;
        let claims = Claims { iat: now - DRIFT, exp: now + LIFE, iss: &self.id };
        let jwt = jsonwebtoken::encode(&Header::new(Algorithm::RS256), &claims, &key);
        jwt.map(Into::into).map_err(|_refused| unusable("it cannot sign"))
    }
}
