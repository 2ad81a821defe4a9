//! The catalogue of image locations: which paths of which document name an image. Data, read from `catalogue.toml`;
//! a trusted configuration adds `[[location]]` entries with the same syntax.

use std::collections::{BTreeSet, HashMap};
use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use serde::Deserialize;

use super::known_charts::{self, KnownChart};
pub use super::location::{Form, Location, TextForm};
use super::pattern::Pattern;
use crate::manifest::syntax::prefilter::{NoImages, Prefilter};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The catalogue that tagpin ships.
pub static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    let data: Data = toml::from_str(include_str!("catalogue.toml")).unwrap_or_default();
    Catalogue::new(data, known_charts::built_in())
});

/// The API group of the objects that name repositories of charts.
const CHART_SOURCES: &str = "source.toolkit.fluxcd.io";

/// Every document that says something of an ImageStream of OpenShift spells it: `ImageStream`, `ImageStreamTag`.
const IMAGE_STREAMS: &str = "ImageStream";

/// `catalogue.toml` as it is written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Data {
    #[serde(default)]
    location: Vec<Location>,
    #[serde(default)]
    not_pulled: Vec<Selector>,
    #[serde(default)]
    asserted: Vec<Asserted>,
    #[serde(default)]
    image_keys: Vec<String>,
    #[serde(default)]
    image_annotations: Vec<String>,
}

/// The API groups of the tests that name files.
pub(super) const CHAINSAW: &str = "chainsaw.kyverno.io";
pub(super) const KUTTL: &str = "kuttl.dev";

/// What the tests of helm-unittest spell that name files.
const UNIT_TESTS: [&str; 2] = ["asserts", "values"];

/// What the configuration of GitLab's runner spells, in which no key is one of YAML.
pub(super) const RUNNERS: &str = "[[runners]]";

/// How the hosts of Crossplane's packages begin, which any file may name as a `package`.
pub(super) const PACKAGES: &str = "xpkg.";

/// What documents of pipelines spell whose parameters may be images, though no key says so: the key, and the group.
const PARAMETERS: [(&str, &str); 2] = [("params", "tekton.dev"), ("parameters", "argoproj.io")];

/// All known locations.
#[derive(Clone, Debug)]
pub struct Catalogue {
    data: Data,
    /// How many of the locations are of a configuration: these come first.
    own: usize,
    /// The globs of [`Location::files`], in the order of the locations.
    files: Vec<Vec<GlobMatcher>>,
    /// Which of the locations are for objects of an API group; `None`: of any.
    of_group: HashMap<Option<Box<str>>, Vec<usize>>,
    /// The formats that nothing is found in.
    off: BTreeSet<String>,
    prefilter: Prefilter,
    /// Those of a configuration first.
    charts: Vec<KnownChart>,
}

/// Kubernetes objects that name images without pulling them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Selector {
    /// What they are, for people.
    pub title: String,
    /// The API group without version.
    pub group: String,
    /// The kinds; all of the group where it is empty.
    #[serde(default)]
    pub kinds: Vec<String>,
}

/// Where a test says what it expects: nobody pulls the images there.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Asserted {
    /// What it is, for people.
    pub title: String,
    /// The API group without version, of the object that holds the test.
    #[serde(default)]
    pub group: Option<String>,
    /// The format of the file that holds the test.
    #[serde(default)]
    pub format: Option<String>,
    /// Where, with everything below.
    pub paths: Vec<Pattern>,
}

/// The entries for a document that is no Kubernetes object.
#[derive(Clone, Debug, Default)]
pub(crate) struct FileEntries<'c> {
    /// Those of a configuration.
    pub(crate) own: Vec<&'c Location>,
    /// Those that tagpin ships, all of one format.
    pub(crate) known: Vec<&'c Location>,
}

impl<'c> FileEntries<'c> {
    /// Returns all of them.
    pub(crate) fn all(&self) -> Vec<&'c Location> {
        self.own.iter().chain(&self.known).copied().collect()
    }

    /// Returns the format: the one that tagpin knows, or that of a configuration.
    pub(crate) fn format(&self) -> Option<&'c str> {
        self.known.first().or(self.own.first())?.format.as_deref()
    }
}

impl Location {
    /// Returns whether tagpin ships it; the others are of a configuration.
    pub fn is_built_in(&self) -> bool {
        BUILT_IN.data.location.contains(self)
    }

