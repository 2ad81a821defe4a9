//! Which `Authorization` a request carries: challenges are remembered per registry, tokens per repository.

mod credential;
pub(crate) mod credential_helper;
pub(crate) mod credentials;
pub(crate) mod docker_config;
pub(crate) mod token;

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
pub(crate) use credential::{Credential, CredentialOrigin};
use reqwest::header::{HeaderMap, HeaderValue, WWW_AUTHENTICATE};
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, OwnedMutexGuard};
use url::Url;

use super::auth::credentials::{Credentials, Lookup};
use super::auth::token::{BearerToken, Realm};
use super::endpoint::Endpoint;
use super::http::budget::Budgets;
use super::http::error::AttemptError;
use super::http::keyed::Keyed;
use super::http::transport::Transport;
use super::trace::step;
use super::{RegistryRule, ResolveError};

/// How many repositories one token is for at most: the token goes into a header, which grows with them.
const SCOPES_MAX: usize = 10;

/// Answers challenges.
#[derive(Debug)]
pub(super) struct Authenticator {
    credentials: Credentials,
    rules: Vec<RegistryRule>,
    /// By `host[:port]`; `None` until the registry asks for anything.
    challenges: Keyed<RwLock<Option<Challenge>>>,
    /// By `host[:port]/repository`. The lock is held while a token is fetched, so that each is fetched once.
    tokens: Keyed<Arc<Mutex<Option<Slot>>>>,
    /// The repositories that will be asked for, by host: a token may be for several.
    announced: std::sync::Mutex<HashMap<String, BTreeMap<String, Endpoint>>>,
    /// The hosts that did not honour a token for several repositories.
    singles: Keyed<AtomicBool>,
}

/// The token for a repository.
#[derive(Clone, Debug)]
struct Slot {
    realm: Realm,
    token: BearerToken,
    standing: AuthStatus,
    /// Whether it is for several repositories.
    is_shared: bool,
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
    /// Whether it stands in for a token for several repositories, which was refused.
    instead_of_shared: bool,
    standing: AuthStatus,
}

/// How tagpin stands with a registry: the explanation of a 401.
#[derive(Clone, Debug)]
enum AuthStatus {
    /// The registry has not asked for anything.
    NotAsked,
    /// There is no credential for it.
    Nothing,
    /// The credential from here was used.
    Used(CredentialOrigin),
    /// There is one from here, but it was not sent to the foreign realm.
    Withheld(CredentialOrigin, String),
    /// A credential could not be read or used.
    Problem(String),
}

impl Authenticator {
    pub(super) fn new(credentials: Credentials, rules: Vec<RegistryRule>) -> Self {
        Self {
            credentials,
            rules,
            challenges: Keyed::default(),
            tokens: Keyed::default(),
            announced: std::sync::Mutex::default(),
            singles: Keyed::default(),
        }
    }

