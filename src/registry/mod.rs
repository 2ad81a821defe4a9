//! What the registry says a tag is now.

mod auth;
mod cache;
mod client;
mod confirm;
mod endpoint;
mod error;
mod http;
pub mod image;
mod judge;
mod question;
pub mod registries_conf;
mod resolve_all;
mod settings;
mod trace;
pub mod verify;

use std::collections::BTreeMap;
use std::future::Future;

pub use auth::credentials::{CredentialPaths, Credentials, HELPER_TIMEOUT};
pub use cache::Memo;
pub use client::HttpRegistry;
pub use confirm::{DigestCheck, Unconfirmed, confirm};
pub use error::ResolveError;
pub use http::budget::{Answered, Budget};
pub use http::ssrf::Trust;
pub use image::config::ImageConfig;
pub use image::describe::{Description, describe};
pub use image::manifest::{ManifestContent, PlatformManifest};
pub use judge::{Assessment, RecordedOrigin, Requirement, SourceIndex, TagAnswer};
pub use question::{DigestLevel, MirrorComparison, Probe, Probed, Resolution, TagRef};
pub use resolve_all::{Answers, TagQuery, ask};
pub use settings::{
    ClientSettings, Limits, Mirror, PullFromMirror, RegistryRule, SettingsError, TlsFiles, TokenEnv,
};
pub use trace::explained;

use crate::reference::Digest;
use crate::registry::verify::{Demand, Evidence};

/// A registry client: the network edge between sites and plan.
pub trait Registry: Send + Sync {
    /// Takes note of questions that will be asked, so that what they have in common is asked for once. Asks nothing.
    fn announce(&self, _questions: &[&TagRef]) {}

    /// Returns what the tag is now: one HEAD, or one GET where the body is to be `read` or HEAD does not say it.
    fn resolve(
        &self,
        question: &TagRef,
        read: bool,
    ) -> impl Future<Output = Result<Resolution, ResolveError>> + Send;

    /// Asks for the very digest in the repository of `question`, so that a header that lied is found out. Returns what
    /// belongs to the kind of `look`; [`ResolveError::NotFound`] where there is nothing under the digest.
    fn look(
        &self,
        question: &TagRef,
        look: &Probe,
    ) -> impl Future<Output = Result<Probed, ResolveError>> + Send;

    /// Does what [`Registry::look`] does for what is only good to know: [`ResolveError::RateLimited`], without a request,
    /// where the registry has refused one, has few pulls left, or got `most` such requests in this run. Asks once.
    fn peek(
        &self,
        question: &TagRef,
        look: &Probe,
        _most: u64,
    ) -> impl Future<Output = Result<Probed, ResolveError>> + Send {
        self.look(question, look)
    }

    /// Returns what is attached to `digest` in the repository of `question`: what meets `demand`, and what of it is missing.
    /// Some GET requests: docs/provenance.md counts them. By default nobody can tell.
    ///
    /// An error is neither "it is signed" nor "it is not".
    fn evidence(
        &self,
        question: &TagRef,
        _digest: &Digest,
        _demand: &Demand,
    ) -> impl Future<Output = Result<Evidence, ResolveError>> + Send {
        let text = format!("`{}` cannot be asked for signatures", question.registry);
        std::future::ready(Err(ResolveError::Unavailable(text)))
    }

    /// Returns the requests so far, by registry host; nothing where there are none to count.
    fn budgets(&self) -> BTreeMap<String, Budget> {
        BTreeMap::new()
    }

    /// Returns what each place says that may be asked for the tag, mirrors that serve digests only included.
    fn compare(&self, _question: &TagRef) -> impl Future<Output = MirrorComparison> + Send {
        std::future::ready(MirrorComparison::default())
    }
}
