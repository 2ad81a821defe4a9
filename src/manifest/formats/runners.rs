//! What says which images the jobs of a CI run in, wherever a runner is configured: labels of Gitea's and Forgejo's runners, and
//! the `config.toml` of GitLab's in a text.
//!
//! `ubuntu-latest:docker://node:22` is a label and the image of its jobs (act_runner, `labels.Parse`). Labels stand in
//! configurations, values and environments, one by one or with commas between them: they are told by what they are, not by
//! where they stand.

use super::catalogue::{RUNNERS, TextForm};
use super::finder::Finder;
use super::object::{self, NOT_PULLED};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::tree::{NodeId, NodeKind};

/// The format of labels.
pub(super) const LABELS: &str = "runner-labels";

/// What stands between a label and its image.
const MARK: &str = ":docker://";

/// Adds what runners are told below `root`; not in texts that are read as documents of their own.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let text = finder.tree.text.get(finder.tree.nodes[root].span()).unwrap_or_default();
    let wanted = Wanted {
        labels: text.contains(MARK) && !finder.catalogue.is_off(LABELS),
        configurations: text.contains(RUNNERS) && finder.tree.language != Language::Toml,
    };
    if wanted.labels || wanted.configurations {
        wanted.walk(finder, root);
    }
}

struct Wanted {
    labels: bool,
    configurations: bool,
}

impl Wanted {
    fn walk(&self, finder: &mut Finder<'_, '_>, node: NodeId) {
        let tree = finder.tree;
        if finder.ignored.contains(&node) || finder.is_text(node) {
            return;
        }
        match tree.kind(node) {
            NodeKind::Sequence { items, .. } => {
                items.iter().for_each(|item| self.walk(finder, *item));
            }
            NodeKind::Mapping { entries, .. } => {
                let is_object = object::is_object(tree, node);
                if is_object && object::is_not_pulled(tree, finder.catalogue, node) {
                    return;
                }
                let outer = is_object.then(|| finder.enter(node));
                for (key, value) in entries {
                    if !tree.text_of(*key).is_some_and(|key| NOT_PULLED.contains(&key)) {
                        self.walk(finder, *value);
                    }
                }
                if let Some(outer) = outer {
                    finder.object = outer;
                }
            }
            NodeKind::Scalar { value, .. } => {
                if self.configurations && value.contains(RUNNERS) {
                    configuration(finder, node, value);
                } else if self.labels && value.contains(MARK) {
                    let outer = std::mem::replace(&mut finder.format, LABELS.into());
                    labels(finder, node);
                    finder.format = outer;
                }
            }
            NodeKind::Alias(_) => {}
        }
    }
}

/// Adds the images of labels: of a single one in their list, or in a text, where they stand.
fn labels(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let text = tree.written(node);
    if let Some((before, behind)) = around_single(text) {
        finder.add_between(node, before, behind);
        return;
    }
    let lines = text.lines().filter(|line| !line.trim_start().starts_with(['#', ';']));
    for (label, image) in lines.flat_map(in_line).collect::<Vec<_>>() {
        finder.add_in_other_language(node, &format!("{label}{MARK}"), image);
    }
}

/// Returns what stands around the one image of a list of labels, which may be the value of a variable:
/// `GITEA_RUNNER_LABELS=native:host,ubuntu:docker://node:22`.
fn around_single(text: &str) -> Option<(&str, &str)> {
    let (named, _) = text.split_once(MARK)?;
    let list = named.find('=').map_or(text, |at| &text[at + 1..]);
    let name = &text[..text.len() - list.len()];
    let is_label = |item: &str| {
        let label = item.split_once(MARK).map_or_else(
            || {
                item.split_once(":host")
                    .map_or(item, |(label, rest)| if rest.is_empty() { label } else { "" })
            },
            |(label, image)| if image.contains(MARK) { "" } else { label },
        );
        !label.is_empty() && label.chars().all(is_of_name)
    };
    let is_list = list.split(',').all(is_label) && list.matches(MARK).count() == 1;
    if !is_list || !name.trim_end_matches('=').chars().all(is_of_name) || text.contains(char::is_whitespace) {
        return None;
    }
    let start = named.len() + MARK.len();
    let end = text[start..].find(',').map_or(text.len(), |at| start + at);
    Some((&text[..start], &text[end..]))
}

