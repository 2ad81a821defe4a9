//! The images in the values of a chart, read as its templates read them.

use std::collections::{HashMap, HashSet};

use super::charts::Charts;
use super::digest_form::{ChartFlow, DigestForm};
use super::readers::{ReaderChart, ValuesReader, readers};
use super::tag_use::TagUses;
use crate::manifest::deploy::deployed::{AddedField, ChartFields};
use crate::manifest::deploy::tree_file::TreeFile;
use crate::manifest::formats::{ChartOrigin, KnownChart, skip_below};
use crate::manifest::located::{Located, Scan};
use crate::manifest::site::{Site, Skip, State, Write, classify};
use crate::source::tree::directory_of;

/// How much template text is looked through for tags in one tree, in bytes.
const LOOKED_AT_MAX: usize = 256 * 1024 * 1024;

/// Returns whether the templates of its chart, if there is one, say something of an image.
fn needs_templates(located: &Located) -> bool {
    let site = &located.site;
    let is_open =
        matches!(site.state, State::Floating | State::Pinned | State::Skipped(Skip::MalformedDigest));
    site.chart && is_open
}

/// Returns the directories whose charts read values with images.
pub(in crate::manifest) fn template_directories<'f>(
    files: impl Iterator<Item = (&'f str, &'f Scan)>,
) -> HashSet<&'f str> {
    let mut directories = HashSet::new();
    for (path, scan) in files {
        let mut sites = scan.sites.iter();
        if sites.any(|located| &*located.site.format == "helm-values" && needs_templates(located)) {
            directories.insert(directory_of(path));
        }
        for release in &scan.releases.installed {
            if let ChartOrigin::Directory(directory) = &release.chart.from {
                directories.insert(directory);
            }
        }
    }
    directories
}

/// Puts beside the images in the values of `charts`, and of those that are `known`, what the templates do with their fields,
/// and reads them so.
pub(in crate::manifest) fn apply(files: &mut [TreeFile<'_>], charts: &Charts, known: &[KnownChart]) {
    let readers = readers(files, charts, known);
    files.iter_mut().for_each(|(_, scan)| skip_given(scan));
    skip_without_registry(files, &readers);
    let mut judge = ChartJudge { charts, flows: HashMap::new(), uses: HashMap::new(), looked_at: 0 };
    for ((_, scan), readers) in files.iter_mut().zip(&readers).filter(|(_, readers)| !readers.is_empty()) {
        for located in scan.sites.iter_mut().filter(|located| needs_templates(located)) {
            if let Some(fields) = judge.fields(&located.site, readers) {
                located.deployed.get_or_insert_default().chart = Some(fields);
                read(located);
            }
        }
    }
}

/// Skips the images of values whose tag or name is given one by one beside them: by parameters, where the values are a text,
/// and by files.
fn skip_given(scan: &mut Scan) {
    for release in &scan.releases.installed {
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let given = release.parameters.values().filter(|_| site.inside.is_some());
            let given = || given.clone().chain(&release.given_by_files);
            let below = |root: &String| site.path.strip_prefix(root.as_str());
            let is_its = site.document == release.document && !release.parameters.contains_key(&site.path);
            if let Some(own) = release.values.iter().find_map(below).filter(|_| is_its && site.chart)
                && given().any(|given| takes_place(given, own))
            {
                site.skip(Skip::Replaced);
            }
        }
    }
}

/// Skips the images of values that name no registry, where values that are taken with them have it: the `values.yaml` beside
/// them, and that of a chart in the tree which reads them, by its place or by its name.
fn skip_without_registry(files: &mut [TreeFile<'_>], readers: &[Vec<ValuesReader<'_>>]) {
    const BASES: [&str; 2] = ["values.yaml", "values.yml"];
    let name = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
    let bases = files
        .iter()
        .filter(|(path, scan)| !scan.registries.is_empty() && BASES.contains(&name(path).as_str()));
    let bases: HashMap<String, Vec<String>> =
        bases.map(|(path, scan)| (directory_of(path).to_owned(), scan.registries.clone())).collect();
    if bases.is_empty() {
        return;
    }
    let mut by_name: HashMap<String, Vec<String>> = HashMap::new();
    for (directory, scopes) in &bases {
        by_name.entry(name(directory)).or_default().extend(scopes.iter().cloned());
    }
    for ((path, scan), readers) in files.iter_mut().zip(readers) {
        let is_overlay = name(path).starts_with("values") && !BASES.contains(&name(path).as_str());
        let beside = bases.get(directory_of(path)).filter(|_| is_overlay);
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            if let Some(scopes) = beside.filter(|_| &*site.format == "helm-values") {
                let pointer = site.path.clone();
                skip_below(site, &pointer, scopes);
            }
            for reader in readers {
                let of_chart = match &reader.chart {
                    ReaderChart::Templates(directory) => bases.get(directory),
                    _ => by_name.get(&reader.by.1),
                };
                if let (Some(scopes), Some(pointer)) = (of_chart, reader.pointer(site.document, &site.path)) {
                    skip_below(site, &pointer, scopes);
                }
            }
        }
    }
}

