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

pub use error::ResolveError;
pub use question::{Compared, Level, Look, Question, Resolution, Seen};
use std::collections::BTreeMap;
use std::future::Future;

use crate::reference::Digest;
use crate::registry::verify::{Demand, Evidence};

pub use auth::credentials::{Credentials, Environment, HELPER_TIMEOUT};
pub use cache::Memo;
pub use client::HttpRegistry;
pub use confirm::{Claim, Refused, confirm};
pub use http::budget::{Answered, Budget};
pub use http::ssrf::Trust;
pub use image::config::ImageConfig;
pub use image::describe::{Description, describe};
pub use image::manifest::{Content, Entry};
pub use judge::{Answer, Behind, Judged, Recorded, Wanted};
pub use resolve_all::{Answers, Asked, ask};
pub use settings::{Limits, Mirror, PullFromMirror, Rule, Settings, SettingsError, TlsFiles, TokenEnv};
pub use trace::explained;

/// A registry client: the network edge between sites and plan.
pub trait Registry: Send + Sync {
    /// Takes note of questions that will be asked, so that what they have in common is asked for once. Asks nothing.
    fn announce(&self, _questions: &[&Question]) {}

    /// Returns what the tag is now: one HEAD, or one GET where the body is to be `read` or HEAD does not say it.
    fn resolve(
        &self,
        question: &Question,
        read: bool,
    ) -> impl Future<Output = Result<Resolution, ResolveError>> + Send;

    /// Asks for the very digest in the repository of `question`, so that a header that lied is found out. Returns what
    /// belongs to the kind of `look`; [`ResolveError::NotFound`] where there is nothing under the digest.
    fn look(
        &self,
        question: &Question,
        look: &Look,
    ) -> impl Future<Output = Result<Seen, ResolveError>> + Send;

    /// Does what [`Registry::look`] does for what is only good to know: [`ResolveError::RateLimited`], without a request,
    /// where the registry has refused one, has few pulls left, or got `most` such requests in this run. Asks once.
    fn peek(
        &self,
        question: &Question,
        look: &Look,
        _most: u64,
    ) -> impl Future<Output = Result<Seen, ResolveError>> + Send {
        self.look(question, look)
    }

    /// Returns what is attached to `digest` in the repository of `question`: what meets `demand`, and what of it is missing.
    /// Some GET requests: docs/provenance.md counts them. By default nobody can tell.
    ///
    /// An error is neither "it is signed" nor "it is not".
    fn evidence(
        &self,
        question: &Question,
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
    fn compare(&self, _question: &Question) -> impl Future<Output = Compared> + Send {
        std::future::ready(Compared::default())
    }
}
