//! Who may ask the registry for what.
#![expect(clippy::expect_used, reason = "a test's server fails by panicking")]

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Response, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::mood::{Auth, Scopes};
use super::registry::{Content, IDENTITY_TOKEN, PASSWORD, TOKEN_PREFIX, USER, failure, plain};

impl Content {
    pub(super) fn basic(&self) -> String {
        let password = self.mood.password.as_deref().unwrap_or(PASSWORD);
        format!("Basic {}", STANDARD.encode(format!("{USER}:{password}")))
    }

    pub(super) fn authorized(&self, repository: Option<&str>, authorization: Option<&str>) -> bool {
        match self.mood.auth {
            Auth::None => true,
            Auth::Basic => authorization == Some(self.basic().as_str()),
            Auth::Bearer => {
                let token = authorization.and_then(|value| value.strip_prefix("Bearer "));
                let scope = repository.map(|repository| format!("repository:{repository}:pull"));
                token.and_then(|token| self.tokens.get(token)).is_some_and(|(granted, until)| {
                    *until > Instant::now() && scope.is_none_or(|scope| granted.contains(&scope))
                })
            }
        }
    }

    pub(super) fn challenge(&self, repository: Option<&str>, authorization: Option<&str>) -> Response<Body> {
        let challenge = match self.mood.auth {
            Auth::Basic => "Basic realm=\"basic-realm\"".to_owned(),
            _ => {
                let realm = self.mood.realm.clone().unwrap_or_else(|| format!("http://{}/token", self.host));
                let scope = repository.map(|r| format!(",scope=\"repository:{r}:pull\"")).unwrap_or_default();
                let error = if authorization.is_some() { ",error=\"invalid_token\"" } else { "" };
                format!("Bearer realm=\"{realm}\",service=\"{}\"{scope}{error}", self.host)
            }
        };
        // An answer that repeats the credential must not bring it into a message.
        let detail = authorization.unwrap_or_default();
        let body = json!({"errors": [{"code": "UNAUTHORIZED", "message": "authentication required", "detail": detail}]});
        Response::builder()
            .status(StatusCode::UNAUTHORIZED)
            .header(header::WWW_AUTHENTICATE, challenge)
            .header(header::CONTENT_TYPE, "application/json; charset=utf-8")
            .body(Body::from(body.to_string()))
            .expect("valid")
    }

    pub(super) fn token(
        &mut self,
        method: &Method,
        authorization: Option<&str>,
        query: &str,
    ) -> Response<Body> {
        if let Some(status) = self.mood.token_failures.pop() {
            return failure(status, None);
        }
        let pairs: Vec<(String, String)> =
            url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let value = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        // Repeated in a query, separated by spaces in a form.
        let scopes = pairs.iter().filter(|(key, _)| key == "scope");
        let mut scopes: Vec<String> =
            scopes.flat_map(|(_, value)| value.split(' ')).map(str::to_owned).collect();
        let refused = || failure(401, None);
        let may_pull = if method == Method::POST {
            if value("grant_type") != Some("refresh_token") || value("refresh_token") != Some(IDENTITY_TOKEN)
            {
                return refused();
            }
            true
        } else {
            match authorization {
                Some(text) if text == self.basic() => true,
                Some(_) => return refused(),
                None => self.mood.public,
            }
        };
        let is_refused = scopes.len() > 1 && self.mood.scopes == Scopes::Refused;
        if value("service").is_none() || scopes.is_empty() || is_refused {
            return failure(400, None);
        }
        if self.mood.scopes == Scopes::First {
            scopes.truncate(1);
        }
        self.issued += 1;
        let token = format!("{TOKEN_PREFIX}{}", self.issued);
        if may_pull {
            let until = Instant::now() + Duration::from_secs(self.mood.token_lifetime);
            self.tokens.insert(token.clone(), (scopes, until));
        }
        let name = if method == Method::POST { "access_token" } else { "token" };
        let body = json!({name: token, "expires_in": self.mood.token_lifetime});
        plain(StatusCode::OK, &body.to_string())
    }
}
