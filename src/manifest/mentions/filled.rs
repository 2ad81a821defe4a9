//! Which of the things that a change mentions nobody judges yet.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::mention::{Mention, Mentioned, ValueForm, WRITTEN};
use super::pinned_names::PinnedNames;
use super::steps::ENVIRONMENTS;
use crate::manifest::file_scan::FileScan;
use crate::manifest::inventory::Inventory;
use crate::manifest::located::{Located, Scan};
use crate::manifest::look_away::{LookAway, LookAwayReason, LookAwaySpot};
use crate::manifest::partial_image::ends_in_digest;
use crate::manifest::site::{Site, Skip, State};
use crate::manifest::variable_text;
use crate::reference::Reference;
use crate::source::tree::directory_of;

/// What a change mentions in a file.
#[derive(Clone, Debug)]
pub struct Mentions {
    /// The file's path, as reports name it.
    pub path: String,
    /// Its path below the root.
    pub root_path: String,
    /// What it mentions more often than before.
    pub found: Vec<Mention>,
}

/// An image with a variable in it.
struct AskingImage<'i> {
    image: &'i str,
    /// Whether it is known what fills it, but for what patches write there.
    is_settled: bool,
    /// Whether Compose fills it, for whom the environment of its command counts before all files.
    is_of_compose: bool,
    root_path: &'i str,
}

/// Adds to `inventory` what the change mentions and nobody judges, as what makes tagpin look away. `pinned` are the names that
/// have a digest somewhere.
pub fn add_looks_away(inventory: &mut Inventory, all: &[Mentions], pinned: &PinnedNames) {
    let mut found = Vec::new();
    {
        let opens = opens(inventory);
        let patches = inventory.patches();
        let has_remote = has_remote_base(inventory);
        let floating = ImageNames::floating(inventory);
        let names = ImageNames::of(inventory);
        let by_path: HashMap<&str, &FileScan> =
            inventory.files.iter().map(|file| (file.root_path.as_str(), file)).collect();
        for file in all {
            let judged = Judged::of(by_path.get(file.root_path.as_str()).map(|file| &file.scan));
            let mut said = HashSet::new();
            for mention in &file.found {
                let about = match &mention.what {
                    Mentioned::Image(image) if !judged.has(mention, image) => {
                        (LookAwayReason::ImageLike, image.clone())
                    }
                    Mentioned::Perhaps(image)
                        if !judged.has(mention, image)
                            && (names.has(image) || is_place_of_image(&mention.path)) =>
                    {
                        (LookAwayReason::ImageLike, image.clone())
                    }
                    Mentioned::LedTo(name, image) => {
                        (LookAwayReason::LedTo, format!("`{image}` by `{name}`"))
                    }
                    Mentioned::Remote(what) => {
                        let what = what.strip_prefix(". of ").unwrap_or(what);
                        (LookAwayReason::RemoteBase, what.to_owned())
                    }
                    Mentioned::Updater(key) => (LookAwayReason::Updater, key.clone()),
                    Mentioned::Packed(_) => (LookAwayReason::EmbeddedText, mention.path.clone()),
                    Mentioned::Unread(path) => (LookAwayReason::Size, path.clone()),
                    Mentioned::LostDigest { text, only_for, .. } if !judged.is_site(mention) => {
                        let floats = |images: &Vec<String>| images.iter().any(|image| floating.has(image));
                        if only_for.as_ref().is_some_and(|images| !has_remote && !floats(images)) {
                            continue;
                        }
                        (LookAwayReason::LostDigest, text.clone())
                    }
                    Mentioned::Value { name, value, form }
                        if may_be_a_part(value) && !judged.is_site(mention) =>
                    {
                        // Also what is added to a unit of systemd.
                        let is_patch = value == WRITTEN
                            || patches.contains(file.root_path.as_str())
                            || file.root_path.contains(".d/") && file.root_path.ends_with(".conf");
                        let fills =
                            |open: &&AskingImage<'_>| fills(open, &file.root_path, mention, *form, is_patch);
                        let open = opens.get(name.as_str()).and_then(|opens| opens.iter().find(fills));
                        // What is written over something that has a digest where it stands.
                        let is_over = (mention.in_text || is_patch) && pinned.names.contains(name)
                            || is_given(mention, *form) && pinned.defaults.contains(name);
                        match open {
                            Some(open) => (LookAwayReason::Fills, open.image.to_owned()),
                            None if is_over && !judged.has_part(mention, value) => {
                                (LookAwayReason::ImageLike, format!("{name}: {value}"))
                            }
                            None => continue,
                        }
                    }
                    _ => continue,
                };
                // That it reads like an image says more than where it may go.
                let is_said = said.contains(&(LookAwayReason::ImageLike, mention.place.line));
                if !(is_said && about.0 == LookAwayReason::Fills)
                    && said.insert((about.0, mention.place.line))
                {
                    found.push((file, mention, about));
                }
            }
        }
    }
    for (file, mention, (reason, what)) in found {
        let spot = LookAwaySpot {
            document: mention.document,
            path: mention.path.clone(),
            place: mention.place.clone(),
        };
        let at = inventory.files.partition_point(|known| known.path < file.path);
        if inventory.files.get(at).is_none_or(|known| known.path != file.path) {
            let (path, root_path) = (file.path.clone(), file.root_path.clone());
            inventory.files.insert(at, FileScan { path, root_path, scan: Scan::told(Vec::new()) });
        }
        inventory.files[at].scan.looks_away.push(LookAway::at(reason, what, spot));
    }
}

