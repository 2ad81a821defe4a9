//! Which chart something in a document installs, from where, and where its values stand.

use std::collections::BTreeMap;

use super::helm_parameters;
use super::kustomization::{below, is_kustomization};
use crate::manifest::rare::Blank;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What the documents of a file install, and where charts come from by what they say.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Releases {
    /// Charts with the values that they are given.
    pub installed: Vec<Release>,
    /// The repositories of charts that objects of Flux name.
    pub sources: Vec<ChartSource>,
    /// The ConfigMaps and Secrets with values, and what they are made of.
    #[serde(default)]
    pub maps: Vec<ValuesMap>,
}

impl Blank for Releases {
    const BLANK: &'static Self = &Self { installed: Vec::new(), sources: Vec::new(), maps: Vec::new() };
}

impl Releases {
    /// Adds what another part of the file says.
    pub(in crate::manifest) fn append(&mut self, other: Self) {
        let Self { installed, sources, maps } = other;
        self.installed.extend(installed);
        self.sources.extend(sources);
        self.maps.extend(maps);
    }
}

/// A ConfigMap or Secret that releases may take values from.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ValuesMap {
    /// `ConfigMap` or `Secret`, and its name.
    pub name: (String, String),
    /// The files below the tree's root that kustomize makes it of.
    pub files: Vec<String>,
    /// The document that it is itself.
    pub document: Option<usize>,
}

/// A chart with the values that it is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Release {
    /// The document that says so, from 0.
    pub document: usize,
    /// What is installed.
    pub chart: ChartRef,
    /// The JSON pointers in the document below which its values stand.
    pub values: Vec<String>,
    /// The parameters that it is given one by one: the JSON pointer of each scalar in the document, and in the values.
    pub parameters: BTreeMap<String, String>,
    /// The files below the tree's root with its values; one that ends with `/` is a directory, for the values in it.
    pub files: Vec<String>,
    /// The JSON pointer in these files below which they stand.
    pub below: String,
    /// The ConfigMaps and Secrets with its values, by kind and name.
    #[serde(default)]
    pub values_from: Vec<(String, String)>,
    /// The JSON pointers in its values that files give one by one.
    #[serde(default)]
    pub given_by_files: Vec<String>,
}

/// A chart, as it is named.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChartRef {
    /// Its name.
    pub name: String,
    /// Its version, a range of them, or nothing.
    pub version: String,
    /// Where it comes from.
    pub from: ChartOrigin,
}

/// Where a chart comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum ChartOrigin {
    /// Nobody says.
    #[default]
    Unknown,
    /// A repository of charts.
    Repository(String),
    /// An object of Flux: its kind and name.
    Object(String, String),
    /// A directory below the tree's root, as far as it is there.
    Directory(String),
}

/// A repository of charts that an object of Flux names.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ChartSource {
    /// The object's kind.
    pub kind: String,
    /// The object's name.
    pub name: String,
    /// The object's namespace, where it is written there.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The repository; of an `OCIRepository` the chart itself.
    pub url: String,
}

/// The key of a ConfigMap whose text is values where nobody names another (Flux, `valuesKey`).
pub(in crate::manifest) const VALUES_KEY: &str = "values.yaml";

/// Returns whether the file at `path` says what a chart is made of.
pub(in crate::manifest) fn is_chart_file(path: &str) -> bool {
    path.rsplit('/').next().unwrap_or(path) == "Chart.yaml"
}

/// Adds what the document at `root` of the file at `path` installs.
pub(in crate::manifest) fn releases(
    tree: &SyntaxTree<'_>,
    document: usize,
    root: NodeId,
    path: &str,
    into: &mut Releases,
) {
    let reader =
        ReleaseReader { tree, document, directory: path.rsplit_once('/').map_or("", |(above, _)| above) };
    let known = into.installed.len();
    reader.add(root, path, into);
    let mut index = 0;
    into.installed.retain(|it| {
        index += 1;
        let lists = [&it.values, &it.files, &it.given_by_files];
        let has_values = lists.iter().any(|list| !list.is_empty())
            || !(it.parameters.is_empty() && it.values_from.is_empty());
        index <= known || has_values
    });
}
struct ReleaseReader<'r, 'a> {
    tree: &'r SyntaxTree<'a>,
    document: usize,
    directory: &'r str,
}

