//! What looks like an image and stands where the catalogue knows of none: reported, so that a new field cannot hide,
//! and never edited.

use std::cell::LazyCell;
use std::collections::BTreeMap;

use super::catalogue::{PACKAGES, TextForm};
use super::fields::Fields;
use super::finder::{Finder, ScalarTag};
use super::image_keys::{
    has_host, has_tag_or_digest, is_image_key, is_images_key, is_selection, is_source_key, is_untagged_image,
    may_name_image, names_registry,
};
use super::{container_keys, helm_values, object, oci_chart};
use crate::manifest::site::{Skip, State, unresolvable};
use crate::manifest::syntax::tree::{NodeId, NodeKind, SyntaxTree};
use crate::reference::Reference;

/// Below these stands what others are compared with.
const COMPARED: [&str; 6] = ["exclude", "excludes", "match", "matchers", "selector", "selectors"];

/// The word that keys of images have in them.
const IMAGE: &str = "image";

/// Adds the scalars below `root` that nothing else has found: their key ends in `image` or is in the catalogue's list, or
/// they stand in `images`, and their value is a reference with a tag or a digest.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    if finder.format.is_empty() {
        finder.format = "unknown".into();
    }
    walk(finder, root);
}

fn walk(finder: &mut Finder<'_, '_>, node: NodeId) {
    if finder.ignored.contains(&node) {
        return;
    }
    let tree = finder.tree;
    match tree.kind(node) {
        NodeKind::Sequence { items, .. } => {
            let in_images = tree.key_of(node).is_some_and(is_images_key) && !is_selection(tree, node);
            let mut before = None;
            for item in items {
                if in_images && tree.is_scalar(*item) {
                    report(finder, *item, false);
                } else {
                    told(finder, *item, before);
                }
                before = tree.string_of(*item);
                walk(finder, *item);
            }
        }
        NodeKind::Mapping { .. } => {
            if tree.key_of(node).is_some_and(|key| COMPARED.contains(&key)) {
                return;
            }
            if object::is_object(tree, node) {
                if object::is_not_pulled(tree, finder.catalogue, node) {
                    return;
                }
                let outer = finder.enter(node);
                entries_of(finder, node);
                finder.object = outer;
            } else {
                entries_of(finder, node);
            }
        }
        NodeKind::Scalar { .. } | NodeKind::Alias(_) => {}
    }
}

/// Looks at the entries of a mapping, and whether it is a split reference itself.
fn entries_of(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let is_image = tree.key_of(node).is_some_and(is_image_key) || is_named_in_images(tree, node);
    if !is_image && oci_chart::is_one(tree, node) {
        oci_chart::find(finder, node);
    } else if (is_image || tree.key_of(node).is_some_and(is_source_key))
        && !is_replacement(finder, node)
        && let Some(fields) = helm_values::fields(tree, node, true)
        && (is_image || has_path(tree, &fields))
        && !is_known(finder, &fields)
    {
        split(finder, fields);
    }
    let flat = helm_values::flat_fields(tree, node);
    let parts: Vec<NodeId> = flat.iter().filter_map(|fields| fields.repository).collect();
    for fields in flat {
        if !is_known(finder, &fields) {
            split(finder, fields);
        }
    }
    let in_images = tree.key_of(node).is_some_and(is_images_key);
    // Asked once: there may be as many images as keys.
    let is_whole = LazyCell::new(|| is_whole(tree, node));
    let is_container = LazyCell::new(|| *is_whole && container_keys::are_of_container(tree, node));
    for (key, value) in tree.entries(node) {
        let Some(key) = tree.text_of(*key) else { continue };
        if object::NOT_PULLED.contains(&key) {
            continue;
        }
        if object::CONTAINER_LISTS.contains(&key) {
            containers(finder, *value);
        }
        if tree.is_scalar(*value) {
            if is_image_key(key) || finder.catalogue.ends_in_image_key(key) || in_images {
                // What stands beside it may be the version of another image.
                let is_named = is_image_key(key)
                    && key != "image"
                    && finder.object.kind.is_none()
                    && !parts.contains(&tree.resolve(*value));
                // Without a tag, a workflow names what it builds.
                let is_built = &*finder.format == "github-actions";
                report(finder, *value, !is_built && (*is_whole || is_named));
            } else if has_image_word(key) && !is_images_key(key) && names_registry(tree, *value) {
                report(finder, *value, false);
            } else if is_name_alone(finder, key, *value) && !parts.contains(&tree.resolve(*value)) {
                let image = tree.written(*value).to_owned();
                let state = State::Skipped(Skip::TagElsewhere);
                finder.push(tree.resolve(*value), BTreeMap::new(), image, None, state, None);
            } else if key == "container" && is_of_call(finder, node) {
                report(finder, *value, false);
            } else if is_package_of_crossplane(finder, key, *value) {
                finder.add_unknown(*value);
            } else if is_manifest(finder, *value) {
                finder.add_text(tree.resolve(*value), TextForm::Objects, false);
            } else if is_of_deployed(finder) && is_of_process(tree, *value) && is_of_registry(tree, *value) {
                report(finder, *value, false);
            }
            if key == "image" && *is_container {
                of_container(finder, *value);
            }
        } else {
            walk(finder, *value);
        }
    }
}

