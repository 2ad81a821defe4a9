//! Helm charts from OCI registries, named by their version: listed, since what reads them takes no digest beside it.
//!
//! Argo CD wants a version for `chart` (argo-cd#24970, argo-cd#25078), and for a source of OCI (from 3.1) a tag or a digest,
//! not both; a `HelmRelease` and a `HelmChart` of Flux take a version, and have `OCIRepository` for digests; a dependency in
//! `Chart.yaml` takes none in a release of Helm (helm#32133); Helm itself installs `oci://…@sha256:…` from 3.18.

use super::finder::Finder;
use crate::manifest::site::{Awaited, Skip, State, classify};
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// What says which registry a chart comes from, and perhaps which chart.
const SOURCES: [&str; 4] = ["repoURL", "repository", "repo", "url"];

/// What Crossplane calls the package that another one depends on.
const PACKAGES: [&str; 4] = ["package", "provider", "configuration", "function"];

/// Returns whether a mapping is a chart, and no image, where nothing else says what it is: by its key, or by the address
/// that its name and version come from.
pub(super) fn is_one(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let has_address = || {
        let address = |key: &&str| tree.get_str(node, key).is_some_and(|text| text.contains("://"));
        SOURCES.iter().any(address)
    };
    let has = |key| tree.get(node, key).is_some();
    has("name") && has("version") && (tree.key_of(node) == Some("chart") || has_address())
}

/// Adds the chart that a mapping names, where it comes from an OCI registry.
pub(super) fn find(finder: &mut Finder<'_, '_>, source: NodeId) {
    let tree = finder.tree;
    let first = |keys: &[&'static str]| -> Option<(&'static str, NodeId)> {
        let text = |key| tree.get(source, key).filter(|node| tree.string_of(*node).is_some());
        keys.iter().find_map(|key| Some((*key, text(key)?)))
    };
    let written =
        |found: Option<(&str, NodeId)>| found.map(|(_, node)| tree.written(node)).unwrap_or_default();
    let (base, chart) = (first(&SOURCES), first(&["chart", "chart_ref", "name"]));
    let version = first(&["targetRevision", "version", "chart_version"]);
    let named = tree.get(source, "sourceRef");
    if let Some(named) = named.filter(|named| tree.get_str(*named, "kind") == Some("HelmRepository")) {
        let (Some(repository), Some((_, name))) = (tree.get_str(named, "name"), chart) else { return };
        let image = joined(tree.written(name), written(version));
        let main = version.map_or(name, |(_, version)| version);
        // Without one it is the object's own.
        let own = || {
            let object = std::iter::successors(Some(source), |node| tree.nodes[*node].parent());
            tree.get_str(object.filter_map(|object| tree.get(object, "metadata")).last()?, "namespace")
        };
        let namespace = tree.get_str(named, "namespace").or_else(own).map(str::to_owned);
        let awaited = Awaited::ChartRepository(repository.to_owned(), namespace);
        finder.push_awaiting(main, image, Skip::ByVersion, awaited);
        return;
    }
    if let (Some(("repository", repository)), Some(reference)) = (base, tree.get(source, "ref")) {
        package_of_bundle(finder, repository, reference);
        return;
    }
    let is_host = |address: &str| address.split('/').next().is_some_and(|host| host.contains(['.', ':']));
    let package = first(&PACKAGES).filter(|(_, package)| is_host(tree.written(*package)));
    if let (None, Some((_, package)), Some((_, version))) = (base, package, version) {
        let image = joined(tree.written(package), tree.written(version));
        let fields = finder.spans(&[("repository", Some(package)), ("tag", Some(version))]);
        finder.push(tree.resolve(version), fields, image, None, State::Skipped(Skip::ByVersion), None);
        return;
    }
    let address = written(base).trim_end_matches('/');
    let name = match (address.strip_prefix("oci://"), written(chart)) {
        (_, chart) if chart.starts_with("oci://") => chart.trim_start_matches("oci://").to_owned(),
        (Some(address), "") => address.to_owned(),
        // The address of provider-helm and of Zarf is that of the chart itself.
        (Some(address), _) if base.is_some_and(|(key, _)| key == "url") => address.to_owned(),
        // Argo CD's sources have no scheme (declarative setup, "Helm OCI").
        (None, chart) if chart.is_empty() || written(base).contains("://") || !is_host(address) => return,
        (None, _) if !matches!(base, Some(("repoURL", _))) => return,
        (Some(address), chart) => format!("{address}/{chart}"),
        (None, chart) => format!("{address}/{chart}"),
    };
    let Some((_, main)) = version.or(base).or(chart) else { return };
    let version = written(version);
    let state = if version.starts_with("sha256:") { Skip::DigestOnly } else { Skip::ByVersion };
    let fields = finder.spans(&[("repository", base.map(|(_, node)| node)), ("tag", Some(main))]);
    finder.push(tree.resolve(main), fields, joined(&name, version), None, State::Skipped(state), None);
}

/// Adds a Zarf package that a bundle of UDS deploys: the bundle takes what stands in `ref` for a version, to which it joins what
/// it makes of the package.
fn package_of_bundle(finder: &mut Finder<'_, '_>, repository: NodeId, reference: NodeId) {
    let tree = finder.tree;
    let (name, version) = (tree.written(repository), tree.written(reference));
    if version.is_empty() {
        return;
    }
    let image = joined(name.trim_start_matches("oci://"), version);
    let state = match classify(&image).0 {
        State::Floating => State::Skipped(Skip::ByVersion),
        State::Pinned => State::Skipped(Skip::DigestOnly),
        skipped => skipped,
    };
    let fields = finder.spans(&[("repository", Some(repository)), ("tag", Some(reference))]);
    finder.push(tree.resolve(reference), fields, image, None, state, None);
}

/// Returns the reference of a chart with a version or a digest. A tag has no `+`: Helm writes `_` for it.
fn joined(name: &str, version: &str) -> String {
    let version = version.replace('+', "_");
    let mark = match version.as_str() {
        "" => "",
        digest if digest.starts_with("sha256:") => "@",
        _ => ":",
    };
    format!("{name}{mark}{version}")
}
