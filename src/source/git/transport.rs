//! git's smart HTTP for libgit2, over the same TLS stack as everything else (libgit2's own needs OpenSSL).
//!
//! libgit2 calls back on the thread that asked for a fetch or a push. What that operation may use (the credentials) and
//! what came of it (a typed error, where libgit2 knows only text) stands in a thread-local [`RemoteOperation`], so nothing is
//! kept for the process and no credential is ever within another remote's reach.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use git2::transport::{Service, SmartSubtransport, SmartSubtransportStream, Transport};
use reqwest::blocking::{Client, Response};
use reqwest::header::{ACCEPT, CONTENT_TYPE, LOCATION};
use reqwest::redirect;
use secrecy::ExposeSecret as _;
use url::Url;

use super::redact::redacted;
use super::{GitError, Remote};
use crate::http::{CONNECT_TIMEOUT, READ_TIMEOUT};

/// Some servers answer only to a user agent that starts like git's own, so libgit2 and go-git do the same.
const USER_AGENT: &str = concat!("git/2.0 (tagpin/", env!("CARGO_PKG_VERSION"), ")");

/// How long a server may say nothing: longer than elsewhere, because it counts and checks objects before it answers.
const SILENCE_MAX: Duration = READ_TIMEOUT.saturating_mul(4);

const ANSWER_TIME_MAX: Duration = Duration::from_secs(30 * 60);

/// The most bytes that are read of one answer, or collected for one request.
const BODY_MAX: u64 = 2 << 30;

/// The most bytes of a list of refs: some ten million branches.
const TEXT_MAX: u64 = 512 << 20;

/// How many redirects inside one host are followed.
const REDIRECTS_MAX: usize = 5;

/// How many bytes of an error page are looked at.
const ERROR_PAGE_MAX: u64 = 2048;

thread_local! {
    static CURRENT: RefCell<Option<Arc<RemoteOperation>>> = const { RefCell::new(None) };
}

struct RemoteOperation {
    remote: Remote,
    /// Where the repository is, after redirects.
    base: Mutex<Url>,
    /// The first thing that went wrong.
    failure: Mutex<Option<GitError>>,
}

/// Runs `work`, whose libgit2 calls reach `remote` and nothing else over HTTP.
///
/// # Errors
/// The typed failure of an HTTP exchange where there was one; otherwise `work`'s own, given to `explain`.
pub(super) fn during<T>(
    remote: &Remote,
    work: impl FnOnce() -> Result<T, git2::Error>,
    explain: impl FnOnce(git2::Error) -> GitError,
) -> Result<T, GitError> {
    let Some(url) = remote.http_url() else {
        return work().map_err(explain);
    };
    let session = Arc::new(RemoteOperation {
        remote: remote.clone(),
        base: Mutex::new(url.clone()),
        failure: Mutex::new(None),
    });
    let before = CURRENT.replace(Some(Arc::clone(&session)));
    let result = work();
    CURRENT.set(before);
    result.map_err(|error| take(&session.failure).unwrap_or_else(|| explain(error)))
}

/// Gives libgit2 the transport for a remote: what is registered for `http` and `https`.
pub(super) fn open(remote: &git2::Remote<'_>) -> Result<Transport, git2::Error> {
    let session = CURRENT
        .with_borrow(Clone::clone)
        .ok_or_else(|| git2::Error::from_str("no operation of tagpin's is under way"))?;
    Transport::smart(remote, true, Subtransport(session))
}

struct Subtransport(Arc<RemoteOperation>);

impl SmartSubtransport for Subtransport {
    fn action(&self, _url: &str, service: Service) -> Result<Box<dyn SmartSubtransportStream>, git2::Error> {
        Ok(Box::new(Exchange {
            session: Arc::clone(&self.0),
            service,
            request: Vec::new(),
            answer: None,
            received: 0,
            started: Instant::now(),
        }))
    }

    fn close(&self) -> Result<(), git2::Error> {
        Ok(())
    }
}

/// One request and its answer. libgit2 writes all it has to say before it reads.
struct Exchange {
    session: Arc<RemoteOperation>,
    service: Service,
    request: Vec<u8>,
    answer: Option<Box<dyn Read + Send>>,
    received: u64,
    started: Instant,
}