/// Returns the labels with images in a line of anything, in order.
fn in_line(line: &str) -> impl Iterator<Item = (&str, &str)> {
    line.match_indices(MARK).filter_map(|(at, _)| {
        let label = line[..at].rsplit(|c| !is_of_name(c)).next()?.trim_start_matches('-');
        let rest = &line[at + MARK.len()..];
        let ends = |c: char| c.is_whitespace() || "\"'`,;|()[]<>\\".contains(c);
        let image = &rest[..rest.find(ends).unwrap_or(rest.len())];
        // `${LABELS:-ubuntu:docker://node:22}`
        let closing = image.find('}').filter(|at| !image[..*at].contains('{'));
        let image = &image[..closing.unwrap_or(image.len())];
        (!label.is_empty() && !image.is_empty()).then_some((label, image))
    })
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.')
}

/// Adds a text that is the configuration of GitLab's runner, or has one in it: a script that writes it, a template of one.
fn configuration(finder: &mut Finder<'_, '_>, node: NodeId, text: &str) {
    let is_one = (Language::Toml.syntax().parse)(text).documents.iter().all(|read| read.root.is_some());
    // No text is read inside of another.
    if is_one && finder.inside.is_none() {
        finder.add_text(node, TextForm::Runners, true);
        return;
    }
    for (before, image) in assigned(text) {
        finder.add_in_other_language(node, before, image);
    }
}

/// Returns the images that lines of a configuration name, each with what stands before it, as far as its lines tell.
fn assigned(text: &str) -> Vec<(&str, &str)> {
    let (mut found, mut is_runner, mut is_service) = (Vec::new(), false, false);
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            is_runner |= line.starts_with(RUNNERS);
            is_service = line.contains(".services]]");
            continue;
        }
        let Some((key, value)) = line.split_once('=') else { continue };
        let wanted: &[&str] = if is_service { &["name"] } else { &["image", "helper_image"] };
        let quoted = value.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next());
        if let Some(image) =
            quoted.filter(|image| is_runner && !image.is_empty() && wanted.contains(&key.trim()))
        {
            let start = image.as_ptr().addr() - line.as_ptr().addr();
            found.push((&line[..start], image));
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_single_image_among_labels_has_its_place() {
        for (text, around) in [
            ("ubuntu-latest:docker://node:22", Some(("ubuntu-latest:docker://", ""))),
            ("A_B=a:docker://b:1", Some(("A_B=a:docker://", ""))),
            ("a:host,b,c:docker://d:1,e", Some(("a:host,b,c:docker://", ",e"))),
            ("a:docker://b:1,c:docker://d:1", None),
            (":docker://b:1", None),
            ("run a:docker://b:1", None),
            ("a:lxc://b,c:docker://d", None),
            ("skopeo:docker://a:1,b c", None),
        ] {
            assert_eq!(around_single(text), around, "{text}");
        }
    }

    #[test]
    fn labels_are_found_in_lines_of_anything() {
        let line = "act_runner register --labels \"a:docker://b:1,c.d:docker://e/f:2\" -x docker://no:1 ::docker://no:2 \
                    ${X:-g:docker://h:1} i:docker://${R}/j:1";
        let found = [("a", "b:1"), ("c.d", "e/f:2"), ("g", "h:1"), ("i", "${R}/j:1")];
        assert_eq!(in_line(line).collect::<Vec<_>>(), found);
    }

    #[test]
    fn lines_tell_the_images_of_a_template() {
        let text = "image = \"no:1\"\n[[runners]]\n{{- if .x }}\n  [runners.docker]\n  image = \"a:1\" # c\n  name = \"no:2\"\n\
                    [[runners.docker.services]]\nname=\"b:1\"\n[runners.cache]\nhelper_image = \"\"\n";
        assert_eq!(assigned(text), [("image = \"", "a:1"), ("name=\"", "b:1")]);
    }
}
