//! Rolling back: an image gets a digest that it had before, or one that is known to be good. Pure.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::Pinned;
use crate::history::known_good::KnownGood;
use crate::history::{History, ImageKey, keys};
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::plan::set_digest::{AssignedDigest, Assignment};
use crate::plan::{Reason, Verdict};
use crate::policy::hold::{ActiveHolds, Hold, NewHold, Until};
use crate::policy::target::Target;
use crate::policy::{Globs, Settings, environment, escaped};
use crate::reference::{Digest, Image, Reference};

/// Where to go back to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum To {
    /// The digest before the first commit that declared the present one: to do it again goes back further.
    Previous,
    /// What the list of known good digests has.
    KnownGood,
    /// What was declared at this time.
    Moment(Timestamp),
    /// This digest, which the image had, or which is known to be good.
    Digest(Digest),
}

/// What a digest may be taken from.
#[derive(Clone, Copy, Debug)]
pub struct RollbackSources<'s> {
    /// What was declared when.
    pub history: &'s History,
    /// What is known to be good.
    pub known_good: &'s [KnownGood],
    /// The environments.
    pub settings: &'s Settings,
}

/// Decides what each site of `inventory` becomes: those of `target` whose image is among `images` go back.
pub fn rollback(
    inventory: &Inventory,
    target: &Target,
    images: Option<&Globs>,
    to: &To,
    sources: RollbackSources<'_>,
) -> Vec<Assignment> {
    let mut assignments = Vec::new();
    for file in &inventory.files {
        for (located, key) in file.scan.sites.iter().zip(keys(&file.scan.sites)) {
            let site = &located.site;
            let meant = |it: &&Reference| {
                target.has(file, located) && images.is_none_or(|images| images.matches_image(it))
            };
            assignments.push(match (site.state, site.reference.as_ref().filter(meant)) {
                (State::Floating | State::Pinned, Some(reference)) => {
                    match sources.find(file, &key, reference, to) {
                        Ok((digest, tag)) => {
                            Assignment::Set(AssignedDigest { digest, tag, platforms: Vec::new() })
                        }
                        Err((reason, detail)) => Assignment::Decided(Verdict::held(reason, detail)),
                    }
                }
                _ => Assignment::Keep,
            });
        }
    }
    assignments
}

/// Returns the images that a rollback of `target` would be about, as spelled.
pub fn images(inventory: &Inventory, target: &Target, images: Option<&Globs>) -> BTreeSet<String> {
    let sites = inventory.sites().filter(|(file, located)| target.has(file, located));
    let references = sites.filter_map(|(_, located)| located.site.reference.as_ref());
    let meant = references.filter(|it| images.is_none_or(|images| images.matches_image(it)));
    meant.map(|reference| reference.name().to_owned()).collect()
}

/// Returns whether two references are of one repository: the digest of another is no earlier version of it.
fn is_same_image(one: &Reference, other: &Reference) -> bool {
    let (Image(one), Image(other)) = (Image::of(one), Image::of(other));
    one == other
}

type NamedDigest = Result<(Digest, Option<String>), (Reason, String)>;

