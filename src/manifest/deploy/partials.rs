//! What parts of images among values make of the image that they are for, where its rest stands in the same tree.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::chart::{ChartForms, Charts, DigestForm};
use super::tree_file::TreeFile;
use crate::manifest::inputs;
use crate::manifest::located::{Located, Scan};
use crate::manifest::partial_image::{ImageParts, PartialImage};
use crate::manifest::site::{State, classify};

/// What is deployed of a part of an image.
enum MergedImage {
    /// It has a digest.
    Pinned,
    /// This, without a digest.
    Floats(String),
    Unknown,
}

/// Leaves the parts of images that leave something open, each with what it makes of its image; says of the images in the
/// values of a chart what other values lie over them.
pub(in crate::manifest) fn settle(files: &mut [TreeFile<'_>], charts: &Charts) {
    let mut defaults: HashMap<String, usize> = HashMap::new();
    for (index, (path, _)) in files.iter().enumerate() {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        if matches!(name, "values.yaml" | "values.yml") {
            defaults.insert(directory.to_owned(), index);
        }
    }
    let mut forms = ChartForms::default();
    let mut settled: Vec<(usize, Vec<PartialImage>)> = Vec::new();
    for (index, (path, scan)) in files.iter().enumerate().filter(|(_, (_, scan))| !scan.partials.is_empty()) {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let default = defaults.get(directory).filter(|default| **default != index);
        let left = scan.partials.iter().filter_map(|partial| {
            let below = default.and_then(|default| image_at(files[*default].1, &partial.key));
            let is_chart = charts.has(directory);
            let below = below.or_else(|| image_below(scan, partial));
            let is_read = |key: &str| forms.form(charts, directory, key) != Some(DigestForm::Unread);
            match outcome(partial, below, is_read) {
                // Beside values of no chart that is here, others may be for another one.
                MergedImage::Pinned
                    if below.is_some() && default.is_some() && !is_chart && !partial.parts.has_digest() =>
                {
                    Some(partial.clone())
                }
                MergedImage::Pinned => None,
                MergedImage::Floats(image) => Some(PartialImage { makes: Some(image), ..partial.clone() }),
                MergedImage::Unknown => Some(partial.clone()),
            }
        });
        settled.push((index, left.collect()));
    }
    let over = overlays(files, &defaults);
    for (index, left) in settled {
        files[index].1.partials = left;
    }
    for ((index, site), said) in over {
        let deployed = files[index].1.sites[site].deployed.get_or_insert_default();
        inputs::add(&mut deployed.inputs, said);
    }
}

/// Returns what the values beside a chart's own say of each of its images, by the file and the index of the site.
fn overlays(
    files: &[TreeFile<'_>],
    defaults: &HashMap<String, usize>,
) -> BTreeMap<(usize, usize), BTreeSet<(String, String)>> {
    let mut over: BTreeMap<(usize, usize), BTreeSet<(String, String)>> = BTreeMap::new();
    for (index, (path, scan)) in files.iter().enumerate() {
        let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
        let Some(default) = defaults.get(directory).filter(|default| **default != index) else { continue };
        let said = scan.partials.iter().map(|partial| (partial.key.clone(), partial.parts.written()));
        let images = scan.sites.iter().filter(|located| &*located.site.format == "helm-values");
        let said = said.chain(images.map(|located| (holder(located).to_owned(), located.site.image.clone())));
        for (key, text) in said {
            let sites = files[*default].1.sites.iter().enumerate();
            for (site, _) in sites.filter(|(_, located)| is_at(located, &key)) {
                over.entry((*default, site)).or_default().insert((name.to_owned(), text.clone()));
            }
        }
    }
    over
}

/// Returns the image at the `key` of the values in `scan`.
fn image_at<'s>(scan: &'s Scan, key: &str) -> Option<&'s Located> {
    images(scan).find(|located| is_at(located, key))
}

/// Returns the image in the values that a deployer's parameters are set over: those of the same release or source.
fn image_below<'s>(scan: &'s Scan, partial: &PartialImage) -> Option<&'s Located> {
    let prefix = partial.path.strip_suffix(&partial.key)?;
    let (above, _) = prefix.rsplit_once('/').filter(|(_, list)| is_parameters(list))?;
    let is_it = |located: &&Located| {
        let rest = holder(located).strip_prefix(above).and_then(|rest| rest.strip_suffix(&partial.key));
        let keys: Vec<&str> = rest.unwrap_or_default().split('/').skip(1).collect();
        let is_values = matches!(keys.as_slice(), [values] | [values, _] if values.starts_with("values"));
        located.site.document == partial.document && is_values
    };
    images(scan).find(is_it)
}