/// Returns whether kustomizations build on what is not in the tree.
fn has_remote_base(inventory: &Inventory) -> bool {
    let all = inventory.files.iter().flat_map(|file| &file.scan.looks_away);
    all.into_iter().any(|it| matches!(it.reason, LookAwayReason::RemoteBase | LookAwayReason::KustomizeChart))
}

/// Returns whether a value may be a part of an image that leaves open which one it is.
fn may_be_a_part(value: &str) -> bool {
    !value.is_empty() && !value.contains(char::is_whitespace) && !ends_in_digest(value)
}

/// Returns the images, and parts of some, with variables in them, by the names of these.
fn opens(inventory: &Inventory) -> HashMap<&str, Vec<AskingImage<'_>>> {
    let mut opens: HashMap<&str, Vec<AskingImage<'_>>> = HashMap::new();
    for file in &inventory.files {
        let sites = file.scan.sites.iter().filter(|located| {
            let site = &located.site;
            let is_open = match site.state {
                State::Skipped(Skip::Variable | Skip::Template) => true,
                // As CircleCI and the Flux Operator write what they fill in.
                State::Skipped(Skip::Placeholder) => site.image.contains("<<"),
                _ => false,
            };
            // A chart fills its own from values that are compared.
            is_open && !site.chart || is_of_compose(located) && site.image.contains('$')
        });
        let parts = file.scan.partials.iter().flat_map(|partial| partial.parts.texts());
        let is_settled =
            |located: &Located| located.deployed.as_ref().is_some_and(|deployed| deployed.filled.is_some());
        let texts = sites.map(|it| (it.site.image.as_str(), is_settled(it), is_of_compose(it)));
        let texts = texts.chain(parts.map(|part| (part, false, false)));
        let is_of_others = |text: &str| {
            [".Values", "include ", ".Chart", "template "].iter().any(|sign| text.contains(sign))
        };
        for (image, is_settled, is_of_compose) in texts.filter(|(text, ..)| !is_of_others(text)) {
            for name in variable_text::words(image) {
                opens.entry(name).or_default().push(AskingImage {
                    image,
                    is_settled,
                    is_of_compose,
                    root_path: &file.root_path,
                });
            }
        }
    }
    opens
}

fn is_of_compose(located: &Located) -> bool {
    &*located.site.format == "compose"
}

/// Keys below which pipelines hand values to what runs.
const GIVING: [&str; 6] = ["executor", "inputs", "matrix", "parameters", "variables", "with"];

/// Returns whether a named value in a file may fill an image: in the same file or beside it, or anywhere as a variable of
/// Flux, a parameter of builds and workflows, or what a generator reads that makes objects. An image of Compose is filled by what gives
/// its command an environment: files of variables are read where it is judged.
fn fills(
    open: &AskingImage<'_>,
    root_path: &str,
    mention: &Mention,
    form: ValueForm,
    is_patch: bool,
) -> bool {
    if open.is_of_compose {
        // `environment` of a service is what runs in it.
        let is_service = mention.path.starts_with("/services/");
        let is_environment = || mention.path.split('/').any(|key| ENVIRONMENTS.contains(&key));
        let is_variable = matches!(form, ValueForm::Assignment | ValueForm::Given);
        return !mention.in_object && !is_service && (is_variable || is_environment());
    }
    let is_given = is_given(mention, form);
    if open.is_settled && !mention.in_text && !is_patch && !is_given {
        return false;
    }
    if open.image.contains("${{") && !is_given {
        return false;
    }
    let is_near = open.root_path == root_path || directory_of(open.root_path) == directory_of(root_path);
    let is_parameter = open.image.contains("$(") || open.image.contains("param");
    is_near
        || is_given && ["$", "<<", "var."].iter().any(|sign| open.image.contains(sign))
        || open.image.contains("${")
        || form == ValueForm::Item && is_parameter
        || open.image.contains("{{") && !mention.in_object
}