impl Write for Exchange {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if (self.request.len() + bytes.len()) as u64 > BODY_MAX {
            return Err(self.session.fail(self.session.invalid("the push is larger than 2 GiB")));
        }
        self.request.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Exchange {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let session = Arc::clone(&self.session);
        let mut answer = match self.answer.take() {
            Some(answer) => answer,
            None => session
                .answer(self.service, std::mem::take(&mut self.request))
                .map_err(|error| session.fail(error))?,
        };
        let count = answer.read(buffer).map_err(|error| session.fail(session.unavailable(&chain(&error))))?;
        self.answer = Some(answer);
        self.received += count as u64;
        if self.received > BODY_MAX {
            return Err(session.fail(session.invalid("the answer is larger than 2 GiB")));
        }
        if self.started.elapsed() > ANSWER_TIME_MAX {
            return Err(session.fail(session.unavailable("the answer takes longer than 30 minutes")));
        }
        Ok(count)
    }
}

impl RemoteOperation {
    /// Asks for a service, and returns its answer: packs as they come in, lists of refs and reports as text.
    ///
    /// git2 panics where a branch's name or a report is not UTF-8, and the remote may send anything. Other bytes
    /// become `?`, which no branch has in its name; the lengths that the protocol writes before each line stay true.
    fn answer(&self, service: Service, request: Vec<u8>) -> Result<Box<dyn Read + Send>, GitError> {
        let response = self.exchange(service, request)?;
        if service == Service::UploadPack {
            return Ok(Box::new(response));
        }
        let mut body = Vec::new();
        response
            .take(TEXT_MAX + 1)
            .read_to_end(&mut body)
            .map_err(|error| self.unavailable(&chain(&error)))?;
        if body.len() as u64 > TEXT_MAX {
            return Err(self.invalid("the list of refs is larger than 512 MiB"));
        }
        Ok(Box::new(io::Cursor::new(utf8(body))))
    }

    /// Sends a request, and returns the response once the head of it is as the protocol wants it
    /// (git's `gitprotocol-http`).
    fn exchange(&self, service: Service, request: Vec<u8>) -> Result<Response, GitError> {
        let (name, advertisement) = match service {
            Service::UploadPackLs => ("git-upload-pack", true),
            Service::UploadPack => ("git-upload-pack", false),
            Service::ReceivePackLs => ("git-receive-pack", true),
            Service::ReceivePack => ("git-receive-pack", false),
        };
        let response = if advertisement { self.advertisement(name)? } else { self.request(name, request)? };
        let expected =
            format!("application/x-{name}-{}", if advertisement { "advertisement" } else { "result" });
        let kind = response.headers().get(CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or_default());
        if kind != Some(expected.as_str()) {
            let kind = redacted(&self.remote, kind.unwrap_or("nothing"));
            return Err(
                self.invalid(&format!("`{kind}` is not git smart HTTP: is this the repository's address?"))
            );
        }
        Ok(response)
    }

    /// Gets the list of refs, following redirects as long as they stay on the host that the credentials are for.
    fn advertisement(&self, service: &str) -> Result<Response, GitError> {
        for _ in 0..=REDIRECTS_MAX {
            let base = self.base();
            let mut url = below(&base, "info/refs");
            url.set_query(Some(&format!("service={service}")));
            let response = self.send(client(&self.remote)?.get(url.clone()), &url)?;
            if !response.status().is_redirection() {
                return self.checked(response);
            }
            let target = response
                .headers()
                .get(LOCATION)
                .and_then(|location| url.join(location.to_str().ok()?).ok())
                .ok_or_else(|| self.invalid("a redirect without a target"))?;
            if target.origin() != base.origin() {
                let host = redacted(&self.remote, target.host_str().unwrap_or_default());
                return Err(self.invalid(&format!(
                    "it redirects to another place, `{}://{host}`: configure that address if you trust it",
                    target.scheme(),
                )));
            }
            let moved = target.path().strip_suffix("/info/refs").map(str::to_owned);
            let moved = moved.ok_or_else(|| self.invalid("it redirects to what is not a repository"))?;
            let mut base = base;
            base.set_path(&moved);
            *self.base.lock().unwrap_or_else(PoisonError::into_inner) = base;
        }
        Err(self.invalid("it redirects too often"))
    }