impl RollbackSources<'_> {
    fn find(&self, file: &FileScan, key: &ImageKey, reference: &Reference, to: &To) -> NamedDigest {
        match to {
            To::Previous => self.previous(&file.root_path, key, reference),
            To::KnownGood => self.known_good(&file.root_path, reference),
            To::Moment(moment) => self.at(&file.root_path, key, reference, *moment),
            To::Digest(digest) => self.digest(&file.root_path, key, reference, digest),
        }
    }

    /// Returns what was declared, the newest first; `None` where the image was not there.
    fn declared<'a>(&'a self, file: &'a str, key: &'a ImageKey) -> Vec<Option<&'a Reference>> {
        let mut events = self.history.of_site(file, key).peekable();
        let first = events.peek().map(|event| event.after.as_ref());
        first.into_iter().chain(events.map(|event| event.before.as_ref())).collect()
    }

    fn previous(&self, file: &str, key: &ImageKey, reference: &Reference) -> NamedDigest {
        let declared = self.declared(file, key);
        let digests: Vec<Option<&Digest>> =
            declared.iter().map(|it| it.and_then(Reference::digest)).collect();
        let Some(present) = digests.first().copied() else {
            return Err((Reason::NoHistory, "the image is not committed yet".to_owned()));
        };
        let first = digests.iter().rposition(|digest| *digest == present).unwrap_or_default();
        let earlier = || declared.iter().skip(first + 1).flatten().filter(|it| it.digest().is_some());
        let same = earlier().find(|it| is_same_image(it, reference));
        match (same.and_then(|it| Some((it, it.digest()?))), earlier().next()) {
            (Some((reference, digest)), _) => Ok((digest.clone(), reference.tag().map(str::to_owned))),
            (None, Some(other)) => {
                Err((Reason::NoEarlierDigest, format!("before it another image stood here: `{other}`")))
            }
            (None, None) => {
                Err((Reason::NoEarlierDigest, format!("no digest was declared here before{}", self.cut())))
            }
        }
    }

    fn at(&self, file: &str, key: &ImageKey, reference: &Reference, moment: Timestamp) -> NamedDigest {
        let last = self.history.of_site(file, key).find(|event| event.when <= moment);
        let then = match last {
            Some(event) => event.after.as_ref(),
            None => {
                let detail = format!("the image was not here yet at {moment}{}", self.cut());
                return Err((Reason::NotDeclaredThen, detail));
            }
        };
        if let Some(other) = then.filter(|then| !is_same_image(then, reference)) {
            let detail = format!("another image stood here at {moment}: `{other}`");
            return Err((Reason::NotDeclaredThen, detail));
        }
        match then.and_then(|reference| reference.digest().map(|digest| (reference, digest))) {
            Some((reference, digest)) => Ok((digest.clone(), reference.tag().map(str::to_owned))),
            None => Err((Reason::NotPinnedThen, format!("the image had no digest at {moment}"))),
        }
    }

    fn digest(&self, file: &str, key: &ImageKey, reference: &Reference, digest: &Digest) -> NamedDigest {
        let declared = self.declared(file, key).into_iter().flatten();
        let is_it = |it: &&Reference| it.digest() == Some(digest) && is_same_image(it, reference);
        let known = declared.into_iter().find(is_it);
        if let Some(known) = known {
            return Ok((digest.clone(), known.tag().map(str::to_owned)));
        }
        let Image(image) = Image::of(reference);
        let good = self.known_good.iter().find(|entry| entry.image == image && entry.digest == *digest);
        match good {
            Some(good) => Ok((digest.clone(), good.tag.clone())),
            None => Err((
                Reason::NeverDeclared,
                format!("`{digest}` was never declared here, and is not known to be good{}", self.cut()),
            )),
        }
    }

    fn known_good(&self, file: &str, reference: &Reference) -> NamedDigest {
        let Some(environment) = environment::of_path(&self.settings.environments, file) else {
            return Err((Reason::NoKnownGood, "the file belongs to no [[environment]]".to_owned()));
        };
        let Image(image) = Image::of(reference);
        let good =
            self.known_good.iter().filter(|it| it.environment == environment.name && it.image == image);
        let good: Vec<&KnownGood> = good.collect();
        let same_tag = good.iter().find(|entry| entry.tag.as_deref() == reference.tag());
        match (good.as_slice(), same_tag) {
            ([one], _) => Ok((one.digest.clone(), one.tag.clone())),
            ([_, ..], Some(one)) if good.iter().filter(|it| it.tag == one.tag).count() == 1 => {
                Ok((one.digest.clone(), one.tag.clone()))
            }
            ([], _) => {
                let name = &environment.name;
                Err((Reason::NoKnownGood, format!("nothing is known to be good of `{image}` in `{name}`")))
            }
            (several, _) => {
                let digests: Vec<String> = several.iter().map(|it| format!("`{}`", it.digest)).collect();
                Err((
                    Reason::Ambiguous,
                    format!("several digests are known to be good: {}", digests.join(", ")),
                ))
            }
        }
    }

    fn cut(&self) -> String {
        match self.history.cut_at {
            Some(cut_at) => format!(
                "; the history that is here ends at {cut_at}: fetch more of it, with `git fetch --unshallow`"
            ),
            None => String::new(),
        }
    }
}

/// Returns the holds that keep what was rolled back: one for each image that changed and is not on hold already. Where somebody
/// gave the reason, `is_given`, a hold for another one does not stand for it.
pub fn holds(
    pinned: &Pinned,
    holds: ActiveHolds<'_>,
    (reason, is_given): (&str, bool),
    by: Option<&str>,
    until: Option<Until>,
) -> Vec<NewHold> {
    let mut files: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for ((file, located), verdict) in pinned.inventory.sites().zip(&pinned.verdicts) {
        let (Some(reference), Some(change)) = (&located.site.reference, &verdict.change) else { continue };
        let tagged = change.tag.as_deref().map(|tag| reference.tagged(tag));
        // One that ends earlier, or is for the tag that goes away, does not keep it there.
        let lasts = holds.on(&file.root_path, tagged.as_ref().unwrap_or(reference));
        let ends = |hold: &Hold| hold.until.is_some() && hold.until != until;
        if lasts.is_none_or(|hold| ends(hold) || is_given && hold.reason != reason) {
            files.entry(reference.name()).or_default().insert(escaped(&file.root_path));
        }
    }
    let holds = files.into_iter().map(|(name, paths)| NewHold {
        images: vec![escaped(name)],
        paths: paths.into_iter().collect(),
        reason: reason.to_owned(),
        by: by.map(str::to_owned),
        until,
        ..NewHold::default()
    });
    holds.collect()
}
