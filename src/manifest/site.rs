//! A site: one place in one file where an image is named, and how a digest is written there.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use super::build_file::BuildArgument;
use super::syntax::language::Language;
use super::syntax::tree::NodeId;
use super::variable_text::with_defaults;
use crate::platform::Platform;
use crate::reference::{Digest, Reference, ReferenceError};

/// What a site is, offline.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum State {
    /// A tag, or no tag, which means `latest`.
    Floating,
    /// A well-formed digest.
    Pinned,
    /// Not something that tagpin resolves, and why.
    Skipped(Skip),
}

/// Why a site is skipped: the closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum Skip {
    /// `{{ … }}`; `${ … }` of HCL; `%i` of systemd
    Template,
    /// `${X}`, `$X`, `$(X)`
    Variable,
    /// `<…>`, `%…%`, `@…@`
    Placeholder,
    /// Nothing is written.
    Empty,
    /// What stands there is not an image reference.
    NotAReference,
    /// What follows the `@` is not a digest.
    MalformedDigest,
    /// The tag is not here: a Helm `tag: ""`, a kustomize entry without `newTag`.
    TagElsewhere,
    /// The registry is not here: another value says which one it is.
    RegistryElsewhere,
    /// An ImageStream of OpenShift has the image: the cluster asks no registry for the name that stands here.
    ImageStream,
    /// A build makes this image; nothing pulls it.
    BuildOutput,
    /// `scratch`, `ko://…`, `github.com/…`, `docker-archive:…` of a unit, `aws/codebuild/…`: nothing that a registry has;
    /// `localhost/…` and what its file says is never pulled.
    Unpullable,
    /// A digest and no tag: there is nothing to ask a registry for.
    DigestOnly,
    /// A comment says so.
    Ignored,
    /// Flux owns the line.
    ManagedByFlux,
    /// It looks like an image and stands where the catalogue knows of none.
    UnknownLocation,
    /// YAML inside a text that cannot be edited byte by byte.
    EmbeddedText,
    /// Every kustomization that builds on it gives another name or tag.
    Replaced,
    /// One tag for the images of many repositories.
    SharedTag,
    /// A test expects it (helm-unittest, Chainsaw, kuttl).
    Asserted,
    /// A chart of an OCI registry: what reads it asks for a version, and takes no digest beside it.
    ByVersion,
    /// An image that is written over several lines, encoded, or with a tag that its readers drop.
    NotEditable,
}

impl Skip {
    /// Returns the kebab-case reason for reports.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Variable => "variable",
            Self::Placeholder => "placeholder",
            Self::Empty => "empty",
            Self::NotAReference => "not-a-reference",
            Self::MalformedDigest => "malformed-digest",
            Self::TagElsewhere => "tag-elsewhere",
            Self::RegistryElsewhere => "registry-elsewhere",
            Self::ImageStream => "image-stream",
            Self::BuildOutput => "build-output",
            Self::Unpullable => "unpullable",
            Self::DigestOnly => "digest-only",
            Self::Ignored => "ignored",
            Self::ManagedByFlux => "managed-by-flux",
            Self::UnknownLocation => "unknown-location",
            Self::EmbeddedText => "embedded-text",
            Self::Replaced => "replaced",
            Self::SharedTag => "shared-tag",
            Self::Asserted => "asserted",
            Self::ByVersion => "by-version",
            Self::NotEditable => "not-editable",
        }
    }
}

/// How a digest gets into the file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Write {
    /// The scalar holds the whole reference, between `prefix` and `suffix`.
    Whole {
        /// The scalar.
        node: NodeId,
        /// What stands before the reference: `docker://`, or `name=` of a kustomize string.
        prefix: String,
        /// What stands behind it: the brace of a variable whose default it is.
        #[serde(default)]
        suffix: String,
    },
    /// A field of its own holds the digest.
    Digest {
        /// The scalar, possibly empty.
        node: NodeId,
        /// Whether it holds the hex digits alone.
        bare: bool,
    },
    /// The tag field holds `tag@digest`.
    Tag {
        /// The scalar.
        node: NodeId,
    },
    /// There is no digest field yet, and the format defines one.
    AddDigest {
        /// The mapping that gets the field.
        mapping: NodeId,
        /// The value after which the field is added.
        after: NodeId,
        /// The field's key.
        key: String,
        /// Whether it holds the hex digits alone.
        bare: bool,
    },
}

