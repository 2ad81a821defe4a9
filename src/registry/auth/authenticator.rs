//! Answering challenges: they are remembered per registry, tokens per repository.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::header::{HeaderMap, HeaderValue};
use secrecy::ExposeSecret as _;
use tokio::sync::{Mutex, OwnedMutexGuard};

use super::authorization::{AuthStatus, Authorization, sensitive};
use super::challenge::{self, Challenge};
use super::credential::Credential;
use super::credentials::{Credentials, Lookup};
use super::token::{BearerToken, Realm};
use crate::registry::endpoint::Endpoint;
use crate::registry::error::{InvalidAnswer, ResolveError};
use crate::registry::http::attempt::AttemptError;
use crate::registry::http::budget::Budgets;
use crate::registry::http::once_map::OnceMap;
use crate::registry::http::transport::Transport;
use crate::registry::rule::RegistryRule;
use crate::registry::trace::step;

/// How many repositories one token is for at most: the token goes into a header, which grows with them.
const SCOPES_MAX: usize = 10;

#[derive(Debug)]
pub(crate) struct Authenticator {
    credentials: Credentials,
    rules: Vec<RegistryRule>,
    /// By `host[:port]`; `None` until the registry asks for anything.
    challenges: OnceMap<RwLock<Option<Challenge>>>,
    /// By `host[:port]/repository`. The lock is held while a token is fetched, so that each is fetched once.
    tokens: OnceMap<Arc<Mutex<Option<Slot>>>>,
    /// The repositories that will be asked for, by host: a token may be for several.
    announced: std::sync::Mutex<HashMap<String, BTreeMap<String, Endpoint>>>,
    /// The hosts that did not honour a token for several repositories.
    singles: OnceMap<AtomicBool>,
}

#[derive(Clone, Debug)]
struct Slot {
    realm: Realm,
    token: BearerToken,
    standing: AuthStatus,
    is_shared: bool,
}

impl Authenticator {
    pub(crate) fn new(credentials: Credentials, rules: Vec<RegistryRule>) -> Self {
        Self {
            credentials,
            rules,
            challenges: OnceMap::default(),
            tokens: OnceMap::default(),
            announced: std::sync::Mutex::default(),
            singles: OnceMap::default(),
        }
    }

    /// Takes note that `endpoint` will be asked: its token may come together with that of others.
    pub(crate) fn announce(&self, endpoint: Endpoint) {
        let mut announced = self.announced.lock().unwrap_or_else(PoisonError::into_inner);
        let host = announced.entry(endpoint.host.clone()).or_default();
        host.insert(endpoint.repository.clone(), endpoint);
    }

    /// Returns what a request to `endpoint` should carry, as far as its challenge is known. A token is fetched if none
    /// is at hand or the one at hand was `refused`.
    pub(crate) async fn authorize(
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
                Ok(Authorization { fresh: true, ..Authorization::new(None, AuthStatus::UnknownScheme) })
            }
            Some(Challenge::Basic) => Ok(self.basic(endpoint).await),
            Some(Challenge::Bearer(realm)) => {
                let realm = Ask { transport, budgets, endpoint, scheme, realm };
                self.bearer(realm, refused).await
            }
        }
    }

    /// Remembers the challenge in the headers of a 401, and returns whether it is news.
    pub(crate) fn learn(&self, endpoint: &Endpoint, headers: &HeaderMap) -> bool {
        let Some(challenge) = challenge::parse(headers) else {
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

    pub(crate) fn accepted(&self, endpoint: &Endpoint, authorization: &Authorization) {
        if let (Some(_), AuthStatus::Used(origin)) = (&authorization.header, &authorization.standing) {
            self.credentials.accepted(origin);
        }
        if authorization.instead_of_shared {
            self.singles.get(&endpoint.host).store(true, Ordering::Relaxed);
        }
    }

    /// Returns whether the credential behind what was refused has expired: then another one may be found.
    pub(crate) async fn expired(&self, authorization: &Authorization) -> bool {
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
            Lookup::Credential(Credential::Identity(_), origin) => (None, AuthStatus::NotAPassword(origin)),
            Lookup::Nothing => (None, AuthStatus::Nothing),
            Lookup::Problem(error) => (None, AuthStatus::Problem(error)),
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
            Lookup::Problem(error) => (None, AuthStatus::Problem(error)),
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

struct Ask<'a> {
    transport: &'a Transport,
    budgets: &'a Budgets,
    endpoint: &'a Endpoint,
    scheme: &'a str,
    realm: Realm,
}

impl Ask<'_> {
    fn permitted(&self) -> Result<(), InvalidAnswer> {
        if self.realm.may_be_asked(self.endpoint, self.scheme) {
            return Ok(());
        }
        Err(InvalidAnswer::Realm {
            registry: self.endpoint.shown().to_owned(),
            realm: self.realm.shown(),
            scheme: self.realm.url.scheme().to_owned(),
        })
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
        self.realm.token(self.transport, self.endpoint, &repositories, credential, standing.advice()).await
    }
}
