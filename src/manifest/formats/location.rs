//! An entry of the catalogue: which documents it is for, and what stands where in them.

use serde::{Deserialize, Serialize};

use super::pattern::Pattern;
use crate::manifest::syntax::language::Language;

/// Which documents an entry is for, and where images stand in them.
///
/// With `format` it is a file format: a document has it where one of the paths in `has` leads somewhere and, if `files`
/// is there, the file's name matches; the first entry that tagpin ships and that says so decides, and those of a configuration
/// add to it. An entry without `has` and `files` adds to its format. Without `format` it is for the Kubernetes objects of `group` and `kinds`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Location {
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The API group without version; any group where it is left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// The kinds; all where it is empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<String>,
    /// The file format's name in reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<String>,
    /// Globs: on the file's name, or on its whole path where they have a slash.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// The document has one of these paths.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub has: Vec<Pattern>,
    /// Scalars with a whole reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub images: Vec<Pattern>,
    /// The same, believed only where a tag or digest is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tagged_images: Vec<Pattern>,
    /// The same, believed only behind `docker://`, `docker-image://`, `oci://` or `registry://`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub prefixed: Vec<Pattern>,
    /// Arguments `--name=reference`, believed only where a tag or digest is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<Pattern>,
    /// Variables with a whole reference as their default, `${NAME:-reference}`, believed only with a tag or digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub defaults: Vec<Pattern>,
    /// Mappings that split the reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Pattern>,
    /// Mappings with an `oci://` address in `url`, and `tag` and `digest` in `ref`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Pattern>,
    /// Mappings that name a chart of an OCI registry, and its version.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charts: Vec<Pattern>,
    /// Helm values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<Pattern>,
    /// Helm values as YAML in a literal block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values_text: Vec<Pattern>,
    /// Parameters that a chart is given: lists of `{name, value}`, as `helm --set` takes them, or mappings of names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<Pattern>,
    /// Kubernetes objects, or patches of them, as YAML in a literal block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objects_text: Vec<Pattern>,
    /// Anything as YAML in a literal block, with containers of pods somewhere in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pods_text: Vec<Pattern>,
    /// The text of a file whose name stands beside it, as `dest` or `path`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files_text: Vec<Pattern>,
    /// A container, or a list of containers, each with its `image`, as JSON or YAML in a text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub containers_text: Vec<Pattern>,
    /// A Nomad job in a text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jobs_text: Vec<Pattern>,
    /// Mappings that say what is built, and with which arguments: those that the Dockerfile has in a `FROM`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub builds: Vec<Pattern>,
    /// Dockerfiles in a text: what they take by a tag is reported, never pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dockerfile_text: Vec<Pattern>,
    /// Expressions of CEL: what stands behind `image:` there is reported, never pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expressions: Vec<Pattern>,
    /// Lists of kustomize image entries.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kustomize: Vec<Pattern>,
    /// Lists of kustomize image strings.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kustomize_strings: Vec<Pattern>,
    /// Images that a build makes: reported, never pinned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<Pattern>,
    /// What is not an image at all, with everything below it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignore: Vec<Pattern>,
    /// Names that the document gives to images: an image that is one of them is not a reference.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Pattern>,
}

/// What stands at a location.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A scalar with a whole reference.
    Image,
    /// The same, with a tag or digest.
    TaggedImage,
    /// The same, with a prefix such as `docker://`.
    Prefixed,
    /// An argument with a whole reference behind its `=`.
    Argument,
    /// A variable with a whole reference as its default.
    Default,
    /// A mapping with split fields.
    Fields,
    /// A mapping with an `oci://` address and a `ref`.
    Artifact,
    /// A mapping that names a chart of an OCI registry.
    Chart,
    /// Helm values.
    Values,
    /// A list of parameters of a chart, or a mapping of them by name.
    Parameters,
    /// A list of kustomize image entries.
    Kustomize,
    /// A list of kustomize image strings.
    KustomizeStrings,
    /// An image that a build makes.
    Output,
}

impl Location {
    /// Returns what may be edited or is reported, with its form. What a build makes comes first: it is decided. What
    /// has a prefix is not a plain image.
    pub fn forms(&self) -> impl Iterator<Item = (&Pattern, Form)> {
        [
            (&self.outputs, Form::Output),
            (&self.arguments, Form::Argument),
            (&self.defaults, Form::Default),
            (&self.prefixed, Form::Prefixed),
            (&self.images, Form::Image),
            (&self.tagged_images, Form::TaggedImage),
            (&self.fields, Form::Fields),
            (&self.artifacts, Form::Artifact),
            (&self.charts, Form::Chart),
            (&self.values, Form::Values),
            (&self.parameters, Form::Parameters),
            (&self.kustomize, Form::Kustomize),
            (&self.kustomize_strings, Form::KustomizeStrings),
        ]
        .into_iter()
        .flat_map(|(patterns, form)| patterns.iter().map(move |pattern| (pattern, form)))
    }

    /// Returns the paths to YAML in literal blocks.
    pub fn texts(&self) -> impl Iterator<Item = (&Pattern, TextForm)> {
        let values = self.values_text.iter().map(|pattern| (pattern, TextForm::Values));
        let objects = self.objects_text.iter().map(|pattern| (pattern, TextForm::Objects));
        let containers = self.containers_text.iter().map(|pattern| (pattern, TextForm::Containers));
        let jobs = self.jobs_text.iter().map(|pattern| (pattern, TextForm::Job));
        let pods = self.pods_text.iter().map(|pattern| (pattern, TextForm::Pods));
        let files = self.files_text.iter().map(|pattern| (pattern, TextForm::File));
        values.chain(objects).chain(containers).chain(jobs).chain(pods).chain(files)
    }

    /// Returns sets of keys, with the API group beside them: every document in which this entry finds something spells all
    /// of one of them.
    pub(super) fn words(&self) -> Vec<(Vec<&str>, Option<&str>)> {
        let group = self.group.as_deref().filter(|group| !group.is_empty());
        let texts = self.texts().map(|(path, _)| path).chain(&self.dockerfile_text).chain(&self.expressions);
        let paths = self.forms().map(|(path, _)| path).chain(texts).chain(&self.builds);
        let mut rules = Vec::new();
        for path in paths {
            if self.has.is_empty() {
                rules.push((path.keys().collect(), group));
            }
            rules.extend(self.has.iter().map(|has| (path.keys().chain(has.keys()).collect(), group)));
        }
        rules
    }

    pub(super) fn is_for(&self, group: &str, kind: &str) -> bool {
        self.format.is_none()
            && self.group.as_deref().is_none_or(|wanted| wanted == group)
            && (self.kinds.is_empty() || self.kinds.iter().any(|known| known == "*" || known == kind))
    }
}

/// What YAML in a literal block holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextForm {
    /// Helm values.
    Values,
    /// A Kubernetes object or a patch of one.
    Objects,
    /// A container or a list of containers.
    Containers,
    /// Anything, with containers of pods somewhere in it.
    Pods,
    /// A file whose name stands beside it.
    File,
    /// A Nomad job.
    Job,
    /// The configuration of GitLab's runner.
    Runners,
}

impl TextForm {
    /// Returns what such a text is written in.
    pub(super) fn language(self) -> Language {
        match self {
            Self::Values | Self::Objects | Self::Containers | Self::Pods | Self::File => Language::Yaml,
            Self::Job => Language::Hcl,
            Self::Runners => Language::Toml,
        }
    }
}
