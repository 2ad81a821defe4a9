//! Whether a registry has a digest that something else than a tag names, for the platforms that are needed.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::stream::{self, StreamExt as _};

use super::image::manifest;
use super::image::manifest::Kind;
use super::{Content, Look, Question, Registry, ResolveError, Seen};
use crate::platform::Platform;
use crate::reference::Digest;

/// How many digests are looked for at once.
const AT_ONCE: usize = 32;

/// A digest that a promotion, a list or a person names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    /// Where it should be; the tag is for messages alone.
    pub question: Question,
    /// The digest.
    pub digest: Digest,
    /// The platforms that it must have; empty where nothing is demanded.
    pub platforms: Vec<Platform>,
}

/// Why a digest is not written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The registry does not have it.
    #[error("{0}")]
    Gone(ResolveError),
    /// It is not for all platforms that are needed.
    #[error("{0}")]
    Lacking(String),
    /// Nobody can tell.
    #[error(transparent)]
    Unknown(ResolveError),
}

/// Asks the registries for each claim once. What is confirmed comes with what it covers, for people: `index`, or `single
/// manifest`.
pub async fn confirm<R: Registry>(
    registry: &R,
    claims: BTreeSet<Claim>,
) -> BTreeMap<Claim, Result<&'static str, Refused>> {
    stream::iter(claims)
        .map(async |claim| {
            let confirmed = confirm_one(registry, &claim).await;
            (claim, confirmed)
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await
}

async fn confirm_one<R: Registry>(registry: &R, claim: &Claim) -> Result<&'static str, Refused> {
    let look = if claim.platforms.is_empty() { Look::Head } else { Look::Body };
    let seen = registry.look(&claim.question, &look(claim.digest.clone())).await.map_err(refused)?;
    let content = match seen {
        Seen::Content(content) => content,
        Seen::MediaType(media_type) if manifest::kind(&media_type) == Kind::Index => return Ok(INDEX),
        Seen::MediaType(_) | Seen::Platform(_) | Seen::Config(_) => return Ok(MANIFEST),
    };
    match content {
        Content::Index(_) => match lacking(claim, &content.platforms()) {
            None => Ok(INDEX),
            Some(refused) => Err(refused),
        },
        Content::Image { config, .. } => {
            let platform = match config {
                Some(config) => {
                    registry.look(&claim.question, &Look::Config(config)).await.map_err(refused)?
                }
                None => Seen::Platform(None),
            };
            let has = if let Seen::Platform(Some(platform)) = platform { vec![platform] } else { Vec::new() };
            match lacking(claim, &has) {
                None => Ok(MANIFEST),
                Some(refused) => Err(refused),
            }
        }
    }
}

const INDEX: &str = "index";
const MANIFEST: &str = "single manifest";

fn refused(error: ResolveError) -> Refused {
    if matches!(error, ResolveError::NotFound(_)) { Refused::Gone(error) } else { Refused::Unknown(error) }
}

fn lacking(claim: &Claim, has: &[Platform]) -> Option<Refused> {
    let listed = |platforms: &mut dyn Iterator<Item = &Platform>| {
        platforms.map(|platform| format!("`{platform}`")).collect::<Vec<_>>().join(", ")
    };
    let missing = listed(&mut claim.platforms.iter().filter(|platform| !has.contains(platform)));
    if missing.is_empty() {
        return None;
    }
    let has = if has.is_empty() { "nothing that it names".to_owned() } else { listed(&mut has.iter()) };
    Some(Refused::Lacking(format!("`{}` is for {has}, and not for {missing}", claim.digest)))
}