/// Returns whether a value is the name of an image whose tag its operator has: `imageRepository` in a resource of somebody's own, or
/// `image: {repository: …}` with no tag. In those of Kubernetes it is what the names of many images begin with (kubeadm).
fn is_name_alone(finder: &Finder<'_, '_>, key: &str, value: NodeId) -> bool {
    let is_own =
        finder.object.group.as_ref().is_some_and(|group| group.contains('.') && !group.ends_with("k8s.io"));
    let is_name = |text: &str| has_host(text) && text.matches('/').count() > 1 && is_untagged_image(text);
    let holder = finder.tree.nodes[finder.tree.resolve(value)].parent();
    let is_part = || {
        matches!(key, "repository" | "repo")
            && holder.is_some_and(|holder| {
                finder.tree.key_of(holder).is_some_and(is_image_key) && is_whole(finder.tree, holder)
            })
    };
    (key == "imageRepository" || is_part())
        && is_own
        && finder.tree.string_of(value).is_some_and(is_name)
        && !finder.is_ignored(value)
}

/// Returns whether a text over lines is a manifest, or several, by the lines that every object has.
fn is_manifest(finder: &Finder<'_, '_>, value: NodeId) -> bool {
    let Some(text) = finder.tree.text_of(value).filter(|text| text.contains('\n')) else { return false };
    let has = |key: &str| text.lines().any(|line| line.starts_with(key));
    has("apiVersion:") && has("kind:") && !finder.is_text(finder.tree.resolve(value))
}

/// Returns whether a mapping is what a workflow gives to another one, whose jobs run in its `container`.
fn is_of_call(finder: &Finder<'_, '_>, node: NodeId) -> bool {
    let tree = finder.tree;
    let job = tree.nodes[node].parent().filter(|_| tree.key_of(node) == Some("with"));
    &*finder.format == "github-actions" && job.is_some_and(|job| tree.get(job, "uses").is_some())
}

/// Returns whether a value is a package of Crossplane, as charts name those that they install.
fn is_package_of_crossplane(finder: &Finder<'_, '_>, key: &str, value: NodeId) -> bool {
    key == "package"
        && finder.tree.string_of(value).is_some_and(|text| text.starts_with(PACKAGES))
        && names_registry(finder.tree, value)
        && !finder.is_ignored(value)
}

/// Adds what may be an image that is split over fields; not what is filled in. Which registry has it, where none is named, is as open as
/// the rest.
pub(super) fn split(finder: &mut Finder<'_, '_>, fields: Fields) {
    let known = finder.sites.len();
    finder.add_fields(Fields { has_version: false, ..fields }, true);
    match finder.sites.get_mut(known) {
        Some(site) if matches!(site.state, State::Skipped(_)) => finder.take_back_from(known),
        Some(site) => site.skip(Skip::UnknownLocation),
        None => {}
    }
}

/// Returns whether a mapping is one of those in `images: {api: {…}}`; what stands in a list may be a kustomize entry.
fn is_named_in_images(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    tree.nodes[node].parent().is_some_and(|parent| tree.is_mapping(parent))
        && helm_values::is_in_images(tree, node)
}

/// Returns whether the name is an image by itself: it was found, and what is beside it with it. What only waits to be used as one
/// is not.
fn is_known(finder: &Finder<'_, '_>, fields: &Fields) -> bool {
    let Some(name) = fields.repository.map(|name| finder.tree.resolve(name)) else { return false };
    let is_awaiting = || finder.sites.iter().any(|site| site.main == name && site.awaits.is_some());
    finder.taken.contains(&(name, None)) && !is_awaiting()
}

/// Returns whether a name has a path: without one it is that of anything that has a version, in a report or a bill of materials, or of
/// sources beside others.
fn has_path(tree: &SyntaxTree<'_>, fields: &Fields) -> bool {
    fields.repository.is_some_and(|name| tree.written(name).contains('/'))
}