    /// Takes note that `endpoint` will be asked: its token may come together with that of others.
    pub(super) fn announce(&self, endpoint: Endpoint) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let host = announced.entry(endpoint.host.clone()).or_default();
        host.insert(endpoint.repository.clone(), endpoint);
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
    ) -> Result<Authorization, AttemptError> {
        let challenge = self.challenges.get(&endpoint.host);
        let challenge = challenge.read().unwrap_or_else(PoisonError::into_inner).clone();
        match challenge {
            None => Ok(Authorization::new(None, AuthStatus::NotAsked)),
            Some(Challenge::Unusable) => {
                let text = "it asks for a way to log in that tagpin does not know".to_owned();
                Ok(Authorization { fresh: true, ..Authorization::new(None, AuthStatus::Problem(text)) })
            }
            Some(Challenge::Basic) => Ok(self.basic(endpoint).await),
            Some(Challenge::Bearer(realm)) => {
                let realm = Ask { transport, budgets, endpoint, scheme, realm };
                self.bearer(realm, refused).await
            }
        }
    }

    /// Remembers the challenge in the headers of a 401, and tells whether it is news.
    pub(super) fn learn(&self, endpoint: &Endpoint, headers: &HeaderMap) -> bool {
        let Some(challenge) = parse(headers) else {
            return false;
        };
        step(|| match &challenge {
            Challenge::Basic => format!("{} asks for a user name and password", endpoint.shown()),
            Challenge::Bearer(realm) => {
                format!("{} asks for a token from {}", endpoint.shown(), realm.shown())
            }
            Challenge::Unusable => {
                format!("{} asks for a way to log in that tagpin does not know", endpoint.shown())
            }
        });
        let known = self.challenges.get(&endpoint.host);
        let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
        let news = known.as_ref() != Some(&challenge);
        *known = Some(challenge);
        news
    }

    /// Takes note that a registry answered a request with this authorization by something else than 401.
    pub(super) fn accepted(&self, endpoint: &Endpoint, authorization: &Authorization) {
        if let (Some(_), AuthStatus::Used(origin)) = (&authorization.header, &authorization.standing) {
            self.credentials.accepted(origin);
        }
        if authorization.instead_of_shared {
            self.singles.get(&endpoint.host).store(true, Ordering::Relaxed);
        }
    }

    /// Tells whether the credential behind what was refused has expired: then another one may be found.
    pub(super) async fn expired(&self, authorization: &Authorization) -> bool {
        match (&authorization.header, &authorization.standing) {
            (Some(_), AuthStatus::Used(origin)) => self.credentials.expired(origin).await,
            _ => false,
        }
    }

    async fn basic(&self, endpoint: &Endpoint) -> Authorization {
        let (header, standing) = match self.credentials.find(endpoint).await {
            Lookup::Credential(Credential::Password { user, password }, origin) => {
                let text =
                    format!("Basic {}", STANDARD.encode(format!("{user}:{}", password.expose_secret())));
                (sensitive(&text), AuthStatus::Used(origin))
            }
            Lookup::Credential(Credential::Identity(_), origin) => {
                let text =
                    format!("{} has an identity token for it, and it asks for a password", origin.source);
                (None, AuthStatus::Problem(text))
            }
            Lookup::Nothing => (None, AuthStatus::Nothing),
            Lookup::Problem(text) => (None, AuthStatus::Problem(text)),
        };
        Authorization { fresh: true, ..Authorization::new(header, standing) }
    }

    async fn bearer(
        &self,
        ask: Ask<'_>,
        refused: Option<&HeaderValue>,
    ) -> Result<Authorization, AttemptError> {
        let mut slot = self.slot(ask.endpoint).lock_owned().await;
        let mut instead_of_shared = false;
        if let Some(Slot { realm, token, standing, is_shared }) = &*slot
            && *realm == ask.realm
        {
            let was_refused = refused == Some(&token.header);
            if token.expires > Instant::now() && !was_refused {
                return Ok(Authorization::new(Some(token.header.clone()), standing.clone()));
            }
            instead_of_shared = was_refused && *is_shared;
        }
        let (mut credential, mut standing) = self.credential(&ask).await;
        ask.permitted()?;
        let mut others = match instead_of_shared {
            true => Vec::new(),
            false => self.others(ask.endpoint, &standing).await,
        };
        let mut got = ask.token(credential.as_ref(), &standing, &others).await;
        if let Err(AttemptError { error: ResolveError::Unauthorized(_), .. }) = &got {
            let renewed = match &standing {
                AuthStatus::Used(origin) => self.credentials.expired(origin).await,
                _ => false,
            };
            if renewed {
                (credential, standing) = self.credential(&ask).await;
            }
            if renewed || !others.is_empty() {
                // Whether the credential or the number of repositories was refused is not said: one at a time.
                let were_several = !others.is_empty();
                others.clear();
                got = ask.token(credential.as_ref(), &standing, &others).await;
                if were_several && !renewed && got.is_ok() {
                    self.singles.get(&ask.endpoint.host).store(true, Ordering::Relaxed);
                }
            }
        }
        let token = got?;
        if let AuthStatus::Used(origin) = &standing {
            self.credentials.accepted(origin);
        }
        let header = Some(token.header.clone());
        let is_shared = !others.is_empty();
        let filled = Slot { realm: ask.realm, token, standing: standing.clone(), is_shared };
        for (_, mut other) in others {
            *other = Some(filled.clone());
        }
        *slot = Some(filled);
        // A token for several may be less than one of its own would be.
        Ok(Authorization { fresh: !is_shared, instead_of_shared, ..Authorization::new(header, standing) })
    }

    fn slot(&self, endpoint: &Endpoint) -> Arc<Mutex<Option<Slot>>> {
        Arc::clone(&self.tokens.get(&format!("{}/{}", endpoint.host, endpoint.repository)))
    }

    /// Returns the credential that may go to the realm, and how that came about.
    async fn credential(&self, ask: &Ask<'_>) -> (Option<Credential>, AuthStatus) {
        let endpoint = ask.endpoint;
        let hosts = endpoint.rule.and_then(|rule| self.rules.get(rule)).map(|rule| &rule.token_hosts);
        match self.credentials.find(endpoint).await {
            Lookup::Credential(credential, origin)
                if ask.realm.may_have_credential(endpoint, ask.scheme, hosts.map_or(&[], Vec::as_slice)) =>
            {
                (Some(credential), AuthStatus::Used(origin))
            }
            Lookup::Credential(_, origin) => {
                step(|| format!("the credential is not sent to {}, another host", ask.realm.shown()));
                (None, AuthStatus::Withheld(origin, ask.realm.shown()))
            }
            Lookup::Nothing => (None, AuthStatus::Nothing),
            Lookup::Problem(text) => (None, AuthStatus::Problem(text)),
        }
    }

    /// Returns repositories that will be asked for at the same host with the same credential and have no token yet,
    /// with the locks on their tokens. None of them is waited for.
    async fn others(
        &self,
        endpoint: &Endpoint,
        standing: &AuthStatus,
    ) -> Vec<(String, OwnedMutexGuard<Option<Slot>>)> {
        let mut others = Vec::new();
        let candidates: Vec<Endpoint> = {
            let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(host) = announced.get_mut(&endpoint.host) else { return others };
            host.remove(&endpoint.repository);
            if self.singles.get(&endpoint.host).load(Ordering::Relaxed) {
                return others;
            }
            host.values().filter(|other| other.rule == endpoint.rule).cloned().collect()
        };
        for other in candidates {
            if others.len() + 1 == SCOPES_MAX {
                break;
            }
            let Ok(slot) = self.slot(&other).try_lock_owned() else { continue };
            if slot.is_some() {
                continue;
            }
            let is_same = match (self.credentials.look_up(&other).await, standing) {
                (
                    Lookup::Credential(_, found),
                    AuthStatus::Used(origin) | AuthStatus::Withheld(origin, _),
                ) => found == *origin,
                (Lookup::Nothing, AuthStatus::Nothing) => true,
                _ => false,
            };
            if is_same {
                others.push((other.repository, slot));
            }
        }
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(host) = announced.get_mut(&endpoint.host) {
            for (repository, _) in &others {
                host.remove(repository);
            }
        }
        others
    }
}

