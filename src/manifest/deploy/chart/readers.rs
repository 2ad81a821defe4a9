//! Which chart reads the values that stand in a file, and where in its values.

use std::collections::{BTreeMap, HashMap};

use super::charts::Charts;
use crate::manifest::deploy::tree_file::TreeFile;
use crate::manifest::formats::{ChartOrigin, ChartRef, KnownChart, Release, VALUES_KEY, ValuesMap};
use crate::manifest::located::Located;
use crate::source::tree::directory_of;

/// A chart that reads values of a file.
#[derive(Clone, Debug)]
pub(in crate::manifest) struct ValuesReader<'k> {
    /// The file that says so, and what the chart is called there; its directory where its templates stand beside the values.
    pub(in crate::manifest) by: (String, String),
    pub(super) chart: ReaderChart<'k>,
    /// The document of the file; `None` for all.
    document: Option<usize>,
    /// The JSON pointers in it below which the values stand.
    roots: Vec<String>,
    /// The scalars that are given one by one, and where they go.
    parameters: BTreeMap<String, String>,
    /// Whether it is a chart inside the one whose values stand there.
    pub(super) is_dependency: bool,
}

/// The chart, as far as it is known.
#[derive(Clone, Debug)]
pub(in crate::manifest) enum ReaderChart<'k> {
    /// Its templates stand in this directory.
    Templates(String),
    Known(&'k KnownChart),
    Unknown,
}

impl ValuesReader<'_> {
    /// Returns where something of the file stands in the values of the chart; `None` where it does not.
    pub(in crate::manifest) fn pointer(&self, document: usize, path: &str) -> Option<String> {
        if self.document.is_some_and(|own| own != document) {
            return None;
        }
        if let Some(pointer) = self.parameters.get(path) {
            return Some(pointer.clone());
        }
        let below = |root: &String| path.strip_prefix(root.as_str()).filter(|rest| rest.starts_with('/'));
        self.roots.iter().find_map(below).map(str::to_owned)
    }
}

/// Returns whether a site is of values that some chart reads.
fn is_of_values(located: &Located) -> bool {
    &*located.site.format == "helm-values"
}

/// Returns for each file the charts that read values of it.
pub(in crate::manifest) fn readers<'k>(
    files: &[TreeFile<'_>],
    charts: &Charts,
    known: &'k [KnownChart],
) -> Vec<Vec<ValuesReader<'k>>> {
    let sources = ChartRepositories::of(files);
    let find = |chart: &ChartRef| sources.find(chart, charts, known);
    let maps = ValuesMaps::of(files);
    let mut named: HashMap<&str, Vec<ValuesReader<'k>>> = HashMap::new();
    for (path, scan) in files {
        for release in &scan.releases.installed {
            let reader = of_file(path, release, find(&release.chart));
            let mut read: Vec<&str> = release.files.iter().map(String::as_str).collect();
            for (map_path, map) in maps.of_release(path, release) {
                read.extend(map.files.iter().map(String::as_str));
                if map.document.is_some() {
                    let roots = vec![format!("/data/{VALUES_KEY}")];
                    let reader = ValuesReader { document: map.document, roots, ..reader.clone() };
                    named.entry(map_path).or_default().push(reader);
                }
            }
            read.into_iter().for_each(|file| named.entry(file).or_default().push(reader.clone()));
        }
    }
    let of = |(path, scan): &TreeFile<'_>| {
        let own =
            scan.releases.installed.iter().filter(|it| !(it.values.is_empty() && it.parameters.is_empty()));
        let mut found: Vec<_> = own.map(|it| in_document(path, it, find(&it.chart))).collect();
        found.extend(named.get(path).into_iter().flatten().cloned());
        if scan.sites.iter().any(is_of_values) {
            let above = directory_of(path);
            let beside = if above.is_empty() { String::new() } else { format!("{above}/") };
            found.extend(named.get(beside.as_str()).into_iter().flatten().cloned());
            if charts.has(above) {
                found.push(beside_templates(above));
            }
        }
        found
    };
    files.iter().map(of).collect()
}

