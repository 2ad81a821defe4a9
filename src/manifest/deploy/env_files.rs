//! Variables of a `.env`: a value is an image, or its tag, where the Compose files beside it use it for that and nothing else.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::tree_file::TreeFile;
use crate::manifest::located::{Ignore, Located, Scan};
use crate::manifest::site::{Awaited, Site, Skip, State, Write, classify};
use crate::manifest::variable_text::{VariableStyle, fill, names};
use crate::source::tree::directory_of;

/// The name of the file that Compose takes by itself.
const OWN_NAME: &str = ".env";

/// What the Compose files of a project do with a variable.
#[derive(Default)]
struct VariableUse {
    /// The images that have it in them, with what their places say.
    images: BTreeSet<(String, Option<Skip>)>,
    /// Whether something else has it, or a project of another directory.
    is_other: bool,
}

/// Decides of every value of a `.env`. Compose takes that of its own directory; one further down may be run from above.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let mut uses: HashMap<String, HashMap<String, VariableUse>> = HashMap::new();
    for (path, scan) in files.iter().filter(|(_, scan)| scan.sites.iter().any(is_value)) {
        let values = scan.sites.iter().filter(|located| located.site.image.contains('$'));
        let values = values.flat_map(|located| names(&located.site.image));
        let known = uses.entry(directory_of(path).to_owned()).or_default();
        values.for_each(|name| known.entry(name.to_owned()).or_default().is_other = true);
    }
    if uses.is_empty() {
        return;
    }
    for (path, scan) in files.iter().filter(|(_, scan)| !scan.compose.variables.is_empty()) {
        let own = directory_of(path);
        let is_one = |site: &Site| &*site.format == "compose" && site.image.contains('$');
        let images = scan.sites.iter().filter(|located| is_one(&located.site));
        let mut left: BTreeMap<&str, usize> =
            scan.compose.variables.iter().map(|(name, count)| (&**name, *count)).collect();
        for located in images {
            let site = &located.site;
            let skip = skipped(scan, located);
            for name in names(&site.image) {
                if let Some(count) = left.get_mut(name) {
                    *count = count.saturating_sub(1);
                }
                let Some(known) = uses.get_mut(own) else { continue };
                known.entry(name.to_owned()).or_default().images.insert((site.image.clone(), skip));
            }
        }
        let above = own.match_indices('/').map(|(at, _)| &own[..at]);
        for directory in above.chain((!own.is_empty()).then_some("")).chain([own]) {
            let Some(known) = uses.get_mut(directory) else { continue };
            let is_own = directory == own;
            for (name, _) in left.iter().filter(|(_, count)| !is_own || **count > 0) {
                known.entry((*name).to_owned()).or_default().is_other = true;
            }
        }
    }
    for (path, scan) in files.iter_mut().filter(|(_, scan)| scan.sites.iter().any(is_value)) {
        let Some(uses) = uses.get(directory_of(path)) else { continue };
        let values: BTreeMap<String, String> = scan
            .sites
            .iter()
            .filter_map(|located| Some((variable(&located.site)?.to_owned(), located.site.image.clone())))
            .collect();
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let Some(name) = variable(site).map(str::to_owned) else { continue };
            let Some(found) = uses.get(&name) else { continue };
            decide(site, &name, found, &values);
            // Only the command that runs Compose says whether it takes another file than this one.
            if path.rsplit('/').next() != Some(OWN_NAME) && site.awaits.is_none() {
                site.skip(Skip::UnknownLocation);
            }
        }
    }
}

fn is_value(located: &Located) -> bool {
    variable(&located.site).is_some()
}

/// Returns why an image of a Compose file is left alone, whatever its variables are.
fn skipped(scan: &Scan, located: &Located) -> Option<Skip> {
    let service = located.site.path.strip_suffix("/image");
    let at =
        |ignore: &Ignore, located: &Located| (0..2).any(|lines| ignore.place.line + lines == located.line);
    // One that stands at no image is for the whole file.
    let is_here = |ignore: &&Ignore| at(ignore, located) || !scan.sites.iter().any(|other| at(ignore, other));
    if scan.ignores.iter().filter(|ignore| ignore.used).any(|ignore| is_here(&ignore)) {
        return Some(Skip::Ignored);
    }
    match located.site.state {
        State::Skipped(Skip::Variable)
            if scan.compose.never.iter().any(|it| Some(it.as_str()) == service) =>
        {
            Some(Skip::Unpullable)
        }
        State::Skipped(skip) => Some(skip),
        _ => None,
    }
}

