//! Which format a document has, and its sites.

use std::sync::Arc;

use super::catalogue::{Catalogue, FileEntries};
use super::finder::Finder;
use super::found::Found;
use super::{
    ansible, asserts, bake, circleci, compose, concourse, devcontainer, dockerfile, env_file, gitlab_ci,
    helm_values, json_patch, kubernetes, kustomization, kustomize_looks_away, locations, mcp, object,
    partial_images, pre_commit, quadlet, remote_values, runners, terraform, unknown,
};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// The format of values of a chart.
const HELM_VALUES: &str = "helm-values";

pub(in crate::manifest) fn find(
    tree: &SyntaxTree<'_>,
    document: usize,
    root: NodeId,
    path: &str,
    catalogue: &Catalogue,
) -> Found {
    let mut finder = Finder::new(tree, catalogue, document);
    find_known(&mut finder, root, path);
    if catalogue.is_off(&finder.format) {
        return Found::default();
    }
    runners::find(&mut finder, root);
    compose::look_away_from_others(&mut finder, root, path);
    remote_values::find(&mut finder, root);
    unknown::find(&mut finder, root);
    asserts::skip_in(&mut finder, root);
    if asserts::is_assert(path) {
        asserts::skip(&mut finder);
    }
    finder.finish()
}

/// Adds what the form of a document says, that of a file at `path`.
pub(super) fn find_known(finder: &mut Finder<'_, '_>, root: NodeId, path: &str) {
    let (tree, catalogue) = (finder.tree, finder.catalogue);
    if kustomization::is_kustomization(tree, root, path) {
        finder.format = "kustomize".into();
        kustomization_images(finder, root);
        kustomize_looks_away::find(finder, root);
        return;
    }
    if object::is_object(tree, root) {
        finder.format = "kubernetes".into();
        kubernetes::find(finder, root);
        return;
    }
    if tree.language == Language::EnvFile {
        finder.format = "env-file".into();
        runners::find(finder, root);
        env_file::find(finder, root);
        return;
    }
    let entries = file_entries(tree, root, path, catalogue);
    if let Some(format) = entries.format() {
        let all = entries.all();
        finder.format = format.into();
        finder.set_aside(&all, root);
        match format {
            "ansible" => ansible::find(finder, root),
            "bake" => bake::find(finder, root),
            "compose" => compose::find(finder, root),
            "concourse" => concourse::find(finder, root),
            "devcontainer" => devcontainer::features(finder, root),
            "dockerfile" => dockerfile::find(finder, root),
            "mcp" => mcp::find(finder, root),
            "pre-commit" => pre_commit::find(finder, root),
            "quadlet" => quadlet::other_units(finder, root),
            "terraform" => terraform::find(finder, root),
            _ => {}
        }
        locations::find(finder, &all, root, |_, _| true);
        match format {
            "circleci" => circleci::find(finder, root),
            "gitlab-ci" => gitlab_ci::find(finder, root, path),
            "terraform" => terraform::follow(finder, &entries.own, root),
            _ => {}
        }
    }
    // What a configuration says of a file takes nothing away of what its form says.
    if entries.known.is_empty() {
        find_by_form(finder, root, path);
    }
}

/// Returns the entries of the catalogue for a document.
fn file_entries<'c>(
    tree: &SyntaxTree<'_>,
    root: NodeId,
    path: &str,
    catalogue: &'c Catalogue,
) -> FileEntries<'c> {
    let mut entries = catalogue.format(tree, root, path);
    // A worker among Helm values may have a script and an image, too.
    let is_values = || helm_values::has_name(path) && compose::role(path).is_none();
    let is_other = match entries.known.first().and_then(|entry| entry.format.as_deref()) {
        Some("gitlab-ci") => helm_values::has_name(path),
        // Charts have services, too, and so have others.
        Some("compose") => is_values() || !compose::is_one(tree, root),
        _ => false,
    };
    if is_other {
        entries.known.clear();
    }
    entries
}

/// Returns the format of a document that is no Kubernetes object, as its sites have it.
pub(in crate::manifest) fn format_of<'c>(
    tree: &SyntaxTree<'_>,
    root: NodeId,
    path: &str,
    catalogue: &'c Catalogue,
) -> &'c str {
    let format = file_entries(tree, root, path, catalogue).format();
    format.unwrap_or(if helm_values::is_values(tree, root, path) { HELM_VALUES } else { "unknown" })
}

/// Adds what a document holds that no entry of the catalogue is for.
fn find_by_form(finder: &mut Finder<'_, '_>, root: NodeId, path: &str) {
    let (tree, is_new) = (finder.tree, finder.format.is_empty());
    // Values and objects are YAML, and edited as such.
    if tree.language == Language::Toml {
        return;
    }
    if helm_values::is_values(tree, root, path) {
        if is_new || !finder.catalogue.is_off(HELM_VALUES) {
            finder.format = HELM_VALUES.into();
            helm_values::find(finder, root);
        }
    } else if json_patch::is_patch(tree, root) {
        json_patch::find(finder, root);
    } else if tree.get_str(root, "kind").is_some() {
        // A server knows the version of a kind where nobody checks that it is there.
        let known = finder.sites.len();
        kubernetes::find(finder, root);
        if finder.sites.len() > known {
            finder.format = "kubernetes".into();
            finder.sites[known..].iter_mut().for_each(|site| site.format = "kubernetes".into());
        }
    } else {
        // A bare list of objects, as `kubectl` and templates print it.
        let mut has_objects = false;
        for item in tree.items(root) {
            if object::is_object(tree, *item) {
                has_objects = true;
                finder.format = "kubernetes".into();
                kubernetes::find(finder, *item);
            }
        }
        if !has_objects {
            partial_images::of_unknown(finder, root);
        }
    }
}

fn kustomization_images(finder: &mut Finder<'_, '_>, root: NodeId) {
    let kind = finder.tree.get_str(root, "kind").filter(|kind| !kind.is_empty());
    finder.object.group = Some("kustomize.config.k8s.io".into());
    finder.object.kind = kind.map(Arc::from);
    // Both may be left out; what is looked for is the same.
    let catalogue = finder.catalogue;
    let entries = catalogue.kubernetes("kustomize.config.k8s.io/v1beta1", kind.unwrap_or("Kustomization"));
    finder.set_aside(&entries, root);
    locations::find(finder, &entries, root, |_, _| true);
}
