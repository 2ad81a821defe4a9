//! What a deployer reads and tagpin does not, or not as the deployer does.

use std::collections::BTreeMap;
use std::ops::Range;

use super::inputs::Needs;
use super::source_range::SourceRange;
use super::unread::{Unread, UnreadReason};

/// Something that makes tagpin look away: what a deployer takes from there is not judged.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LookAway {
    /// Why.
    pub reason: LookAwayReason,
    /// What it is about: an image's name, where a link leads, a resource. It tells one from others of its reason in its
    /// file, and stays the same as long as nobody has to look again.
    pub what: String,
    /// Where; `None` where it is the file as a whole.
    pub spot: Option<LookAwaySpot>,
    /// What it depends on, as seen from its file's directory, and what stands for the content of that; the empty name is for
    /// what stands there itself. With other inputs it is not what was there before. Nothing where all is in `what`.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    #[serde(skip)]
    pub(super) needs: Needs,
}

/// Where in a file something makes tagpin look away.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LookAwaySpot {
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer in the document.
    pub path: String,
    /// Where it stands.
    pub place: SourceRange,
}

/// Why tagpin looks away: the closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub enum LookAwayReason {
    /// A comment gives the image to Flux.
    Flux,
    /// A symbolic link.
    Link,
    /// A symbolic link of before, to a file that the change edits and that has no name of a manifest.
    LinkToEdited,
    /// A submodule.
    Submodule,
    /// A kustomization builds on another repository.
    RemoteBase,
    /// A transformer, a generator or a configuration of a kustomization.
    KustomizePlugin,
    /// A chart that a kustomization renders.
    KustomizeChart,
    /// A replacement of a kustomization that writes into images.
    KustomizeReplacement,
    /// An operation of a JSON patch that takes an image from elsewhere in the object.
    PatchCopies,
    /// An operation of a JSON patch that writes a part of an image, or takes one away.
    PatchPart,
    /// A file that by its name only says what a test expects.
    Asserted,
    /// A file that is larger than tagpin reads.
    Size,
    /// A file in another encoding than UTF-8.
    Encoding,
    /// What Git has in place of a file that a filter makes.
    GitFilter,
    /// A template that does not lie in a chart.
    Template,
    /// An image in an object of a kind that describes images.
    Describes,
    /// A text inside a document that nobody can read as YAML.
    EmbeddedText,
    /// Kustomizations give an image without digest another name or tag wherever they build on it.
    Replaced,
    /// Skaffold builds an image.
    SkaffoldBuild,
    /// Compose builds an image that has no digest.
    ComposeBuild,
    /// A template of a chart whose name is not that of a manifest.
    ChartTemplate,
    /// A packed chart inside a chart.
    ChartArchive,
    /// A directory that a tool fetched.
    Vendored,
    /// A helper of a chart that names an image.
    ChartHelper,
    /// A helper of a chart that puts an image together.
    ChartHelperParts,
    /// An action of a chart's template that may write an image which stands nowhere.
    ChartAction,
    /// A deployer takes objects from a path that the settings leave out.
    Excluded,
    /// A plug-in of a deployer makes the objects.
    DeployerPlugin,
    /// A text reads like an image and stands where none is known.
    ImageLike,
    /// Something names, or deploys, what has an image without digest.
    LedTo,
    /// A value has the name of a variable that an image has in it.
    Fills,
    /// A digest is gone from its place.
    LostDigest,
    /// A tool changes images while they run.
    Updater,
}

impl LookAwayReason {
    /// Every reason.
    pub const ALL: [Self; 33] = [
        Self::Flux,
        Self::Link,
        Self::LinkToEdited,
        Self::Submodule,
        Self::RemoteBase,
        Self::KustomizePlugin,
        Self::KustomizeChart,
        Self::KustomizeReplacement,
        Self::PatchCopies,
        Self::PatchPart,
        Self::Asserted,
        Self::Size,
        Self::Encoding,
        Self::GitFilter,
        Self::Template,
        Self::Describes,
        Self::EmbeddedText,
        Self::Replaced,
        Self::SkaffoldBuild,
        Self::ComposeBuild,
        Self::ChartTemplate,
        Self::ChartArchive,
        Self::Vendored,
        Self::ChartHelper,
        Self::ChartHelperParts,
        Self::ChartAction,
        Self::Excluded,
        Self::DeployerPlugin,
        Self::ImageLike,
        Self::LedTo,
        Self::Fills,
        Self::LostDigest,
        Self::Updater,
    ];