/// Returns the name of the variable whose value a site is.
fn variable(site: &Site) -> Option<&str> {
    match site.awaits.as_deref() {
        Some(Awaited::Variable(name)) => Some(name),
        _ => None,
    }
}

/// Takes a value for what it is in images; leaves it alone where it is only a part of a name or of a tag.
fn decide(site: &mut Site, name: &str, found: &VariableUse, values: &BTreeMap<String, String>) {
    let others = values.iter().filter(|(known, _)| *known != name);
    let others: BTreeMap<String, String> = others.map(|(name, it)| (name.clone(), it.clone())).collect();
    let (mut before, mut has_part) = (BTreeSet::new(), false);
    for (image, _) in &found.images {
        match text_before(image, name).and_then(|text| fill(text, &others, VariableStyle::Compose)) {
            Some(text) if text.is_empty() || is_name(&text) => drop(before.insert(text)),
            _ => has_part = true,
        }
    }
    let Some(first) = before.first().cloned() else { return };
    let is_open = site.state == State::Skipped(Skip::UnknownLocation);
    let image = format!("{first}{}", site.image);
    let (state, reference) = classify(&image);
    if !matches!(state, State::Floating | State::Pinned) {
        return;
    }
    (site.image, site.awaits) = (image, None);
    let skips: BTreeSet<Skip> = found.images.iter().filter_map(|(_, skip)| *skip).collect();
    let is_alone = before.len() == 1 && !has_part && !found.is_other;
    match skips.into_iter().find(|skip| *skip != Skip::Variable) {
        _ if !is_open => {}
        // Built, never pulled, or left alone by a comment.
        Some(skip) => site.skip(skip),
        None if !is_alone && before.len() > 1 && !before.contains("") => site.skip(Skip::SharedTag),
        None if !is_alone => site.skip(Skip::Variable),
        None => {
            let (prefix, suffix) = (String::new(), String::new());
            let whole = Write::Whole { node: site.main, prefix, suffix };
            let write = if first.is_empty() { whole } else { Write::Tag { node: site.main } };
            if !first.is_empty() {
                site.fields.insert("tag", site.span.clone());
            }
            (site.state, site.reference, site.write) = (state, reference, Some(write));
        }
    }
}

/// Returns whether a text is the name of an image, with the colon behind it.
fn is_name(text: &str) -> bool {
    text.strip_suffix(':').is_some_and(|name| matches!(classify(name).0, State::Floating))
}

/// Returns what stands in an image before a variable that is its end, with a default or without.
fn text_before<'i>(image: &'i str, name: &str) -> Option<&'i str> {
    let plain = image.strip_suffix(name).and_then(|rest| rest.strip_suffix('$'));
    let braced = || {
        let (before, inner) = image.strip_suffix('}')?.rsplit_once(&format!("${{{name}"))?;
        let operation = inner.strip_prefix(':').unwrap_or(inner);
        let is_default = operation.starts_with(['-', '?']) && !inner.contains(['$', '{', '}']);
        (inner.is_empty() || is_default).then_some(before)
    };
    plain.or_else(braced)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_may_end_an_image() {
        for (image, expected) in [
            ("$TAG", Some("")),
            ("${TAG}", Some("")),
            ("acme/api:${TAG}", Some("acme/api:")),
            ("acme/api:${TAG:-1.8}", Some("acme/api:")),
            ("acme/api:${TAG?none}", Some("acme/api:")),
            ("${NAME}:${TAG}", Some("${NAME}:")),
            ("acme/api:${TAG}-slim", None),
            ("acme/api:${TAGS}", None),
            ("acme/api:${TAG:+1}", None),
            ("acme/api:${TAG:-${OTHER}}", None),
        ] {
            assert_eq!(text_before(image, "TAG"), expected, "{image}");
        }
    }
}
