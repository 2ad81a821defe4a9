//! What must not move, why, and until when (issue 7, holds). Pure.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::origin::SettingOrigin;
use crate::manifest::inventory::Inventory;
use crate::policy::globs::Globs;
use crate::policy::scoped_list::{Scoped, ScopedList};
use crate::reference::{Digest, Reference};

/// One `[[hold]]`. What is not named is not looked at: a hold with `paths` alone is for every image there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hold {
    /// The images, as spelled or normalised, without tag and digest.
    pub images: Option<Globs>,
    /// The files, below the root of the repository.
    pub paths: Option<Globs>,
    /// The tag that the image has.
    pub tag: Option<String>,
    /// The digest that must not be written. Without it, nothing is: the image stays as it is.
    pub digest: Option<Digest>,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: Option<String>,
    /// When it ends; `None` where somebody has to remove it.
    pub until: Option<Until>,
    /// Where the configuration says so.
    pub origin: SettingOrigin,
}

/// The end of a hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// The last day on which it holds, in UTC.
    Day(Date),
    /// The moment at which it ends.
    Moment(Timestamp),
}

impl Until {
    /// Returns the end that `text` spells: `2026-12-31`, or a time with its offset, `2026-12-31T12:00:00Z`.
    pub fn parse(text: &str) -> Option<Self> {
        // A date parser takes a time too and drops it.
        if text.len() == "2026-12-31".len() {
            return text.parse().ok().map(Self::Day);
        }
        text.parse().ok().map(Self::Moment)
    }

    /// Returns whether the end has come.
    pub fn has_passed(self, now: Timestamp) -> bool {
        match self {
            Self::Moment(end) => end <= now,
            Self::Day(day) => day < now.to_zoned(TimeZone::UTC).date(),
        }
    }
}

impl fmt::Display for Until {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Moment(end) => end.fmt(f),
        }
    }
}

impl Hold {
    /// Returns what it is about, in one line for people.
    pub fn subject(&self) -> String {
        let list = |globs: &Globs| globs.patterns().join(", ");
        let mut parts = Vec::new();
        parts.extend(self.images.as_ref().map(list));
        parts.extend(self.tag.as_ref().map(|tag| format!("tag {tag}")));
        parts.extend(self.digest.as_ref().map(|digest| format!("not to {digest}")));
        parts.extend(self.paths.as_ref().map(|paths| format!("in {}", list(paths))));
        parts.join(", ")
    }
}

impl Scoped for Hold {
    fn paths(&self) -> Option<&Globs> {
        self.paths.as_ref()
    }

    fn images(&self) -> Option<&Globs> {
        self.images.as_ref()
    }
}

impl fmt::Display for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.reason)?;
        if let Some(by) = &self.by {
            write!(f, ", says `{by}`")?;
        }
        match &self.until {
            Some(until) => write!(f, ", until {until}")?,
            None => write!(f, ", until somebody removes the hold")?,
        }
        write!(f, " ({}:{})", self.origin.file, self.origin.place.line)
    }
}

/// Every hold of a configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// In the order of the files.
    pub all: ScopedList<Hold>,
}

impl Holds {
    /// Returns these holds.
    pub fn new(all: Vec<Hold>) -> Self {
        Self { all: all.into() }
    }

    /// Returns the holds as they are at the time `now`.
    pub fn at(&self, now: Timestamp) -> ActiveHolds<'_> {
        ActiveHolds { all: &self.all, now }
    }

    /// Returns of each hold whether it is for an image of `inventory`.
    pub fn matched(&self, inventory: &Inventory) -> Vec<bool> {
        let mut matched = vec![false; self.all.len()];
        for (file, located) in inventory.sites() {
            let Some(reference) = &located.site.reference else { continue };
            for index in indices(&self.all, &file.root_path, reference) {
                matched[index] = true;
            }
        }
        matched
    }
}

/// Returns the indices of the holds that are for an image in the file at `path`, below the root of the repository.
fn indices(all: &ScopedList<Hold>, path: &str, reference: &Reference) -> impl Iterator<Item = usize> {
    let has_tag = |hold: &Hold| hold.tag.as_deref().is_none_or(|tag| reference.tag() == Some(tag));
    all.matching_indices(path, &reference.names()).filter(move |index| has_tag(&all[*index]))
}

/// The holds at some time: those that have ended keep nothing.
#[derive(Clone, Copy, Debug)]
pub struct ActiveHolds<'h> {
    all: &'h ScopedList<Hold>,
    now: Timestamp,
}

impl<'h> ActiveHolds<'h> {
    /// Returns whether a hold has ended.
    pub fn has_ended(&self, hold: &Hold) -> bool {
        hold.until.is_some_and(|until| until.has_passed(self.now))
    }

