//! Which changes go into one pull request, and the name of its branch. Pure.

use sha2::{Digest as _, Sha256};

use crate::policy::environment::{Environment, of_path};
use crate::policy::{Globs, Scoped, ScopedList};
use crate::reference::Reference;
use crate::source::tree::directory_of;

/// What the name of every branch that tagpin proposes starts with.
pub const PREFIX: &str = "tagpin/";

/// The longest readable part of a branch's last segment, in bytes.
const READABLE: usize = 60;

const BY_HAND: [&str; 2] = ["promote-", "rollback-"];

/// How many directories a path is grouped by where it belongs to no environment: `clusters/production`.
const DEPTH: usize = 2;

/// How changes are divided where no named group takes them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum By {
    /// Not at all: one pull request.
    #[default]
    All,
    /// By the environment that the file belongs to, or by its first two directories.
    Path,
    /// By the image's name.
    Image,
    /// By the registry.
    Registry,
}

/// How the changes of a repository are divided into pull requests.
#[derive(Clone, Debug, Default)]
pub struct Grouping {
    /// Groups with a name; the first that matches takes the change.
    pub named: ScopedList<NamedGroup>,
    /// How the rest is divided.
    pub by: By,
}

/// A group with a name.
#[derive(Clone, Debug)]
pub struct NamedGroup {
    /// What people call it; no two have the same.
    pub name: String,
    /// The files it takes; `None` takes all.
    pub paths: Option<Globs>,
    /// The images it takes, as they are spelled or in full; `None` takes all.
    pub images: Option<Globs>,
}

impl Scoped for NamedGroup {
    fn paths(&self) -> Option<&Globs> {
        self.paths.as_ref()
    }

    fn images(&self) -> Option<&Globs> {
        self.images.as_ref()
    }
}

/// One group of changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The last segment of its branch.
    slug: String,
    /// What people call it; `None` where it is everything.
    name: Option<String>,
}

impl Group {
    /// Returns the group of everything.
    pub fn all() -> Self {
        Self { slug: "pin-digests".to_owned(), name: None }
    }

    fn of(kind: &str, name: &str) -> Self {
        Self { slug: format!("{kind}-{}", slug(name)), name: Some(name.to_owned()) }
    }

    /// Returns the group of what is promoted into `environment` without anybody asking.
    pub fn promotion(environment: &str) -> Self {
        let name = Some(format!("promotion to {environment}"));
        Self { name, ..Self::of("promotion", environment) }
    }

    /// Returns the group of a promotion that a person asks for; `images` are the globs of those that are meant, none for all.
    pub fn promoted_by_hand(from: &str, to: &str, images: &[String]) -> Self {
        let is_clear = images.is_empty() && !from.contains("-to-") && !to.contains("-to-");
        Self::by_hand(
            "promote",
            &format!("{from}-to-{to}"),
            is_clear,
            &[&[from, to], &*strings(images)].concat(),
        )
    }

    /// Returns the group of a rollback that a person asks for; `images` as above.
    pub fn rolled_back(target: &str, images: &[String]) -> Self {
        Self::by_hand("rollback", target, images.is_empty(), &[&[target], &*strings(images)].concat())
    }

    /// Returns the group of what a person asks for: what differs in any of `parts` has a branch of its own.
    fn by_hand(kind: &str, name: &str, is_clear: bool, parts: &[&str]) -> Self {
        let group = Self::of(kind, name);
        if is_clear {
            return group;
        }
        let hash = hex::encode(Sha256::digest(parts.join("\0").as_bytes()));
        Self { slug: format!("{}-{}", group.slug, &hash[..8]), ..group }
    }

    /// Returns what people call it: a name, a path, an image or a registry; `None` where it is everything.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Grouping {
    /// Returns the group of a change to the image `reference` in the file at `path` below the repository's root.
    pub fn of(&self, path: &str, reference: &Reference, environments: &ScopedList<Environment>) -> Group {
        let full = format!("{}/{}", reference.registry(), reference.repository());
        if let Some(named) = self.named.matching(path, &reference.names()).next() {
            return Group::of("group", &named.name);
        }
        match self.by {
            By::All => Group::all(),
            By::Image => Group::of("image", &full),
            By::Registry => Group::of("registry", &reference.registry()),
            By::Path => match of_path(environments, path) {
                Some(environment) => Group::of("path", &environment.name),
                None => {
                    let directories: Vec<&str> =
                        directory_of(path).split('/').filter(|part| !part.is_empty()).take(DEPTH).collect();
                    let name = if directories.is_empty() { "/".to_owned() } else { directories.join("/") };
                    Group::of("path", &name)
                }
            },
        }
    }
}

