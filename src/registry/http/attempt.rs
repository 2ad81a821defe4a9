//! One failed attempt: what it means, and whether another attempt may help.

use std::error::Error;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};

use super::ssrf::RefusedAddress;
use crate::registry::error::ResolveError;

/// Why one attempt failed.
#[derive(Debug)]
pub(crate) struct AttemptError {
    /// What it means.
    pub(crate) error: ResolveError,
    /// Whether to try again.
    pub(crate) retry: Retry,
}

/// Whether to try again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    /// Another attempt would end the same.
    Never,
    /// After a pause of our own choice.
    Soon,
    /// After the pause that the registry asked for.
    After(Duration),
}

impl From<ResolveError> for AttemptError {
    fn from(error: ResolveError) -> Self {
        Self { error, retry: Retry::Never }
    }
}

/// Why a request got no answer.
#[derive(Debug)]
pub(crate) enum Unsent {
    /// Its host is at an address where it may not lead.
    Refused(RefusedAddress),
    /// The connection could not be made, or broke off.
    Http(reqwest::Error),
}

impl AttemptError {
    /// Returns the failure of a request that got no answer. `what` names the host and what was wanted of it.
    pub(crate) fn unsent(what: &str, error: &Unsent) -> Self {
        match error {
            Unsent::Refused(refused) => Self::refused(what, refused),
            Unsent::Http(error) => Self::unreachable(what, error),
        }
    }

    fn refused(what: &str, refused: &RefusedAddress) -> Self {
        ResolveError::NotAllowed(format!("tagpin does not ask {what}: {refused}")).into()
    }

    /// Returns the failure of a request that got no whole answer. `what` names the host and what was wanted of it.
    pub(crate) fn unreachable(what: &str, error: &reqwest::Error) -> Self {
        if let Some(refused) = RefusedAddress::cause(error) {
            return Self::refused(what, refused);
        }
        let cause =
            if error.is_timeout() { "it did not answer in time".to_owned() } else { root_cause(error) };
        let text = format!("cannot reach {what}: {cause}; check the name, the network and the certificate");
        // A certificate does not get better by asking again.
        let retry = if is_certificate(error) { Retry::Never } else { Retry::Soon };
        Self { error: ResolveError::Unavailable(text), retry }
    }

