//! What was found in a file: images with their places, and what comments and annotations say of them.

use std::ops::Range;

use super::build_file::BuildFile;
use super::deploy::{Deployed, Renamed};
use super::formats::{Kustomize, Releases};
use super::look_away::LookAway;
use super::module_names::ModuleNames;
use super::partial_image::PartialImage;
use super::site::{Site, State, classify};
use super::source_range::SourceRange;
use super::switches::Switch;
use super::syntax::tree::NodeId;
use super::unread::Unread;
use crate::reference::{Digest, Reference};

/// What a file holds.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Scan {
    /// Every site, in the order of the file.
    pub sites: Vec<Located>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// Whether what could not be read has a key of an image in JSON.
    #[serde(default)]
    pub names_image: bool,
    /// What makes tagpin look away.
    pub looks_away: Vec<LookAway>,
    /// The parts of images among values, where the gate asks: their rest stands elsewhere.
    pub partials: Vec<PartialImage>,
    /// The `# tagpin: ignore` comments, in the order of the file.
    pub ignores: Vec<Ignore>,
    /// The annotations with a digest on objects that own a pod template, in the order of the file.
    pub recorded: Vec<RecordedDigest>,
    /// What the kustomizations in this file do to other files.
    pub kustomize: Kustomize,
    /// The JSON pointers of the services that this file builds, where others may override it: the base of a Compose
    /// project.
    pub built: Vec<String>,
    /// The charts that this file installs, and where charts come from.
    #[serde(default)]
    pub releases: Releases,
    /// The image names that a Skaffold configuration in this file builds.
    pub artifacts: Vec<String>,
    /// The JSON pointers below which a file of values says the registry of images that name none.
    #[serde(default)]
    pub registries: Vec<String>,
    /// What the names of a Terraform module are used for here.
    #[serde(skip)]
    pub module: ModuleNames,
    /// What this Dockerfile makes of its arguments; nothing any more once builds are known.
    #[serde(skip)]
    pub build_file: BuildFile,
    /// What keeps parts of the file from running: of the gate.
    #[serde(skip)]
    pub switches: Vec<Switch>,
    /// How many nodes were read.
    #[serde(skip)]
    pub nodes: usize,
}

impl Scan {
    /// Returns whether the file has nothing to say.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
            && self.unread.is_empty()
            && self.looks_away.is_empty()
            && self.partials.is_empty()
            && self.ignores.is_empty()
            && self.kustomize == Kustomize::default()
            && self.releases == Releases::default()
            && self.built.is_empty()
            && self.artifacts.is_empty()
            && self.registries.is_empty()
            && self.module == ModuleNames::default()
    }
}

/// A `# tagpin: ignore` or `# tagpin: ignore-file` comment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ignore {
    /// Where the comment stands.
    pub place: SourceRange,
    /// Whether there is an image that it is about.
    pub used: bool,
    /// What stands behind `until`, if it is a date or was meant to be one.
    pub until: Option<IgnoreUntil>,
    /// The word behind `tagpin:`, where it is not a directive.
    #[serde(default)]
    pub unknown: Option<String>,
    /// Whether nothing behind it says why.
    #[serde(default)]
    pub unreasoned: bool,
}

impl Ignore {
    /// Returns what is wrong with a comment that leaves nothing alone, and what to do about it.
    pub fn problem(&self) -> Option<(String, &'static str)> {
        match &self.unknown {
            Some(word) => Some((
                format!("`tagpin: {word}` is not a directive, and leaves nothing alone"),
                "write `tagpin: ignore REASON` or `tagpin: ignore-file REASON`",
            )),
            None if self.used => None,
            None => Some((
                "this `tagpin: ignore` matches no image".to_owned(),
                "remove it, or put it on the image's line or on the line above",
            )),
        }
    }

    /// Returns what is wrong with a comment that leaves an image alone and does not say why, and what to do about it.
    pub fn lacks_reason(&self) -> Option<(&'static str, &'static str)> {
        let lacks = self.unreasoned && self.used && self.unknown.is_none();
        lacks.then_some((
            "this `tagpin: ignore` does not say why",
            "write the reason behind it: `tagpin: ignore REASON`",
        ))
    }
}

/// An annotation that records a digest, on an object that owns a pod template.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RecordedDigest {
    /// The object's mapping: that of its sites' owner.
    pub object: NodeId,
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer of the annotation.
    pub path: String,
    /// The annotation's key.
    pub key: String,
    /// What it records.
    pub digest: Digest,
    /// Where the digest stands.
    pub place: SourceRange,
}

/// What stands behind the `until` of an ignore.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum IgnoreUntil {
    /// The last day on which it holds.
    Day(jiff::civil::Date),
    /// Something with digits in it that is not a date.
    NoDate(String),
}

/// A site and where it stands for a person. Spans are bytes from the start of the file.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Located {
    /// The site; its spans count from the start of the text, after a byte order mark.
    pub site: Site,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line that the site's main scalar ends on.
    pub end_line: usize,
    /// The column behind its last character.
    pub end_column: usize,
    /// How many bytes a byte order mark takes before the text.
    pub offset: usize,
    /// What deployers make of it; `None` where they leave it as it is.
    pub deployed: Option<Box<Deployed>>,
}

impl Located {
    /// Returns where a span of the site is in the file.
    pub fn in_file(&self, span: &Range<usize>) -> Range<usize> {
        span.start + self.offset..span.end + self.offset
    }

    /// Returns what runs here and whether that floats, as far as the tree tells: with the values of its variables, too.
    pub fn runs(&self) -> (State, Option<Reference>) {
        let filled = self.deployed.as_ref().and_then(|deployed| deployed.filled.as_deref());
        match (self.site.runs(), filled) {
            // A default that floats does so wherever nothing else is set.
            ((State::Skipped(_), _), Some(filled)) => classify(filled),
            (known, _) => known,
        }
    }

    /// Returns whether a kustomization changes the image somewhere: its object alone does not say what is deployed.
    pub fn is_overridden(&self) -> bool {
        self.deployed.as_ref().is_some_and(|deployed| deployed.is_overridden)
    }

    /// Returns the names that come out with its tag and digest, beside its own.
    pub fn renamed(&self) -> &[Renamed] {
        self.deployed.as_ref().map(|deployed| deployed.renamed.as_slice()).unwrap_or_default()
    }

    /// Returns where the site's main scalar is.
    pub fn place(&self) -> SourceRange {
        SourceRange {
            span: self.in_file(&self.site.span),
            line: self.line,
            column: self.column,
            end_line: self.end_line,
            end_column: self.end_column,
        }
    }
}
