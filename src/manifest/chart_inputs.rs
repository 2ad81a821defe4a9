//! What else of a chart decides what its images become: definitions in any file of it, fields of `Chart.yaml`, files that
//! templates take, values that they ask instead of writing them out.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::{Bound, Range};
use std::rc::Rc;

use super::chart_asks::{AskedValues, ValueQuestions};
use super::chart_dependencies::{dependencies, imports, uses_of};
use super::content;
use super::deploy::{ChartSources, Deployers, ImageSlice};
use super::file_scan::FileScan;
use super::formats::helm_values::has_name;
use super::inputs;
use super::located::Located;
use super::scan::SIZE_MAX;
use super::site::{Skip, State};
use super::syntax::yaml;
use crate::source::tree::{EntryKind, Tree, TreeEntry, directory_of, path_from, path_to};

/// What files say that decides about an image, each with its path below the root.
type SaidByFiles = BTreeSet<(String, String)>;

/// Puts beside every image of `files` that a chart's templates complete what decides about it and is not judged where it
/// stands. The `entries` are all files of the tree, with their paths below the root.
pub(super) fn add<T: Tree>(
    tree: &T,
    entries: &[(TreeEntry, String)],
    deployers: &Deployers,
    files: &mut [FileScan],
) {
    let is_open = |located: &Located| match located.site.state {
        State::Skipped(Skip::Template | Skip::TagElsewhere) => true,
        State::Skipped(_) => located.site.image.contains("{{"),
        _ => false,
    };
    let mut families: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, file) in files.iter().enumerate() {
        if file.scan.sites.iter().any(is_open)
            && let Some(chart) = chart_of(&file.root_path, deployers)
        {
            families.entry(outermost(chart, deployers).to_owned()).or_default().push(index);
        }
    }
    if families.is_empty() {
        return;
    }
    let mut reader = ChartReader::new(tree, entries, deployers);
    for (family, members) in families {
        let texts = reader.templates(&family);
        let sources = ChartSources::of(&texts);
        for index in members {
            let file = &mut files[index];
            let Some(chart) = chart_of(&file.root_path, deployers) else { continue };
            let directory = directory_of(&file.root_path).to_owned();
            let at = sources.files.iter().position(|(path, _)| *path == file.root_path);
            let elsewhere = |said: SaidByFiles| -> SaidByFiles {
                said.into_iter().map(|(path, text)| (path_to(&directory, &path), text)).collect()
            };
            for located in file.scan.sites.iter_mut().filter(|located| is_open(located)) {
                let span = located.site.span.start + located.offset..located.site.span.end + located.offset;
                let mut said = match at {
                    Some(at) => {
                        let slice = sources.slice(at, &span);
                        let filled = reader.filled(&sources, &slice, (at, &span), chart);
                        if filled.is_some() {
                            located.deployed.get_or_insert_default().filled = filled;
                        }
                        let (own, others): (SaidByFiles, SaidByFiles) =
                            reader.said(chart, slice).into_iter().partition(|(path, _)| path.is_empty());
                        own.into_iter().chain(elsewhere(others)).collect()
                    }
                    None => elsewhere(reader.version_of(chart, &texts)),
                };
                said.extend(elsewhere(reader.of_dependency(chart)));
                if !said.is_empty() {
                    inputs::add(&mut located.deployed.get_or_insert_default().inputs, said);
                }
            }
        }
    }
}

/// Returns the nearest chart around a file.
pub(super) fn chart_of<'p>(path: &'p str, deployers: &Deployers) -> Option<&'p str> {
    let above = path.rmatch_indices('/').map(|(at, _)| &path[..at]).chain([""]);
    above.into_iter().find(|directory| deployers.charts.contains(*directory))
}

/// Returns the chart that a chart lies in, however deep; itself where there is none.
pub(super) fn outermost<'p>(chart: &'p str, deployers: &Deployers) -> &'p str {
    let mut found = chart;
    loop {
        let whole = format!("/{found}");
        let above = whole.rmatch_indices("/charts/").map(|(at, _)| whole[..at].trim_start_matches('/').len());
        let above = above.map(|length| &found[..length]).find(|above| deployers.charts.contains(*above));
        match above {
            Some(above) => found = above,
            None => return found,
        }
    }
}

pub(super) fn joined(directory: &str, name: &str) -> String {
    if directory.is_empty() { name.to_owned() } else { format!("{directory}/{name}") }
}

/// Reads what charts are made of.
pub(super) struct ChartReader<'e, T> {
    tree: &'e T,
    deployers: &'e Deployers,
    paths: BTreeMap<&'e str, &'e TreeEntry>,
    asked: AskedValues<'e, T>,
    known: HashMap<String, SaidByFiles>,
    /// What charts get from others, by their directories.
    around: HashMap<String, Rc<ChartSurroundings>>,
}

