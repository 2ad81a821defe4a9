//! What a remote said, made fit for a log.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret as _;

use super::Remote;

/// The most that a message repeats of what a remote said, in characters.
const WORDS_MAX: usize = 500;

/// Returns what a remote said in a form that a log can hold: one line, bounded, without control characters and
/// without the remote's own credentials, should it repeat them.
pub(super) fn redacted(remote: &Remote, text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(auth) = remote.auth() {
        let secret = auth.secret.expose_secret();
        // Also as it is sent, and as it stands in an address.
        let sent = BASE64_STANDARD.encode(format!("{}:{secret}", auth.username));
        let escaped = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        for form in [&sent, sent.trim_end_matches('='), secret, &escaped] {
            if !secret.is_empty() {
                text = text.replace(form, "***");
            }
        }
    }
    let mut line = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty()) {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    match line.char_indices().nth(WORDS_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::git::BasicAuth;

    #[test]
    fn a_remote_s_words_are_one_bounded_line_without_the_secret() {
        let remote = Remote::new(
            "https://git.example/x",
            Some(BasicAuth { username: "bot".to_owned(), secret: "s3cr3t".to_owned().into() }),
        )
        .unwrap();
        assert_eq!(
            redacted(&remote, "\u{1b}[31mremote:\r\n  token s3cr3t\0bad"),
            "[31mremote: token *** bad"
        );
        for said in
            ["Basic Ym90OnMzY3IzdC8r", "Basic Ym90OnMzY3IzdC8r=", "https://bot:s3cr3t%2F%2B@git.example"]
        {
            let remote = Remote::new(
                "https://git.example/x",
                Some(BasicAuth { username: "bot".to_owned(), secret: "s3cr3t/+".to_owned().into() }),
            );
            let told = redacted(&remote.unwrap(), said);
            assert!(told.contains("***") && !told.contains("Ym90") && !told.contains("s3cr3t"), "{told}");
        }
        assert_eq!(redacted(&remote, &"é".repeat(9999)).chars().count(), WORDS_MAX + 1);
    }
}