/// The names of the branches for one base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branches {
    prefix: String,
}

impl Branches {
    /// Returns the names for the base branch `base`, where `default` is the repository's default branch. Branches for another
    /// base have one more segment: two bases of one repository never share a branch.
    pub fn new(base: &str, default: Option<&str>) -> Self {
        let prefix = match default {
            Some(default) if default != base => format!("{PREFIX}base-{}/", slug(base)),
            _ => PREFIX.to_owned(),
        };
        Self { prefix }
    }

    /// Returns the branch of `group`.
    pub fn of(&self, group: &Group) -> String {
        format!("{}{}", self.prefix, group.slug)
    }

    /// Returns whether `branch` is named as a group for this base would name it. Somebody else may use the prefix too.
    pub fn has(&self, branch: &str) -> bool {
        branch.strip_prefix(&self.prefix).is_some_and(|slug| {
            let kinds = ["group-", "path-", "image-", "registry-", "promotion-"];
            let is_of_a_kind = kinds.iter().chain(&BY_HAND).any(|kind| slug.starts_with(kind));
            !slug.contains('/') && (slug == "pin-digests" || is_of_a_kind)
        })
    }

    /// Returns whether `branch`, which [`Branches::has`], is of something that a person asked for: no run knows whether it is
    /// still wanted.
    pub fn is_by_hand(&self, branch: &str) -> bool {
        let slug = branch.strip_prefix(&self.prefix);
        slug.is_some_and(|slug| BY_HAND.iter().any(|kind| slug.starts_with(kind)))
    }
}

/// Returns the texts, sorted: in which order they were given makes no difference.
fn strings(texts: &[String]) -> Vec<&str> {
    let mut texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    texts.sort_unstable();
    texts
}

