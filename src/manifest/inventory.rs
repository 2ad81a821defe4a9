//! Every image in a tree: which files are read, and what they hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::OnceLock;

use crate::manifest::deploy::{Charts, Deployers, Reading, TreeFile};
pub use crate::manifest::file_scan::FileScan;
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::located::{Located, Looked, Scan, as_values};
use crate::manifest::look_away::{LookAway, LookAwayReason};
use crate::manifest::scan::{self, SIZE_MAX, is_candidate, is_judged, is_read_unjudged};
use crate::manifest::syntax::language::Language;
use crate::manifest::template_home::is_template_home;
use crate::manifest::unread::{Unread, UnreadReason};
use crate::manifest::vendored::{VendoredPaths, VendoredTree, VendoredTrees};
use crate::manifest::{
    chart_actions, chart_inputs, chart_parts, chart_values, content, deploy, formats, inputs, not_read,
    switches, values_files, variables,
};
use crate::parallel;
use crate::repository_budget::{BudgetItem, OverBudget};
use crate::source::tree::{EntryKind, IN_HEAD, Tree, TreeEntry, TreeError, directory_of};

/// What the files of a tree hold.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Inventory {
    /// The files that name images or could not be read, sorted by path.
    pub files: Vec<FileScan>,
    /// The files of each kind that may name images and that tagpin does not read.
    #[serde(default)]
    pub not_read_files: BTreeMap<String, Vec<String>>,
    /// The vendored directories that were left out, sorted by path.
    #[serde(default)]
    pub vendored: Vec<VendoredTree>,
    /// What deployers take objects from: of the gate.
    #[serde(skip)]
    pub deployers: Deployers,
}

impl Inventory {
    /// Returns every site with its file, in order.
    pub fn sites(&self) -> impl Iterator<Item = (&FileScan, &Located)> {
        self.files.iter().flat_map(|file| file.scan.sites.iter().map(move |site| (file, site)))
    }

    /// Returns the files below the root that kustomizations apply as patches: these have only a part of an object.
    pub fn patches(&self) -> HashSet<&str> {
        let overlays = self.files.iter().flat_map(|file| &file.scan.kustomize.overlays);
        overlays.flat_map(|overlay| &overlay.patches).map(String::as_str).collect()
    }

    /// Returns everything that could not be read, with its file's path.
    pub fn unread(&self) -> impl Iterator<Item = (&str, &Unread)> {
        self.files.iter().flat_map(|file| file.scan.unread.iter().map(|unread| (file.path.as_str(), unread)))
    }
}

/// Reads every file of `tree` that may hold images and whose path below the repository's root is `wanted`, several at
/// a time. What deployers make of the images is beside them; for that, kustomizations are read that are not wanted.
/// `vendored` says what becomes of directories that a tool fetched.
///
/// # Errors
/// The tree itself cannot be read, or there is more in it than its budget allows. A file that cannot be read is in [`Inventory::unread`] instead.
pub fn take<T: Tree>(
    tree: &T,
    catalogue: &Catalogue,
    wanted: impl Fn(&str) -> bool,
    vendored: VendoredTrees,
) -> Result<Inventory, TreeError> {
    let scan = |_: &str, root_path: &str, bytes: &[u8]| scan::scan(root_path, bytes, catalogue);
    take_with(tree, false, catalogue, wanted, vendored, scan, |_, _| ()).map(|(inventory, ())| inventory)
}

/// What is known of images that were asked for, by the file below the tree's root and where the image begins in it, in bytes.
pub type ReadingsByImage = HashMap<(String, usize), Vec<Reading>>;

/// Does what [`take`] does, and returns beside it who reads the images that are `asked` about, by the path of their file below
/// the repository's root and where they start in its text.
///
/// # Errors
/// Those of [`take`].
pub fn take_with_readings<T: Tree>(
    tree: &T,
    catalogue: &Catalogue,
    wanted: impl Fn(&str) -> bool,
    vendored: VendoredTrees,
    asked: impl Fn(&str, &Located) -> bool,
) -> Result<(Inventory, ReadingsByImage), TreeError> {
    let look = |files: &[TreeFile<'_>], charts: &Charts| {
        let mut found = HashMap::new();
        for (file, (path, scan)) in files.iter().enumerate() {
            for (index, located) in scan.sites.iter().enumerate().filter(|(_, located)| asked(path, located))
            {
                let readings = deploy::readings(files, charts, catalogue.charts(), (file, index));
                found.insert(((*path).to_owned(), located.site.span.start), readings);
            }
        }
        found
    };
    let scan = |_: &str, root_path: &str, bytes: &[u8]| scan::scan(root_path, bytes, catalogue);
    take_with(tree, false, catalogue, wanted, vendored, scan, look)
}

