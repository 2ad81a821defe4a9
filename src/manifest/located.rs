//! What was found in a file: images with their places, and what comments and annotations say of them.

use std::borrow::Cow;
use std::ops::Range;

use super::build_file::BuildFile;
use super::deploy::{Deployed, Renamed};
use super::formats::compose::ComposeFile;
use super::formats::{ImageStream, Kustomize, Releases, TestFiles};
use super::look_away::LookAway;
use super::module_names::ModuleNames;
use super::partial_image::PartialImage;
use super::rare::Rare;
use super::site::{Site, State, classify};
use super::source_range::SourceRange;
use super::switches::Switch;
use super::syntax::prefilter::NoImages;
use super::syntax::tree::{NodeId, WasRead};
use super::unread::Unread;
use crate::reference::{Digest, Reference};

/// Why a scan may say that there is nothing: none is made without a reason. Two of them are proofs that only those have to give who
/// looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Looked {
    /// It was read, for the gate by two readers; what they do not see alike is unread.
    Read(WasRead),
    /// No reader finds an image in its bytes.
    Proven(NoImages),
    /// The settings switch its format off, or its name is that of another language and its bytes are not.
    NotOurs,
    /// It cannot be read, which is said.
    Unread,
    /// Nobody read it as a whole: something is said of it, or found in parts of it.
    Told,
    /// It was looked at before, and what was found was kept.
    Remembered,
}

impl Looked {
    fn remembered() -> Self {
        Self::Remembered
    }
}

/// What a file holds. There is no empty one by default: [`Looked`] says why nothing is in it.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Scan {
    /// Why what is not in it is not there.
    #[serde(skip, default = "Looked::remembered")]
    pub(super) looked: Looked,
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
    pub kustomize: Rare<Kustomize>,
    /// The JSON pointers of the services that this file builds, where others may override it: the base of a Compose
    /// project.
    pub built: Vec<String>,
    /// What else a Compose file says of its services; nothing any more once builds are known.
    #[serde(skip)]
    pub compose: Rare<ComposeFile>,
    /// The charts that this file installs, and where charts come from.
    #[serde(default)]
    pub releases: Rare<Releases>,
    /// Whether it was read as values for a chart because a deployer takes it for such, whatever it is called.
    #[serde(default)]
    pub is_values: bool,
    /// The image names that a Skaffold configuration in this file builds.
    pub artifacts: Vec<String>,
    /// The ImageStreams of OpenShift that this file defines; nothing any more once images are known.
    #[serde(skip)]
    pub image_streams: Vec<ImageStream>,
    /// The files that the tests in this file name; nothing any more once images are known.
    #[serde(skip)]
    pub tests: Rare<TestFiles>,
    /// The JSON pointers below which a file of values says the registry of images that name none.
    #[serde(default)]
    pub registries: Vec<String>,
    /// What the names of a Terraform module are used for here.
    #[serde(skip)]
    pub module: Rare<ModuleNames>,
    /// What this Dockerfile makes of its arguments; nothing any more once builds are known.
    #[serde(skip)]
    pub build_file: Rare<BuildFile>,
    /// What keeps parts of the file from running: of the gate.
    #[serde(skip)]
    pub switches: Vec<Switch>,
    /// How many nodes were read.
    #[serde(skip)]
    pub nodes: usize,
}

impl Scan {
    /// Returns a scan with nothing in it, for a reason.
    pub(super) fn of(looked: Looked) -> Self {
        Self {
            looked,
            sites: Vec::new(),
            unread: Vec::new(),
            names_image: false,
            looks_away: Vec::new(),
            partials: Vec::new(),
            ignores: Vec::new(),
            recorded: Vec::new(),
            kustomize: Rare::default(),
            built: Vec::new(),
            releases: Rare::default(),
            is_values: false,
            artifacts: Vec::new(),
            image_streams: Vec::new(),
            tests: Rare::default(),
            compose: Rare::default(),
            registries: Vec::new(),
            module: Rare::default(),
            build_file: Rare::default(),
            switches: Vec::new(),
            nodes: 0,
        }
    }

    /// Returns what comes back where it was kept.
    #[cfg(test)]
    pub fn kept(self) -> Self {
        Self { looked: Looked::Remembered, nodes: 0, ..self }
    }

    /// Returns the scan of a file that cannot be read.
    pub(super) fn of_unread(unread: Unread) -> Self {
        let looks_away = LookAway::of_unread(&unread).into_iter().collect();
        Self { unread: vec![unread], looks_away, ..Self::of(Looked::Unread) }
    }

    /// Returns what is said of a file that nobody read as a whole.
    pub fn told(looks_away: Vec<LookAway>) -> Self {
        Self { looks_away, ..Self::of(Looked::Told) }
    }

    /// Returns the path by whose name the file at `path` was read.
    pub fn read_as<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if self.is_values { Cow::Owned(as_values(path)) } else { Cow::Borrowed(path) }
    }

    /// Returns whether the file has nothing to say, and somebody looked.
    pub fn is_empty(&self) -> bool {
        !matches!(self.looked, Looked::Unread | Looked::Told)
            && self.sites.is_empty()
            && self.unread.is_empty()
            && self.looks_away.is_empty()
            && self.partials.is_empty()
            && self.ignores.is_empty()
            && self.kustomize == Rare::default()
            && self.releases == Rare::default()
            && self.built.is_empty()
            && self.artifacts.is_empty()
            && self.image_streams.is_empty()
            && self.tests == Rare::default()
            && self.compose == Rare::default()
            && self.registries.is_empty()
            && self.module == Rare::default()
    }
}

/// Returns what the file at `path` would be called among values.
pub(super) fn as_values(path: &str) -> String {
    format!("{path}.values.yaml")
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
