//! One failed attempt: what it means, and whether another attempt may help.

use std::error::Error;
use std::io;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Method, StatusCode};

use crate::http::root_cause;
use crate::registry::error::{
    Asked, ConnectionFault, InvalidAnswer, NotAllowed, Outage, RateLimit, RefusedAddress, ResolveError,
};

#[derive(Debug)]
pub(crate) struct AttemptError {
    pub(crate) error: ResolveError,
    pub(crate) retry: Retry,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Retry {
    Never,
    /// At once, and when that fails after a pause of our own choice: over a connection that broke, it was perhaps never read.
    AtOnce,
    /// After a pause of our own choice.
    Soon,
    /// After the pause that the registry asked for.
    After(Duration),
}

impl<E: Into<ResolveError>> From<E> for AttemptError {
    fn from(error: E) -> Self {
        Self { error: error.into(), retry: Retry::Never }
    }
}

#[derive(Debug)]
pub(crate) enum Unsent {
    Refused(RefusedAddress),
    Http(reqwest::Error),
}

impl AttemptError {
    pub(crate) fn unsent(asked: Asked, error: &Unsent) -> Self {
        match error {
            Unsent::Refused(address) => NotAllowed::Address { asked, address: address.clone() }.into(),
            Unsent::Http(error) => Self::unreachable(asked, error),
        }
    }

    /// Returns the failure of a request that got no whole answer.
    pub(crate) fn unreachable(asked: Asked, error: &reqwest::Error) -> Self {
        if let Some(address) = find::<RefusedAddress>(error) {
            return NotAllowed::Address { asked, address: address.clone() }.into();
        }
        let cause = match error.is_timeout() {
            true => ConnectionFault::TimedOut,
            false => ConnectionFault::Other(root_cause(error)),
        };
        let retry = match () {
            // A certificate does not get better by asking again.
            () if is_certificate(error) => Retry::Never,
            () if error.is_timeout() || error.is_connect() => Retry::Soon,
            () => Retry::AtOnce,
        };
        Self { error: Outage::Unreachable { asked, cause }.into(), retry }
    }

    /// Returns the failure that `status` stands for, where it is none of 200, 401 and 403.
    ///
    /// A GET is not repeated after 429: Docker Hub counts each one as a pull.
    pub(crate) fn status(asked: Asked, method: &Method, status: StatusCode, headers: &HeaderMap) -> Self {
        let status = status.as_u16();
        let retry_after = asked_pause(status, headers);
        let retry = retry_after.map_or(Retry::Soon, Retry::After);
        match status {
            404 => ResolveError::NotFound(Box::new(asked)).into(),
            429 => Self {
                error: RateLimit::Status { asked, retry_after }.into(),
                retry: if method == Method::GET { Retry::Never } else { retry },
            },
            408 | 500..=599 => Self {
                error: Outage::Status { asked, status, retry_after }.into(),
                retry: if matches!(status, 501 | 505) { Retry::Never } else { retry },
            },
            _ => InvalidAnswer::Status { asked, status }.into(),
        }
    }
}

/// Returns whether one side refused the other's certificate, or the lack of one: the server speaks TLS, in any case.
pub(crate) fn is_certificate(error: &reqwest::Error) -> bool {
    matches!(find(error), Some(rustls::Error::InvalidCertificate(_) | rustls::Error::AlertReceived(_)))
}

fn find<E: Error + 'static>(error: &reqwest::Error) -> Option<&E> {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error does not count what it wraps among its sources.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = wrapped.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    }
    None
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
            let failure = AttemptError::status(
                Asked::content("r.example", "a/b:1"),
                &method,
                status,
                &HeaderMap::new(),
            );
            assert_eq!((failure.error.reason(), failure.retry), (reason, retry), "{code} {method}");
            assert!(failure.error.to_string().contains("`r.example`"));
        }
    }
}
