//! Which charts read an image, and what is known of what they do with it.

use super::charts::Charts;
use super::digest_form::{ChartFlow, DigestForm};
use super::readers::{ReaderChart, ValuesReader, readers};
use super::tag_use::TagUses;
use crate::manifest::deploy::reading::Reading;
use crate::manifest::deploy::tree_file::TreeFile;
use crate::manifest::formats::KnownChart;
use crate::manifest::site::Site;

/// Returns the charts that read the image of a file, both by their index.
pub(in crate::manifest::deploy) fn chart_readings(
    files: &[TreeFile<'_>],
    charts: &Charts,
    known: &[KnownChart],
    (file, site): (usize, usize),
) -> Vec<Reading> {
    let site = &files[file].1.sites[site].site;
    let readers = readers(files, charts, known);
    let reading = |reader: &ValuesReader<'_>| {
        let tag = reader.pointer(site.document, &site.path)?;
        let digest = site.digest_field.as_ref().and_then(|field| reader.pointer(site.document, &field.path));
        let (known, templates, says) = match &reader.chart {
            ReaderChart::Templates(directory) => {
                let (templates, says) = of_templates(charts, directory, &tag, digest.as_deref());
                ("templates", templates, says)
            }
            ReaderChart::Known(chart) => {
                ("table", Vec::new(), of_known(chart, site, &tag, digest.as_deref()))
            }
            ReaderChart::Unknown => ("unknown", Vec::new(), Vec::new()),
        };
        let (by, chart) = reader.by.clone();
        let chart = Some(chart).filter(|chart| !chart.is_empty());
        Some(Reading::Chart { by, chart, values: tag, known, templates, says })
    };
    readers.get(file).into_iter().flatten().filter_map(reading).collect()
}

fn of_templates(
    charts: &Charts,
    directory: &str,
    tag: &str,
    digest: Option<&str>,
) -> (Vec<String>, Vec<String>) {
    let Some(texts) = charts.templates(directory).filter(|texts| !texts.is_empty()) else {
        return (
            Vec::new(),
            vec!["its templates cannot be read, or are more than tagpin looks through".to_owned()],
        );
    };
    let flow = ChartFlow::of(&texts);
    let key = |pointer: &str| pointer.rsplit('/').nth(1).unwrap_or_default().to_owned();
    let above = tag.rsplit_once('/').map_or("", |(above, _)| above);
    let templates =
        ChartFlow::reading(&texts, |pointer| pointer == tag || pointer.starts_with(&format!("{above}/")));
    let mut says = Vec::new();
    if TagUses::of(&texts).is_only_in_images(tag) {
        says.push("they put the tag into images and nowhere else".to_owned());
    } else {
        says.push(format!("they may put the tag of `{}` into more than images", key(tag)));
    }
    says.extend(digest.map(|digest| said_of(flow.form(digest)).to_owned()));
    (templates, says)
}

fn of_known(chart: &KnownChart, site: &Site, tag: &str, digest: Option<&str>) -> Vec<String> {
    let mut says = Vec::new();
    let form = |bare| if bare { "the hex digits alone" } else { "a digest with its algorithm" };
    match (digest, chart.field_beside(tag)) {
        (Some(digest), _) => match chart.is_bare(digest) {
            Some(bare) => says.push(format!("its digest field takes {}", form(bare))),
            None => says.push("nothing is known of its digest field".to_owned()),
        },
        (None, Some((key, bare))) if site.room.is_some() => {
            says.push(format!("beside the tag, `{key}` takes {}", form(bare)));
        }
        (None, _) => says.push("it is not known to have a field for a digest there".to_owned()),
    }
    if chart.is_only_in_images(tag) {
        says.push("it puts the tag into images and nowhere else".to_owned());
    }
    says.extend(chart.source.as_ref().map(|source| format!("source: {source}")));
    says
}

fn said_of(form: DigestForm) -> &'static str {
    match form {
        DigestForm::Prefixed => "they take the digest with its algorithm",
        DigestForm::Bare => "they take the hex digits of the digest alone",
        DigestForm::Either => "they take the digest in both forms",
        DigestForm::Unread => "none of them reads the digest field",
        DigestForm::Unknown => "it is not seen how they take the digest",
    }
}
