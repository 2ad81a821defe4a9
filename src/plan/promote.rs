//! Promotion: one environment gets the digests and tags that another one has. Pure.
//!
//! An image is the same on both sides where registry and repository are, however they are spelled.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use crate::history::Since;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::plan::set_digest::{AssignedDigest, Assignment};
use crate::plan::{Outcome, Reason, Verdict};
use crate::policy::Globs;
use crate::policy::environment::{Environment, of_path};
use crate::policy::target::Target;
use crate::reference::{Digest, Image, LATEST, Reference};

/// What is asked of a digest before it is promoted.
#[derive(Clone, Debug, Default)]
pub struct PromotionRules {
    /// The environments that there are: what belongs to one is judged by it, also where a path is named.
    pub environments: Vec<Environment>,
    /// The images that are promoted, as globs; every image where it is `None`.
    pub images: Option<Globs>,
    /// The digests that somebody approved; any where it is `None`.
    pub approved: Option<BTreeSet<Digest>>,
    /// How long a digest must have been in the source.
    pub soak: Option<Soak>,
}

/// How long a digest must have been declared, and how long each has been.
#[derive(Clone, Debug, Default)]
pub struct Soak {
    /// At least so long.
    pub least: SignedDuration,
    /// What the time is.
    pub now: Timestamp,
    /// Since when each image of the source has its digest.
    pub since: BTreeMap<(Image, Digest), Since>,
}

/// Why nothing can be promoted at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// Both sides share a file.
    #[error(
        "`{file}` belongs to both `{from}` and `{to}`: name two parts of the repository that share no file"
    )]
    Overlap {
        /// The file.
        file: String,
        /// The source.
        from: String,
        /// The destination.
        to: String,
    },
    /// The destination takes its images from elsewhere.
    #[error("`{to}` takes its images from `{after}`, not from `{from}`: its `after` says so")]
    NotNext {
        /// The source.
        from: String,
        /// The destination.
        to: String,
        /// Where it takes them from.
        after: String,
    },
}

/// What a promotion would do.
#[derive(Clone, Debug, Default)]
pub struct Promotion {
    /// One for each site of the inventory.
    pub assignments: Vec<Assignment>,
    /// The images of the destination that differ from the source, by their sites' index: what they should be.
    pub differences: BTreeMap<usize, Reference>,
    /// The images that only the source has.
    pub only_in_source: BTreeSet<String>,
}

impl Promotion {
    /// Returns the remark that it has nothing to do, which a name that is spelled wrong may be behind. `some` tells that only
    /// some images were asked for.
    pub fn nothing_in_common(&self, from: &Target, to: &Target, some: bool) -> Option<String> {
        let is_empty = self.assignments.iter().all(|assignment| match assignment {
            Assignment::Keep => true,
            Assignment::Decided(verdict) => verdict.outcome == Outcome::Skipped,
            Assignment::Set(_) => false,
        });
        let named = if some { " that --image names" } else { "" };
        is_empty.then(|| format!("`{}` and `{}` have no image in common{named}", from.name, to.name))
    }
}

/// A place in the source where an image is declared.
type SourceImage<'i> = (&'i FileScan, &'i Located, &'i Reference);