impl Write {
    /// Returns the field that a digest is written into, where it is not the image's own scalar: several images may
    /// read it through an anchor.
    pub fn field(&self) -> Option<NodeId> {
        match self {
            Self::Digest { node, .. } | Self::Tag { node } => Some(*node),
            Self::Whole { .. } | Self::AddDigest { .. } => None,
        }
    }
}

/// The Kubernetes object that a site belongs to.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ObjectOwner {
    /// The object's mapping.
    pub node: NodeId,
    /// The object's name, where it is written there.
    pub name: Option<Arc<str>>,
    /// The object's namespace, where it is written there.
    #[serde(default)]
    pub namespace: Option<Arc<str>>,
    /// Whether the object asks OpenShift to look names up among the ImageStreams of its namespace.
    #[serde(default)]
    pub resolves_names: bool,
    /// The container's name, where the site is a container of a pod template.
    pub container: Option<String>,
    /// Whether the object owns a pod template that is complete enough to be annotated.
    pub annotatable: bool,
    /// The object's annotations whose values start with a digest, where it is annotatable.
    pub digests: Arc<BTreeMap<String, String>>,
}

/// What another file has to say before a site counts: until then it is skipped.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Awaited {
    /// That the name whose value it is is an image (Terraform).
    Use,
    /// Where charts come from: the name of a `HelmRepository`, and its namespace where that is written.
    ChartRepository(String, Option<String>),
    /// That the variable of this name is an image, or its tag, in a Compose file.
    Variable(String),
    /// That the argument whose value it is stands in a `FROM` (Dockerfiles).
    BuildArgument(BuildArgument),
}

/// One place in one file where an image is named.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Site {
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer of the definition.
    pub path: String,
    /// The JSON pointers that lead here through an alias or a merge key.
    pub also_at: Vec<String>,
    /// The format's name.
    pub format: Arc<str>,
    /// The API group of the Kubernetes object; empty for the core's.
    pub group: Option<Arc<str>>,
    /// The kind of the Kubernetes object.
    pub kind: Option<Arc<str>>,
    /// The name of the Kubernetes object.
    pub name: Option<Arc<str>>,
    /// The Kubernetes object and container.
    pub owner: Option<ObjectOwner>,
    /// The one platform that the workload asks for, in so many words.
    pub platform: Option<Box<Platform>>,
    /// The main scalar.
    pub main: NodeId,
    /// The byte span of the main scalar, quotes included.
    pub span: Range<usize>,
    /// The spans of split fields, by what they hold.
    #[serde(deserialize_with = "known_fields")]
    pub fields: BTreeMap<&'static str, Range<usize>>,
    /// The block scalar whose text holds the site, where it is YAML inside YAML.
    pub inside: Option<NodeId>,
    /// Where the key of the mapping that holds split fields starts.
    pub parent: Option<usize>,
    /// The joined reference, as the user spelled it.
    pub image: String,
    /// The same, parsed; `None` where it is skipped.
    pub reference: Option<Reference>,
    /// What it is.
    pub state: State,
    /// How a digest is written here; `None` where it is skipped.
    pub write: Option<Write>,
    /// Whether the site splits its reference over fields of a chart, which may put the tag anywhere.
    pub chart: bool,
    /// The digest field of a chart's values.
    pub digest_field: Option<Box<DigestField>>,
    /// The mapping of a chart's values that has the tag and no digest field, and the tag in it.
    pub room: Option<(NodeId, NodeId)>,
    /// What another file has to say before it counts; `None` where the file says it all.
    #[serde(default)]
    pub awaits: Option<Box<Awaited>>,
}

