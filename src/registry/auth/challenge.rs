//! What a registry wants to see: the challenge of a 401.

use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};
use url::Url;

use super::token::Realm;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    Bearer(Realm),
    /// A scheme, or a realm, that is of no use.
    Unusable,
}

/// Returns the most useful challenge: Bearer before Basic.
pub(crate) fn parse(headers: &HeaderMap) -> Option<Challenge> {
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

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

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