/// Returns `text` as a part of a branch's name: itself, or what is readable of it with a hash that keeps it distinct.
fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '-' };
    let readable: String = text.chars().map(plain).take(READABLE).collect();
    let readable = readable.replace("..", "--");
    if readable == text && !text.is_empty() && !text.ends_with('.') && !text.ends_with(".lock") {
        return readable;
    }
    let hash = hex::encode(Sha256::digest(text.as_bytes()));
    format!("{}-{}", readable.trim_matches(['.', '-']), &hash[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn globs(patterns: &[&str]) -> Option<Globs> {
        Some(Globs::new(patterns.iter().copied()).unwrap())
    }

    fn name(grouping: &Grouping, path: &str, image: &str) -> String {
        let environment = Environment::new("production", globs(&["clusters/prod-*/**"]).unwrap(), false);
        let group = grouping.of(path, &Reference::parse(image).unwrap(), &vec![environment].into());
        Branches::new("main", Some("main")).of(&group)
    }

    #[test]
    fn changes_are_divided_as_the_policy_says() {
        let named = ScopedList::from(vec![
            NamedGroup { name: "web".into(), paths: globs(&["web/**"]), images: globs(&["nginx"]) },
            NamedGroup { name: "ours".into(), paths: None, images: globs(&["ghcr.io/acme/**"]) },
        ]);
        let by = |by| Grouping { named: ScopedList::default(), by };
        for (grouping, path, image, expected) in [
            (by(By::All), "a/b/c/d.yaml", "nginx:1", "tagpin/pin-digests"),
            (by(By::Image), "a/b.yaml", "nginx:1", "tagpin/image-docker.io-library-nginx-"),
            (by(By::Image), "a/b.yaml", "docker.io/nginx:2", "tagpin/image-docker.io-library-nginx-"),
            (by(By::Registry), "a/b.yaml", "nginx:1", "tagpin/registry-docker.io"),
            (by(By::Registry), "a/b.yaml", "localhost:5000/a:1", "tagpin/registry-localhost-5000-"),
            (by(By::Path), "a/b/c/d.yaml", "nginx:1", "tagpin/path-a-b-"),
            (by(By::Path), "a/d.yaml", "nginx:1", "tagpin/path-a"),
            (by(By::Path), "d.yaml", "nginx:1", "tagpin/path--"),
            (by(By::Path), "clusters/prod-eu/x.yaml", "nginx:1", "tagpin/path-production"),
            (Grouping { named: named.clone(), by: By::All }, "web/a.yaml", "nginx:1", "tagpin/group-web"),
            (Grouping { named: named.clone(), by: By::All }, "b/a.yaml", "nginx:1", "tagpin/pin-digests"),
            (Grouping { named, by: By::Path }, "web/a.yaml", "ghcr.io/acme/x:1", "tagpin/group-ours"),
        ] {
            let branch = name(&grouping, path, image);
            let is = if expected.ends_with('-') {
                branch.len() == expected.len() + 8 && branch.starts_with(expected)
            } else {
                branch == expected
            };
            assert!(is, "{path} {image}: {branch}, not {expected}");
            assert!(Branches::new("main", None).has(&branch));
            assert!(git2::Reference::is_valid_name(&format!("refs/heads/{branch}")), "{branch}");
        }
    }

    #[test]
    fn names_that_look_alike_have_branches_of_their_own() {
        let names = ["a/b", "a-b", "a b", "x..y", "x--y", "a.lock", ".", "", "é", "-", &"a/".repeat(99)];
        let mut slugs: Vec<String> = names.iter().map(|name| slug(name)).collect();
        for slug in &slugs {
            assert!(git2::Reference::is_valid_name(&format!("refs/heads/tagpin/path-{slug}")), "{slug}");
            assert!(slug.len() <= READABLE + 9, "{slug}");
        }
        slugs.sort();
        slugs.dedup();
        assert_eq!(slugs.len(), names.len(), "{slugs:?}");
    }

    #[test]
    fn what_a_person_asks_for_is_told_from_what_a_run_keeps_up() {
        let main = Branches::new("main", None);
        for (group, by_hand) in [
            (Group::all(), false),
            (Group::promotion("production"), false),
            (Group::promoted_by_hand("staging", "production", &[]), true),
            (Group::rolled_back("clusters/a.yaml#Deployment/api", &[]), true),
            (Group::rolled_back("production", &["api".to_owned()]), true),
        ] {
            let branch = main.of(&group);
            assert!(main.has(&branch) && main.is_by_hand(&branch) == by_hand, "{branch}");
            assert!(git2::Reference::is_valid_name(&format!("refs/heads/{branch}")), "{branch}");
        }
    }

    #[test]
    fn what_is_asked_for_differently_has_branches_of_its_own() {
        let images = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let all = [
            Group::promoted_by_hand("a", "b-to-c", &[]),
            Group::promoted_by_hand("a-to-b", "c", &[]),
            Group::promoted_by_hand("a", "b", &[]),
            Group::promoted_by_hand("a", "b", &images(&["x"])),
            Group::promoted_by_hand("a", "b", &images(&["y"])),
            Group::rolled_back("a", &[]),
            Group::rolled_back("a", &images(&["x"])),
            Group::rolled_back("a", &images(&["x", "y"])),
        ];
        let main = Branches::new("main", None);
        let branches: std::collections::BTreeSet<String> = all.iter().map(|group| main.of(group)).collect();
        assert_eq!(branches.len(), all.len(), "{branches:?}");
        let turned = Group::rolled_back("a", &images(&["y", "x"]));
        assert!(branches.contains(&main.of(&turned)));
    }

    #[test]
    fn each_base_has_branches_of_its_own() {
        let (main, release) = (Branches::new("main", Some("main")), Branches::new("release/1", Some("main")));
        let (for_main, for_release) = (main.of(&Group::all()), release.of(&Group::all()));
        assert_eq!(for_main, "tagpin/pin-digests");
        assert!(for_release.starts_with("tagpin/base-release-1-") && for_release.ends_with("/pin-digests"));
        assert!(main.has(&for_main) && !main.has(&for_release));
        assert!(release.has(&for_release) && !release.has(&for_main));
        for other in ["tagpin-ledger", "tagpin/notes", "main", "tagpin/"] {
            assert!(!main.has(other), "{other}");
        }
    }
}
