//! Running a credential helper: the `get` of docker-credential-helpers, without a shell and not for ever.

use std::process::Stdio;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::credential::Credential;
use crate::registry::error::HelperError;

/// The longest answer that is read, in bytes.
const ANSWER_MAX: u64 = 1 << 20;

/// The user name that stands for an identity token (docker-credential-helpers, README).
const TOKEN_USER: &str = "<token>";

/// Asks the helper with the name `suffix` for the credential of `server`. `None` means that it has none.
///
/// A helper that takes longer than `limit` is killed together with what it started.
pub(crate) async fn get(
    suffix: &str,
    server: &str,
    limit: Duration,
) -> Result<Option<Credential>, HelperError> {
    let program = format!("docker-credential-{suffix}");
    // It is looked for in PATH, and nowhere else.
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if suffix.is_empty() || !suffix.chars().all(is_plain) {
        return Err(HelperError::Name(program));
    }
    let mut command = Command::new(&program);
    command.arg("get").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
    #[cfg(unix)]
    command.process_group(0);
    let child = command.spawn().map_err(|error| {
        tracing::debug!(%error, program, "a credential helper cannot be run");
        HelperError::NotRun(program.clone())
    })?;
    let mut group = ProcessGroup(child.id());
    let answer = tokio::time::timeout(limit, answer(child, server)).await;
    let (is_success, answer) = match answer {
        Ok(Ok(answer)) => {
            // It has ended: its number may be another's by now.
            group.0 = None;
            answer
        }
        Ok(Err(error)) => {
            tracing::debug!(%error, program, "a credential helper broke off");
            return Err(HelperError::Failed(program));
        }
        Err(_) => return Err(HelperError::TimedOut(program, limit)),
    };
    if !is_success {
        // The words of docker-credential-helpers, `credentials.errCredentialsNotFoundMessage`.
        let is_none = contains(answer.expose_secret(), b"credentials not found");
        return if is_none { Ok(None) } else { Err(HelperError::Failed(program)) };
    }
    parse(answer.expose_secret()).map(Some).ok_or(HelperError::Malformed(program))
}

/// Returns whether the helper succeeded, and what it printed.
async fn answer(mut child: Child, server: &str) -> std::io::Result<(bool, SecretSlice<u8>)> {
    if let Some(mut input) = child.stdin.take() {
        // A helper may answer without reading.
        let _ = input.write_all(server.as_bytes()).await;
    }
    let mut bytes = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(ANSWER_MAX).read_to_end(&mut bytes).await?;
    }
    let bytes = bytes.into();
    Ok((child.wait().await?.success(), bytes))
}

fn parse(bytes: &[u8]) -> Option<Credential> {
    let answer: Value = serde_json::from_slice(bytes).ok()?;
    let text = |name: &str| answer.get(name).and_then(Value::as_str);
    let (user, secret) = (text("Username")?, text("Secret").filter(|secret| !secret.is_empty())?);
    let secret = SecretString::from(secret);
    Some(match user {
        TOKEN_USER => Credential::Identity(secret),
        user => Credential::Password { user: user.to_owned(), password: secret },
    })
}

fn contains(bytes: &[u8], words: &[u8]) -> bool {
    bytes.windows(words.len()).any(|window| window == words)
}

/// The process group of a helper, which is killed when this is dropped: also where nobody waits for the answer any more.
struct ProcessGroup(Option<u32>);

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        #[cfg(unix)]
        if let Some(group) = self.0.and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)) {
            // It may have ended just now.
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_a_password_or_an_identity_token() {
        match parse(br#"{"ServerURL":"r","Username":"robot","Secret":"secret-x"}"#) {
            Some(Credential::Password { user, password }) => {
                assert_eq!((&*user, password.expose_secret()), ("robot", "secret-x"));
            }
            other => panic!("{other:?}"),
        }
        assert!(matches!(
            parse(br#"{"Username":"<token>","Secret":"secret-x"}"#),
            Some(Credential::Identity(_))
        ));
        for none in ["", "{}", r#"{"Username":"a"}"#, r#"{"Username":"a","Secret":""}"#, "[]"] {
            assert!(parse(none.as_bytes()).is_none(), "{none}");
        }
    }

    #[tokio::test]
    async fn a_name_is_not_a_path() {
        for suffix in ["", "../../bin/sh", "a b", "a;b", "/bin/sh"] {
            let error = get(suffix, "r.example", Duration::from_secs(1)).await.unwrap_err();
            assert!(matches!(error, HelperError::Name(_)), "{suffix}: {error}");
        }
        let error = get("tagpin-no-such", "r.example", Duration::from_secs(1)).await.unwrap_err();
        assert_eq!(error, HelperError::NotRun("docker-credential-tagpin-no-such".to_owned()));
    }
}