/// Returns whether a value is handed to a job, a template, an executor or a module by its name, wherever that is.
fn is_given(mention: &Mention, form: ValueForm) -> bool {
    form == ValueForm::Given || mention.path.split('/').any(|key| GIVING.contains(&key))
}

/// The last names of the images in the tree.
struct ImageNames(HashSet<String>);

impl ImageNames {
    fn of(inventory: &Inventory) -> Self {
        let references = inventory.sites().filter_map(|(_, located)| located.site.reference.as_ref());
        Self(references.map(|reference| last_name(reference.name()).to_owned()).collect())
    }

    fn floating(inventory: &Inventory) -> Self {
        let sites = inventory.sites().map(|(_, located)| &located.site);
        // What a patch of that name replaces floats where the patch does not reach it any more.
        let floats = |site: &&Site| matches!(site.state, State::Floating | State::Skipped(Skip::Replaced));
        let floating = sites.filter(floats);
        Self(floating.map(|site| last_name(name_of(&site.image)).to_owned()).collect())
    }

    fn has(&self, image: &str) -> bool {
        self.0.contains(last_name(name_of(image)))
    }
}

/// Returns the name in an image, without what tells which one of that name it is.
fn name_of(image: &str) -> &str {
    let image = image.split('@').next().unwrap_or(image);
    match image.rsplit_once(':') {
        Some((name, tag)) if !tag.contains('/') => name,
        _ => image,
    }
}

fn last_name(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Returns whether the last key of a pointer says that an image stands there.
fn is_place_of_image(path: &str) -> bool {
    let words = ["image", "container", "sidecar"];
    let named = path.rsplit('/').find(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
    named.is_some_and(|key| words.iter().any(|word| key.to_ascii_lowercase().contains(word)))
}

/// What of a file is judged: quick to ask, as a change may mention as much as it likes.
#[derive(Default)]
struct Judged<'s> {
    /// The sites by where they start.
    sites: BTreeMap<usize, &'s Site>,
    /// Where each image stands.
    images: BTreeSet<(&'s str, usize)>,
    tags: HashSet<&'s str>,
    /// Parts of images, as they are written, and where.
    parts: BTreeSet<(String, usize)>,
    spans: HashSet<(usize, usize)>,
}

impl<'s> Judged<'s> {
    fn of(scan: Option<&'s Scan>) -> Self {
        let mut judged = Self::default();
        for site in scan.iter().flat_map(|scan| &scan.sites).map(|located| &located.site) {
            judged.sites.insert(site.span.start, site);
            judged.images.insert((&site.image, site.span.start));
            judged.tags.extend(site.reference.as_ref().and_then(Reference::tag));
        }
        for partial in scan.iter().flat_map(|scan| &scan.partials) {
            let span = &partial.place.span;
            judged.parts.insert((partial.parts.written(), span.start));
            judged.spans.insert((span.start, span.end));
        }
        judged
    }

    fn is_site(&self, mention: &Mention) -> bool {
        let span = &mention.place.span;
        self.sites.get(&span.start).is_some_and(|site| site.span == *span)
    }

    /// Returns whether an image that is mentioned is one of the file's, or a part of one. What stands in a text has the place
    /// of the whole text.
    fn has(&self, mention: &Mention, image: &str) -> bool {
        let span = &mention.place.span;
        let is_part =
            self.parts.range((image.to_owned(), span.start)..(image.to_owned(), span.end)).next().is_some();
        if self.images.range((image, span.start)..(image, span.end)).next().is_some() || is_part {
            return true;
        }
        let around = self.sites.range(..span.end).next_back().map(|(_, site)| site);
        let is_around = around.is_some_and(|site| site.span.end > span.start && site.image.contains(image));
        !mention.in_text && (is_around || self.spans.contains(&(span.start, span.end)))
    }

    /// Returns whether a value is a part of an image of the file.
    fn has_part(&self, mention: &Mention, value: &str) -> bool {
        let span = &mention.place.span;
        self.tags.contains(value) || self.spans.contains(&(span.start, span.end))
    }
}