fn beside_templates(directory: &str) -> ValuesReader<'static> {
    ValuesReader {
        by: (directory.to_owned(), String::new()),
        chart: ReaderChart::Templates(directory.to_owned()),
        document: None,
        roots: vec![String::new()],
        parameters: BTreeMap::new(),
        is_dependency: false,
    }
}

fn of_file<'k>(path: &str, release: &Release, chart: ReaderChart<'k>) -> ValuesReader<'k> {
    ValuesReader {
        by: (path.to_owned(), release.chart.name.clone()),
        chart,
        document: None,
        roots: vec![release.below.clone()],
        parameters: BTreeMap::new(),
        is_dependency: !release.below.is_empty(),
    }
}

fn in_document<'k>(path: &str, release: &Release, chart: ReaderChart<'k>) -> ValuesReader<'k> {
    ValuesReader {
        by: (path.to_owned(), release.chart.name.clone()),
        chart,
        document: Some(release.document),
        roots: release.values.clone(),
        parameters: release.parameters.clone(),
        is_dependency: false,
    }
}

/// The ConfigMaps and Secrets with values, each with the file that says what it is made of.
struct ValuesMaps<'f>(HashMap<&'f (String, String), Vec<(&'f str, &'f ValuesMap)>>);

impl<'f> ValuesMaps<'f> {
    fn of(files: &'f [TreeFile<'_>]) -> Self {
        let mut found: HashMap<_, Vec<_>> = HashMap::new();
        for (path, scan) in files {
            for map in &scan.releases.maps {
                found.entry(&map.name).or_default().push((*path, map));
            }
        }
        Self(found)
    }

    /// Returns those that a release in the file at `path` takes values from: of several with one name those beside it, and
    /// none where they are all elsewhere.
    fn of_release(&self, path: &str, release: &Release) -> Vec<(&'f str, &'f ValuesMap)> {
        let named = release.values_from.iter().filter_map(|name| self.0.get(name));
        let near = |maps: &Vec<(&'f str, &'f ValuesMap)>| {
            if let [only] = maps.as_slice() {
                return vec![*only];
            }
            let is_beside = |(map, _): &&(&'f str, &'f ValuesMap)| directory_of(map) == directory_of(path);
            maps.iter().filter(is_beside).copied().collect()
        };
        named.flat_map(near).collect()
    }
}

/// The repositories of charts that objects of the tree name; `None` for two of one name.
struct ChartRepositories<'f>(HashMap<(&'f str, &'f str), Option<&'f str>>);

impl<'f> ChartRepositories<'f> {
    fn of(files: &'f [TreeFile<'_>]) -> Self {
        let mut found: HashMap<(&str, &str), Option<&str>> = HashMap::new();
        for source in files.iter().flat_map(|(_, scan)| &scan.releases.sources) {
            let url = source.url.as_str();
            let known = found.entry((&source.kind, &source.name)).or_insert(Some(url));
            *known = known.filter(|known| *known == url);
        }
        Self(found)
    }

    fn find<'k>(&self, chart: &ChartRef, charts: &Charts, known: &'k [KnownChart]) -> ReaderChart<'k> {
        let (name, repository) = match &chart.from {
            ChartOrigin::Directory(directory) if charts.has(directory) => {
                return ReaderChart::Templates(directory.clone());
            }
            ChartOrigin::Directory(_) | ChartOrigin::Unknown => return ReaderChart::Unknown,
            ChartOrigin::Repository(url) => (chart.name.as_str(), url.as_str()),
            ChartOrigin::Object(kind, name) => match self.0.get(&(kind.as_str(), name.as_str())) {
                // It is the chart itself.
                Some(Some(url)) if kind == "OCIRepository" => {
                    match url.trim_end_matches('/').rsplit_once('/') {
                        Some((repository, name)) => (name, repository),
                        None => return ReaderChart::Unknown,
                    }
                }
                Some(Some(url)) => (chart.name.as_str(), *url),
                _ => return ReaderChart::Unknown,
            },
        };
        // A configuration's own come first.
        let found = known.iter().find(|known| known.is(name, repository, &chart.version));
        found.map_or(ReaderChart::Unknown, ReaderChart::Known)
    }
}