impl ReleaseReader<'_, '_> {
    fn add(&self, root: NodeId, path: &str, into: &mut Releases) {
        if is_chart_file(path) {
            into.installed.extend(self.dependencies(root));
        } else if is_kustomization(self.tree, root, path) {
            into.installed.extend(self.inflated(root));
            into.maps.extend(self.generated(root));
        } else if self.tree.get(root, "releases").is_some() {
            into.installed.extend(self.helmfile(root));
        } else if path.rsplit('/').next() == Some("fleet.yaml") {
            into.installed.extend(self.fleet(root));
        }
        let tree = self.tree;
        if tree.get_str(root, "kind") == Some("ConfigMap") {
            let name =
                tree.get(root, "metadata").map(|metadata| self.text(metadata, "name")).unwrap_or_default();
            let has_values = tree.get(root, "data").is_some_and(|data| tree.get(data, VALUES_KEY).is_some());
            let name = ("ConfigMap".to_owned(), name);
            let document = Some(self.document);
            into.maps.extend(has_values.then_some(ValuesMap { name, files: Vec::new(), document }));
            return;
        }
        let (Some(version), Some(kind), Some(spec)) =
            (tree.get_str(root, "apiVersion"), tree.get_str(root, "kind"), tree.get(root, "spec"))
        else {
            return;
        };
        match (version.split('/').next().unwrap_or_default(), kind) {
            ("helm.toolkit.fluxcd.io", "HelmRelease") => into.installed.extend(self.flux(spec)),
            ("argoproj.io", "Application") => into.installed.extend(self.argo(spec)),
            ("argoproj.io", "ApplicationSet") => {
                let spec = tree.get(spec, "template").and_then(|template| tree.get(template, "spec"));
                into.installed.extend(spec.map(|spec| self.argo(spec)).unwrap_or_default());
            }
            ("helm.cattle.io", "HelmChart") => into.installed.extend(self.k3s(spec)),
            ("source.toolkit.fluxcd.io", kind) => {
                let metadata = tree.get(root, "metadata");
                let name = metadata.and_then(|metadata| tree.get_str(metadata, "name"));
                if let (Some(name), Some(url)) = (name, tree.get_str(spec, "url")) {
                    let (kind, name, url) = (kind.to_owned(), name.to_owned(), url.to_owned());
                    let namespace = metadata.and_then(|metadata| tree.get_str(metadata, "namespace"));
                    let namespace = namespace.map(str::to_owned);
                    into.sources.push(ChartSource { kind, name, namespace, url });
                }
            }
            _ => {}
        }
    }

    fn text(&self, node: NodeId, key: &str) -> String {
        self.tree.get_str(node, key).unwrap_or_default().to_owned()
    }

    fn list(&self, node: NodeId, key: &str) -> &[NodeId] {
        self.tree.get(node, key).map(|list| self.tree.items(list)).unwrap_or_default()
    }

    /// Returns the pointers to what stands under `keys`, where it is there.
    fn pointers(&self, node: NodeId, keys: &[&str]) -> Vec<String> {
        let found = keys.iter().filter_map(|key| self.tree.get(node, key));
        found.map(|node| self.tree.pointer(node)).collect()
    }

    fn parameters(&self, list: Option<NodeId>) -> BTreeMap<String, String> {
        let found = list.map(|list| helm_parameters::parameters(self.tree, list)).unwrap_or_default();
        found.into_iter().map(|(keys, value)| (self.tree.pointer(value), pointer(&keys))).collect()
    }

    fn release(&self, chart: ChartRef) -> Release {
        Release { document: self.document, chart, ..Release::default() }
    }

    /// The charts inside a chart, whose values stand under their names in the values of the chart.
    fn dependencies(&self, root: NodeId) -> Vec<Release> {
        let directory =
            if self.directory.is_empty() { String::new() } else { format!("{}/", self.directory) };
        let dependency = |node: &NodeId| {
            let chart = self.named(*node, ["name", "version", "repository"]);
            let alias = self.text(*node, "alias");
            let below = if alias.is_empty() { chart.name.clone() } else { alias };
            let below = format!("/{}", below.replace('~', "~0").replace('/', "~1"));
            Release { files: vec![directory.clone()], below, ..self.release(chart) }
        };
        self.list(root, "dependencies").iter().map(dependency).collect()
    }