    /// Returns the kebab-case reason for reports.
    pub fn as_str(self) -> &'static str {
        self.text().0
    }

    /// Returns what to do about it, as a sentence without a full stop.
    pub fn hint(self) -> &'static str {
        self.text().2
    }

    /// Its word, the sentence about it with `{}` for what it is about, and what to do about it.
    fn text(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Flux => (
                "flux-marker",
                "a comment gives `{}` to Flux: the tag that stands here is not judged",
                "write the digest beside the tag, or take the marker away",
            ),
            Self::Link => (
                "symlink",
                "it is a symbolic link to `{}`, which tagpin does not follow",
                "commit the file itself",
            ),
            Self::LinkToEdited => (
                "symlink-to-edited",
                "it is a symbolic link to `{}`, which the change edits and tagpin does not read",
                "commit the file itself",
            ),
            Self::Submodule => (
                "submodule",
                "it is a submodule, which tagpin does not read",
                "check its repository by itself",
            ),
            Self::RemoteBase => (
                "remote-base",
                "it builds on `{}`, which is not in this repository",
                "keep a copy here, or judge what is built with `tagpin check --rendered`",
            ),
            Self::KustomizePlugin => (
                "kustomize-plugin",
                "`{}` may write images when kustomize builds, and is not evaluated",
                "use `images` or `patches`, or judge what is built with `tagpin check --rendered`",
            ),
            Self::KustomizeChart => (
                "kustomize-chart",
                "kustomize renders the chart `{}`, whose own images are not seen",
                "judge what is built with `tagpin check --rendered`",
            ),
            Self::KustomizeReplacement => (
                "kustomize-replacement",
                "a replacement (`{}`) writes into an image when kustomize builds, and is not evaluated",
                "use `images`, or judge what is built with `tagpin check --rendered`",
            ),
            Self::PatchCopies => (
                "patch-copy",
                "an operation of this patch takes what it writes at `{}` from elsewhere",
                "write the image with `op: replace`",
            ),
            Self::PatchPart => (
                "patch-part",
                "an operation of this patch writes a part of an image at `{}`, and what comes out is not judged",
                "write the whole image with its digest",
            ),
            Self::Asserted => (
                "asserted",
                "the file's name says that a test only expects `{}`, and nobody runs it",
                "give the file another name where somebody does",
            ),
            Self::Size => (
                "too-large",
                "it is larger than tagpin reads",
                "split it, or exclude it if it is not a manifest",
            ),
            Self::Encoding => ("encoding", "it is not UTF-8", "save it as UTF-8"),
            Self::GitFilter => (
                "git-filter",
                "{} has the file, and Git only what stands for it: what it becomes is not judged",
                "commit the file itself, or exclude it if no image is in it",
            ),
            Self::Template => (
                "template",
                "it is a template outside of a chart: what it becomes is not judged",
                "check what is rendered from it with `tagpin check --rendered`, or exclude it",
            ),
            Self::Describes => (
                "describing-kind",
                "`{}` stands in an object of a kind that describes images: whether something runs it is not judged",
                "write the digest there too, or allow it with a reason",
            ),
            Self::EmbeddedText => (
                "embedded-text",
                "the text at `{}` is not YAML that tagpin can read, and may name an image",
                "write it as YAML, or check what is rendered from it with `tagpin check --rendered`",
            ),
            Self::Replaced => (
                "replaced",
                "every kustomization that builds on `{}` gives it another name or tag: whoever applies this file alone runs it as it is",
                "write a digest, or a placeholder without host and tag",
            ),
            Self::SkaffoldBuild => (
                "skaffold-build",
                "Skaffold builds `{}`, so that manifests with it are not judged: whoever applies them alone pulls it as it is",
                "judge what Skaffold renders with `tagpin check --rendered`",
            ),
            Self::ComposeBuild => (
                "compose-build",
                "a `build` makes `{}`, so that it is not judged: where it is pulled all the same, it may be anything",
                "write `pull_policy: build`, which never pulls, or a digest where it is pulled",
            ),
            Self::ChartTemplate => (
                "chart-template",
                "Helm renders it, and tagpin does not read it",
                "call it `.yaml`, or judge what is rendered with `tagpin check --rendered`",
            ),
            Self::ChartArchive => (
                "chart-archive",
                "it is a packed chart, whose own images are not seen",
                "judge what is rendered with `tagpin check --rendered`",
            ),
            Self::Vendored => (
                "vendored",
                "a tool fetched this directory, and it is left out: {}",
                "judge it too, with `--vendored` or `vendored = true` in [policy], or exclude it",
            ),
            Self::ChartHelper => (
                "chart-helper",
                "a helper in it names an image, and tagpin does not read it",
                "write the image with its digest into values, or judge what is rendered with `tagpin check --rendered`",
            ),
            Self::ChartHelperParts => (
                "chart-helper-parts",
                "a helper in it puts an image together, and what comes out is not judged",
                "judge what is rendered with `tagpin check --rendered`",
            ),
            Self::ChartAction => (
                "chart-action",
                "`{}` may write an image that stands nowhere, and what comes out is not judged",
                "write the image, or the value that is put into it, where its key stands, or judge what is rendered with `tagpin check --rendered`",
            ),
            Self::Excluded => (
                "excluded",
                "it deploys `{}`, where the settings leave files out: nobody judges them",
                "take the path out of `exclude`, or judge what is built with `tagpin check --rendered`",
            ),
            Self::DeployerPlugin => (
                "deployer-plugin",
                "the plug-in `{}` makes what is deployed, and is not evaluated",
                "judge what it makes with `tagpin check --rendered`",
            ),
            Self::ImageLike => (
                "image-like",
                "`{}` reads like an image, and stands where tagpin judges none",
                "write its digest too, or name the place in a [[location]]",
            ),
            Self::LedTo => (
                "led-to",
                "it now leads to {}, which has no digest",
                "write a digest there: `tagpin pin`, or allow it with a reason",
            ),
            Self::Updater => (
                "updater",
                "`{}` has a tool change the image while it runs: what is written here is not what runs",
                "let a pull request change it, or allow it with a reason",
            ),
            Self::LostDigest => (
                "lost-digest",
                "`{}` stood here, and its digest is gone: what runs instead is not judged",
                "write the digest of what runs instead, or allow it with a reason where nothing does",
            ),
            Self::Fills => (
                "fills",
                "it may fill `{}`, and what comes out is not judged",
                "write the digest too, or judge what is rendered with `tagpin check --rendered`",
            ),
        }
    }
}

