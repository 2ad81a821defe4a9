//! Marking: what an environment declares, and runs where somebody says what runs, becomes known to be good. Pure.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::list::KnownGood;
use super::runs::Runs;
use crate::history::ledger::whole_seconds;
use crate::manifest::inventory::Inventory;
use crate::manifest::site::State;
use crate::policy::Globs;
use crate::policy::target::Target;
use crate::reference::Image;

/// Where a mark comes from.
#[derive(Clone, Debug)]
pub struct Mark<'m> {
    /// The time.
    pub now: Timestamp,
    /// The commit whose files are marked.
    pub commit: String,
    /// Who marks.
    pub by: Option<String>,
    /// Only these images, as globs.
    pub images: Option<&'m Globs>,
    /// What runs; everything that is declared is believed to where it is `None`.
    pub runs: Option<&'m Runs>,
}

/// What is known after a mark.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marked {
    /// All that is known, of every environment.
    pub entries: Vec<KnownGood>,
    /// What could not be marked, in the order of the files.
    pub left_out: Vec<NotMarked>,
    /// How many entries of the environment are those of before, because their image was left out.
    pub kept: usize,
}

/// A place whose image could not be marked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotMarked {
    /// The image, as spelled.
    pub image: String,
    /// The file.
    pub file: String,
    /// 1-based.
    pub line: usize,
    /// The kebab-case word: `no-digest`, or what [`Runs::refuses`] says.
    pub reason: &'static str,
    /// More of it.
    pub detail: Option<String>,
}

/// Returns `known` with what the environment declares in `inventory` in the place of what was known of it; what is
/// marked already stays as it was marked. Where it is known what runs, what was known of an image that is left out stays.
pub fn mark(known: &[KnownGood], inventory: &Inventory, environment: &Target, mark: &Mark<'_>) -> Marked {
    let (mut marked, mut result) = (BTreeSet::new(), Marked::default());
    let mut left: BTreeSet<Image> = BTreeSet::new();
    for (file, located) in inventory.sites().filter(|(file, located)| environment.has(file, located)) {
        let site = &located.site;
        let wanted = |it: &&_| mark.images.is_none_or(|images| images.matches_image(it));
        let Some(reference) = site.reference.as_ref().filter(wanted) else { continue };
        let mut leave_out = |reason, detail| {
            left.insert(Image::of(reference));
            let (image, file, line) = (site.image.clone(), file.path.clone(), located.line);
            result.left_out.push(NotMarked { image, file, line, reason, detail });
        };
        let (State::Pinned, Some(digest)) = (site.state, reference.digest()) else {
            leave_out("no-digest", None);
            continue;
        };
        if let Some(runs) = mark.runs {
            // What a kustomization overrides is not what is deployed.
            let Some(declared) = runs.declared_at(&file.path, located) else { continue };
            if let Some((reason, detail)) = runs.refuses(declared) {
                leave_out(reason, Some(detail));
                continue;
            }
        }
        let Image(image) = Image::of(reference);
        let tag = reference.tag().map(str::to_owned);
        let same = |old: &&KnownGood| {
            old.environment == environment.name
                && old.image == image
                && old.tag == tag
                && old.digest == *digest
        };
        let new = || KnownGood {
            environment: environment.name.clone(),
            image: image.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
            marked: whole_seconds(mark.now),
            commit: mark.commit.clone(),
            by: mark.by.clone(),
        };
        marked.insert(known.iter().find(same).cloned().unwrap_or_else(new));
    }
    let is_kept = |old: &KnownGood| {
        let is_new = marked.iter().any(|new| new.image == old.image && new.tag == old.tag);
        mark.runs.is_some() && left.contains(&Image(old.image.clone())) && !is_new
    };
    let is_other = |old: &KnownGood| {
        mark.images.is_some_and(|images| {
            !images.matches(&old.image) && !marked.iter().any(|new| new.image == old.image)
        })
    };
    for old in known {
        if old.environment != environment.name || is_other(old) {
            result.entries.push(old.clone());
        } else if is_kept(old) {
            result.entries.push(old.clone());
            result.kept += 1;
        }
    }
    result.entries.extend(marked);
    result.entries.sort();
    result
}