/// A field of a chart's values that holds a digest, or will.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct DigestField {
    /// Its JSON pointer.
    pub path: String,
    /// The scalar.
    pub node: NodeId,
    /// What stands there.
    pub text: String,
}

/// Every word that [`Site::fields`] has.
const FIELDS: [&str; 5] = ["registry", "name", "repository", "tag", "digest"];

fn known_fields<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<&'static str, Range<usize>>, D::Error> {
    let fields: BTreeMap<String, Range<usize>> = serde::Deserialize::deserialize(deserializer)?;
    let known = |name: &str| FIELDS.into_iter().find(|known| *known == name);
    let unknown = |name: &str| serde::de::Error::custom(format!("no field `{name}`"));
    fields.into_iter().map(|(name, span)| Ok((known(&name).ok_or_else(|| unknown(&name))?, span))).collect()
}

impl Site {
    /// Takes the scalar for the image that it reads as, now that another file says so.
    pub(super) fn confirm(&mut self) {
        let (state, reference) = classify(&self.image);
        let is_open = !matches!(state, State::Skipped(_));
        (self.state, self.awaits) = (state, None);
        self.reference = reference.filter(|_| is_open);
        let (prefix, suffix) = (String::new(), String::new());
        self.write = is_open.then_some(Write::Whole { node: self.main, prefix, suffix });
    }

    pub(crate) fn skip(&mut self, skip: Skip) {
        self.state = State::Skipped(skip);
        (self.reference, self.write) = (None, None);
    }

    /// Counts the nodes of the site from `base` instead of 0.
    pub(super) fn renumber(&mut self, base: NodeId) {
        self.main += base;
        let owner = self.owner.iter_mut().map(|owner| &mut owner.node);
        let field = self.digest_field.iter_mut().map(|field| &mut field.node);
        owner.chain(field).chain(&mut self.inside).for_each(|node| *node += base);
        match &mut self.write {
            Some(Write::Whole { node, .. } | Write::Digest { node, .. } | Write::Tag { node }) => {
                *node += base;
            }
            Some(Write::AddDigest { mapping, after, .. }) => {
                (*mapping, *after) = (*mapping + base, *after + base);
            }
            None => {}
        }
    }

    /// Returns what runs here and whether that floats, as far as the file tells: also where nothing can be written, and
    /// where a variable has a default.
    pub fn runs(&self) -> (State, Option<Reference>) {
        match self.state {
            // Neither is there: other values say what it is.
            State::Skipped(Skip::RegistryElsewhere) if !names_version(&self.image) => (self.state, None),
            State::Skipped(
                Skip::EmbeddedText | Skip::NotEditable | Skip::RegistryElsewhere | Skip::ImageStream,
            ) => classify(&self.image),
            // Whether it is there already only the machine knows.
            State::Skipped(Skip::Unpullable) if !is_of_transport(&self.image) => classify(&self.image),
            // An expression has no default that stands in it.
            State::Skipped(Skip::Variable) if !self.image.contains('$') => (self.state, None),
            State::Skipped(Skip::Variable) => match with_defaults(&self.image).map(|text| classify(&text)) {
                // A default with a digest says nothing of what else may be set.
                Some(known @ (State::Floating, _)) => known,
                _ => (self.state, None),
            },
            state => (state, self.reference.clone()),
        }
    }

    /// Returns whether a build takes the image, and nobody deploys it.
    pub fn is_build_input(&self) -> bool {
        matches!(&*self.format, "bake" | "build-argument" | "dockerfile" | "devcontainer-feature")
    }

    /// Returns what the text is written in that the site stands [`inside`](Self::inside) of.
    pub(super) fn inner_language(&self) -> Language {
        match &*self.format {
            "nomad" => Language::Hcl,
            "gitlab-runner" => Language::Toml,
            _ => Language::Yaml,
        }
    }

    /// Returns the digest that is written now.
    pub fn digest(&self) -> Option<&Digest> {
        self.reference.as_ref().and_then(Reference::digest)
    }
}