impl LookAway {
    /// Returns a look-away of a file as a whole.
    pub fn of_file(reason: LookAwayReason, what: impl Into<String>) -> Self {
        Self { reason, what: what.into(), spot: None, inputs: BTreeMap::new(), needs: Needs::default() }
    }

    /// Returns a look-away at a place.
    pub(super) fn at(reason: LookAwayReason, what: impl Into<String>, spot: LookAwaySpot) -> Self {
        Self { spot: Some(spot), ..Self::of_file(reason, what) }
    }

    /// Returns it with what stands for its own content.
    #[must_use]
    pub(super) fn with_content(mut self, content: String) -> Self {
        self.inputs.insert(String::new(), content);
        self
    }

    /// Returns what keeps a whole file from being judged, where a deployer may read it all the same.
    pub(super) fn of_unread(unread: &Unread) -> Option<Self> {
        match unread.reason {
            UnreadReason::TooLarge => Some(Self::of_file(LookAwayReason::Size, "")),
            UnreadReason::NotUtf8 => Some(Self::of_file(LookAwayReason::Encoding, "")),
            UnreadReason::Symlink => Some(Self::of_file(LookAwayReason::Link, "")),
            _ => None,
        }
    }

    /// Returns what it is, as a sentence without a full stop.
    pub fn message(&self) -> String {
        let template = self.reason.text().1;
        if self.reason == LookAwayReason::Size && !self.what.is_empty() {
            return format!("it now leads to `{}`, which is larger than tagpin reads", self.what);
        }
        // Where a link leads is not always asked.
        if self.what.is_empty() {
            template.replace(" to `{}`", "")
        } else {
            template.replacen("{}", &self.what, 1)
        }
    }
}

/// A look-away whose place in the file is not counted yet.
#[derive(Clone, Debug)]
pub(super) struct FoundLookAway {
    pub(super) reason: LookAwayReason,
    pub(super) what: String,
    pub(super) document: usize,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    /// What stands for its own content.
    pub(super) content: Option<String>,
    pub(super) needs: Needs,
}
