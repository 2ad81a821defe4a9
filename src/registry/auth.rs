//! Which `Authorization` a request carries: challenges are remembered per registry, tokens per repository.

use std::sync::{PoisonError, RwLock};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret as _;
use tokio::sync::Mutex;
use url::Url;

use super::ResolveError;
use super::budget::Budgets;
use super::credentials::{Credential, Credentials, Found};
use super::failure::Failure;
use super::keyed::Keyed;
use super::location::Endpoint;
use super::token::{Realm, Token};
use super::transport::Transport;

/// Answers challenges.
#[derive(Debug)]
pub(super) struct Auth {
    credentials: Credentials,
    /// By `host[:port]`; `None` until the registry asks for anything.
    challenges: Keyed<RwLock<Option<Challenge>>>,
    /// By `host[:port]/repository`. The lock is held while a token is fetched, so that each is fetched once.
    tokens: Keyed<Mutex<Option<(Realm, Token, Standing)>>>,
}

/// What a registry wants to see.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Challenge {
    Basic,
    Bearer(Realm),
    /// A scheme, or a realm, that is of no use.
    Unusable,
}

/// What a request carries, and why.
#[derive(Clone, Debug)]
pub(super) struct Authorization {
    /// The header, marked as sensitive; `None` for an anonymous request.
    pub(super) header: Option<HeaderValue>,
    /// Whether asking again would give the same.
    pub(super) fresh: bool,
    standing: Standing,
}

/// How tagpin stands with a registry: the explanation of a 401.
#[derive(Clone, Debug)]
enum Standing {
    /// The registry has not asked for anything.
    NotAsked,
    /// There is no credential for it.
    Nothing,
    /// The credential from this source was used.
    Used(&'static str),
    /// There is one from this source, but it was not sent to the foreign realm.
    Withheld(&'static str, String),
    /// A credential could not be read or used.
    Problem(String),
}

impl Auth {
    pub(super) fn new(credentials: Credentials) -> Self {
        Self { credentials, challenges: Keyed::default(), tokens: Keyed::default() }
    }

    /// Returns what a request to `endpoint` should carry, as far as its challenge is known. A token is fetched if none
    /// is at hand or the one at hand was `refused`.
    pub(super) async fn authorize(
        &self,
        transport: &Transport,
        budgets: &Budgets,
        endpoint: &Endpoint,
        scheme: &str,
        refused: Option<&HeaderValue>,
    ) -> Result<Authorization, Failure> {
        let challenge = self.challenges.get(&endpoint.host);
        let challenge = challenge.read().unwrap_or_else(PoisonError::into_inner).clone();
        match challenge {
            None => Ok(Authorization { header: None, fresh: false, standing: Standing::NotAsked }),
            Some(Challenge::Unusable) => {
                let text = "it asks for a way to log in that tagpin does not know".to_owned();
                Ok(Authorization { header: None, fresh: true, standing: Standing::Problem(text) })
            }
            Some(Challenge::Basic) => Ok(self.basic(endpoint).await),
            Some(Challenge::Bearer(realm)) => {
                self.bearer(transport, budgets, endpoint, scheme, realm, refused).await
            }
        }
    }

    /// Remembers the challenge in the headers of a 401, and tells whether it is news.
    pub(super) fn learn(&self, endpoint: &Endpoint, headers: &HeaderMap) -> bool {
        let Some(challenge) = parse(headers) else {
            return false;
        };
        let known = self.challenges.get(&endpoint.host);
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        let news = known.as_ref() != Some(&challenge);
        *known = Some(challenge);
        news
    }

    async fn basic(&self, endpoint: &Endpoint) -> Authorization {
        let (header, standing) = match self.credentials.find(endpoint).await {
            Found::Credential(Credential::Password { user, password }, source) => {
                let text =
                    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())));
                (sensitive(&text), Standing::Used(source))
            }
            Found::Credential(Credential::Identity(_), source) => {
                let text = format!("{source} has an identity token for it, and it asks for a password");
                (None, Standing::Problem(text))
            }
            Found::Nothing => (None, Standing::Nothing),
            Found::Problem(text) => (None, Standing::Problem(text)),
        };
        Authorization { header, fresh: true, standing }
    }

    async fn bearer(
        &self,
        transport: &Transport,
        budgets: &Budgets,
        endpoint: &Endpoint,
        scheme: &str,
        realm: Realm,
        refused: Option<&HeaderValue>,
    ) -> Result<Authorization, Failure> {
        let slot = self.tokens.get(&format!("{}/{}", endpoint.host, endpoint.repository));
        let mut slot = slot.lock().await;
        if let Some((from, token, standing)) = &*slot
            && *from == realm
            && token.expires > Instant::now()
            && refused != Some(&token.header)
        {
            let (header, standing) = (Some(token.header.clone()), standing.clone());
            return Ok(Authorization { header, fresh: false, standing });
        }
        let (credential, standing) = match self.credentials.find(endpoint).await {
            Found::Credential(credential, source) if realm.may_have_credential(endpoint, scheme) => {
                (Some(credential), Standing::Used(source))
            }
            Found::Credential(_, source) => (None, Standing::Withheld(source, realm.shown())),
            Found::Nothing => (None, Standing::Nothing),
            Found::Problem(text) => (None, Standing::Problem(text)),
        };
        if !realm.may_be_asked(endpoint, scheme) {
            return Err(ResolveError::InvalidAnswer(format!(
                "`{}` sends tagpin for a token to `{}` over {}, where it does not go",
                endpoint.shown(),
                realm.shown(),
                realm.url.scheme(),
            ))
            .into());
        }
        budgets.token(endpoint.shown());
        let client = transport.client(endpoint, &realm.url);
        let token = realm.token(client, endpoint, credential.as_ref(), &standing.advice(endpoint)).await?;
        let header = Some(token.header.clone());
        *slot = Some((realm, token, standing.clone()));
        Ok(Authorization { header, fresh: true, standing })
    }
}

