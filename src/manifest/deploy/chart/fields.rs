//! The images in the values of a chart, read as its templates read them.

use std::collections::HashMap;

use super::charts::Charts;
use super::digest_form::{ChartFlow, DigestForm};
use super::tag_use::TagUses;
use crate::manifest::deploy::deployed::ChartFields;
use crate::manifest::deploy::tree_file::TreeFile;
use crate::manifest::located::Located;
use crate::manifest::site::{Site, Skip, State, Write, classify};

/// How much template text is looked through for tags in one tree, in bytes.
const LOOKED_AT_MAX: usize = 256 * 1024 * 1024;

/// Returns whether the templates of its chart, if there is one, say something of an image.
pub(in crate::manifest) fn needs_templates(located: &Located) -> bool {
    let site = &located.site;
    let is_open =
        matches!(site.state, State::Floating | State::Pinned | State::Skipped(Skip::MalformedDigest));
    site.chart && &*site.format == "helm-values" && is_open
}

/// Puts beside the images in the values of `charts` what the templates do with their fields, and reads them so.
pub(in crate::manifest) fn apply(files: &mut [TreeFile<'_>], charts: &Charts) {
    let mut flows: HashMap<String, ChartFlow> = HashMap::new();
    let mut looked_at = 0_usize;
    for (path, scan) in files {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        if !charts.has(directory) {
            continue;
        }
        let templates = charts.templates(directory);
        let mut uses = None;
        for located in scan.sites.iter_mut().filter(|located| needs_templates(located)) {
            let has_tag = matches!(located.site.write, Some(Write::Tag { .. }) | Some(Write::Digest { .. }));
            let tag_is_only_in_images = has_tag
                && uses
                    .get_or_insert_with(|| {
                        let texts = templates.as_ref()?;
                        looked_at = looked_at.saturating_add(texts.iter().map(|(_, text)| text.len()).sum());
                        (looked_at <= LOOKED_AT_MAX).then(|| TagUses::of(texts))
                    })
                    .as_ref()
                    .is_some_and(|uses| uses.is_only_in_images(&located.site.path));
            let flow = templates
                .as_ref()
                .map(|texts| &*flows.entry(directory.to_owned()).or_insert_with(|| ChartFlow::of(texts)));
            let field = located.site.digest_field.as_ref();
            let digest = field.map(|field| flow.map_or(DigestForm::Unknown, |flow| flow.form(&field.path)));
            let written = match (&located.site.write, field) {
                (Some(Write::Digest { .. }), Some(field)) => Some(&field.path),
                (Some(Write::Tag { .. }), _) => Some(&located.site.path),
                _ => None,
            };
            let is_shared = written.is_some_and(|path| flow.is_some_and(|flow| flow.is_shared(path)));
            let chart = Some(ChartFields { tag_is_only_in_images, digest, is_shared });
            located.deployed.get_or_insert_default().chart = chart;
            read(located);
        }
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
    let form = located.deployed.as_ref().and_then(|deployed| deployed.chart.as_ref()?.digest);
    let site = &mut located.site;
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