/// What a chart gets from others.
struct ChartSurroundings {
    /// The directories of the charts whose values reach it, its own first.
    charts: Vec<String>,
    /// What it takes of the values of those that it depends on.
    imports: BTreeSet<(String, String)>,
}

impl<'e, T: Tree> ChartReader<'e, T> {
    pub(super) fn new(tree: &'e T, entries: &'e [(TreeEntry, String)], deployers: &'e Deployers) -> Self {
        let files = entries.iter().filter(|(entry, _)| entry.kind == EntryKind::File);
        Self {
            tree,
            deployers,
            paths: files.map(|(entry, path)| (path.as_str(), entry)).collect(),
            asked: AskedValues::new(tree, entries, deployers),
            known: HashMap::new(),
            around: HashMap::new(),
        }
    }

    fn read(&self, path: &str) -> Option<String> {
        let bytes = self.tree.read(&self.paths.get(path)?.path, SIZE_MAX).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Returns the files below a directory.
    fn below(&self, directory: &str) -> Vec<&'e str> {
        let prefix = if directory.is_empty() { String::new() } else { format!("{directory}/") };
        let from: (Bound<&str>, Bound<&str>) = (Bound::Included(&prefix), Bound::Unbounded);
        let below = self.paths.range::<str, _>(from).map(|(path, _)| *path);
        below.take_while(|path| path.starts_with(&prefix)).collect()
    }

    /// Returns the paths and texts of all templates that share their definitions with those of a chart: its own, and those of
    /// the charts that it depends on, with whatever name.
    pub(super) fn templates(&self, chart: &str) -> Vec<(String, String)> {
        let (mut found, mut seen) = (BTreeMap::new(), BTreeSet::new());
        let mut open = vec![chart.to_owned()];
        while let Some(chart) = open.pop() {
            if !seen.insert(chart.clone()) {
                continue;
            }
            for path in self.below(&chart) {
                let rest = path.strip_prefix(chart.as_str()).unwrap_or(path);
                let rest = format!("/{}", rest.trim_start_matches('/'));
                if rest.starts_with("/templates/")
                    || (rest.starts_with("/charts/") && rest.contains("/templates/"))
                {
                    found.insert(path, ());
                }
                if path.ends_with("/Chart.yaml") && rest != "/Chart.yaml" && rest.starts_with("/charts/") {
                    open.push(directory_of(path).to_owned());
                }
            }
            let own = self.read(&joined(&chart, "Chart.yaml")).unwrap_or_default();
            open.extend(dependencies(&own, &chart).into_iter().map(|(_, directory)| directory));
        }
        let all = found.into_keys();
        all.filter_map(|path| Some((path.to_owned(), self.read(path)?))).collect()
    }

    /// Returns what decides about an image of a chart.
    pub(super) fn said(&mut self, chart: &str, slice: ImageSlice) -> SaidByFiles {
        let ImageSlice {
            said,
            chart: fields,
            asks_release,
            files,
            patterns,
            any_file,
            asks,
            asks_below,
            bases,
        } = slice;
        let mut found: SaidByFiles =
            said.into_iter().map(|(path, text)| (path, content::of_bytes(text.as_bytes()))).collect();
        let own = joined(chart, "Chart.yaml");
        if !fields.is_empty() {
            let text = self.read(&own).unwrap_or_default();
            found.extend(of_chart_file(&text, &fields).into_iter().map(|line| (own.clone(), line)));
        }
        if asks_release {
            let around = self.around(chart);
            found.extend(self.asked.of_release(&around.charts));
        }
        for name in files {
            // One that comes later is taken then.
            let path = path_from(chart, &name).unwrap_or(name);
            let text = self.read(&path).unwrap_or_default();
            found.insert((path, content::of_bytes(text.as_bytes())));
        }
        if any_file || !patterns.is_empty() {
            let patterns: Vec<_> = patterns.iter().filter_map(|it| globset::Glob::new(it).ok()).collect();
            let patterns: Vec<_> = patterns.iter().map(globset::Glob::compile_matcher).collect();
            let is_wanted = |path: &&&str| {
                let below = path.strip_prefix(chart).unwrap_or(path).trim_start_matches('/');
                any_file || patterns.iter().any(|pattern| pattern.is_match(below))
            };
            for path in self.files_of(chart).iter().filter(is_wanted) {
                let text = self.read(path).unwrap_or_default();
                found.insert(((*path).to_owned(), content::of_bytes(text.as_bytes())));
            }
        }
        if !(asks.is_empty() && asks_below.is_empty() && bases.is_empty()) {
            let around = self.around(chart);
            found.extend(self.asked.said(&around.charts, &ValueQuestions { asks, asks_below, bases }));
            found.extend(around.imports.iter().cloned());
        }
        found
    }