/// Returns whether a value that is given takes the place of a part of the image whose tag stands at `own`.
fn takes_place(given: &str, own: &str) -> bool {
    const PARTS: [&str; 8] = ["registry", "repository", "image", "name", "tag", "digest", "sha", "sha256"];
    let (Some((above, key)), Some((own_above, _))) = (given.rsplit_once('/'), own.rsplit_once('/')) else {
        return false;
    };
    given == own || own_above == given || (above == own_above && PARTS.contains(&key))
}

/// Decides what charts do with the fields of images.
struct ChartJudge<'j> {
    charts: &'j Charts,
    flows: HashMap<String, ChartFlow>,
    /// `None` where there is too much to look through.
    uses: HashMap<String, Option<TagUses<'j>>>,
    looked_at: usize,
}

impl ChartJudge<'_> {
    /// Returns what all charts that read a site agree on; `None` where none of them, or not each, is known.
    fn fields(&mut self, site: &Site, readers: &[ValuesReader<'_>]) -> Option<ChartFields> {
        let place = |reader: &ValuesReader<'_>| reader.pointer(site.document, &site.path);
        let mut all: Vec<_> = readers.iter().filter_map(|it| Some((it, place(it)?))).collect();
        // What a chart does with the values of one inside it is seen in its templates, where they name them.
        if all.iter().any(|(reader, _)| reader.is_dependency) {
            all.retain(|(reader, _)| match &reader.chart {
                ReaderChart::Templates(directory) if !reader.is_dependency => {
                    self.names(directory, &site.path)
                }
                _ => true,
            });
        }
        let mut fields: Option<ChartFields> = None;
        for (reader, tag) in all {
            let field = site.digest_field.as_ref();
            let digest = field.map(|field| reader.pointer(site.document, &field.path).unwrap_or_default());
            let next = match &reader.chart {
                ReaderChart::Templates(directory) => {
                    self.of_templates(directory, site, &tag, digest.as_deref())
                }
                ReaderChart::Known(chart) => of_known(chart, site, &tag, digest.as_deref()),
                ReaderChart::Unknown => return None,
            };
            fields = Some(fields.map_or_else(|| next.clone(), |fields| both(fields, &next)));
        }
        fields
    }

    /// Returns whether the templates in a directory name the first key of a JSON pointer.
    fn names(&self, directory: &str, pointer: &str) -> bool {
        let key = pointer.split('/').nth(1).unwrap_or_default();
        let texts = self.charts.templates(directory);
        texts.is_none_or(|texts| {
            let mut own = texts.iter().filter(|(path, _)| path.starts_with("templates/"));
            own.any(|(_, text)| text.contains(key))
        })
    }

    fn of_templates(&mut self, directory: &str, site: &Site, tag: &str, digest: Option<&str>) -> ChartFields {
        let templates = self.charts.templates(directory);
        let writes = matches!(site.write, Some(Write::Tag { .. } | Write::Digest { .. }));
        let tag_is_only_in_images = writes && {
            let (uses, looked_at) = (&mut self.uses, &mut self.looked_at);
            let uses = uses.entry(directory.to_owned()).or_insert_with(|| {
                let texts = templates.as_ref()?;
                *looked_at = looked_at.saturating_add(texts.iter().map(|(_, text)| text.len()).sum());
                (*looked_at <= LOOKED_AT_MAX).then(|| TagUses::of(texts))
            });
            uses.as_ref().is_some_and(|uses| uses.is_only_in_images(tag))
        };
        let flow = templates
            .as_ref()
            .map(|texts| &*self.flows.entry(directory.to_owned()).or_insert_with(|| ChartFlow::of(texts)));
        let form = |digest| flow.map_or(DigestForm::Unknown, |flow| flow.form(digest));
        let written = match &site.write {
            Some(Write::Digest { .. }) => digest,
            Some(Write::Tag { .. }) => Some(tag),
            _ => None,
        };
        let is_shared = written.is_some_and(|path| flow.is_some_and(|flow| flow.is_shared(path)));
        ChartFields { tag_is_only_in_images, digest: digest.map(form), is_shared, added: None }
    }
}