fn is_parameters(key: &str) -> bool {
    key == "valuesFrom" || key.ends_with("arameters") || key.starts_with("set")
}

fn images(scan: &Scan) -> impl Iterator<Item = &Located> {
    scan.sites.iter().filter(|located| located.site.chart || &*located.site.format == "helm-values")
}

fn is_at(located: &Located, key: &str) -> bool {
    let flat = || located.site.path.strip_prefix(key).is_some_and(|rest| !rest.contains('/'));
    holder(located) == key || (!key.is_empty() && flat())
}

/// Returns the JSON pointer of what holds the parts of an image, or of its one scalar.
fn holder(located: &Located) -> &str {
    let path = located.site.path.as_str();
    if located.site.fields.is_empty() { path } else { path.rsplit_once('/').map_or("", |(above, _)| above) }
}

fn outcome(
    partial: &PartialImage,
    below: Option<&Located>,
    mut is_read: impl FnMut(&str) -> bool,
) -> MergedImage {
    let parts = &partial.parts;
    if let Some(whole) = parts.whole.as_deref().filter(|whole| !whole.is_empty()) {
        let knows_rest = below.is_some_and(|below| below.site.fields.is_empty());
        return match classify(whole).0 {
            State::Pinned => MergedImage::Pinned,
            // A name may have its tag elsewhere.
            State::Floating
                if knows_rest || whole.rsplit('/').next().is_some_and(|last| last.contains(':')) =>
            {
                MergedImage::Floats(whole.to_owned())
            }
            _ => MergedImage::Unknown,
        };
    }
    let digest_key = format!("{}/digest", partial.key);
    if parts.has_digest() && (parts.digest.is_none() || is_read(&digest_key)) {
        return MergedImage::Pinned;
    }
    match below {
        Some(below) if parts.whole.is_none() && !below.site.fields.is_empty() => merged(parts, below),
        _ => whole_of(parts),
    }
}

/// Returns what comes out of parts that are all of an image.
fn whole_of(parts: &ImageParts) -> MergedImage {
    let tag = parts.tag.as_deref().filter(|tag| !tag.is_empty());
    let (Some(name), Some(tag)) = (parts.repository.as_deref().filter(|name| !name.is_empty()), tag) else {
        return MergedImage::Unknown;
    };
    let registry = parts.registry.as_deref().filter(|registry| !registry.is_empty());
    judged(match registry {
        Some(registry) => format!("{}/{name}:{tag}", registry.trim_end_matches('/')),
        None => format!("{name}:{tag}"),
    })
}

/// Returns what comes out of an image with some of its parts replaced.
fn merged(parts: &ImageParts, below: &Located) -> MergedImage {
    let site = &below.site;
    let Some(reference) = &site.reference else { return MergedImage::Unknown };
    let is_beside = site.digest_field.as_ref().is_some_and(|field| !field.text.is_empty());
    let keeps_digest =
        site.state == State::Pinned && if is_beside { parts.digest.is_none() } else { parts.tag.is_none() };
    if keeps_digest {
        return MergedImage::Pinned;
    }
    let name = match (parts.registry.as_deref(), parts.repository.as_deref()) {
        (_, Some("")) => return MergedImage::Unknown,
        (None, None) => reference.name().to_string(),
        (None, Some(name)) => name.to_owned(),
        (Some(registry), name) => {
            let name = name.map_or_else(|| reference.repository(), str::to_owned);
            if registry.is_empty() { name } else { format!("{}/{name}", registry.trim_end_matches('/')) }
        }
    };
    let tag = parts.tag.as_deref().or_else(|| reference.tag());
    match tag.filter(|tag| !tag.is_empty()) {
        Some(tag) => judged(format!("{name}:{tag}")),
        // The chart may have one of its own.
        None => MergedImage::Unknown,
    }
}

fn judged(image: String) -> MergedImage {
    match classify(&image).0 {
        State::Pinned => MergedImage::Pinned,
        State::Floating => MergedImage::Floats(image),
        State::Skipped(_) => MergedImage::Unknown,
    }
}
