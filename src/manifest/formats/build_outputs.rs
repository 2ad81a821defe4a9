//! What a build makes and where it keeps its cache, as tools take it in a text: nobody pulls that to run it.

use std::collections::BTreeMap;

use super::finder::Finder;
use crate::manifest::site::{Skip, State};
use crate::manifest::syntax::tree::NodeId;
use crate::reference::Reference;

/// What a setting of a target of Bake is called that says so: `app.tags=…`.
const SETTINGS: [&str; 4] = [".tags", ".cache-from", ".cache-to", ".output"];

/// Adds the images of a text: one, or several on lines or behind commas, or behind `ref=` and `name=` in a list of options.
pub(super) fn find(finder: &mut Finder<'_, '_>, node: NodeId) {
    let tree = finder.tree;
    let node = tree.resolve(node);
    let Some(text) = tree.text_of(node).filter(|_| !finder.is_ignored(node)) else { return };
    let has_several = text.contains(|c: char| c.is_whitespace() || c == ',' || c == '=');
    // A variable may have a default of any form; an expression of a workflow says nothing here.
    let is_variable = text.contains("${") && !text.contains("${{") && !text.contains(['\n', ',']);
    if !has_several || is_variable {
        finder.add_output(node);
        return;
    }
    let span = tree.nodes[node].span();
    let mut from = span.start;
    for image in images(text) {
        let Some(at) = tree.text.get(from..span.end).and_then(|rest| rest.find(image)) else { continue };
        let at = from + at..from + at + image.len();
        from = at.end;
        let known = finder.sites.len();
        let fields = BTreeMap::from([("repository", at.clone())]);
        finder.push(node, fields, image.to_owned(), None, State::Skipped(Skip::BuildOutput), None);
        finder.sites[known..].iter_mut().for_each(|site| site.span = at.clone());
    }
}

/// Returns the references with a tag that such a text has.
fn images(text: &str) -> impl Iterator<Item = &str> {
    let settings = text.split_whitespace().filter_map(|entry| match entry.split_once('=') {
        // Whatever else is set is not made.
        Some((key, rest)) if key.contains('.') && !key.contains('/') => {
            SETTINGS.iter().any(|made| key.ends_with(made)).then_some(rest)
        }
        _ => Some(entry),
    });
    let options = settings.flat_map(|entry| entry.split(','));
    let named = options.filter_map(|option| match option.split_once('=') {
        Some(("ref" | "name", image)) => Some(image),
        Some(_) => None,
        None => Some(option),
    });
    named.map(|image| image.trim_matches('"')).filter(|image| {
        Reference::parse(image).is_ok_and(|image| image.tag().is_some() || image.digest().is_some())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_build_makes_is_told_from_what_it_takes() {
        let found = |text| images(text).collect::<Vec<_>>();
        assert_eq!(found("ghcr.io/a/b:1\n  a/b:2,a/c:3\na/d\n"), ["ghcr.io/a/b:1", "a/b:2", "a/c:3"]);
        assert_eq!(found("type=registry,ref=ghcr.io/a/b:cache,mode=max"), ["ghcr.io/a/b:cache"]);
        assert_eq!(found("type=image,name=a/b:1,push=true type=gha"), ["a/b:1"]);
        assert_eq!(
            found(
                "*.tags=a/b:1\napp.cache-to=type=registry,ref=a/b:c\napp.args.BASE=nginx:1\n*.contexts.a=docker-image://b:1"
            ),
            ["a/b:1", "a/b:c"]
        );
    }
}