fn of_known(chart: &KnownChart, site: &Site, tag: &str, digest: Option<&str>) -> ChartFields {
    // A field that nobody looked at is read by its name, as those of other charts.
    let form = |bare| if bare { DigestForm::Bare } else { DigestForm::Prefixed };
    let digest = digest.and_then(|digest| chart.is_bare(digest)).map(form);
    let added = chart.field_beside(tag).filter(|_| site.room.is_some());
    let added = added.map(|(key, bare)| AddedField { key: key.to_owned(), bare });
    ChartFields { tag_is_only_in_images: chart.is_only_in_images(tag), digest, is_shared: false, added }
}

/// Returns what two charts that read the same values have in common. One that does not read a digest takes any.
fn both(one: ChartFields, other: &ChartFields) -> ChartFields {
    let digest = one.digest.zip(other.digest).map(|(one, other)| match (one, other) {
        (form, DigestForm::Either | DigestForm::Unread | DigestForm::Unknown)
        | (DigestForm::Either | DigestForm::Unread | DigestForm::Unknown, form) => form,
        (one, other) if one == other => one,
        _ => DigestForm::Unknown,
    });
    let tag_is_only_in_images = one.tag_is_only_in_images && other.tag_is_only_in_images;
    ChartFields {
        tag_is_only_in_images,
        digest,
        is_shared: one.is_shared || other.is_shared,
        added: one.added.filter(|added| other.added.as_ref() == Some(added)),
    }
}

/// Takes over what is known of an image from `known`, which is the same image in the whole tree: a file by itself does not
/// say it.
pub fn adopt(located: &mut Located, known: &Located) {
    located.deployed.clone_from(&known.deployed);
    read(located);
}

/// Reads an image as the templates of its chart do. Where they write `sha256:` themselves, a digest is hex digits alone; one
/// that they never read is none.
fn read(located: &mut Located) {
    let chart = located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref());
    let (form, added) = chart.map_or((None, None), |chart| (chart.digest, chart.added.clone()));
    let site = &mut located.site;
    if let (Some(AddedField { key, bare }), Some((mapping, after)), Some(Write::Tag { .. })) =
        (added, site.room, &site.write)
        && site.state == State::Floating
    {
        site.write = Some(Write::AddDigest { mapping, after, key, bare });
    }
    let (Some(form), Some(field)) = (form, site.digest_field.clone()) else { return };
    let image = site.image.split('@').next().unwrap_or_default().to_owned();
    let is_hex = field.text.len() == 64 && !field.text.contains(':');
    // The digest of a tag field is read anyway.
    if (field.text.is_empty() && site.state == State::Pinned) || form == DigestForm::Unknown {
        return;
    }
    let takes = match form {
        DigestForm::Unread => {
            let tag = site.fields.contains_key("tag").then_some(Write::Tag { node: site.main });
            let skip = if tag.is_none() { Some(Skip::TagElsewhere) } else { None };
            return set(site, image, tag, skip);
        }
        DigestForm::Bare => field.text.is_empty() || is_hex,
        DigestForm::Prefixed => field.text.is_empty() || !is_hex,
        DigestForm::Either | DigestForm::Unknown => true,
    };
    let bare = form == DigestForm::Bare || (form == DigestForm::Either && is_hex);
    let write = Write::Digest { node: field.node, bare };
    let image = match field.text.as_str() {
        "" => image,
        hex if is_hex && takes => format!("{image}@sha256:{hex}"),
        text => format!("{image}@{text}"),
    };
    set(site, image, Some(write), (!takes).then_some(Skip::MalformedDigest));
}

fn set(site: &mut Site, image: String, write: Option<Write>, skip: Option<Skip>) {
    let (state, reference) = classify(&image);
    site.image = image;
    match (skip, state) {
        (None, State::Floating | State::Pinned) => {
            (site.state, site.reference, site.write) = (state, reference, write);
        }
        (Some(skip), _) | (None, State::Skipped(skip)) => site.skip(skip),
    }
}