    /// Returns what is wrong with an entry, in words that end a sentence about it.
    pub fn problem(&self) -> Option<&'static str> {
        let kubernetes = self.group.is_some() || !self.kinds.is_empty();
        let file = !self.has.is_empty() || !self.files.is_empty();
        match (&self.format, kubernetes) {
            (None, false) => Some("says neither `group` or `kinds` nor `format`: it is for no document"),
            (None, true) if file => Some("has `has` or `files`, which are for a `format`"),
            (Some(_), true) => Some("has `format` beside `group` or `kinds`: an object has no file format"),
            (Some(format), false) if format.trim().is_empty() => Some("has an empty `format`"),
            (Some(_), false) if !file && !BUILT_IN.has_format(self.format.as_deref()) => {
                Some("has a new `format`, and neither `has` nor `files` tells its documents")
            }
            _ if self.forms().next().is_none()
                && self.texts().next().is_none()
                && self.expressions.is_empty()
                && self.ignore.is_empty() =>
            {
                Some("names no path")
            }
            _ => self
                .files
                .iter()
                .any(|glob| compile(glob).is_none())
                .then_some("has a malformed glob in `files`"),
        }
    }
}

impl Catalogue {
    fn new(data: Data, charts: Vec<KnownChart>) -> Self {
        let globs = |location: &Location| location.files.iter().filter_map(|glob| compile(glob)).collect();
        let files = data.location.iter().map(globs).collect();
        // What says where charts come from has no image itself.
        let sources = (Vec::new(), Some(CHART_SOURCES));
        let streams = (Vec::new(), Some(IMAGE_STREAMS));
        let words = data.location.iter().flat_map(Location::words);
        let others = [CHAINSAW, KUTTL, RUNNERS, PACKAGES].map(|group| (Vec::new(), Some(group)));
        let suites = (UNIT_TESTS.to_vec(), None);
        let pipelines = PARAMETERS.map(|(key, group)| (vec![key], Some(group)));
        let prefilter =
            Prefilter::new(words.chain([sources, streams]).chain([suites]).chain(others).chain(pipelines));
        let mut of_group: HashMap<_, Vec<usize>> = HashMap::new();
        for (index, entry) in data.location.iter().enumerate() {
            of_group.entry(entry.group.as_deref().map(Box::from)).or_default().push(index);
        }
        Self { data, own: 0, files, of_group, off: BTreeSet::new(), prefilter, charts }
    }

    /// Returns this catalogue with the locations and charts of a configuration, which come first.
    #[must_use]
    pub fn with(&self, locations: &[Location], charts: &[KnownChart]) -> Self {
        let mut data = self.data.clone();
        data.location.splice(0..0, locations.iter().cloned());
        let charts = charts.iter().chain(&self.charts).cloned().collect();
        Self { off: self.off.clone(), own: self.own + locations.len(), ..Self::new(data, charts) }
    }

    /// Returns this catalogue, which finds nothing in documents of these formats.
    #[must_use]
    pub fn without(self, formats: &BTreeSet<String>) -> Self {
        Self { off: formats.clone(), ..self }
    }

    pub(in crate::manifest) fn is_off(&self, format: &str) -> bool {
        self.off.contains(format)
    }

    /// Returns the names of all formats, in order.
    pub fn formats(&self) -> BTreeSet<&str> {
        let named = self.data.location.iter().filter_map(|location| location.format.as_deref());
        let others = ["env-file", "kubernetes", "kustomize", "helm-values", "json-patch", "runner-labels"];
        named.chain(others).collect()
    }

    /// Returns the charts that are known without their templates.
    pub fn charts(&self) -> &[KnownChart] {
        &self.charts
    }

    /// Returns every location.
    pub fn locations(&self) -> &[Location] {
        &self.data.location
    }

    /// Returns the Kubernetes objects that name images without pulling them.
    pub fn not_pulled(&self) -> &[Selector] {
        &self.data.not_pulled
    }

    /// Returns where tests say what they expect.
    pub fn asserted(&self) -> &[Asserted] {
        &self.data.asserted
    }

    /// Returns the keys, beside those that end in `image`, whose values look like images.
    pub fn image_keys(&self) -> &[String] {
        &self.data.image_keys
    }

    /// Returns whether a key is one of [`Self::image_keys`], in any case.
    pub(super) fn is_image_key(&self, key: &str) -> bool {
        self.image_keys().iter().any(|known| known.eq_ignore_ascii_case(key))
    }

    /// Returns whether a key ends in one of [`Self::image_keys`]: `BUILDER_IMAGE_NAME`, `registrationImagePullSpec`.
    pub(super) fn ends_in_image_key(&self, key: &str) -> bool {
        // `image_name` is a word of reports.
        let is_constant = !key.bytes().any(|byte| byte.is_ascii_lowercase());
        let is_end = |known: &String| {
            let mut end = key.bytes().rev().filter(|byte| !is_constant || *byte != b'_');
            known.bytes().rev().all(|byte| end.next().is_some_and(|other| other.eq_ignore_ascii_case(&byte)))
        };
        self.image_keys().iter().any(is_end)
    }

    /// Returns the annotations that say which image a webhook adds to a pod; one `*` stands for anything.
    pub fn image_annotations(&self) -> &[String] {
        &self.data.image_annotations
    }