/// Adds the images of a list of containers, each of which has a name, with a tag or without.
fn containers(finder: &mut Finder<'_, '_>, list: NodeId) {
    let tree = finder.tree;
    let images = tree.items(list).iter().filter(|item| tree.get(**item, "name").is_some());
    for image in images.filter_map(|item| tree.get(*item, "image")).collect::<Vec<_>>() {
        let known = finder.sites.len();
        finder.add_image(image);
        match finder.sites.get_mut(known).map(|site| (site.state, site)) {
            Some((State::Floating | State::Pinned, site)) => site.skip(Skip::UnknownLocation),
            // A pattern that policies compare with is none.
            Some((State::Skipped(skip), _)) if !matches!(skip, Skip::Template | Skip::Variable) => {
                finder.sites.truncate(known);
            }
            _ => {}
        }
    }
}

/// Returns whether this is where a kustomize replacement takes its value from.
fn is_replacement(finder: &Finder<'_, '_>, node: NodeId) -> bool {
    let tree = finder.tree;
    tree.nodes[node].parent().is_some_and(|parent| tree.get(parent, "targets").is_some())
}

/// Returns whether one of the words of a key is `image`: `imageOverride`, `web_image_ref`.
fn has_image_word(key: &str) -> bool {
    key.as_bytes().windows(IMAGE.len()).any(|part| part.eq_ignore_ascii_case(IMAGE.as_bytes()))
}

/// Returns whether a text is made by an expression of a workflow: elsewhere than in a container that is what a step builds, or
/// looks at.
fn is_of_workflow(text: &str) -> bool {
    text.contains("${{")
}

/// Adds the image of what is a container by all that stands beside it: without a tag, or made where it is used.
fn of_container(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let text = tree.written(node);
    if text.is_empty() || finder.is_ignored(node) || finder.aliases.contains(text) || is_of_workflow(text) {
        return;
    }
    let is_computed = matches!(finder.tag(node), ScalarTag::Computed(_));
    match unresolvable(text) {
        Some(Skip::Template | Skip::Variable) => finder.add_scalar(node, ""),
        // `image = string` is a type, and `image = var.image` a variable.
        _ if is_computed && text.contains('.') => finder.add_scalar(node, ""),
        None if !is_computed && tree.string_of(node).is_some_and(may_name_image) => finder.add_unknown(node),
        _ => {}
    }
}

/// Adds the image that an argument or a setting in a list is: by its name and its version (`--web-image=acme/web:1`, or what stands
/// behind `--web-image`, `WEB_IMAGE=…`, `{name: WEB_IMAGE, value: …}`), or, among arguments and variables, by a registry that has
/// nothing but images.
fn told(finder: &mut Finder<'_, '_>, node: NodeId, before: Option<&str>) {
    let tree = finder.tree;
    if let Some((name, value)) = setting(tree, node) {
        let is_named = || has_image_word(name) && !is_of_made(name) && names_registry(tree, value);
        let is_told = || is_of_process(tree, node) && !is_of_made(name) && is_of_registry(tree, value);
        let is_image = names_image(finder, name) || is_named() || is_told();
        if is_image && unresolvable(tree.written(value)).is_none() && !finder.is_taken(value) {
            // An operator that is given a name without a tag puts its own version behind it.
            report(finder, value, is_below(tree, node, &["env"]));
        }
        return;
    }
    let Some(text) = tree.string_of(node).filter(|_| !finder.is_taken(node)) else { return };
    let is_flagged = before.is_some_and(|flag| flag.starts_with("--") && names_image(finder, flag));
    if is_flagged || is_of_process(tree, node) && is_of_registry(tree, node) {
        report(finder, node, false);
        return;
    }
    let Some((name, image)) = text.split_once('=').filter(|(name, _)| is_word(name)) else { return };
    let reference = Reference::parse(image).ok();
    let has_version = reference.is_some_and(|named| named.tag().is_some() || named.digest().is_some());
    let is_named =
        || names_image(finder, name) || has_image_word(name) && !is_of_made(name) && has_host(image);
    let is_told = || is_of_process(tree, node) && is_public(image);
    if has_version && (is_named() || is_told()) && !finder.is_ignored(node) {
        let (known, before) = (finder.sites.len(), format!("{name}="));
        finder.add_in_other_language(node, &before, image);
        finder.sites[known..].iter_mut().for_each(|site| site.skip(Skip::UnknownLocation));
    }
}