    fn named(&self, node: NodeId, [name, version, repository]: [&str; 3]) -> ChartRef {
        let repository = self.text(node, repository);
        let from = match repository.strip_prefix("file://") {
            Some(path) => below(self.directory, path).map_or(ChartOrigin::Unknown, ChartOrigin::Directory),
            None if repository.is_empty() => ChartOrigin::Unknown,
            None => ChartOrigin::Repository(repository),
        };
        ChartRef { name: self.text(node, name), version: self.text(node, version), from }
    }

    /// `helmCharts` of a kustomization.
    fn inflated(&self, root: NodeId) -> Vec<Release> {
        let chart = |node: &NodeId| {
            let chart = self.named(*node, ["name", "version", "repo"]);
            let more = self.list(*node, "additionalValuesFiles").iter();
            let more = more.filter_map(|file| self.tree.string_of(*file));
            let files = self.tree.get_str(*node, "valuesFile").into_iter().chain(more);
            let files = files.filter_map(|file| below(self.directory, file)).collect();
            Release { values: self.pointers(*node, &["valuesInline"]), files, ..self.release(chart) }
        };
        self.list(root, "helmCharts").iter().map(chart).collect()
    }

    /// The ConfigMaps and Secrets that a kustomization makes of files.
    fn generated(&self, root: NodeId) -> Vec<ValuesMap> {
        let kinds = [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")];
        let of = |(key, kind): (&str, &str)| {
            let map = |node: &NodeId| {
                let files = self.list(*node, "files").iter().filter_map(|file| self.tree.string_of(*file));
                let path =
                    |file: &str| below(self.directory, file.rsplit_once('=').map_or(file, |(_, path)| path));
                let name = (kind.to_owned(), self.text(*node, "name"));
                ValuesMap { name, files: files.filter_map(path).collect(), document: None }
            };
            self.list(root, key).iter().map(map).collect::<Vec<_>>()
        };
        kinds.into_iter().flat_map(of).filter(|map| !map.files.is_empty()).collect()
    }

    fn helmfile(&self, root: NodeId) -> Vec<Release> {
        let known = |name: &str| {
            let mut known = self.list(root, "repositories").iter();
            let found = known.find(|node| self.tree.get_str(**node, "name") == Some(name))?;
            Some(ChartOrigin::Repository(self.text(*found, "url")))
        };
        let release = |node: &NodeId| {
            let (chart, version) = (self.text(*node, "chart"), self.text(*node, "version"));
            let (repository, name) = chart.rsplit_once('/').unwrap_or(("", &chart));
            let is_path = chart.starts_with('.') || chart.starts_with('/');
            let from = match below(self.directory, &chart).filter(|_| is_path) {
                Some(path) => ChartOrigin::Directory(path),
                None if repository.contains("://") => ChartOrigin::Repository(repository.to_owned()),
                None => known(repository).unwrap_or_default(),
            };
            let chart = ChartRef { name: name.to_owned(), version, from };
            let values = self.list(*node, "values");
            let files = values.iter().filter_map(|file| below(self.directory, self.tree.string_of(*file)?));
            let inline = values.iter().filter(|values| self.tree.is_mapping(**values));
            Release {
                values: inline.map(|values| self.tree.pointer(*values)).collect(),
                parameters: self.parameters(self.tree.get(*node, "set")),
                files: files.collect(),
                ..self.release(chart)
            }
        };
        self.list(root, "releases").iter().map(release).collect()
    }

    fn flux(&self, spec: NodeId) -> Option<Release> {
        let of_chart = self.tree.get(spec, "chart").and_then(|chart| self.tree.get(chart, "spec"));
        let (name, version, reference) = match of_chart {
            Some(chart) => {
                (self.text(chart, "chart"), self.text(chart, "version"), self.tree.get(chart, "sourceRef")?)
            }
            None => (String::new(), String::new(), self.tree.get(spec, "chartRef")?),
        };
        let kind = self.text(reference, "kind");
        let from = match below("", &name).filter(|_| matches!(kind.as_str(), "GitRepository" | "Bucket")) {
            Some(path) => ChartOrigin::Directory(path),
            None => ChartOrigin::Object(kind, self.text(reference, "name")),
        };
        let chart = ChartRef { name, version, from };
        let named = |node: &NodeId| (self.text(*node, "kind"), self.text(*node, "name"));
        let values_from = self.list(spec, "valuesFrom").iter().map(named).collect();
        // From the root of the repository that the chart comes from.
        let files = of_chart.filter(|_| matches!(chart.from, ChartOrigin::Directory(_)));
        let files = files.map(|chart| self.values_files(chart, "")).unwrap_or_default();
        Some(Release { values: self.pointers(spec, &["values"]), files, values_from, ..self.release(chart) })
    }

    fn values_files(&self, node: NodeId, directory: &str) -> Vec<String> {
        let files = self.list(node, "valuesFiles").iter().filter_map(|file| self.tree.string_of(*file));
        let files = files.chain(self.tree.get_str(node, "valuesFile"));
        files.filter_map(|file| below(directory, file)).collect()
    }

    /// `fleet.yaml`, and what it changes for some clusters.
    fn fleet(&self, root: NodeId) -> Vec<Release> {
        let others = self.list(root, "targetCustomizations").iter();
        let all = std::iter::once(&root).chain(others).filter_map(|part| self.tree.get(*part, "helm"));
        let release = |helm: NodeId| {
            let mut chart = self.named(helm, ["chart", "version", "repo"]);
            let is_path = matches!(chart.from, ChartOrigin::Unknown) && !chart.name.contains("://");
            if let Some(path) = below(self.directory, &chart.name).filter(|_| is_path) {
                chart.from = ChartOrigin::Directory(path);
            }
            let files = self.values_files(helm, self.directory);
            Release { files, ..self.release(chart) }
        };
        all.map(release).collect()
    }

    fn argo(&self, spec: NodeId) -> Vec<Release> {
        let sources = self.tree.get(spec, "source").into_iter();
        let sources = sources.chain(self.list(spec, "sources").iter().copied());
        let release = |source: NodeId| {
            let helm = self.tree.get(source, "helm")?;
            let mut chart = self.named(source, ["chart", "targetRevision", "repoURL"]);
            let path = self.text(source, "path");
            if chart.name.is_empty() {
                chart.from = below("", &path).map_or(ChartOrigin::Unknown, ChartOrigin::Directory);
            }
            let files = self.list(helm, "valueFiles").iter().filter_map(|file| {
                // `$name/…` is in another source, which may be this repository; others are beside the chart.
                let file = self.tree.string_of(*file)?;
                match file.strip_prefix('$').and_then(|file| file.split_once('/')) {
                    Some((_, file)) => below("", file),
                    None if chart.name.is_empty() => below(&path, file),
                    None => None,
                }
            });
            let files = files.collect();
            Some(Release {
                values: self.pointers(helm, &["valuesObject", "values"]),
                parameters: self.parameters(self.tree.get(helm, "parameters")),
                given_by_files: self.given_by_files(helm),
                files,
                ..self.release(chart)
            })
        };
        sources.filter_map(release).collect()
    }

    /// `fileParameters`, whose values are texts of files.
    fn given_by_files(&self, helm: NodeId) -> Vec<String> {
        let names =
            self.list(helm, "fileParameters").iter().filter_map(|node| self.tree.get_str(*node, "name"));
        names.map(|name| pointer(&helm_parameters::keys(name))).collect()
    }

    fn k3s(&self, spec: NodeId) -> Option<Release> {
        let mut chart = self.named(spec, ["chart", "version", "repo"]);
        if let Some((repository, name)) =
            chart.name.rsplit_once('/').filter(|(above, _)| above.contains("://"))
        {
            (chart.from, chart.name) = (ChartOrigin::Repository(repository.to_owned()), name.to_owned());
        }
        let values = self.pointers(spec, &["valuesContent"]);
        let parameters = self.parameters(self.tree.get(spec, "set"));
        Some(Release { values, parameters, ..self.release(chart) })
    }
}

/// Returns the JSON pointer that leads through `keys`.
fn pointer(keys: &[String]) -> String {
    keys.iter().map(|key| format!("/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}
