//! One thing that is wrong at one place.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::rendered::origin::RenderedOrigin;
use super::rule::{GateRule, Severity};
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::State;
use crate::manifest::{Located, OffCondition, PartialImage, SourceRange, is_judged};
use crate::policy::SettingOrigin;
use crate::reference::{Digest, Reference};
use crate::text::shell_word;

/// Something that `check` complains about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule that found it.
    pub rule: &'static GateRule,
    /// How much it counts here.
    pub level: Severity,
    /// What is wrong, as a sentence without its place.
    pub message: String,
    /// The file, as reports name it.
    pub file: String,
    /// The file below the root of its git work tree, for policies, SARIF and annotations.
    pub root_path: String,
    /// Where in the file; `None` where it is about the file as a whole.
    pub place: Option<SourceRange>,
    /// The document in the file, from 0.
    pub document: Option<usize>,
    /// The JSON pointer in the document.
    pub path: Option<String>,
    /// The image that it is about, as it stands in the file.
    pub image: Option<String>,
    /// The index of that image in [`Inventory::sites`], which is that of its row in a report.
    pub reference: Option<usize>,
    /// What mends it.
    pub fix: Option<Fix>,
    /// What tells this finding from others of its rule in its file, lines aside.
    pub subject: String,
    /// The files of deployers, below the root, that deploy its file since the change that is judged: where one of them counts
    /// for more, the finding does too.
    pub deployed_by: Arc<BTreeSet<String>>,
    /// What it depends on, as seen from its file's directory, and what stands for the content of that, as
    /// [`LookAway::inputs`](crate::manifest::LookAway::inputs) has it: with other inputs it is another finding.
    pub inputs: BTreeMap<String, String>,
    /// What keeps from running what it is about: where less of that is left than before, it is another finding.
    pub off: BTreeSet<OffCondition>,
    /// The same finding in another commit has the same: 32 hex digits, from the rule, the file, the subject, and how
    /// many equal ones stand before it.
    pub fingerprint: String,
    /// Of what was rendered: what runs it, and where that comes from.
    pub rendered: Option<Box<RenderedOrigin>>,
}

/// What mends a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fix {
    /// `tagpin pin FILE`, or `tagpin check --fix`: the only one for a file that is read because another names it.
    Pin {
        /// The file, as reports name it.
        file: String,
    },
    /// What a person has to do, as a sentence without a full stop.
    Advice(String),
}

impl Fix {
    /// Returns the command that mends it, if there is one.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::Pin { file } if is_judged(file) => Some(format!("tagpin pin {}", shell_word(file))),
            Self::Pin { .. } => Some("tagpin check --fix".to_owned()),
            Self::Advice(_) => None,
        }
    }

    /// Returns what to do, as one line.
    pub fn hint(&self) -> String {
        match self {
            Self::Pin { .. } => self.command().unwrap_or_default(),
            Self::Advice(advice) => advice.clone(),
        }
    }
}

impl Finding {
    /// Returns a finding about the image at `reference` in [`Inventory::sites`].
    pub(super) fn at_site(rule: &'static GateRule, site: &SiteOf<'_>, message: String) -> Self {
        let SiteOf { reference, file, located } = *site;
        let found = &located.site;
        let place = located.place();
        let fix = rule.fixable.then(|| match found.state {
            State::Skipped(_) if &*found.format == "devcontainer-feature" => Fix::Advice(
                "write `name@sha256:…` there by hand: a feature takes a tag or a digest, and not both"
                    .to_owned(),
            ),
            State::Skipped(_) => {
                Fix::Advice("write the digest there by hand: tagpin does not edit such a place".to_owned())
            }
            State::Floating | State::Pinned => Fix::Pin { file: file.path.clone() },
        });
        Self {
            document: Some(found.document),
            path: Some(found.path.clone()),
            image: Some(found.image.clone()),
            reference: Some(reference),
            fix,
            inputs: located.deployed.as_ref().map(|deployed| deployed.inputs.clone()).unwrap_or_default(),
            ..Self::at(rule, file, place, message, found.image.clone())
        }
    }

    /// Returns a finding about a part of an image.
    pub(super) fn at_partial(
        rule: &'static GateRule,
        file: &FileScan,
        partial: &PartialImage,
        message: String,
    ) -> Self {
        let PartialImage { document, path, kind, name, parts, place, makes, inputs, .. } = partial;
        let [kind, name] = [kind, name].map(|text| text.as_deref().unwrap_or_default());
        // In another object, and elsewhere in it, it is another one.
        let subject = format!("{kind} {name} {} {}", without_positions(path), parts.written());
        Self {
            document: Some(*document),
            path: Some(path.clone()),
            image: makes.clone(),
            inputs: inputs.clone(),
            ..Self::at(rule, file, place.clone(), message, subject.trim_start().to_owned())
        }
        .advice("write the digest beside it, or judge what is rendered with `tagpin check --rendered`")
    }