/// Returns the name and the value of a setting: of a variable of an environment, or of a parameter. Records that have both are none:
/// their names are paths or prose, and in a list that is a whole file they say more of themselves.
fn setting<'t>(tree: &'t SyntaxTree<'_>, node: NodeId) -> Option<(&'t str, NodeId)> {
    let name = tree.get_str(node, "name").filter(|name| is_word(name))?;
    let value = tree.get(node, "value").or_else(|| tree.get(node, "default"))?;
    let list = tree.nodes[node].parent();
    let is_short = || tree.entries(node).len() == 2;
    (list.is_none_or(|list| tree.key_of(list).is_some()) || is_short()).then_some((name, value))
}

/// Returns whether a text is one word, as flags and variables are called.
fn is_word(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Returns whether the last word of the name of a setting says that it is an image, and no other that something makes it.
pub(super) fn names_image(finder: &Finder<'_, '_>, name: &str) -> bool {
    (is_image_key(name) || finder.catalogue.ends_in_image_key(name)) && !is_of_made(name)
}

/// Returns whether a word of a name says that something makes what it is about.
fn is_of_made(name: &str) -> bool {
    const MADE: [&str; 7] = ["built", "dest", "destination", "new", "output", "push", "target"];
    name.split(['-', '_', '.']).any(|word| MADE.contains(&word.to_ascii_lowercase().as_str()))
}

/// Returns whether what stands in an environment is given to what is deployed: a pipeline's is also about what it builds.
fn is_of_deployed(finder: &Finder<'_, '_>) -> bool {
    matches!(&*finder.format, "ansible" | "compose" | "helm-values" | "kubernetes" | "nomad")
}

/// Returns whether a value stands among the arguments or the variables of a process, the parameters of a pipeline, or what kustomize
/// makes a ConfigMap of.
fn is_of_process(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    const KEYS: [&str; 9] =
        ["args", "cmd", "command", "entrypoint", "env", "environment", "literals", "parameters", "params"];
    is_below(tree, node, &KEYS)
}

/// Returns whether a value stands below one of these keys.
fn is_below(tree: &SyntaxTree<'_>, node: NodeId, keys: &[&str]) -> bool {
    let holder = tree.nodes[node].parent().and_then(|holder| tree.key_of(holder));
    holder.is_some_and(|key| keys.contains(&key))
}

/// Returns whether a value is a reference with a version in a registry that has nothing but images.
fn is_of_registry(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    tree.string_of(node).is_some_and(is_public) && has_tag_or_digest(tree, node)
}

/// Returns whether a reference begins with the host of a registry that is known for it, and that has nothing but images.
fn is_public(text: &str) -> bool {
    const HOSTS: [&str; 17] = [
        "cgr.dev",
        "docker.io",
        "docker.elastic.co",
        "gcr.io",
        "ghcr.io",
        "icr.io",
        "k8s.gcr.io",
        "lscr.io",
        "mcr.microsoft.com",
        "nvcr.io",
        "public.ecr.aws",
        "quay.io",
        "registry.access.redhat.com",
        "registry.connect.redhat.com",
        "registry.gitlab.com",
        "registry.k8s.io",
        "registry.redhat.io",
    ];
    const ENDS: [&str; 4] = [".azurecr.io", ".gcr.io", ".icr.io", ".pkg.dev"];
    let host = text.split_once('/').map_or("", |(host, _)| host);
    let is_ecr = || host.contains(".dkr.ecr.") && host.ends_with(".amazonaws.com");
    HOSTS.contains(&host) || ENDS.iter().any(|end| host.ends_with(end)) || is_ecr()
}

/// Returns whether nothing in a mapping may be the version of an image whose name stands beside it.
fn is_whole(tree: &SyntaxTree<'_>, mapping: NodeId) -> bool {
    let keys = tree.entries(mapping).iter().filter_map(|(key, _)| tree.text_of(*key));
    let is_part = |key: &str| {
        let key = key.to_ascii_lowercase();
        ["digest", "sha", "sha256", "tag", "version"].iter().any(|part| key.ends_with(part))
    };
    !keys.into_iter().any(is_part)
}

/// Reports a scalar that looks like an image: by its tag or digest, or by its registry where it `is_whole`.
fn report(finder: &mut Finder<'_, '_>, node: NodeId, is_whole: bool) {
    let is_named =
        |text: &str| is_whole && has_host(text) && is_untagged_image(text) && !text.starts_with("localhost");
    let is_one = has_tag_or_digest(finder.tree, node) || finder.tree.string_of(node).is_some_and(is_named);
    if finder.is_ignored(node) || !is_one || is_of_workflow(finder.tree.written(node)) {
        return;
    }
    match unresolvable(finder.tree.written(node)) {
        Some(Skip::Template) => finder.add_scalar(node, ""),
        // No registry has it, whatever stands there.
        Some(Skip::Unpullable) => {}
        _ => finder.add_unknown(node),
    }
}