    fn around(&mut self, chart: &str) -> Rc<ChartSurroundings> {
        if let Some(known) = self.around.get(chart) {
            return Rc::clone(known);
        }
        let found = Rc::new(ChartSurroundings {
            charts: self.charts_around(chart),
            imports: imports(chart, &self.deployers.charts, |path| self.read(path)),
        });
        self.around.insert(chart.to_owned(), Rc::clone(&found));
        found
    }

    fn charts_around(&self, chart: &str) -> Vec<String> {
        let mut found = vec![chart.to_owned()];
        let above = chart.rmatch_indices('/').map(|(at, _)| &chart[..at]).chain([""]);
        found.extend(above.filter(|above| self.deployers.charts.contains(*above)).map(str::to_owned));
        found.dedup();
        for other in &self.deployers.charts {
            let text = self.read(&joined(other, "Chart.yaml")).unwrap_or_default();
            if text.contains("file://") && dependencies(&text, other).iter().any(|(_, inner)| inner == chart)
            {
                found.extend((!found.contains(other)).then(|| other.clone()));
            }
        }
        found
    }

    /// Returns the files of a chart that its templates may take.
    fn files_of(&self, chart: &str) -> Vec<&'e str> {
        let is_one = |path: &&str| {
            let rest = path.strip_prefix(chart).unwrap_or(path).trim_start_matches('/');
            // Values are judged as such; the rest of these is for people.
            let is_other = matches!(rest, "Chart.yaml" | "Chart.lock" | "values.schema.json" | ".helmignore")
                || has_name(rest)
                || (!rest.contains('/') && (rest.ends_with(".md") || rest == "LICENSE"));
            !(is_other || rest.starts_with("templates/") || rest.starts_with("charts/"))
        };
        self.below(chart).into_iter().filter(is_one).collect()
    }

    /// Returns the version of the application, where templates take it for a tag that is not among the values.
    fn version_of(&self, chart: &str, texts: &[(String, String)]) -> SaidByFiles {
        let is_used =
            |(_, text): &(String, String)| text.contains(".AppVersion") || text.contains("appVersion");
        if !texts.iter().any(is_used) {
            return BTreeSet::new();
        }
        let own = joined(chart, "Chart.yaml");
        let text = self.read(&own).unwrap_or_default();
        let fields = ["AppVersion".to_owned()].into();
        of_chart_file(&text, &fields).into_iter().map(|line| (own.clone(), line)).collect()
    }

    /// Returns under which names other charts take a chart, which decides where its values stand.
    fn of_dependency(&mut self, chart: &str) -> SaidByFiles {
        if let Some(known) = self.known.get(chart) {
            return known.clone();
        }
        let found = uses_of(chart, &self.deployers.charts, |path| self.read(path));
        self.known.insert(chart.to_owned(), found.clone());
        found
    }

    /// Returns what an image with values alone in it becomes, where that has a digest whichever values count.
    fn filled(
        &mut self,
        sources: &ChartSources<'_>,
        slice: &ImageSlice,
        (file, span): (usize, &Range<usize>),
        chart: &str,
    ) -> Option<String> {
        // What is more than values is not evaluated. What conditions ask decides whether it comes out, and not what it is then.
        let is_plain = slice.asks_below.is_empty()
            && slice.said.is_empty()
            // A version of the application that stands in for a value that is there.
            && slice.chart.iter().all(|field| field == "AppVersion")
            && !slice.asks_release
            && slice.files.is_empty()
            && slice.patterns.is_empty()
            && !slice.any_file;
        let parts = sources.plain(file, span).filter(|_| is_plain)?;
        let charts = &self.around(chart).charts;
        if !imports(chart, &self.deployers.charts, |path| self.read(path)).is_empty() {
            return None;
        }
        let mut image = String::new();
        for part in parts {
            match part {
                Ok(text) => image.push_str(text),
                Err(key) => image.push_str(&self.asked.only(charts, &key)?),
            }
        }
        let image = image.trim().trim_matches(['"', '\'']).to_owned();
        (super::site::classify(&image).0 == State::Pinned).then_some(image)
    }
}

/// Returns what a `Chart.yaml` says of some fields, as templates call them.
fn of_chart_file(text: &str, fields: &BTreeSet<String>) -> Vec<String> {
    let parsed = yaml::parse(text);
    let Some(root) = parsed.documents.first().and_then(|document| document.root) else { return Vec::new() };
    let entries =
        parsed.entries(root).iter().filter_map(|(key, value)| Some((parsed.text_of(*key)?, *value)));
    let is_wanted = |key: &str| {
        // Of all, the version alone says nothing else.
        fields.iter().any(|field| field.eq_ignore_ascii_case(key))
            || (fields.contains("") && !matches!(key, "version" | "dependencies"))
    };
    let said = entries.filter(|(key, _)| is_wanted(key));
    said.map(|(key, value)| match parsed.text_of(value) {
        Some(_) => format!("{key}={}", parsed.written(value)),
        None => format!("{key}={}", content::of_node(&parsed, value)),
    })
    .collect()
}
