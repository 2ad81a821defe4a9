//! The catalogue of image locations: which paths of which document name an image. Data, read from `catalogue.toml`.

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::Deserialize;

use super::yaml::{NodeId, Yaml};

/// The catalogue that tagpin ships.
pub static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
    // The file is part of the program, and a test reads it.
    toml::from_str(include_str!("catalogue.toml")).unwrap_or_default()
});

/// All known locations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Catalogue {
    /// Locations in Kubernetes objects.
    #[serde(default)]
    kubernetes: Vec<KubernetesEntry>,
    /// Kubernetes objects that name images without pulling them.
    #[serde(default)]
    kubernetes_ignore: Vec<Selector>,
    /// Other file formats.
    #[serde(default)]
    pub file: Vec<FileEntry>,
}

/// Which Kubernetes objects an entry is for.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Selector {
    /// The API group without version; any group where it is left out.
    group: Option<String>,
    /// The kinds; all of the group where it is left out.
    #[serde(default)]
    kinds: Vec<String>,
}

/// Locations in the objects of an API group.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct KubernetesEntry {
    group: Option<String>,
    #[serde(default)]
    kinds: Vec<String>,
    #[serde(default)]
    images: Vec<Pattern>,
    #[serde(default)]
    tagged_images: Vec<Pattern>,
    #[serde(default)]
    prefixed: Vec<Pattern>,
    #[serde(default)]
    fields: Vec<Pattern>,
    #[serde(default)]
    values: Vec<Pattern>,
    #[serde(default)]
    kustomize: Vec<Pattern>,
    #[serde(default)]
    kustomize_strings: Vec<Pattern>,
}

/// A file format: how it is recognised, and its locations.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FileEntry {
    /// The format's name in reports.
    pub format: String,
    /// The document has one of these paths.
    pub has: Vec<Pattern>,
    /// Where the content alone does not tell: the file name must match one of these (`*` at the end only).
    #[serde(default)]
    names: Vec<String>,
    #[serde(default)]
    images: Vec<Pattern>,
    #[serde(default)]
    prefixed: Vec<Pattern>,
    /// Lists of volumes, some of which are images (`type: image`, `source:`).
    #[serde(default)]
    pub image_volumes: Vec<Pattern>,
    /// An image beside one of these keys is what a build makes, not what is pulled.
    #[serde(default)]
    pub outputs_beside: Vec<String>,
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
    /// A mapping with split fields.
    Fields,
    /// Helm values.
    Values,
    /// A list of kustomize image entries.
    Kustomize,
    /// A list of kustomize image strings.
    KustomizeStrings,
}

impl KubernetesEntry {
    /// Returns the locations with their forms.
    pub fn locations(&self) -> impl Iterator<Item = (&Pattern, Form)> {
        [
            (&self.images, Form::Image),
            (&self.tagged_images, Form::TaggedImage),
            (&self.prefixed, Form::Prefixed),
            (&self.fields, Form::Fields),
            (&self.values, Form::Values),
            (&self.kustomize, Form::Kustomize),
            (&self.kustomize_strings, Form::KustomizeStrings),
        ]
        .into_iter()
        .flat_map(|(patterns, form)| patterns.iter().map(move |pattern| (pattern, form)))
    }
}

impl FileEntry {
    /// Tells whether the document at `root` of the file at `path` has this format.
    pub fn matches(&self, yaml: &Yaml<'_>, root: NodeId, path: &str) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        let name_matches = |pattern: &String| match pattern.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == pattern,
        };
        (self.names.is_empty() || self.names.iter().any(name_matches))
            && self.has.iter().any(|pattern| !pattern.find(yaml, root).is_empty())
    }

    /// Returns the locations with their forms.
    pub fn locations(&self) -> impl Iterator<Item = (&Pattern, Form)> {
        let images = self.images.iter().map(|pattern| (pattern, Form::Image));
        images.chain(self.prefixed.iter().map(|pattern| (pattern, Form::Prefixed)))
    }
}

impl Catalogue {
    /// Returns the entries for objects of `kind` in the API group of `api_version`.
    pub fn kubernetes(&self, api_version: &str, kind: &str) -> impl Iterator<Item = &KubernetesEntry> {
        let group = group_of(api_version).to_owned();
        let kind = kind.to_owned();
        self.kubernetes
            .iter()
            .filter(move |entry| selects(entry.group.as_deref(), &entry.kinds, &group, &kind))
    }

    /// Tells whether objects of this kind name images without pulling them.
    pub fn ignores(&self, api_version: &str, kind: &str) -> bool {
        let group = group_of(api_version);
        self.kubernetes_ignore
            .iter()
            .any(|selector| selects(selector.group.as_deref(), &selector.kinds, group, kind))
    }
}

fn selects(wanted_group: Option<&str>, kinds: &[String], group: &str, kind: &str) -> bool {
    wanted_group.is_none_or(|wanted| wanted == group)
        && (kinds.is_empty() || kinds.iter().any(|known| known == "*" || known == kind))
}

fn group_of(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// A path with `*` (any key or item) and `**` (any number of levels).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    Key(String),
    Any,
    Deep,
}

