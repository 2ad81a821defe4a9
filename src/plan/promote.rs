//! Promotion: one environment gets the digests and tags that another one has. Pure.
//!
//! An image is the same on both sides where registry and repository are, however they are spelled.

use std::collections::{BTreeMap, BTreeSet};

pub use super::soak::Soak;
use crate::manifest::Located;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::plan::set_digest::{AssignedDigest, Assignment};
use crate::plan::{Outcome, Reason, Verdict};
use crate::policy::environment::{Environment, of_path};
use crate::policy::target::Target;
use crate::policy::{Globs, ScopedList};
use crate::reference::{Digest, Image, LATEST, Reference};

/// What is asked of a digest before it is promoted.
#[derive(Clone, Debug, Default)]
pub struct PromotionRules {
    /// The environments that there are: what belongs to one is judged by it, also where a path is named.
    pub environments: ScopedList<Environment>,
    /// The images that are promoted, as globs; every image where it is `None`.
    pub images: Option<Globs>,
    /// The digests that somebody approved; any where it is `None`.
    pub approved: Option<BTreeSet<Digest>>,
    /// How long a digest must have been in the source.
    pub soak: Option<Soak>,
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
    /// Returns the remark that it has nothing to do, which a name that is spelled wrong may be behind. `some` is whether only
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

/// Why an image is not promoted.
type Refusal = (Reason, String);

/// Decides what each site of `inventory` becomes.
///
/// # Errors
/// Source and destination share a file, or the destination takes its images from another environment.
pub fn promote(
    inventory: &Inventory,
    from: &Target,
    to: &Target,
    rules: &PromotionRules,
) -> Result<Promotion, PromoteError> {
    check_environments(from, to)?;
    check_overlap(inventory, from, to)?;
    check_files(inventory, from, to, rules)?;
    let source = source_images(inventory, from);
    let mut promotion = Promotion::default();
    let mut taken: BTreeSet<Image> = BTreeSet::new();
    for (index, (file, located)) in inventory.sites().enumerate() {
        let meant = located
            .site
            .reference
            .as_ref()
            .filter(|it| is_deployed(to, file, located) && rules.has_image(it));
        let (State::Floating | State::Pinned, Some(reference)) = (located.site.state, meant) else {
            promotion.assignments.push(Assignment::Keep);
            continue;
        };
        let image = Image::of(reference);
        let destination =
            Destination { name: &to.name, environment: owning_environment(to, file, rules), rules };
        let assignment = match source.get(&image) {
            Some(places) => destination.assignment(places, reference, &image),
            None => Assignment::Decided(Verdict::because(Outcome::Skipped, Reason::OnlyInDestination, None)),
        };
        if let Assignment::Set(assigned) = &assignment {
            let tagged = assigned.tag.as_deref().map(|tag| reference.tagged(tag));
            let wanted = tagged.as_ref().unwrap_or(reference).pinned(&assigned.digest);
            if wanted != *reference {
                promotion.differences.insert(index, wanted);
            }
        }
        taken.insert(image);
        promotion.assignments.push(assignment);
    }
    let others = source.iter().filter(|(image, _)| !taken.contains(image));
    let others = others.filter_map(|(_, places)| places.first().map(|(_, _, reference)| *reference));
    promotion.only_in_source =
        others.filter(|it| rules.has_image(it)).map(|reference| reference.name().to_owned()).collect();
    Ok(promotion)
}

/// Refuses an environment as the destination that takes its images from another one.
fn check_environments(from: &Target, to: &Target) -> Result<(), PromoteError> {
    let Some(after) = to.environment().and_then(|environment| environment.after.as_ref()) else {
        return Ok(());
    };
    if from.environment().is_some_and(|environment| environment.name == *after) {
        return Ok(());
    }
    Err(PromoteError::NotNext { from: from.name.clone(), to: to.name.clone(), after: after.clone() })
}

fn check_overlap(inventory: &Inventory, from: &Target, to: &Target) -> Result<(), PromoteError> {
    let mut files = inventory.files.iter();
    match files.find(|file| from.has_file(&file.root_path) && to.has_file(&file.root_path)) {
        Some(file) => {
            let (from, to) = (from.name.clone(), to.name.clone());
            Err(PromoteError::Overlap { file: file.path.clone(), from, to })
        }
        None => Ok(()),
    }
}

/// Refuses a path as the destination whose environment takes its images from elsewhere. What an environment has already may
/// go on within it.
fn check_files(
    inventory: &Inventory,
    from: &Target,
    to: &Target,
    rules: &PromotionRules,
) -> Result<(), PromoteError> {
    if to.environment().is_some() {
        return Ok(());
    }
    let with_images = || inventory.files.iter().filter(|file| !file.scan.sites.is_empty());
    for file in with_images().filter(|file| to.has_file(&file.root_path)) {
        let environment = owning_environment(to, file, rules);
        let Some(Environment { name, after: Some(after), .. }) = environment else { continue };
        let fits = |file: &FileScan| {
            owning_environment(from, file, rules).is_some_and(|it| it.name == *after || it.name == *name)
        };
        if !with_images().filter(|file| from.has_file(&file.root_path)).all(fits) {
            let (from, to, after) = (from.name.clone(), name.clone(), after.clone());
            return Err(PromoteError::NotNext { from, to, after });
        }
    }
    Ok(())
}

/// Returns the environment that judges what a file of `target` has: the target itself, or the one that the file belongs to.
fn owning_environment<'a>(
    target: &'a Target,
    file: &FileScan,
    rules: &'a PromotionRules,
) -> Option<&'a Environment> {
    target.environment().or_else(|| of_path(&rules.environments, &file.root_path))
}