impl Authorization {
    /// Returns why a 401 or 403 came back, and what to do about it.
    pub(super) fn advice(&self, endpoint: &Endpoint) -> String {
        self.standing.advice(endpoint)
    }
}

impl Standing {
    fn advice(&self, endpoint: &Endpoint) -> String {
        let login = match endpoint.shown() {
            crate::reference::DOCKER_HUB => "run `docker login`".to_owned(),
            host => format!("run `docker login {host}`"),
        };
        match self {
            Self::NotAsked => format!("it does not say how to log in; check the name, or {login}"),
            Self::Nothing => format!("no credentials found in docker's config.json; {login}"),
            Self::Used(source) => {
                format!(
                    "the credentials from {source} are not enough for it; {login} with an account that may read it"
                )
            }
            Self::Withheld(source, realm) => format!(
                "the credentials from {source} were not sent, because it hands out tokens on another host, `{realm}`"
            ),
            Self::Problem(text) => text.clone(),
        }
    }
}

/// Returns the most useful challenge: Bearer before Basic.
fn parse(headers: &HeaderMap) -> Option<Challenge> {
    let mut best = None;
    for header in headers.get_all(WWW_AUTHENTICATE) {
        best = best.or(Some(Challenge::Unusable));
        let Ok(challenges) = header.to_str().map(http_auth::parse_challenges) else { continue };
        for challenge in challenges.unwrap_or_default() {
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                let value = |name: &str| {
                    let param = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
                    param.map(|(_, value)| value.to_unescaped())
                };
                if let Some(url) =
                    value("realm").and_then(|realm| Url::parse(&realm).ok()).filter(Url::has_host)
                {
                    return Some(Challenge::Bearer(Realm { url, service: value("service") }));
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                best = Some(Challenge::Basic);
            }
        }
    }
    best
}

fn sensitive(text: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(text).ok()?;
    header.set_sensitive(true);
    Some(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(values: &[&str]) -> Option<Challenge> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, HeaderValue::from_str(value).unwrap());
        }
        parse(&headers)
    }

    #[test]
    fn the_most_useful_challenge_is_taken() {
        let bearer = |url: &str, service: Option<&str>| {
            let service = service.map(str::to_owned);
            Some(Challenge::Bearer(Realm { url: Url::parse(url).unwrap(), service }))
        };
        for (values, expected) in [
            (&[][..], None),
            (&["Basic realm=\"x\""], Some(Challenge::Basic)),
            (
                &["Bearer realm=\"https://a.example/t\",service=\"s\",scope=\"repository:a:pull\""],
                bearer("https://a.example/t", Some("s")),
            ),
            (
                &["Basic realm=\"x\"", "bearer realm=\"https://a.example/t\""],
                bearer("https://a.example/t", None),
            ),
            (
                &["Basic realm=\"x\", Bearer realm=\"https://a.example/t\""],
                bearer("https://a.example/t", None),
            ),
            (&["Bearer realm=\"nonsense\""], Some(Challenge::Unusable)),
            (&["Bearer"], Some(Challenge::Unusable)),
            (&["Negotiate"], Some(Challenge::Unusable)),
            (&["\"\"\"", "Basic realm=\"x\""], Some(Challenge::Basic)),
        ] {
            assert_eq!(parsed(values), expected, "{values:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_challenge_makes_it_panic(value in "(Bearer|Basic|[ -~]{0,5})[ -~]{0,60}") {
            parsed(&[&value]);
        }
    }
}