/// Returns the state of `text` as a whole reference, and the reference where it is one.
pub fn classify(text: &str) -> (State, Option<Reference>) {
    if let Some(skip) = unresolvable(text) {
        return (State::Skipped(skip), None);
    }
    match Reference::parse(text) {
        Ok(reference) if reference.digest().is_none() && reference.tag().is_some_and(is_filled_in) => {
            (State::Skipped(Skip::Placeholder), None)
        }
        Ok(reference) => {
            let state = match (reference.digest(), reference.tag()) {
                (Some(_), _) => State::Pinned,
                (None, _) => State::Floating,
            };
            (state, Some(reference))
        }
        Err(ReferenceError::Digest) => (State::Skipped(Skip::MalformedDigest), None),
        Err(_) => (State::Skipped(Skip::NotAReference), None),
    }
}

fn names_version(image: &str) -> bool {
    Reference::parse(image).is_ok_and(|image| image.tag().is_some() || image.digest().is_some())
}

/// What chartpress fills in with the tag of what it builds.
const CHARTPRESS: &str = ":set-by-chartpress";

/// What kubebuilder writes for the image that `make` builds.
const KUBEBUILDER: [&str; 2] = ["controller", "controller:latest"];

/// Returns why `text` cannot be known from the file alone, if so.
pub fn unresolvable(text: &str) -> Option<Skip> {
    let placeholder = |open: char, close: char| {
        text.find(open).is_some_and(|at| text[at + 1..].find(close).is_some_and(|length| length > 0))
    };
    if text.is_empty() {
        Some(Skip::Empty)
    } else if text.contains('$') {
        Some(Skip::Variable)
    } else if text.contains("{{") || text.contains("{%") {
        Some(Skip::Template)
    } else if placeholder('<', '>')
        || placeholder('%', '%')
        || at_placeholder(text)
        || text.contains("((")
        || text.contains("###")
        || (text.len() > 2 && text.starts_with('#') && text.ends_with('#'))
        || KUBEBUILDER.contains(&text)
        || text.ends_with(CHARTPRESS)
        || is_placeholder(text)
    {
        Some(Skip::Placeholder)
    } else if text == "scratch" || UNPULLABLE.iter().any(|start| text.starts_with(start)) {
        Some(Skip::Unpullable)
    } else {
        None
    }
}

/// What says that an image comes from this machine (containers-transports(5)). To others it is a host, or a name.
const TRANSPORTS: [&str; 4] = ["containers-storage:", "docker-archive:", "docker-daemon:", "oci-archive:"];

/// Returns whether Podman takes an image from the machine that it runs on.
pub(super) fn is_of_transport(image: &str) -> bool {
    TRANSPORTS.iter().any(|transport| image.starts_with(transport))
}

/// What no registry has: packages of Go that ko builds, by their import paths too, and machines of CodeBuild.
const UNPULLABLE: [&str; 5] = ["ko://", "github.com/", "gitlab.com/", "bitbucket.org/", "aws/codebuild/"];

/// Returns whether a word says that an image will stand there.
fn is_placeholder(text: &str) -> bool {
    const WORDS: [&str; 5] = ["overrid", "overwritten", "replaceme", "tobereplaced", "changeme"];
    if text.contains(['/', ':', '@']) {
        return false;
    }
    let word: String = text.chars().filter(char::is_ascii_alphanumeric).collect();
    WORDS.iter().any(|known| word.contains(known))
}

/// Tags that a tool writes over: chartpress', and what people write for others to replace.
fn is_filled_in(tag: &str) -> bool {
    const WORDS: [&str; 5] = ["setbychartpress", "overrideme", "replaceme", "changeme", "setme"];
    let word: String = tag.chars().filter(char::is_ascii_alphanumeric).collect();
    WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// `@NAME@`, as autoconf and CMake write it.
fn at_placeholder(text: &str) -> bool {
    let mut parts = text.split('@');
    parts.next();
    match (parts.next(), parts.next()) {
        (Some(name), Some(_)) => {
            !name.is_empty()
                && name.bytes().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
        }
        _ => false,
    }
}