/// Decides what each site of `inventory` becomes.
///
/// # Errors
/// Source and destination share a file, or the destination takes its images from another environment.
pub fn promote(
    inventory: &Inventory,
    from: &Target,
    to: &Target,
    demands: &PromotionRules,
) -> Result<Promotion, PromoteError> {
    let names = || (from.name.clone(), to.name.clone());
    if let Some(after) = to.environment().and_then(|environment| environment.after.clone())
        && from.environment().is_none_or(|environment| environment.name != after)
    {
        let (from, to) = names();
        return Err(PromoteError::NotNext { from, to, after });
    }
    let both =
        inventory.files.iter().find(|file| from.has_file(&file.root_path) && to.has_file(&file.root_path));
    if let Some(file) = both {
        let (from, to) = names();
        return Err(PromoteError::Overlap { file: file.path.clone(), from, to });
    }
    follows(inventory, from, to, demands)?;
    let mut offers: BTreeMap<Image, Vec<SourceImage<'_>>> = BTreeMap::new();
    for (file, located) in inventory.sites().filter(|(file, located)| from.has(file, located)) {
        if let Some(reference) = &located.site.reference {
            offers.entry(Image::of(reference)).or_default().push((file, located, reference));
        }
    }
    let mut promotion = Promotion::default();
    let mut taken: BTreeSet<Image> = BTreeSet::new();
    for (index, (file, located)) in inventory.sites().enumerate() {
        let site = &located.site;
        let reference = site.reference.as_ref().filter(|_| to.has(file, located));
        let wanted = |reference: &&Reference| {
            demands.images.as_ref().is_none_or(|images| images.matches_image(reference))
        };
        let assignment = match (site.state, reference.filter(wanted)) {
            (State::Floating | State::Pinned, Some(reference)) => {
                let image = Image::of(reference);
                let home = home(to, file, demands);
                let offers = offers.get(&image).map(Vec::as_slice);
                let assignment = assignment(offers, reference, &image, (&to.name, home), demands);
                taken.insert(image);
                assignment
            }
            _ => Assignment::Keep,
        };
        if let (Assignment::Set(named), Some(reference)) = (&assignment, reference) {
            let tagged = named.tag.as_deref().map(|tag| reference.tagged(tag));
            let wanted = tagged.as_ref().unwrap_or(reference).pinned(&named.digest);
            if wanted != *reference {
                promotion.differences.insert(index, wanted);
            }
        }
        promotion.assignments.push(assignment);
    }
    let only =
        offers.iter().filter(|(image, _)| !taken.contains(image)).filter_map(|(_, places)| places.first());
    let selected = only.filter(|(_, _, reference)| {
        demands.images.as_ref().is_none_or(|images| images.matches_image(reference))
    });
    promotion.only_in_source = selected.map(|(_, _, reference)| reference.name().to_owned()).collect();
    Ok(promotion)
}

/// Returns the environment that judges what goes into `file`: the destination itself, or the one that the file belongs to.
fn home<'a>(to: &'a Target, file: &FileScan, demands: &'a PromotionRules) -> Option<&'a Environment> {
    to.environment().or_else(|| of_path(&demands.environments, &file.root_path))
}

/// Refuses a path as the destination whose environment takes its images from elsewhere. What an environment has already may
/// go on within it.
fn follows(
    inventory: &Inventory,
    from: &Target,
    to: &Target,
    demands: &PromotionRules,
) -> Result<(), PromoteError> {
    if to.environment().is_some() {
        return Ok(());
    }
    let with_images = || inventory.files.iter().filter(|file| !file.scan.sites.is_empty());
    for file in with_images().filter(|file| to.has_file(&file.root_path)) {
        let Some(Environment { name, after: Some(after), .. }) = home(to, file, demands) else { continue };
        let fits = |source: &FileScan| {
            let source = from.environment().or_else(|| of_path(&demands.environments, &source.root_path));
            source.is_some_and(|source| source.name == *after || source.name == *name)
        };
        if !with_images().filter(|file| from.has_file(&file.root_path)).all(fits) {
            let (from, to, after) = (from.name.clone(), name.clone(), after.clone());
            return Err(PromoteError::NotNext { from, to, after });
        }
    }
    Ok(())
}

fn listed(globs: &Globs) -> String {
    globs.patterns().iter().map(|pattern| format!("`{pattern}`")).collect::<Vec<_>>().join(", ")
}

