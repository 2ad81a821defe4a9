//! GitHub's answers: successes, refusals, and the moods in which it does not do its work.
#![expect(clippy::expect_used, reason = "a test's server fails by panicking")]

use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// What GitHub answers instead of doing its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    /// 403: the token has no permission.
    Forbidden,
    /// 403: the Action's token may not open pull requests.
    ActionsNotPermitted,
    /// 403: the repository is archived.
    Archived,
    /// 403 with `retry-after` seconds.
    SecondaryLimit(u64),
    /// 403 with nothing left until the reset, in seconds from now.
    PrimaryLimit(u64),
    /// 429 with `retry-after` seconds.
    TooManyRequests(u64),
    /// 422 without a reason that a client could know.
    Unprocessable,
    /// 500.
    ServerError,
    /// 502, as GitHub answers a query that takes it too long.
    GaveUp,
    /// 301 to where the repository is now.
    Moved,
    /// 200 with something that is no JSON.
    Malformed,
    /// The request is not handled, and the connection dies.
    HangUp,
    /// The request is handled, and the connection dies before its answer is whole.
    HangUpAfter,
}

/// Returns an answer whose connection dies in the middle of its body.
pub(crate) fn cut_off() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"number\":")), Err(std::io::Error::other("cut off"))];
    (StatusCode::CREATED, Body::from_stream(futures_util::stream::iter(parts))).into_response()
}

/// Returns what GitHub answers in `mood`.
pub(crate) fn moody(mood: Mood, repository: &str) -> Response {
    let secondary = "You have exceeded a secondary rate limit and have been temporarily blocked from content creation. \
                     Please retry your request again later.";
    match mood {
        Mood::Forbidden => refused(403, "Resource not accessible by personal access token", json!(null)),
        Mood::ActionsNotPermitted => {
            refused(403, "GitHub Actions is not permitted to create or approve pull requests.", json!(null))
        }
        Mood::Archived => refused(403, "Repository was archived so is read-only.", json!(null)),
        Mood::SecondaryLimit(seconds) => {
            let headers = [("retry-after", seconds.to_string())];
            (headers, refused(403, secondary, json!(null))).into_response()
        }
        Mood::PrimaryLimit(seconds) => {
            let reset = std::time::SystemTime::now()
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default()
                .as_secs();
            let reset = ("x-ratelimit-reset", (reset + seconds).to_string());
            let headers =
                [("x-ratelimit-limit", "5000".to_owned()), ("x-ratelimit-remaining", "0".to_owned()), reset];
            let message = "API rate limit exceeded for user ID 1.";
            (headers, refused(403, message, json!(null))).into_response()
        }
        Mood::TooManyRequests(seconds) => {
            ([("retry-after", seconds.to_string())], refused(429, secondary, json!(null))).into_response()
        }
        Mood::Unprocessable => refused(
            422,
            "Validation Failed",
            json!([{"resource": "PullRequest", "code": "custom", "message": "was submitted too quickly"}]),
        ),
        Mood::ServerError => refused(500, "Server Error", json!(null)),
        Mood::GaveUp => refused(502, "We couldn't respond to your request in time.", json!(null)),
        Mood::Moved => {
            let place = format!("https://api.github.com/repositories/1/pulls?was={repository}");
            ([("location", place)], refused(301, "Moved Permanently", json!(null))).into_response()
        }
        Mood::Malformed => (StatusCode::OK, "<!DOCTYPE html><title>Sign in</title>").into_response(),
        Mood::HangUp | Mood::HangUpAfter => cut_off(),
    }
}

/// Returns JSON with the headers of an unspent rate limit.
pub(crate) fn json_answer(status: u16, body: &Value) -> Response {
    let status = StatusCode::from_u16(status).expect("a status");
    let limits =
        [("x-ratelimit-limit", "5000"), ("x-ratelimit-remaining", "4999"), ("x-ratelimit-resource", "core")];
    (status, limits, [("content-type", "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// Returns GitHub's error; `errors` is left out where it is null.
pub(crate) fn refused(status: u16, message: &str, errors: Value) -> Response {
    let documentation = "https://docs.github.com/rest/pulls/pulls";
    let mut body =
        json!({ "message": message, "documentation_url": documentation, "status": status.to_string() });
    if !errors.is_null() {
        body["errors"] = errors;
    }
    let status = StatusCode::from_u16(status).expect("a status");
    (status, [("content-type", "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// Returns 422 for a field with an invalid value.
pub(crate) fn invalid(field: &str) -> Response {
    let error = json!([{"resource": "PullRequest", "field": field, "code": "invalid"}]);
    refused(422, "Validation Failed", error)
}

/// Returns 422 with a message of GitHub's own.
pub(crate) fn custom(message: &str) -> Response {
    let error = json!([{"resource": "PullRequest", "code": "custom", "message": message}]);
    refused(422, "Validation Failed", error)
}
