//! One place with credentials: a file, or a variable with the text of one.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use secrecy::{ExposeSecret as _, SecretSlice, SecretString};
use tokio::sync::Mutex;

use super::docker_config::AuthFile;
use crate::registry::error::CredentialError;

/// How long a credential is used before it is looked up again: helpers hand out ones that expire.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);

/// One place with credentials, under the name that messages use: paths of the machine stay out of pull requests.
#[derive(Debug)]
pub(super) struct CredentialSource {
    name: &'static str,
    content: SourceKind,
    read: Mutex<Option<(Instant, Arc<SourceContent>)>>,
}

#[derive(Debug)]
pub(super) enum SourceKind {
    File(PathBuf),
    Text(SecretString),
}

pub(super) enum SourceContent {
    File(AuthFile),
    Nothing,
    Problem(CredentialError),
}

impl std::fmt::Debug for SourceContent {
    /// Keeps what is in the file to itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Read")
    }
}

impl CredentialSource {
    pub(super) fn new(name: &'static str, content: SourceKind) -> Self {
        Self { name, content, read: Mutex::default() }
    }

    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    pub(super) async fn forget(&self) {
        *self.read.lock().await = None;
    }

    /// Returns what the source has, read again after five minutes.
    pub(super) async fn read(&self) -> Arc<SourceContent> {
        let mut slot = self.read.lock().await;
        if let Some((since, read)) = &*slot
            && since.elapsed() < LIFETIME
        {
            return Arc::clone(read);
        }
        let read = Arc::new(self.read_now());
        *slot = Some((Instant::now(), Arc::clone(&read)));
        read
    }

    fn read_now(&self) -> SourceContent {
        let bytes: SecretSlice<u8> = match &self.content {
            SourceKind::Text(text) => text.expose_secret().as_bytes().to_vec().into(),
            SourceKind::File(path) => match fs_err::File::open(path).and_then(read_to_end) {
                Ok(bytes) => bytes.into(),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return SourceContent::Nothing,
                Err(error) => {
                    return SourceContent::Problem(CredentialError::Unreadable {
                        source_name: self.name,
                        kind: error.kind(),
                    });
                }
            },
        };
        match AuthFile::parse(bytes.expose_secret()) {
            Some(file) => SourceContent::File(file),
            None => SourceContent::Problem(CredentialError::NotJson(self.name)),
        }
    }
}

fn read_to_end(mut file: fs_err::File) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut file, &mut bytes)?;
    Ok(bytes)
}