/// Returns whether an image is deployed there: what a build takes is not promoted.
fn is_deployed(target: &Target, file: &FileScan, located: &Located) -> bool {
    target.has(file, located) && !located.site.is_build_input()
}

/// Returns where the source declares each image.
fn source_images<'i>(inventory: &'i Inventory, from: &Target) -> BTreeMap<Image, Vec<SourceImage<'i>>> {
    let mut images: BTreeMap<Image, Vec<SourceImage<'_>>> = BTreeMap::new();
    for (file, located) in inventory.sites().filter(|(file, located)| is_deployed(from, file, located)) {
        if let Some(reference) = &located.site.reference {
            images.entry(Image::of(reference)).or_default().push((file, located, reference));
        }
    }
    images
}

/// Returns the one digest that the source has.
fn source_digest<'i>(places: &[SourceImage<'i>]) -> Result<&'i Digest, Refusal> {
    let place = |(file, located, reference): &SourceImage<'_>| {
        let at = reference.digest().map_or_else(|| "no digest".to_owned(), Digest::to_string);
        format!("{at} in {}:{}", file.path, located.line)
    };
    let listed = || places.iter().map(place).collect::<Vec<_>>().join(", ");
    let digests: BTreeSet<Option<&Digest>> = places.iter().map(|(_, _, it)| it.digest()).collect();
    match digests.into_iter().collect::<Vec<_>>().as_slice() {
        [Some(digest)] => Ok(digest),
        [None] => Err((Reason::SourceNotPinned, format!("the source has it without a digest: {}", listed()))),
        _ => {
            let detail = format!("the source has more than one: {}; make them one, or name a path", listed());
            Err((Reason::Ambiguous, detail))
        }
    }
}

/// Returns the tag that comes with the digest; `None` where that of `reference` stays.
fn source_tag(
    places: &[SourceImage<'_>],
    reference: &Reference,
    digest: &Digest,
) -> Result<Option<String>, Refusal> {
    let tags: BTreeSet<&str> = places.iter().filter_map(|(_, _, it)| it.tag()).collect();
    let own = reference.tag().unwrap_or(LATEST);
    match tags.into_iter().collect::<Vec<_>>().as_slice() {
        [] if reference.tag().is_none() || reference.digest() == Some(digest) => Ok(None),
        // The tag that stands here is the name of other bits.
        [] => {
            let detail = format!(
                "the source has `{digest}` without a tag, so nothing says that it is `{own}`; write its tag there"
            );
            Err((Reason::Ambiguous, detail))
        }
        [tag] => Ok(Some((*tag).to_owned())),
        // Several names for the same bits: the one that stands here already is right.
        tags if tags.contains(&own) => Ok(None),
        tags => {
            let detail = format!("the source has `{digest}` under several tags: {}", tags.join(", "));
            Err((Reason::Ambiguous, detail))
        }
    }
}

impl PromotionRules {
    fn has_image(&self, reference: &Reference) -> bool {
        self.images.as_ref().is_none_or(|images| images.matches_image(reference))
    }
}

/// Where an image is promoted to.
struct Destination<'d> {
    /// As the user named it.
    name: &'d str,
    /// The environment that judges what goes there.
    environment: Option<&'d Environment>,
    rules: &'d PromotionRules,
}

impl Destination<'_> {
    /// Returns what `reference` becomes, whose image the source has at `places`.
    fn assignment(&self, places: &[SourceImage<'_>], reference: &Reference, image: &Image) -> Assignment {
        match self.assigned(places, reference, image) {
            Ok(assigned) => Assignment::Set(assigned),
            Err((reason, detail)) => Assignment::Decided(Verdict::held(reason, detail)),
        }
    }

    fn assigned(
        &self,
        places: &[SourceImage<'_>],
        reference: &Reference,
        image: &Image,
    ) -> Result<AssignedDigest, Refusal> {
        let digest = source_digest(places)?;
        let tag = source_tag(places, reference, digest)?;
        // What is there already was promoted before: nothing is asked of it any more.
        let stays =
            reference.digest() == Some(digest) && tag.as_ref().is_none_or(|tag| reference.tag() == Some(tag));
        if !stays {
            self.allow(reference, image, digest)?;
        }
        let platforms = self.environment.map(|environment| environment.platforms.clone());
        Ok(AssignedDigest { digest: digest.clone(), tag, platforms: platforms.unwrap_or_default() })
    }

    /// Refuses what the environment or the rules do not allow.
    fn allow(&self, reference: &Reference, image: &Image, digest: &Digest) -> Result<(), Refusal> {
        if let Some(allowed) = self.environment.and_then(|environment| environment.registries.as_ref())
            && !allowed.matches_image(reference)
        {
            let name = self.environment.map_or(self.name, |environment| &environment.name);
            let globs: Vec<String> = allowed.patterns().iter().map(|glob| format!("`{glob}`")).collect();
            let detail = format!("`{name}` may have images of {} only", globs.join(", "));
            return Err((Reason::RegistryNotAllowed, detail));
        }
        if self.rules.approved.as_ref().is_some_and(|approved| !approved.contains(digest)) {
            let detail = format!("`{digest}` is not among the digests that were approved");
            return Err((Reason::NotApproved, detail));
        }
        match self.rules.soak.as_ref().and_then(|soak| soak.refuses(image, digest)) {
            Some(detail) => Err((Reason::NotSoaked, detail)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