    /// Returns the failure that `status` stands for, where it is none of 200, 401 and 403.
    ///
    /// A GET is not repeated after 429: Docker Hub counts each one as a pull.
    pub(crate) fn status(
        host: &str,
        wanted: &str,
        method: &Method,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Self {
        let code = status.as_u16();
        let pause = asked_pause(code, headers);
        let retry = pause.map_or(Retry::Soon, Retry::After);
        let wait = pause.map(|pause| format!(" and asks to wait {} s", pause.as_secs())).unwrap_or_default();
        let (error, retry) = match code {
            404 => (
                ResolveError::NotFound(format!(
                    "`{host}` has no `{wanted}` (404); check the name and the tag, or `docker login` if it is private"
                )),
                Retry::Never,
            ),
            429 => (
                ResolveError::RateLimited(format!(
                    "`{host}` answered 429 (too many requests) for `{wanted}`{wait}; run again later, or log in for a \
                     higher limit"
                )),
                if method == Method::GET { Retry::Never } else { retry },
            ),
            408 | 500..=599 => (
                ResolveError::Unavailable(format!(
                    "`{host}` answered {code} for `{wanted}`{wait}; run again later"
                )),
                if matches!(code, 501 | 505) { Retry::Never } else { retry },
            ),
            _ => (
                ResolveError::InvalidAnswer(format!(
                    "`{host}` answered {code} for `{wanted}`, which no registry should; is it one?"
                )),
                Retry::Never,
            ),
        };
        Self { error, retry }
    }
}

/// Tells whether one side refused the other's certificate, or the lack of one: the server speaks TLS, in any case.
pub(crate) fn is_certificate(error: &reqwest::Error) -> bool {
    let cause = root_cause(error);
    cause.contains("invalid peer certificate") || cause.contains("received fatal alert")
}

/// Returns the innermost message: `Connection refused`, not `error sending request`. No URL is in it.
pub(crate) fn root_cause(error: &dyn Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string().chars().filter(|c| !c.is_control()).take(200).collect()
}

/// Returns the pause that the registry asks for: in Retry-After, or until its window ends where nothing is left in it.
fn asked_pause(code: u16, headers: &HeaderMap) -> Option<Duration> {
    retry_after(headers).or_else(|| ratelimit_reset(headers).filter(|_| code == 429))
}

/// Reads Retry-After: seconds or a date (RFC 9110, section 10.2.3).
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    let seconds = date.as_second() - jiff::Timestamp::now().as_second();
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

/// Reads `ratelimit-reset` (draft-ietf-httpapi-ratelimit-headers-03: seconds from now), and `x-ratelimit-reset`, which
/// is a time where it is large (GitHub).
fn ratelimit_reset(headers: &HeaderMap) -> Option<Duration> {
    let header = headers.get("ratelimit-reset").or_else(|| headers.get("x-ratelimit-reset"))?;
    let number: u64 = header.to_str().ok()?.split(';').next()?.trim().parse().ok()?;
    let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or(0);
    // No window is 30 years long.
    let seconds = if number > 1_000_000_000 { number.saturating_sub(now) } else { number };
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn pause(value: &str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        assert_eq!(pause("7"), Some(Duration::from_secs(7)));
        assert_eq!(pause("Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
        assert!(pause("Wed, 21 Oct 2099 07:28:00 GMT").unwrap() > Duration::from_secs(1_000_000));
        assert_eq!(pause("soon"), None);
        assert_eq!(pause("-1"), None);
    }

    #[test]
    fn the_end_of_the_window_counts_where_retry_after_is_not_there() {
        let pause = |headers: &[(&'static str, &str)]| {
            let headers = headers.iter().map(|(name, value)| {
                (name.parse::<reqwest::header::HeaderName>().unwrap(), HeaderValue::from_str(value).unwrap())
            });
            asked_pause(429, &headers.collect())
        };
        assert_eq!(pause(&[("ratelimit-reset", "5")]), Some(Duration::from_secs(5)));
        assert_eq!(pause(&[("ratelimit-reset", "5;w=60")]), Some(Duration::from_secs(5)));
        assert_eq!(pause(&[("ratelimit-reset", "5"), ("retry-after", "3")]), Some(Duration::from_secs(3)));
        let soon = (jiff::Timestamp::now().as_second() + 30).to_string();
        let pause = pause(&[("x-ratelimit-reset", &soon)]).unwrap();
        assert!((25..=30).contains(&pause.as_secs()), "{pause:?}");
    }

    #[test]
    fn each_status_has_its_reason_and_a_get_is_not_repeated_after_429() {
        for (code, method, reason, retry) in [
            (404, Method::HEAD, "not-found", Retry::Never),
            (429, Method::HEAD, "rate-limited", Retry::Soon),
            (429, Method::GET, "rate-limited", Retry::Never),
            (500, Method::GET, "unavailable", Retry::Soon),
            (503, Method::HEAD, "unavailable", Retry::Soon),
            (408, Method::HEAD, "unavailable", Retry::Soon),
            (204, Method::HEAD, "invalid-answer", Retry::Never),
            (418, Method::HEAD, "invalid-answer", Retry::Never),
        ] {
            let status = StatusCode::from_u16(code).unwrap();
            let failure = AttemptError::status("r.example", "a/b:1", &method, status, &HeaderMap::new());
            assert_eq!((failure.error.reason(), failure.retry), (reason, retry), "{code} {method}");
            assert!(failure.error.to_string().contains("`r.example`"));
        }
    }
}