/// What a token is asked for with.
struct Ask<'a> {
    transport: &'a Transport,
    budgets: &'a Budgets,
    endpoint: &'a Endpoint,
    scheme: &'a str,
    realm: Realm,
}

impl Ask<'_> {
    /// Fails where the realm may not be asked at all.
    fn permitted(&self) -> Result<(), ResolveError> {
        if self.realm.may_be_asked(self.endpoint, self.scheme) {
            return Ok(());
        }
        Err(ResolveError::InvalidAnswer(format!(
            "`{}` sends tagpin for a token to `{}` over {}, where it does not go",
            self.endpoint.shown(),
            self.realm.shown(),
            self.realm.url.scheme(),
        )))
    }

    async fn token(
        &self,
        credential: Option<&Credential>,
        standing: &AuthStatus,
        others: &[(String, OwnedMutexGuard<Option<Slot>>)],
    ) -> Result<BearerToken, AttemptError> {
        self.budgets.token(self.endpoint.shown());
        let own = std::iter::once(self.endpoint.repository.as_str());
        let repositories: Vec<&str> = own.chain(others.iter().map(|(other, _)| other.as_str())).collect();
        let advice = standing.advice(self.endpoint);
        self.realm.token(self.transport, self.endpoint, &repositories, credential, &advice).await
    }
}

impl Authorization {
    fn new(header: Option<HeaderValue>, standing: AuthStatus) -> Self {
        Self { header, fresh: false, instead_of_shared: false, standing }
    }

    /// Returns why a 401 or 403 came back, and what to do about it.
    pub(super) fn advice(&self, endpoint: &Endpoint) -> String {
        self.standing.advice(endpoint)
    }
}

impl AuthStatus {
    fn advice(&self, endpoint: &Endpoint) -> String {
        let login = match endpoint.shown() {
            crate::reference::DOCKER_HUB => "run `docker login`".to_owned(),
            host => format!("run `docker login {host}`"),
        };
        match self {
            Self::NotAsked => format!("it does not say how to log in; check the name, or {login}"),
            Self::Nothing => format!("no credentials found in docker's config.json; {login}"),
            Self::Used(CredentialOrigin { source, .. }) => {
                format!(
                    "the credentials from {source} are not enough for it; {login} with an account that may read it"
                )
            }
            Self::Withheld(CredentialOrigin { source, .. }, realm) => format!(
                "the credentials from {source} were not sent, because it hands out tokens on another host, `{realm}`; \
                 name that in `token-hosts` if it is right"
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
