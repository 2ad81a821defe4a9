//! Arguments of builds: a value is an image, or its tag, where the Dockerfile that gets it has it in a `FROM`.

use std::collections::HashMap;

use super::tree_file::TreeFile;
use crate::manifest::build_file::{ArgumentUse, BuildArgument, BuildFile};
use crate::manifest::site::{Awaited, Site, Skip, State, Write, classify};
use crate::reference::Reference;
use crate::source::tree::directory_of;
use crate::source::tree::path_from;

/// Decides of every argument that a build is given. What Dockerfiles say of theirs is taken out of them.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let builds: HashMap<String, BuildFile> = files
        .iter_mut()
        .map(|(path, scan)| ((*path).to_owned(), scan.build_file.take()))
        .filter(|(_, build_file)| !build_file.arguments.is_empty())
        .collect();
    for (path, scan) in files.iter_mut() {
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let Some(Awaited::BuildArgument(argument)) = site.awaits.as_deref() else { continue };
            let argument = argument.clone();
            let of = candidates(directory_of(path), &argument).find_map(|path| builds.get(&path));
            let is_stage =
                |build: &BuildFile, image: &str| build.stages.contains(&image.to_ascii_lowercase());
            let used = match of {
                Some(build) if is_stage(build, &site.image) => None,
                Some(build) => build.arguments.get(&argument.name).filter(|used| match used {
                    ArgumentUse::Part(text) => !is_stage(build, &filled(text, &argument.name, &site.image)),
                    _ => true,
                }),
                // Nobody knows which it is: what reads like an image and is one elsewhere.
                None if is_tagged(&site.image) => {
                    let uses = builds.values().filter_map(|build| build.arguments.get(&argument.name));
                    let mut images = uses.filter(|used| **used == ArgumentUse::Image);
                    images.next()
                }
                None => None,
            };
            match used {
                Some(used) => confirm(site, argument, used),
                // Its Dockerfile is not there: it is listed where it looks like an image.
                None if of.is_none() && looks_like_image(&argument.name, site) => site.awaits = None,
                None => {}
            }
        }
    }
}

/// Returns where the Dockerfile of a build may lie: seen from its context, or from the file that says so, which stands in
/// `directory`; tools that start at the root count from there.
fn candidates(directory: &str, argument: &BuildArgument) -> impl Iterator<Item = String> {
    let BuildArgument { context, file, .. } = argument;
    let both = context.as_deref().zip(file.as_deref());
    let places = [directory, ""].into_iter().flat_map(move |from| {
        let below = both.and_then(|(context, file)| path_from(&path_from(from, context)?, file));
        let beside = file.as_deref().filter(|_| context.is_some()).and_then(|file| path_from(from, file));
        [below, beside]
    });
    places.flatten().collect::<Vec<_>>().into_iter()
}

fn is_tagged(image: &str) -> bool {
    let reference = Reference::parse(image);
    reference.is_ok_and(|reference| reference.tag().is_some() || reference.digest().is_some())
}

fn looks_like_image(name: &str, site: &Site) -> bool {
    let is_open = site.state == State::Skipped(Skip::UnknownLocation) && is_tagged(&site.image);
    let names_host = site.image.split_once('/').is_some_and(|(host, _)| host.contains(['.', ':']));
    is_open && (names_host || name.to_ascii_lowercase().ends_with("image"))
}

/// Takes an argument for what it is in its Dockerfile.
fn confirm(site: &mut Site, argument: BuildArgument, used: &ArgumentUse) {
    let is_open = site.state == State::Skipped(Skip::UnknownLocation);
    let (main, suffix) = (site.main, String::new());
    let mut write = Some(Write::Whole { node: main, prefix: argument.prefix.clone(), suffix });
    match used {
        ArgumentUse::Image => {}
        ArgumentUse::Tag(before) => {
            site.image = format!("{before}{}", site.image);
            write = argument.prefix.is_empty().then_some(Write::Tag { node: main });
        }
        ArgumentUse::Part(text) => {
            site.image = filled(text, &argument.name, &site.image);
            site.skip(Skip::Variable);
        }
    }
    site.awaits = None;
    if !is_open || matches!(used, ArgumentUse::Part(_)) {
        return;
    }
    let (state, reference) = classify(&site.image);
    (site.state, site.reference, site.write) = (state, reference, write);
    match site.state {
        State::Skipped(_) => (site.reference, site.write) = (None, None),
        _ if site.write.is_none() => site.skip(Skip::NotEditable),
        _ => {}
    }
    if let Some(Write::Tag { .. }) = site.write {
        site.fields.insert("tag", site.span.clone());
    }
}

/// Returns a text with the value of an argument in it.
fn filled(text: &str, name: &str, value: &str) -> String {
    text.replace(&format!("${{{name}}}"), value).replace(&format!("${name}"), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dockerfile_is_looked_for_from_the_context_and_from_the_root() {
        let argument = |context: &str, file: &str| BuildArgument {
            context: Some(context.to_owned()),
            file: Some(file.to_owned()),
            name: String::new(),
            prefix: String::new(),
        };
        let all = |argument: BuildArgument| candidates("a/b", &argument).collect::<Vec<_>>();
        assert_eq!(
            all(argument("./web", "Dockerfile")),
            ["a/b/web/Dockerfile", "a/b/Dockerfile", "web/Dockerfile", "Dockerfile"]
        );
        assert_eq!(all(argument("../..", "x/prod")), ["x/prod", "a/b/x/prod", "x/prod"]);
        assert!(all(argument("https://example.com", "/etc/x")).is_empty());
    }
}