impl<'de> Deserialize<'de> for Pattern {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| {
            serde::de::Error::custom(format!("`{text}` is not a path: it must start with `/`"))
        })
    }
}

impl Pattern {
    /// Parses a JSON pointer with wildcards.
    pub fn parse(text: &str) -> Option<Self> {
        let segments = text.strip_prefix('/')?.split('/').map(|segment| match segment {
            "*" => Segment::Any,
            "**" => Segment::Deep,
            key => Segment::Key(key.replace("~1", "/").replace("~0", "~")),
        });
        Some(Self(segments.collect()))
    }

    /// Returns the nodes at this path below `root`, aliases and merge keys followed. A node that several aliases lead
    /// to may come more than once.
    pub fn find(&self, yaml: &Yaml<'_>, root: NodeId) -> Vec<NodeId> {
        self.find_with_holders(yaml, root).into_iter().map(|(node, _)| node).collect()
    }

    /// Returns the same nodes, each with the collection through which it was reached: not its parent where a merge
    /// key brought it in.
    pub fn find_with_holders(&self, yaml: &Yaml<'_>, root: NodeId) -> Vec<(NodeId, NodeId)> {
        let mut search = Search { yaml, seen: HashSet::new(), found: Vec::new() };
        search.descend(root, root, &self.0, DEPTH_MAX);
        search.found
    }
}

/// How deep a path goes. Chained aliases nest deeper than the text does, and the stack is finite.
const DEPTH_MAX: usize = 200;

struct Search<'y, 'a> {
    yaml: &'y Yaml<'a>,
    /// (node, segments left): the work is bounded by their product, whatever aliases do.
    seen: HashSet<(NodeId, usize)>,
    found: Vec<(NodeId, NodeId)>,
}

impl Search<'_, '_> {
    fn descend(&mut self, node: NodeId, holder: NodeId, segments: &[Segment], depth: usize) {
        let node = self.yaml.resolve(node);
        let Some(depth) = depth.checked_sub(1) else { return };
        let Some((first, rest)) = segments.split_first() else {
            self.found.push((node, holder));
            return;
        };
        if !self.seen.insert((node, segments.len())) {
            return;
        }
        match first {
            Segment::Key(key) => {
                if let Some(child) = self.yaml.get(node, key) {
                    self.descend(child, node, rest, depth);
                }
            }
            Segment::Any => {
                for child in children(self.yaml, node) {
                    self.descend(child, node, rest, depth);
                }
            }
            Segment::Deep => {
                self.descend(node, holder, rest, depth);
                for child in children(self.yaml, node) {
                    self.descend(child, node, segments, depth);
                }
            }
        }
    }
}

/// Returns the children of a collection; those that a merge key brings in included, unless they are overridden.
pub fn children(yaml: &Yaml<'_>, node: NodeId) -> Vec<NodeId> {
    if yaml.is_sequence(node) {
        return yaml.items(node).to_vec();
    }
    let mut keys = HashSet::new();
    let mut out = Vec::new();
    let mut mappings = vec![node];
    let mut visited = HashSet::new();
    while let Some(mapping) = mappings.pop() {
        if !visited.insert(yaml.resolve(mapping)) {
            continue;
        }
        for (key, value) in yaml.entries(mapping) {
            match yaml.text_of(*key) {
                Some("<<") => {
                    mappings.push(*value);
                    mappings.extend(yaml.items(*value).iter().rev());
                }
                Some(text) if keys.insert(text.to_owned()) => out.push(*value),
                _ => {}
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_catalogue_is_well_formed() {
        let catalogue: Catalogue = toml::from_str(include_str!("catalogue.toml")).unwrap();
        assert!(catalogue.kubernetes("tekton.dev/v1", "Task").count() >= 2);
        assert!(catalogue.ignores("apiextensions.k8s.io/v1", "CustomResourceDefinition"));
        assert!(!catalogue.ignores("apps/v1", "Deployment"));
    }

    #[test]
    fn paths_match_with_wildcards_through_aliases_and_merges() {
        let yaml = Yaml::parse("a: &a {b: [{c: 1}, {c: 2}]}\nd: *a\ne: {<<: *a, f: {c: 3}}\n");
        let root = yaml.documents[0].root.unwrap();
        let count = |pattern: &str| Pattern::parse(pattern).unwrap().find(&yaml, root).len();
        assert_eq!(count("/a/b/*/c"), 2);
        assert_eq!(count("/d/b/*/c"), 2);
        assert_eq!(count("/e/b/*/c"), 2);
        assert!(count("/**/c") >= 3);
        assert_eq!(count("/a/x"), 0);
    }

    #[test]
    fn aliases_that_multiply_do_not_multiply_the_work() {
        let mut text = String::from("a0: &a0 {image: x}\n");
        // More levels than these are not read at all.
        for i in 1..6 {
            text +=
                &format!("a{i}: &a{i} [*a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}, *a{p}]\n", p = i - 1);
        }
        let yaml = Yaml::parse(&text);
        let root = yaml.documents[0].root.unwrap();
        assert!(Pattern::parse("/**/image").unwrap().find(&yaml, root).len() < 100);
    }
}