/// Does what [`take`] does for the gate: see [`scan::scan_strictly`].
///
/// # Errors
/// Those of [`take`].
pub fn take_strictly<T: Tree>(
    tree: &T,
    catalogue: &Catalogue,
    wanted: impl Fn(&str) -> bool,
    vendored: VendoredTrees,
) -> Result<Inventory, TreeError> {
    let scan = |path: &str, root_path: &str, bytes: &[u8]| {
        // Where the command line names a file, nothing is known of those beside it.
        let is_chart = |directory: &str| {
            tree.is_named(path) || tree.read(&chart_file(path, root_path, directory), SIZE_MAX).is_ok()
        };
        scan::scan_strictly(root_path, bytes, catalogue, is_template_home(root_path, is_chart))
    };
    take_with(tree, true, catalogue, wanted, vendored, scan, |_, _| ()).map(|(inventory, ())| inventory)
}

/// Reads the tree; `look` sees it before anything is skipped for what deployers make of it.
fn take_with<T: Tree, L>(
    tree: &T,
    is_gate: bool,
    catalogue: &Catalogue,
    wanted: impl Fn(&str) -> bool,
    vendored: VendoredTrees,
    scan: impl Fn(&str, &str, &[u8]) -> Scan + Sync,
    look: impl FnOnce(&[TreeFile<'_>], &Charts) -> L,
) -> Result<(Inventory, L), TreeError> {
    let (mut entries, mut others, mut hidden) = (Vec::new(), Vec::new(), HashSet::new());
    let (mut foreign, mut all) = (Vec::new(), Vec::new());
    let (mut templates, mut paths) = (Vec::new(), VendoredPaths::default());
    let mut kinds: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for entry in tree.entries()? {
        let root_path = tree.root_path(&entry.path);
        if vendored != VendoredTrees::Read {
            paths.see(&entry.path, &root_path);
        }
        if is_gate {
            all.push((entry.clone(), root_path.clone()));
        }
        if root_path.starts_with("templates/") || root_path.contains("/templates/") {
            templates.push((entry.path.clone(), root_path.clone()));
        }
        let is_wanted = wanted(&root_path);
        let is_file = is_judged(&entry.path)
            || tree.is_named(&entry.path)
            || (!is_gate && is_read_unjudged(&root_path));
        if let Some(kind) = not_read::kind(&root_path).filter(|_| is_wanted && !is_file) {
            kinds.entry(kind.to_owned()).or_default().push(entry.path.clone());
        }
        if is_gate && is_wanted && Language::of(&root_path).is_some_and(|language| language != Language::Yaml)
        {
            foreign.push((entry.clone(), root_path.clone()));
        }
        match (is_file, is_wanted) {
            (true, true) => entries.push((entry, root_path)),
            (true, false) if formats::is_named(&root_path) => {
                hidden.insert(entry.path.clone());
                entries.push((entry, root_path));
            }
            (false, true) => others.push((entry, root_path)),
            (_, false) => {}
        }
    }
    let mut files = read_all(tree, &scan, &entries)?;
    let values = values_files::named(&files, &entries, &others);
    // What follows needs room, and no longer their paths.
    drop(entries);
    // A kustomization reads files of any name.
    let projects = if is_gate { variables::compose_files(tree, &all) } else { Vec::new() };
    let named = files.iter().flat_map(|file| file.scan.kustomize.files());
    let in_projects = projects.iter().flat_map(|(_, files)| files).map(String::as_str);
    let named: HashSet<&str> = named.chain(in_projects).collect();
    others.retain(|(_, root_path)| named.contains(root_path.as_str()));
    foreign.retain(|(_, root_path)| named.contains(root_path.as_str()));
    files.extend(read_all(tree, &scan, &others)?);
    // To kustomize they are YAML, whatever their names say.
    let as_yaml = |path: &str, root_path: &str, bytes: &[u8]| {
        scan(&format!("{path}.yaml"), &format!("{root_path}.yaml"), bytes)
    };
    let known: HashSet<&str> = foreign.iter().map(|(entry, _)| entry.path.as_str()).collect();
    files.retain(|file| !known.contains(file.path.as_str()));
    files.extend(read_all(tree, &as_yaml, &foreign)?);
    let as_values =
        |path: &str, root_path: &str, bytes: &[u8]| scan(&as_values(path), &as_values(root_path), bytes);
    values_files::replace(&mut files, read_all(tree, &as_values, &values)?);
    if is_gate {
        add_chart_parts(tree, catalogue, &all, &wanted, &mut files);
    }
    files.extend(tree.problems().iter().map(|problem| {
        let path = problem.path().to_owned();
        let scan = unreadable(UnreadReason::Unreadable, Some(problem.to_string()));
        FileScan { root_path: path.clone(), path, scan }
    }));
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let charts = charts(tree, &files, &templates, &all);
    let mut deployed: Vec<_> =
        files.iter_mut().map(|file| (file.root_path.as_str(), &mut file.scan)).collect();
    let seen = look(&deployed, &charts);
    tree.budget().compute(|| {
        deploy::apply(&mut deployed, &charts, catalogue.charts());
        if is_gate {
            deploy::settle(&mut deployed, &charts);
            variables::settle(tree, &all, &mut deployed);
        }
    })?;
    files.retain(|file| !file.scan.is_empty());
    let mut deployers = Deployers::default();
    if is_gate {
        deployers = Deployers::of(&files, all.iter().map(|(_, root_path)| root_path.as_str()));
        deployers.add_projects(projects);
        add_scripted(tree, &all, &deployers, &wanted, &mut files);
        let values = || add_chart_values(tree, &all, &charts, &deployers, &wanted, &mut files);
        tree.budget().compute(values)?;
        tree.budget().compute(|| chart_inputs::add(tree, &all, &deployers, &mut files))?;
        tree.budget().compute(|| chart_actions::add(tree, &all, &deployers, &wanted, &mut files))?;
    }
    inputs::look_up(tree, &all, &mut files);
    if is_gate {
        excluded(&mut files, &deployers, &all, &wanted);
        tree.budget().compute(|| switches::settle(tree, &all, &deployers, &mut files))?;
    }
    files.retain(|file| !hidden.contains(&file.path));
    let vendored = leave_out(tree, &mut files, &paths, vendored);
    Ok((Inventory { files, not_read_files: kinds, vendored, deployers }, seen))
}

/// Takes what is vendored out of the `files`; returns how much it was.
fn leave_out<T: Tree>(
    tree: &T,
    files: &mut Vec<FileScan>,
    paths: &VendoredPaths,
    how: VendoredTrees,
) -> Vec<VendoredTree> {
    let seen: Vec<_> =
        files.iter().map(|file| (file.path.as_str(), file.root_path.as_str(), &file.scan)).collect();
    let (indices, left) = paths.left_out(tree, &seen, how);
    let mut index = 0..;
    files.retain(|_| index.next().is_some_and(|index| !indices.contains(&index)));
    if how == VendoredTrees::Tell {
        files.extend(left.iter().map(|left| FileScan {
            path: left.tree.path.clone(),
            root_path: left.root_path.clone(),
            scan: Scan::told(vec![left.look_away()]),
        }));
        files.sort_by(|a, b| a.path.cmp(&b.path));
    }
    left.into_iter().map(|left| left.tree).collect()
}

/// Adds what Helm reads of charts beside manifests to where tagpin looks away.
fn add_chart_parts<T: Tree>(
    tree: &T,
    catalogue: &Catalogue,
    all: &[(TreeEntry, String)],
    wanted: &impl Fn(&str) -> bool,
    files: &mut Vec<FileScan>,
) {
    let charts = all.iter().map(|(_, root_path)| root_path.as_str());
    let charts: HashSet<&str> =
        charts.filter(|path| path.rsplit('/').next() == Some("Chart.yaml")).map(directory_of).collect();
    let known: HashMap<String, usize> =
        files.iter().enumerate().map(|(at, file)| (file.path.clone(), at)).collect();
    for (entry, root_path) in
        all.iter().filter(|(entry, root_path)| entry.kind == EntryKind::File && wanted(root_path))
    {
        let Some(part) = chart_parts::part_of(root_path, |directory| charts.contains(directory)) else {
            continue;
        };
        let found = match tree.read(&entry.path, SIZE_MAX) {
            Ok(bytes) => chart_parts::look_away(part, &bytes, catalogue),
            Err(_) => Some(LookAway::of_file(LookAwayReason::Size, "")),
        };
        let Some(found) = found else { continue };
        match known.get(&entry.path).and_then(|at| files.get_mut(*at)) {
            Some(file) => file.scan.looks_away.push(found),
            None => {
                let scan = Scan::told(vec![found]);
                files.push(FileScan { path: entry.path.clone(), root_path: root_path.clone(), scan });
            }
        }
    }
}

/// Says which programs that make objects lie where a deployer runs them.
fn add_scripted<T: Tree>(
    tree: &T,
    all: &[(TreeEntry, String)],
    deployers: &Deployers,
    wanted: &impl Fn(&str) -> bool,
    files: &mut Vec<FileScan>,
) {
    let is_one = |path: &str| path.ends_with(".jsonnet") || path.ends_with(".libsonnet");
    for (entry, root_path) in all.iter().filter(|(_, path)| is_one(path) && wanted(path)) {
        let is_below = |directory: &str| {
            directory.is_empty()
                || root_path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
        };
        if !deployers.names.values().flatten().any(|named| is_below(&named.path)) {
            continue;
        }
        let bytes = tree.read(&entry.path, SIZE_MAX).unwrap_or_default();
        let found = LookAway::of_file(LookAwayReason::Template, "").with_content(content::of_bytes(&bytes));
        let scan = Scan::told(vec![found]);
        let at = files.partition_point(|file| file.path < entry.path);
        files.insert(at, FileScan { path: entry.path.clone(), root_path: root_path.clone(), scan });
    }
}

/// Says which files that the settings leave out a file of `files` has a deployer take objects from.
fn excluded(
    files: &mut [FileScan],
    deployers: &Deployers,
    all: &[(TreeEntry, String)],
    wanted: &impl Fn(&str) -> bool,
) {
    let left_out = all.iter().map(|(_, root_path)| root_path.as_str());
    let left_out: BTreeSet<&str> = left_out.filter(|path| is_candidate(path) && !wanted(path)).collect();
    if left_out.is_empty() {
        return;
    }
    for file in files.iter_mut().filter(|file| wanted(&file.root_path)) {
        let mut paths: BTreeSet<&str> = BTreeSet::new();
        for named in deployers.names.get(&file.root_path).into_iter().flatten() {
            let below = if named.path.is_empty() { String::new() } else { format!("{}/", named.path) };
            let from: (Bound<&str>, Bound<&str>) = (Bound::Included(&below), Bound::Unbounded);
            let is_above =
                || left_out.range::<str, _>(from).next().is_some_and(|path| path.starts_with(&below));
            if left_out.contains(named.path.as_str()) || is_above() {
                paths.insert(&named.path);
            }
        }
        let found = paths.into_iter().map(|path| LookAway::of_file(LookAwayReason::Excluded, path));
        file.scan.looks_away.extend(found);
    }
}

/// Adds the values beside charts that their templates put into images, whatever they are called.
fn add_chart_values<T: Tree>(
    tree: &T,
    all: &[(TreeEntry, String)],
    charts: &Charts,
    deployers: &Deployers,
    wanted: &impl Fn(&str) -> bool,
    files: &mut Vec<FileScan>,
) {
    let scan_of = |path: &str| {
        let at = files.binary_search_by(|file| file.path.as_str().cmp(path)).ok()?;
        Some(&files[at].scan)
    };
    let mut found = chart_values::find(tree, all, charts, deployers, scan_of);
    found.retain(|(_, root_path, _)| wanted(root_path));
    for (entry, root_path, partials) in found {
        match files.binary_search_by(|file| file.path.cmp(&entry.path)) {
            Ok(at) => files[at].scan.partials.extend(partials),
            Err(at) => {
                let scan = Scan { partials, ..Scan::of(Looked::Told) };
                files
                    .insert(at, FileScan { path: entry.path.clone(), root_path: root_path.to_owned(), scan });
            }
        }
    }
}

/// Reads the templates of the charts whose values have images, of all `templates` with their paths below the root; for the
/// gate, which gives `all` files, those of every chart.
fn charts<T: Tree>(
    tree: &T,
    files: &[FileScan],
    templates: &[(String, String)],
    all: &[(TreeEntry, String)],
) -> Charts {
    let mut charts = Charts::default();
    let is_open = |file: &&FileScan| file.scan.partials.iter().any(|partial| partial.parts.digest.is_some());
    let open = files.iter().filter(is_open);
    let whole = all
        .iter()
        .map(|(_, root_path)| root_path)
        .filter(|path| path.rsplit('/').next() == Some("Chart.yaml"));
    let scans = files.iter().map(|file| (file.root_path.as_str(), &file.scan));
    let mut directories = deploy::template_directories(scans);
    directories.extend(open.map(|file| &file.root_path).chain(whole).map(|path| directory_of(path)));
    for (path, root_path) in templates.iter().filter(|_| !directories.is_empty()) {
        let above = root_path.match_indices('/').map(|(at, _)| (&root_path[..at], &root_path[at + 1..]));
        // A chart's values reach the charts inside it too.
        let owners: Vec<_> = std::iter::once(("", root_path.as_str()))
            .chain(above)
            .filter(|(directory, below)| {
                directories.contains(directory)
                    && (below.starts_with("templates/") || below.starts_with("charts/"))
            })
            .collect();
        if owners.is_empty() {
            continue;
        }
        let text = tree.read(path, SIZE_MAX).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        for (directory, below) in owners {
            charts.add(directory, below, text.clone());
        }
    }
    charts
}

/// Reads files, each with its path below the root, several at a time; in no order. The first that is past the budget of the
/// tree ends it.
fn read_all<T: Tree>(
    tree: &T,
    scan: &(impl Fn(&str, &str, &[u8]) -> Scan + Sync),
    entries: &[(TreeEntry, String)],
) -> Result<Vec<FileScan>, OverBudget> {
    let over = OnceLock::new();
    let files = parallel::filter_map(entries, |(entry, root_path)| {
        if over.get().is_some() {
            return None;
        }
        match read_within_budget(tree, entry, |bytes| scan(&entry.path, root_path, bytes)) {
            Ok(scan) if scan.is_empty() => None,
            Ok(scan) => Some(FileScan { path: entry.path.clone(), root_path: root_path.clone(), scan }),
            Err(error) => {
                over.get_or_init(|| error);
                None
            }
        }
    });
    over.into_inner().map_or(Ok(files), Err)
}

/// Returns what reports call the `Chart.yaml` in a `directory` below the root that the file at `root_path` lies in.
fn chart_file(path: &str, root_path: &str, directory: &str) -> String {
    let below = root_path.strip_prefix(directory).unwrap_or(root_path).trim_start_matches('/');
    // The chart itself is the same.
    let path = path.strip_prefix(IN_HEAD).filter(|_| !root_path.starts_with(IN_HEAD)).unwrap_or(path);
    match path.strip_suffix(below) {
        Some(above) => format!("{above}Chart.yaml"),
        // The command runs below the chart.
        None => {
            "../".repeat(below.matches('/').count().saturating_sub(path.matches('/').count())) + "Chart.yaml"
        }
    }
}

fn read_within_budget<T: Tree>(
    tree: &T,
    entry: &TreeEntry,
    scan: impl Fn(&[u8]) -> Scan,
) -> Result<Scan, OverBudget> {
    let budget = tree.budget();
    budget.spend(BudgetItem::DocumentBytes, entry.size.min(SIZE_MAX))?;
    let scan = budget.compute(|| match entry.kind {
        EntryKind::Symlink => unreadable(UnreadReason::Symlink, None),
        EntryKind::File => read(tree, &entry.path, scan),
    })?;
    budget.spend(BudgetItem::Nodes, scan.nodes as u64)?;
    budget.spend(BudgetItem::Images, scan.sites.len() as u64)?;
    Ok(scan)
}

fn read<T: Tree>(tree: &T, path: &str, scan: impl Fn(&[u8]) -> Scan) -> Scan {
    match tree.read(path, SIZE_MAX) {
        Ok(bytes) => scan(&bytes),
        // A picture or a disk that is called like a unit is not even looked at.
        Err(TreeError::TooLarge { .. })
            if Language::of(path).is_some_and(|language| language.syntax().may_be_binary)
                && !path.ends_with(".container") =>
        {
            Scan::of(Looked::NotOurs)
        }
        Err(error) => {
            let reason = match error {
                TreeError::TooLarge { .. } => UnreadReason::TooLarge,
                TreeError::Symlink { .. } => UnreadReason::Symlink,
                _ => UnreadReason::Unreadable,
            };
            unreadable(reason, Some(format!("{:#}", anyhow::Error::new(error))))
        }
    }
}

fn unreadable(reason: UnreadReason, detail: Option<String>) -> Scan {
    Scan::of_unread(Unread { document: None, reason, detail })
}
