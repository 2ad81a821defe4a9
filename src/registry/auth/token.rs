//! Tokens: where one may be asked, with or without a credential, and asking for it (distribution's token
//! specification, and its OAuth2 form for identity tokens).

use std::time::{Duration, Instant};

use reqwest::StatusCode;
use reqwest::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE, HeaderValue};
use secrecy::ExposeSecret as _;
use serde_json::Value;
use url::Url;

use super::credential::Credential;
use crate::http;
use crate::registry::endpoint::{self, Endpoint, is_at, is_loopback};
use crate::registry::error::{Asked, Denied, InvalidAnswer, LoginAdvice, Wanted};
use crate::registry::http::attempt::{AttemptError, Unsent};
use crate::registry::http::body::{BodyError, read};
use crate::registry::http::transport::{Connection, Transport, same_name};
use crate::registry::trace::step;

/// Registries whose token service is on another host of the same operator: registry, realm.
const PAIRS: &[(&str, &str)] = &[
    ("registry-1.docker.io", "auth.docker.io"),
    ("index.docker.io", "auth.docker.io"),
    ("registry.gitlab.com", "gitlab.com"),
];

const ANSWER_MAX: usize = 1 << 20;

/// The longest token that is sent, in bytes: servers take no longer headers.
const TOKEN_MAX: usize = 64 << 10;

/// How long a token lives whose answer does not say (distribution, token specification).
const DEFAULT_LIFETIME: u64 = 60;

