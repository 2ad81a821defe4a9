//! GitHub's primary and secondary rate limits: is an answer one, and how long does it ask to wait?
//!
//! Source: GitHub's "Rate limits for the REST API" and "Best practices for using the REST API".

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::HeaderMap;

/// What GitHub asks for when a secondary limit comes without `retry-after`: "wait at least one minute".
const UNSAID: Duration = Duration::from_secs(60);

/// Returns how long the answer asks to wait, or `None` where it is not a rate limit. `now` is in seconds since
/// the epoch, and `message` reads what the answer says.
pub(super) fn wait(
    status: StatusCode,
    headers: &HeaderMap,
    message: impl FnOnce() -> String,
    now: i64,
) -> Option<Duration> {
    if status != StatusCode::FORBIDDEN && status != StatusCode::TOO_MANY_REQUESTS {
        return None;
    }
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let retry_after = number("retry-after");
    let used_up = number("x-ratelimit-remaining") == Some(0);
    let said = || message().to_ascii_lowercase().contains("rate limit");
    if status == StatusCode::FORBIDDEN && retry_after.is_none() && !used_up && !said() {
        return None;
    }
    if let Some(seconds) = retry_after {
        return Some(Duration::from_secs(seconds));
    }
    let reset = number("x-ratelimit-reset").filter(|_| used_up);
    Some(reset.map_or(UNSAID, |at| {
        // One second more than the clocks say: they may differ, and the reset itself is rounded.
        Duration::from_secs(at.saturating_sub(u64::try_from(now).unwrap_or_default()).saturating_add(1))
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(status: u16, headers: &[(&'static str, &'static str)], message: &str) -> Option<u64> {
        let headers = headers
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()))
            .collect::<HeaderMap>();
        wait(StatusCode::from_u16(status).unwrap(), &headers, || message.to_owned(), 1000)
            .map(|wait| wait.as_secs())
    }

    #[test]
    fn limits_are_told_from_permissions() {
        let secondary =
            "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.";
        for (status, headers, message, wait) in [
            (403, &[("retry-after", "7")][..], secondary, Some(7)),
            (403, &[], secondary, Some(60)),
            (
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1029")],
                "API rate limit exceeded",
                Some(30),
            ),
            (
                403,
                &[("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "900")],
                "API rate limit exceeded",
                Some(1),
            ),
            (403, &[("x-ratelimit-remaining", "12"), ("x-ratelimit-reset", "9999")], secondary, Some(60)),
            (429, &[], "", Some(60)),
            (429, &[("retry-after", "soon")], "", Some(60)),
            (403, &[("x-ratelimit-remaining", "4999")], "Resource not accessible by integration", None),
            (422, &[("retry-after", "7")], "", None),
            (500, &[("retry-after", "7")], "", None),
        ] {
            assert_eq!(asked(status, headers, message), wait, "{status} {headers:?} {message}");
        }
    }
}