/// Decides about one site of the destination.
fn assignment(
    offers: Option<&[SourceImage<'_>]>,
    reference: &Reference,
    image: &Image,
    (to, home): (&str, Option<&Environment>),
    demands: &PromotionRules,
) -> Assignment {
    let refuse = |reason, detail: String| Assignment::Decided(Verdict::held(reason, detail));
    let Some(offers) = offers else {
        return Assignment::Decided(Verdict::because(Outcome::Skipped, Reason::OnlyInDestination, None));
    };
    let place = |(file, located, reference): &SourceImage<'_>| {
        let at = reference.digest().map_or_else(|| "no digest".to_owned(), Digest::to_string);
        format!("{at} in {}:{}", file.path, located.line)
    };
    let places = || offers.iter().map(place).collect::<Vec<_>>().join(", ");
    let digests: BTreeSet<Option<&Digest>> = offers.iter().map(|(_, _, it)| it.digest()).collect();
    let digest = match digests.iter().copied().collect::<Vec<_>>().as_slice() {
        [Some(digest)] => *digest,
        [None] => {
            return refuse(
                Reason::SourceNotPinned,
                format!("the source has it without a digest: {}", places()),
            );
        }
        _ => {
            let detail = format!("the source has more than one: {}; make them one, or name a path", places());
            return refuse(Reason::Ambiguous, detail);
        }
    };
    let tags: BTreeSet<&str> = offers.iter().filter_map(|(_, _, it)| it.tag()).collect();
    let own = reference.tag().unwrap_or(LATEST);
    let tag = match tags.iter().copied().collect::<Vec<_>>().as_slice() {
        [] => None,
        [tag] => Some((*tag).to_owned()),
        // Several names for the same bits: the one that stands here already is right.
        tags if tags.contains(&own) => None,
        tags => {
            let detail = format!("the source has `{digest}` under several tags: {}", tags.join(", "));
            return refuse(Reason::Ambiguous, detail);
        }
    };
    let set = Assignment::Set(AssignedDigest {
        digest: digest.clone(),
        tag: tag.clone(),
        platforms: home.map(|environment| environment.platforms.clone()).unwrap_or_default(),
    });
    // What is there already was promoted before: nothing is asked of it any more.
    if reference.digest() == Some(digest) && tag.is_none_or(|tag| reference.tag() == Some(&tag)) {
        return set;
    }
    if let Some(allowed) = home.and_then(|environment| environment.registries.as_ref())
        && !allowed.matches_image(reference)
    {
        let detail =
            format!("`{}` may have images of {} only", home.map_or(to, |home| &home.name), listed(allowed));
        return refuse(Reason::RegistryNotAllowed, detail);
    }
    if demands.approved.as_ref().is_some_and(|approved| !approved.contains(digest)) {
        return refuse(
            Reason::NotApproved,
            format!("`{digest}` is not among the digests that were approved"),
        );
    }
    match demands.soak.as_ref().and_then(|soak| soak.refuses(image, digest)) {
        Some(detail) => refuse(Reason::NotSoaked, detail),
        None => set,
    }
}

impl Soak {
    /// Returns why a digest has not been in the source for long enough, if so.
    fn refuses(&self, image: &Image, digest: &Digest) -> Option<String> {
        let least = self.least;
        match self.since.get(&(image.clone(), digest.clone())) {
            Some(Since::Commit(since) | Since::AtLeast(since))
                if self.now.duration_since(*since) >= least =>
            {
                None
            }
            Some(Since::Commit(since)) => {
                let ready = since.saturating_add(least).unwrap_or(Timestamp::MAX);
                Some(format!(
                    "`{digest}` is there since {since}, and {least:#} are demanded: it is ready at {ready}"
                ))
            }
            Some(Since::AtLeast(since)) => Some(format!(
                "the history that is here ends at {since}, which does not show {least:#}: fetch more of it, with \
                 `git fetch --unshallow`, or `fetch-depth: 0` of actions/checkout"
            )),
            None => {
                Some(format!("`{digest}` is not committed to the source yet, and {least:#} are demanded"))
            }
        }
    }
}

#[cfg(test)]
mod tests;