    pub(super) fn is_image_annotation(&self, key: &str) -> bool {
        self.image_annotations().iter().any(|known| match known.split_once('*') {
            Some((start, end)) => {
                key.len() >= start.len() + end.len() && key.starts_with(start) && key.ends_with(end)
            }
            None => known == key,
        })
    }

    /// Returns whether a document with these bytes can hold an image at all: every location names words that its
    /// documents must spell, and nothing in them may be read as another word.
    pub fn may_hold_images(&self, bytes: &[u8]) -> bool {
        self.proof_of_none(bytes).is_none()
    }

    /// Returns the proof that no reader finds an image in these bytes, if they give it.
    pub(crate) fn proof_of_none(&self, bytes: &[u8]) -> Option<NoImages> {
        self.prefilter.proof(bytes)
    }

    /// Returns whether the words that a document with images must spell stand in these bytes as they are.
    pub(crate) fn spells_words(&self, bytes: &[u8]) -> bool {
        self.prefilter.spells_words(bytes)
    }

    /// Returns the entries for objects of `kind` in the API group of `api_version`; what is known of all groups comes
    /// last.
    pub(crate) fn kubernetes(&self, api_version: &str, kind: &str) -> Vec<&Location> {
        let group = group_of(api_version);
        let of_group = |group: Option<&str>| self.of_group.get(&group.map(Box::from)).into_iter().flatten();
        let entries = of_group(Some(group)).chain(of_group(None)).map(|index| &self.data.location[*index]);
        entries.filter(|entry| entry.is_for(group, kind)).collect()
    }

    pub(crate) fn is_not_pulled(&self, api_version: &str, kind: &str) -> bool {
        let group = group_of(api_version);
        self.data.not_pulled.iter().any(|selector| {
            selector.group == group && (selector.kinds.is_empty() || selector.kinds.iter().any(|k| k == kind))
        })
    }

    /// Returns whether nothing is ever found in objects of this kind.
    pub(crate) fn is_silent(&self, api_version: &str, kind: &str) -> bool {
        self.is_not_pulled(api_version, kind)
            && self.kubernetes(api_version, kind).iter().all(|entry| entry.group.is_none())
    }

    /// Returns the entries for a document that is no Kubernetes object. What a configuration says of it comes beside what tagpin
    /// knows of it, and takes nothing away.
    pub(crate) fn format(&self, tree: &SyntaxTree<'_>, root: NodeId, path: &str) -> FileEntries<'_> {
        let matches = |index: usize, entry: &Location| {
            let globs = &self.files[index];
            // The content first: it costs less than a glob, and a file may have many documents.
            (entry.has.is_empty() || entry.has.iter().any(|has| has.is_in(tree, root)))
                && (globs.is_empty() || globs.iter().any(|glob| glob.is_match(path)))
        };
        let told = |entry: &Location| !entry.has.is_empty() || !entry.files.is_empty();
        let files = || self.data.location.iter().enumerate().filter(|(_, entry)| entry.format.is_some());
        let known = || files().skip_while(|(index, _)| *index < self.own);
        let own = || files().take_while(|(index, _)| *index < self.own);
        let first = known().find(|(index, entry)| told(entry) && matches(*index, entry));
        let mut formats: Vec<&Option<String>> = first.iter().map(|(_, entry)| &entry.format).collect();
        let is_for = |(index, entry): &(usize, &Location)| told(entry) && matches(*index, entry);
        formats.extend(own().filter(is_for).map(|(_, entry)| &entry.format));
        let is_one = |(index, entry): &(usize, &Location)| {
            formats.contains(&&entry.format) && (!told(entry) || matches(*index, entry))
        };
        let own: Vec<&Location> = own().filter(is_one).map(|(_, entry)| entry).collect();
        // What tagpin knows of a format that is off says nothing, also not that the file has it.
        let is_off = |(_, first): &(usize, &Location)| {
            !own.is_empty() && first.format.as_deref().is_some_and(|format| self.is_off(format))
        };
        let format = first.filter(|first| !is_off(first)).map(|(_, first)| &first.format);
        let same = known().filter(|one| format == Some(&one.1.format) && is_one(one));
        FileEntries { known: same.map(|(_, entry)| entry).collect(), own }
    }

    fn has_format(&self, format: Option<&str>) -> bool {
        self.data.location.iter().any(|entry| entry.format.as_deref() == format)
    }
}

/// Compiles a glob; one without a slash is for the file's name, wherever the file lies.
fn compile(glob: &str) -> Option<GlobMatcher> {
    let glob = if glob.contains('/') { glob.to_owned() } else { format!("**/{glob}") };
    GlobBuilder::new(&glob).literal_separator(true).build().ok().map(|glob| glob.compile_matcher())
}

/// Returns the API group of an `apiVersion`: nothing for the core's.
pub(in crate::manifest) fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}