    /// Returns the first hold for an image in the file at `path` that `keeps` it.
    fn first(&self, path: &str, reference: &Reference, keeps: impl Fn(&Hold) -> bool) -> Option<&'h Hold> {
        let mut holds = indices(self.all, path, reference).map(|index| &self.all[index]);
        holds.find(|hold| keeps(hold) && !self.has_ended(hold))
    }

    /// Returns the hold that keeps an image in the file at `path` as it is.
    pub fn on(&self, path: &str, reference: &Reference) -> Option<&'h Hold> {
        self.first(path, reference, |hold| hold.digest.is_none())
    }

    /// Returns the hold that keeps `digest` from being written for an image in the file at `path`.
    pub fn against(&self, path: &str, reference: &Reference, digest: &Digest) -> Option<&'h Hold> {
        self.first(path, reference, |hold| hold.digest.as_ref() == Some(digest))
    }

    /// Returns a remark for each hold that has ended.
    pub fn ended(&self) -> impl Iterator<Item = String> {
        self.all.iter().filter(|hold| self.has_ended(hold)).map(|hold| {
            format!("a hold has ended: {hold}: remove it, or give it another day (`tagpin hold list`)")
        })
    }

    /// Returns a remark for each hold that is for no image of a whole repository; `matched` is what [`Holds::matched`]
    /// says of it.
    pub fn unmatched(&self, matched: &[bool]) -> Vec<String> {
        let holds = self.all.iter().zip(matched);
        let unmatched = holds.filter(|(hold, matched)| !**matched && !self.has_ended(hold));
        unmatched.map(|(hold, _)| format!("a hold is for no image that is here: {hold}")).collect()
    }
}

/// A hold that is not written yet. Images, paths, tag and digest are those of [`crate::policy::hold::Hold`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewHold {
    /// Globs of image names.
    pub images: Vec<String>,
    /// Globs of files.
    pub paths: Vec<String>,
    /// The tag that the image has.
    pub tag: Option<String>,
    /// The digest that must not be written.
    pub digest: Option<Digest>,
    /// Why.
    pub reason: String,
    /// Who says so.
    pub by: Option<String>,
    /// When it ends.
    pub until: Option<Until>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn holds(text: &str) -> Holds {
        Config::parse("tagpin.toml", std::path::Path::new("/"), text.as_bytes()).unwrap().settings.holds
    }

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    #[test]
    fn a_hold_is_for_what_it_names() {
        let digest = Digest::sha256(b"bad");
        let holds = holds(&format!(
            "[[hold]]\nimages = [\"docker.io/library/nginx\"]\npaths = [\"production/**\"]\nreason = \"a\"\n\
             [[hold]]\ntag = \"7\"\nreason = \"b\"\n\
             [[hold]]\nimages = [\"redis\"]\ndigest = \"{digest}\"\nreason = \"c\"\n"
        ));
        let holds = holds.at(Timestamp::MIN);
        let on = |path: &str, image: &str| holds.on(path, &reference(image)).map(|hold| hold.reason.as_str());
        assert_eq!(on("production/a.yaml", "nginx:1"), Some("a"));
        assert_eq!(on("staging/a.yaml", "nginx:1"), None);
        assert_eq!(on("staging/a.yaml", "redis:7"), Some("b"));
        assert_eq!(on("staging/a.yaml", "redis:8"), None);
        let redis = reference("redis:8");
        assert_eq!(holds.against("a.yaml", &redis, &digest).map(|hold| hold.reason.as_str()), Some("c"));
        assert_eq!(holds.against("a.yaml", &redis, &Digest::sha256(b"good")), None);
        assert_eq!(holds.against("a.yaml", &reference("nginx:8"), &digest), None);
    }

    #[test]
    fn a_hold_ends_after_its_last_day_and_never_where_the_time_is_not_told() {
        let holds = holds(
            "[[hold]]\ntag = \"1\"\nuntil = 2026-11-21\nreason = \"day\"\n\
             [[hold]]\ntag = \"2\"\nuntil = 2026-11-21T12:00:00+01:00\nreason = \"moment\"\n",
        );
        let reasons = |now: Option<&str>| {
            let holds = holds.at(now.map_or(Timestamp::MIN, |now| now.parse().unwrap()));
            let active = holds.all.iter().filter(|hold| !holds.has_ended(hold));
            let active: Vec<String> = active.map(|hold| hold.reason.clone()).collect();
            assert_eq!(active.len() + holds.ended().count(), 2);
            active
        };
        assert_eq!(reasons(None), ["day", "moment"]);
        assert_eq!(reasons(Some("2026-11-21T10:59:59Z")), ["day", "moment"]);
        assert_eq!(reasons(Some("2026-11-21T11:00:00Z")), ["day"]);
        assert_eq!(reasons(Some("2026-11-21T23:59:59Z")), ["day"]);
        assert!(reasons(Some("2026-11-22T00:00:00Z")).is_empty());
    }
}
