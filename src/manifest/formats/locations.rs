//! What the catalogue says where images stand, found in a document.

use super::catalogue::{Form, Location, TextForm};
use super::finder::Finder;
use super::{
    artifact, build_arguments, build_outputs, helm_parameters, helm_values, inline_dockerfile, json_patch,
    kustomization, module_texts, mutating_policy, oci_chart, partial_images,
};
use crate::manifest::look_away::LookAwayReason;
use crate::manifest::syntax::tree::{NodeId, SyntaxTree};

/// Adds what the entries find below `root`, where it is `wanted`. What a build makes comes first: it is decided.
pub(super) fn find(
    finder: &mut Finder<'_, '_>,
    entries: &[&Location],
    root: NodeId,
    wanted: impl Fn(&SyntaxTree<'_>, NodeId) -> bool,
) {
    let tree = finder.tree;
    let forms = entries.iter().flat_map(|entry| {
        let is_known = entry.group.is_some() || entry.format.as_deref() == Some("ansible");
        entry.forms().map(move |(pattern, form)| (pattern, form, is_known))
    });
    let (outputs, others): (Vec<_>, Vec<_>) = forms.partition(|(_, form, _)| *form == Form::Output);
    for (pattern, form, is_known) in outputs.into_iter().chain(others) {
        for node in pattern.find(tree, root).into_iter().filter(|node| wanted(tree, *node)) {
            add(finder, node, form, is_known);
        }
    }
    for build in entries.iter().flat_map(|entry| &entry.builds).flat_map(|path| path.find(tree, root)) {
        build_arguments::find(finder, build);
    }
    for text in entries.iter().flat_map(|entry| &entry.dockerfile_text).flat_map(|path| path.find(tree, root))
    {
        inline_dockerfile::find(finder, tree.resolve(text));
    }
    for expression in
        entries.iter().flat_map(|entry| &entry.expressions).flat_map(|path| path.find(tree, root))
    {
        mutating_policy::find(finder, tree.resolve(expression));
    }
    for (pattern, form) in entries.iter().flat_map(|entry| entry.texts()) {
        for node in pattern.find(tree, root).into_iter().filter(|node| wanted(tree, *node)) {
            let node = module_texts::text_of(finder, root, node);
            if module_texts::is_given(finder, node) {
                finder.look_away(LookAwayReason::EmbeddedText, node, tree.written(node));
            } else if finder.is_computed(node) {
                finder.add_computed(node);
            } else if form == TextForm::Values && &*finder.format == "terraform" && tree.is_mapping(node) {
                helm_values::find(finder, node);
            } else if tree.text_of(node).is_some() {
                finder.add_text(node, form, true);
            } else if form == TextForm::Objects && json_patch::is_patch(tree, node) {
                // Older deployers take the operations as they are.
                json_patch::find(finder, node);
            }
        }
    }
}

/// Returns whether a template fills in all of a text.
fn is_filled(tree: &SyntaxTree<'_>, node: NodeId) -> bool {
    let inner = tree.written(node).trim().strip_prefix("{{").and_then(|text| text.strip_suffix("}}"));
    inner.is_some_and(|inner| !inner.contains("}}"))
}

fn add(finder: &mut Finder<'_, '_>, node: NodeId, form: Form, is_known: bool) {
    let node = finder.tree.resolve(node);
    match form {
        // An operator has its own image then, and a runner none.
        Form::Image
            if matches!(&*finder.format, "kubernetes" | "gitlab-runner")
                && finder.tree.string_of(node) == Some("") => {}
        Form::Image => finder.add_image(node),
        // Ansible's `name` without a tag may have one beside it, and an `image` of a kind that nobody knows be a picture; what
        // fills in all of it is whole.
        Form::TaggedImage if is_known && is_filled(finder.tree, node) => finder.add_image(node),
        Form::TaggedImage => finder.add_tagged_image(node),
        Form::Prefixed => finder.add_prefixed(node),
        Form::Output => build_outputs::find(finder, node),
        Form::Argument | Form::Default => finder.add_in_text(node, form),
        _ if finder.is_ignored(node) => {}
        Form::Fields => {
            if let Some(fields) = helm_values::fields(finder.tree, node, true) {
                finder.add_fields(fields, true);
            }
        }
        Form::Artifact => artifact::find(finder, node),
        Form::Chart => oci_chart::find(finder, node),
        Form::Values => helm_values::find(finder, node),
        Form::Parameters => {
            let known = helm_parameters::find(finder, node);
            partial_images::of_parameters(finder, node, &known);
        }
        Form::Kustomize => {
            for entry in finder.tree.items(node) {
                kustomization::entry(finder, *entry);
            }
        }
        Form::KustomizeStrings => {
            for entry in finder.tree.items(node) {
                kustomization::string_entry(finder, *entry);
            }
        }
    }
}
