//! GitHub's side of an App: it checks what the App has signed, and hands out a token.

use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::http::Method;
use axum::response::Response;
use base64::Engine as _;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Value, json};

use super::github_answers::{json_answer, refused};

/// An App that is installed on the repository.
#[derive(Clone, Debug)]
pub(crate) struct App {
    pub(crate) id: String,
    /// What the owner gave it.
    pub(crate) permissions: Value,
    /// The token that it gets.
    pub(crate) token: String,
    /// The private key as PEM.
    pub(crate) key: String,
    public: Vec<u8>,
    /// What was asked for with the tokens.
    pub(crate) asked: Arc<Mutex<Vec<Value>>>,
}

impl App {
    /// Makes an App with a key of its own.
    pub(crate) fn new(id: &str, permissions: Value, token: &str) -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
        let der = base64::engine::general_purpose::STANDARD.encode(pair.as_der().unwrap().as_ref());
        let lines: Vec<&str> = der.as_bytes().chunks(64).map(|line| str::from_utf8(line).unwrap()).collect();
        let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
        Self {
            id: id.to_owned(),
            permissions,
            token: token.to_owned(),
            key: format!("{begin}\n{}\n{end}\n", lines.join("\n")),
            public: pair.public_key().as_ref().to_vec(),
            asked: Arc::default(),
        }
    }

    /// Answers what only the App itself may ask.
    pub(super) fn answer(
        &self,
        method: &Method,
        segments: &[&str],
        token: Option<&str>,
        full_name: &str,
        body: &[u8],
    ) -> Option<Response> {
        // It is installed at the owner of the one repository.
        let known_owner = full_name.split('/').next();
        let is_known = match segments {
            ["repos", owner, name, "installation"] => Some(format!("{owner}/{name}") == full_name),
            ["orgs" | "users", owner, "installation"] => Some(Some(*owner) == known_owner),
            ["app", "installations"] => Some(true),
            _ => None,
        };
        let is_installation = is_known.is_some();
        let is_token = segments == ["app", "installations", "42", "access_tokens"];
        if !is_installation && !is_token {
            return None;
        }
        let mut validation = Validation::new(Algorithm::RS256);
        validation.set_issuer(&[&self.id]);
        validation.set_required_spec_claims(&["exp", "iss"]);
        let claims = token.map(|token| {
            jsonwebtoken::decode::<Value>(token, &DecodingKey::from_rsa_der(&self.public), &validation)
        });
        let Some(Ok(claims)) = claims else {
            return Some(refused(401, "A JSON web token could not be decoded", json!(null)));
        };
        let life = claims.claims["exp"].as_i64().unwrap() - claims.claims["iat"].as_i64().unwrap();
        if life > 600 {
            return Some(refused(
                401,
                "'Expiration time' claim ('exp') is too far in the future",
                json!(null),
            ));
        }
        if is_known == Some(false) {
            return Some(refused(404, "Not Found", json!(null)));
        }
        Some(if is_installation && method == Method::GET {
            let installation = json!({ "id": 42, "app_slug": "tagpin", "permissions": self.permissions });
            let is_list = segments == ["app", "installations"];
            json_answer(200, &if is_list { json!([installation]) } else { installation })
        } else if is_token && method == Method::POST {
            let body: Value = serde_json::from_slice(body).unwrap_or_default();
            let wanted = body["permissions"].as_object().into_iter().flatten();
            let too_much = wanted.clone().any(|(name, access)| {
                let has = &self.permissions[name];
                has.is_null() || (access == "write" && has != "write")
            });
            self.asked.lock().unwrap().push(body.clone());
            if too_much {
                return Some(refused(
                    422,
                    "The permissions requested are not granted to this installation.",
                    json!(null),
                ));
            }
            json_answer(201, &json!({ "token": self.token, "expires_at": "2030-01-01T00:00:00Z" }))
        } else {
            refused(404, "Not Found", json!(null))
        })
    }
}