    /// Returns a finding about something else in a file.
    pub(super) fn at(
        rule: &'static GateRule,
        file: &FileScan,
        place: SourceRange,
        message: String,
        subject: String,
    ) -> Self {
        Self { place: Some(place), subject, ..Self::in_file(rule, &file.path, &file.root_path, message) }
    }

    /// Returns a finding about an entry of the configuration.
    pub(super) fn in_config(
        rule: &'static GateRule,
        origin: &SettingOrigin,
        message: String,
        subject: String,
    ) -> Self {
        let SettingOrigin { file, root_path, place } = origin;
        Self { place: Some(place.clone()), subject, ..Self::in_file(rule, file, root_path, message) }
    }

    /// Returns a finding about a file as a whole.
    pub(crate) fn in_file(rule: &'static GateRule, file: &str, root_path: &str, message: String) -> Self {
        Self {
            rule,
            level: rule.level,
            message,
            file: file.to_owned(),
            root_path: root_path.to_owned(),
            place: None,
            document: None,
            path: None,
            image: None,
            reference: None,
            fix: None,
            subject: String::new(),
            deployed_by: Arc::default(),
            inputs: BTreeMap::new(),
            off: BTreeSet::new(),
            fingerprint: String::new(),
            rendered: None,
        }
    }

    /// Returns this finding with what a person has to do about it.
    #[must_use]
    pub(super) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.fix = Some(Fix::Advice(advice.into()));
        self
    }

    /// Returns the file below the root and the place in it that someone has to look at: in the sources, where it is known
    /// that what was rendered comes from there.
    pub fn shown_at(&self) -> (&str, Option<&SourceRange>) {
        match self.rendered.as_ref().and_then(|rendered| rendered.sources.first()) {
            Some(source) => (&source.root_path, Some(&source.place)),
            None => (&self.root_path, self.place.as_ref()),
        }
    }

    /// Returns what findings are sorted by.
    pub(super) fn position(&self) -> (&str, usize, &'static str) {
        (&self.file, self.place.as_ref().map_or(0, |place| place.span.start), self.rule.id)
    }
}

/// Returns a JSON pointer without the positions in lists.
pub(super) fn without_positions(pointer: &str) -> String {
    let is_position = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> =
        pointer.split('/').map(|part| if is_position(part) { "*" } else { part }).collect();
    parts.join("/")
}

/// Gives every finding its fingerprint, which is the same in another commit: nothing in it depends on lines. The
/// findings are in the order of the file, and none of them is left out yet, so that a setting changes no fingerprint.
pub(super) fn add_fingerprints(findings: &mut [Finding]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let key = format!("{}\0{}\0{}", finding.rule.id, finding.root_path, finding.subject);
        let before = seen.entry(key.clone()).or_default();
        let digest = Digest::sha256(format!("{key}\0{before}").as_bytes());
        *before += 1;
        digest.hex()[..32].clone_into(&mut finding.fingerprint);
    }
}

/// An image and where it is known from.
#[derive(Clone, Copy, Debug)]
pub(super) struct SiteOf<'i> {
    /// The index in [`Inventory::sites`].
    pub(super) reference: usize,
    pub(super) file: &'i FileScan,
    pub(super) located: &'i Located,
}

/// Returns every site with its index.
pub(super) fn sites(inventory: &Inventory) -> impl Iterator<Item = SiteOf<'_>> {
    inventory.sites().enumerate().map(|(reference, (file, located))| SiteOf { reference, file, located })
}

/// Returns every site of an image that is deployed.
pub(super) fn deployments(inventory: &Inventory) -> impl Iterator<Item = SiteOf<'_>> {
    sites(inventory).filter(|site| !site.located.site.is_build_input())
}

/// Returns every site of an image that something is built from.
pub(super) fn build_inputs(inventory: &Inventory) -> impl Iterator<Item = SiteOf<'_>> {
    sites(inventory).filter(|site| site.located.site.is_build_input())
}

/// Returns the sites that run an image without a digest, and that image; also those that tagpin cannot edit.
pub(super) fn floating(inventory: &Inventory) -> impl Iterator<Item = (SiteOf<'_>, Reference)> {
    deployments(inventory).filter_map(|site| match site.located.runs() {
        (State::Floating, Some(reference)) => Some((site, reference)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_can_be_pasted_into_a_shell() {
        for (file, command) in [
            ("a/b.yaml", "tagpin pin a/b.yaml"),
            ("a b.yaml", "tagpin pin 'a b.yaml'"),
            ("-n.yaml", "tagpin pin ./-n.yaml"),
            ("it's;rm.yaml", r"tagpin pin 'it'\''s;rm.yaml'"),
            ("env/prod.txt", "tagpin check --fix"),
        ] {
            assert_eq!(Fix::Pin { file: file.to_owned() }.hint(), command);
        }
    }
}