const LONGEST_LIFETIME: u64 = 3600;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Realm {
    pub(crate) url: Url,
    pub(crate) service: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct BearerToken {
    /// `Bearer …`, marked as sensitive.
    pub(crate) header: HeaderValue,
    pub(crate) expires: Instant,
}

impl Realm {
    /// Returns whether the credential for `endpoint` may go to this realm: to its own host, to the one that is known to
    /// belong to it, or to one of the configured `hosts`; over TLS unless the registry itself is spoken to without.
    pub(crate) fn may_have_credential(&self, endpoint: &Endpoint, scheme: &str, hosts: &[String]) -> bool {
        let secure = self.url.scheme() == "https";
        let paired = || {
            PAIRS.iter().any(|(registry, realm)| {
                *registry == endpoint.host && self.url.host_str() == Some(realm) && self.url.port().is_none()
            })
        };
        let configured = || hosts.iter().any(|host| is_at(host, &self.url));
        let own = same_name(endpoint, &self.url) || configured();
        (own && (secure || scheme == "http")) || (secure && paired())
    }

    /// Returns whether this realm may be asked at all, without a credential: any over TLS, others only where the
    /// registry itself is spoken to without and on the same host, or both are on loopback.
    pub(crate) fn may_be_asked(&self, endpoint: &Endpoint, scheme: &str) -> bool {
        let plain_allowed =
            same_name(endpoint, &self.url) || (is_loopback(&endpoint.host) && http::is_loopback(&self.url));
        let no_user = self.url.username().is_empty() && self.url.password().is_none();
        no_user
            && match self.url.scheme() {
                "https" => true,
                "http" => scheme == "http" && plain_allowed,
                _ => false,
            }
    }

    /// Returns `host[:port]` for messages.
    pub(crate) fn shown(&self) -> String {
        endpoint::shown(&self.url)
    }

    /// Asks for one token to pull from all of `repositories`. `advice` says what a refusal is due to.
    ///
    /// The scope is our own, not the challenge's: a registry does not choose what our credential is used for.
    pub(crate) async fn token(
        &self,
        transport: &Transport,
        endpoint: &Endpoint,
        repositories: &[&str],
        credential: Option<&Credential>,
        advice: LoginAdvice,
    ) -> Result<BearerToken, AttemptError> {
        let asked = || Asked {
            host: self.shown(),
            redirected_to: None,
            wanted: Wanted::Token {
                registry: endpoint.shown().to_owned(),
                repository: endpoint.repository.clone(),
            },
        };
        let refused = |error| AttemptError::unsent(asked(), &Unsent::Refused(error));
        let (client, _) = transport.client(endpoint, &self.url, Connection::Pooled).map_err(refused)?;
        let scopes = repositories.iter().map(|repository| format!("repository:{repository}:pull"));
        let request = match credential {
            Some(Credential::Identity(token)) => {
                let form = url::form_urlencoded::Serializer::new(String::new())
                    .append_pair("grant_type", "refresh_token")
                    .append_pair("refresh_token", token.expose_secret())
                    .append_pair("client_id", "tagpin")
                    .append_pair("service", self.service.as_deref().unwrap_or_default())
                    .append_pair("scope", &scopes.collect::<Vec<_>>().join(" "))
                    .finish();
                client
                    .post(self.url.clone())
                    .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                    .body(form)
            }
            other => {
                let mut url = self.url.clone();
                url.query_pairs_mut()
                    .extend_pairs(self.service.as_deref().map(|service| ("service", service)))
                    .extend_pairs(scopes.map(|scope| ("scope", scope)));
                match other {
                    Some(Credential::Password { user, password }) => {
                        client.get(url).basic_auth(user, Some(password.expose_secret()))
                    }
                    _ => client.get(url),
                }
            }
        };
        let response = request
            .header(ACCEPT, "application/json")
            .header(ACCEPT_ENCODING, "identity")
            .send()
            .await
            .map_err(|error| AttemptError::unreachable(asked(), &error))?;
        step(|| {
            let who = if credential.is_some() { "with the credential" } else { "anonymously" };
            let status = response.status().as_u16();
            format!("token for {} from {}, {who} → {status}", repositories.join(", "), self.shown())
        });
        match response.status() {
            StatusCode::OK => {}
            status @ (StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                return Err(Denied { asked: asked(), status: status.as_u16(), advice }.into());
            }
            status => {
                let method = reqwest::Method::HEAD;
                return Err(AttemptError::status(asked(), &method, status, response.headers()));
            }
        }
        let body = read(response, ANSWER_MAX).await.map_err(|error| match error {
            BodyError::TooLong => InvalidAnswer::TooLong { asked: asked(), limit: ANSWER_MAX }.into(),
            BodyError::Broken(error) => AttemptError::unreachable(asked(), &error),
        })?;
        parse(&body).ok_or_else(|| InvalidAnswer::NoToken(asked()).into())
    }
}

/// Reads a token answer. A tenth of the lifetime is left unused, so that no request starts with a token that has just
/// expired.
fn parse(body: &[u8]) -> Option<BearerToken> {
    let answer: Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = text("token").or_else(|| text("access_token")).filter(|token| token.len() <= TOKEN_MAX)?;
    let mut header = HeaderValue::from_str(&format!("Bearer {token}")).ok()?;
    header.set_sensitive(true);
    let seconds =
        answer.get("expires_in").and_then(Value::as_u64).unwrap_or(DEFAULT_LIFETIME).min(LONGEST_LIFETIME);
    Some(BearerToken { header, expires: Instant::now() + Duration::from_secs(seconds - seconds / 10) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn realm(url: &str) -> Realm {
        Realm { url: Url::parse(url).unwrap(), service: None }
    }

    fn endpoint(host: &str) -> Endpoint {
        Endpoint::bare(host, "acme/api")
    }

    #[test]
    fn a_credential_goes_to_its_own_host_or_the_known_pair_only() {
        for (host, scheme, url, allowed) in [
            ("ghcr.io", "https", "https://ghcr.io/token", true),
            ("harbor.example:8443", "https", "https://harbor.example:8443/service/token", true),
            ("harbor.example:8443", "https", "https://harbor.example/service/token", true),
            ("registry-1.docker.io", "https", "https://auth.docker.io/token", true),
            ("registry.gitlab.com", "https", "https://gitlab.com/jwt/auth", true),
            ("registry-1.docker.io", "https", "http://auth.docker.io/token", false),
            ("registry-1.docker.io", "https", "https://auth.docker.io:8443/token", false),
            ("ghcr.io", "https", "https://auth.docker.io/token", false),
            ("ghcr.io", "https", "https://ghcr.io.evil.example/token", false),
            ("ghcr.io", "https", "https://evil.example/ghcr.io", false),
            ("ghcr.io", "https", "http://ghcr.io/token", false),
            ("127.0.0.1:5000", "http", "http://127.0.0.1:5001/token", true),
            ("127.0.0.1:5000", "http", "http://localhost:5001/token", false),
        ] {
            assert_eq!(realm(url).may_have_credential(&endpoint(host), scheme, &[]), allowed, "{host} {url}");
        }
    }

    #[test]
    fn a_credential_goes_to_a_configured_host_too() {
        let hosts = ["auth.example:8443".to_owned(), "sso.example".to_owned()];
        for (scheme, url, allowed) in [
            ("https", "https://auth.example:8443/token", true),
            ("https", "https://sso.example/token", true),
            ("https", "https://auth.example/token", false),
            ("https", "http://sso.example/token", false),
            ("http", "http://sso.example/token", true),
            ("https", "https://sso.example.evil.example/token", false),
        ] {
            let endpoint = endpoint("harbor.example");
            assert_eq!(realm(url).may_have_credential(&endpoint, scheme, &hosts), allowed, "{url}");
        }
    }

    #[test]
    fn without_a_credential_any_tls_realm_is_asked_and_plain_ones_are_not() {
        for (host, scheme, url, allowed) in [
            ("ghcr.io", "https", "https://elsewhere.example/token", true),
            ("ghcr.io", "https", "http://elsewhere.example/token", false),
            ("ghcr.io", "https", "http://127.0.0.1:2375/token", false),
            ("ghcr.io", "https", "https://user:pass@elsewhere.example/token", false),
            ("ghcr.io", "https", "file:///etc/passwd", false),
            ("plain.example", "http", "http://plain.example:81/token", true),
            ("plain.example", "http", "http://127.0.0.1/token", false),
            ("127.0.0.1:5000", "http", "http://localhost:5001/token", true),
        ] {
            assert_eq!(realm(url).may_be_asked(&endpoint(host), scheme), allowed, "{host} {url}");
        }
    }

    #[test]
    fn both_names_of_a_token_are_read_and_its_lifetime_is_bounded() {
        for (body, header) in [
            (r#"{"token":"abc"}"#, Some("Bearer abc")),
            (r#"{"access_token":"def","expires_in":300}"#, Some("Bearer def")),
            (r#"{"token":"","access_token":"def"}"#, Some("Bearer def")),
            (r#"{"token":"a\nb"}"#, None),
            (r#"{"token":7}"#, None),
            ("{}", None),
            ("<html>", None),
        ] {
            assert_eq!(
                parse(body.as_bytes()).map(|t| t.header.to_str().unwrap().to_owned()).as_deref(),
                header,
                "{body}"
            );
        }
        let token = parse(br#"{"token":"secret-x","expires_in":18446744073709551615}"#).unwrap();
        assert!(token.expires <= Instant::now() + Duration::from_secs(LONGEST_LIFETIME));
        assert!(!format!("{token:?}").contains("secret"));
    }
}
