//! Whether a registry has a digest that something else than a tag names, for the platforms that are needed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::api::Registry;
use super::error::ResolveError;
use super::image::manifest::{self, ManifestContent, MediaKind};
use super::question::{Probe, Probed};
use super::tag_ref::TagRef;
use crate::platform::Platform;
use crate::reference::Digest;
use crate::text::quoted;

const AT_ONCE: usize = 32;

/// A digest that a promotion, a list or a person names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct DigestCheck {
    /// Where it should be; the tag is for messages alone.
    pub question: TagRef,
    /// The digest.
    pub digest: Digest,
    /// The platforms that it must have; empty where nothing is demanded.
    pub platforms: Vec<Platform>,
}

/// Why a digest is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unconfirmed {
    /// The registry does not have it.
    #[error("{0}")]
    Gone(ResolveError),
    /// It is not for all platforms that are needed.
    #[error("`{digest}` is for {}, and not for {}", platforms(has), quoted(missing, ", "))]
    Lacking {
        /// What was looked at.
        digest: Digest,
        /// The platforms that it is for; empty where it names none.
        has: Vec<Platform>,
        /// The platforms that it is not for.
        missing: Vec<Platform>,
    },
    /// Nobody can tell.
    #[error(transparent)]
    Unknown(ResolveError),
}

/// Asks the registries for each claim once. What is confirmed comes with what it covers, for people: `index`, or `single
/// manifest`.
pub async fn confirm<R: Registry>(
    registry: &R,
    claims: BTreeSet<DigestCheck>,
) -> BTreeMap<DigestCheck, Result<&'static str, Unconfirmed>> {
    stream::iter(claims)
        .map(async |claim| {
            let confirmed = confirm_one(registry, &claim).await;
            (claim, confirmed)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn confirm_one<R: Registry>(registry: &R, claim: &DigestCheck) -> Result<&'static str, Unconfirmed> {
    let look = if claim.platforms.is_empty() { Probe::Head } else { Probe::Body };
    let seen = registry.look(&claim.question, &look(claim.digest.clone())).await.map_err(refused)?;
    let content = match seen {
        Probed::Content(content) => content,
        Probed::MediaType(media_type) if manifest::kind(&media_type) == MediaKind::Index => return Ok(INDEX),
        Probed::MediaType(_) | Probed::Platform(_) | Probed::Config(_) => return Ok(MANIFEST),
    };
    match content {
        ManifestContent::Index(_) => match lacking(claim, &content.platforms()) {
            None => Ok(INDEX),
            Some(refused) => Err(refused),
        },
        ManifestContent::Image { config, .. } => {
            let platform = match config {
                Some(config) => {
                    registry.look(&claim.question, &Probe::Config(config)).await.map_err(refused)?
                }
                None => Probed::Platform(None),
            };
            let has =
                if let Probed::Platform(Some(platform)) = platform { vec![platform] } else { Vec::new() };
            match lacking(claim, &has) {
                None => Ok(MANIFEST),
                Some(refused) => Err(refused),
            }
        }
    }
}

const INDEX: &str = "index";
const MANIFEST: &str = "single manifest";

fn refused(error: ResolveError) -> Unconfirmed {
    if matches!(error, ResolveError::NotFound(_)) {
        Unconfirmed::Gone(error)
    } else {
        Unconfirmed::Unknown(error)
    }
}

fn lacking(claim: &DigestCheck, has: &[Platform]) -> Option<Unconfirmed> {
    let missing: Vec<&Platform> = claim.platforms.iter().filter(|platform| !has.contains(platform)).collect();
    if missing.is_empty() {
        return None;
    }
    let (digest, missing) = (claim.digest.clone(), missing.into_iter().cloned().collect());
    Some(Unconfirmed::Lacking { digest, has: has.to_vec(), missing })
}

fn platforms(has: &[Platform]) -> String {
    if has.is_empty() { "nothing that it names".to_owned() } else { quoted(has, ", ") }
}