    fn request(&self, service: &str, body: Vec<u8>) -> Result<Response, GitError> {
        let url = below(&self.base(), service);
        let request = client(&self.remote)?
            .post(url.clone())
            .header(CONTENT_TYPE, format!("application/x-{service}-request"))
            .header(ACCEPT, format!("application/x-{service}-result"))
            .body(body);
        self.checked(self.send(request, &url)?)
    }

    fn send(&self, request: reqwest::blocking::RequestBuilder, url: &Url) -> Result<Response, GitError> {
        let request = match self.remote.auth_for(url) {
            Some(auth) => request.basic_auth(&auth.username, Some(auth.secret.expose_secret())),
            None => request,
        };
        let response = request.send().map_err(|error| self.unavailable(&chain(&error.without_url())))?;
        tracing::debug!(path = url.path(), status = response.status().as_u16(), "git over http");
        Ok(response)
    }

    fn checked(&self, response: Response) -> Result<Response, GitError> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let url = self.remote.url();
        let message = format!("{status}{}", self.error_page(response));
        Err(match status.as_u16() {
            401 => {
                let sent =
                    if self.remote.auth().is_some() { "it was sent a token" } else { "it was sent none" };
                GitError::Unauthorized { url, message: format!("{sent}, and answered {message}") }
            }
            403 => GitError::Forbidden { url, message },
            404 | 410 => GitError::NotFound { url },
            408 | 429 | 500.. => GitError::Unavailable { url, message },
            _ => GitError::InvalidAnswer { url, message },
        })
    }

    /// Returns what the answer says in plain text, with a colon before it.
    fn error_page(&self, response: Response) -> String {
        let plain = response
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|kind| kind.as_bytes().starts_with(b"text/plain"));
        let mut page = Vec::new();
        if !plain || response.take(ERROR_PAGE_MAX).read_to_end(&mut page).is_err() {
            return String::new();
        }
        let said = redacted(&self.remote, &String::from_utf8_lossy(&page));
        if said.is_empty() { said } else { format!(": {said}") }
    }

    fn base(&self) -> Url {
        self.base.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn invalid(&self, message: &str) -> GitError {
        GitError::InvalidAnswer { url: self.remote.url(), message: message.to_owned() }
    }

    fn unavailable(&self, message: &str) -> GitError {
        GitError::Unavailable { url: self.remote.url(), message: redacted(&self.remote, message) }
    }

    /// Keeps the typed error, and returns the text that libgit2 can carry.
    fn fail(&self, error: GitError) -> io::Error {
        let text = io::Error::other(error.to_string());
        self.failure.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
        text
    }
}

fn take<T>(slot: &Mutex<Option<T>>) -> Option<T> {
    slot.lock().unwrap_or_else(PoisonError::into_inner).take()
}

/// Replaces every byte that is not part of UTF-8 text by one `?`.
fn utf8(bytes: Vec<u8>) -> Vec<u8> {
    match String::from_utf8(bytes) {
        Ok(text) => text.into_bytes(),
        Err(error) => {
            let clean = |chunk: std::str::Utf8Chunk<'_>| {
                let bad = std::iter::repeat_n(b'?', chunk.invalid().len());
                chunk.valid().bytes().chain(bad).collect::<Vec<_>>()
            };
            error.as_bytes().utf8_chunks().flat_map(clean).collect()
        }
    }
}

fn below(base: &Url, service: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{service}", base.path().trim_end_matches('/')));
    url
}

/// Returns the one client for all remotes: two hundred repositories on one host share its connections.
fn client(remote: &Remote) -> Result<Client, GitError> {
    static CLIENT: OnceLock<Client> = OnceLock::new();
    if let Some(client) = CLIENT.get() {
        return Ok(client.clone());
    }
    let client = Client::builder()
        .user_agent(USER_AGENT)
        .connect_timeout(CONNECT_TIMEOUT)
        .timeout(SILENCE_MAX)
        .redirect(redirect::Policy::none())
        .build()
        .map_err(|error| GitError::Unavailable { url: remote.url(), message: chain(&error) })?;
    Ok(CLIENT.get_or_init(|| client).clone())
}

/// Returns an error's text and its causes': reqwest's own says only that sending failed.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_text_keep_their_number() {
        assert_eq!(utf8("refs/heads/grün".into()), "refs/heads/grün".as_bytes());
        assert_eq!(utf8(b"a\xff\xc3(\xe2\x82b\xc3".to_vec()), b"a??(??b?");
    }
}
