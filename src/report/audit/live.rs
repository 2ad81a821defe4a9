//! What runs, as the page has it: what `tagpin live` says, in the same words. Pure.

use serde::Serialize;

use crate::live::pods::Pulled;
use crate::live::{Comparison, LiveImage, LiveStatus};
use crate::report::live as report;
use crate::text::one_line;

#[derive(Serialize)]
pub(super) struct Live {
    complete: bool,
    /// How many images have drifted.
    drift: usize,
    summary: String,
    rows: Vec<LiveRow>,
}

#[derive(Serialize)]
struct LiveRow {
    status: &'static str,
    /// What needs a look first.
    rank: usize,
    class: &'static str,
    image: String,
    declared: Vec<DeclaredCell>,
    running: Vec<RunningCell>,
    /// How many containers run it.
    containers: usize,
}

#[derive(Serialize)]
struct DeclaredCell {
    digests: String,
    place: String,
}

#[derive(Serialize)]
struct RunningCell {
    digest: String,
    what: String,
    places: Vec<String>,
}

impl Live {
    pub(super) fn of(compared: &Comparison) -> Self {
        let mut rows: Vec<LiveRow> = compared
            .images
            .iter()
            .filter(|image| image.status != LiveStatus::NotCompared)
            .map(LiveRow::of)
            .collect();
        rows.extend(compared.unknown.iter().filter_map(|container| {
            let Pulled::Local(id) = &container.pulled else { return None };
            let running = RunningCell {
                digest: String::new(),
                what: crate::live::describe::unknown(id),
                places: vec![crate::live::describe::place(container)],
            };
            Some(LiveRow {
                status: "not compared",
                rank: LiveStatus::ALL.len(),
                class: "error",
                image: one_line(&container.image),
                declared: Vec::new(),
                running: vec![running],
                containers: 1,
            })
        }));
        Self {
            complete: report::is_complete(compared),
            drift: compared.images.iter().filter(|image| image.status == LiveStatus::Drift).count(),
            summary: report::summary(compared).trim_end().to_owned(),
            rows,
        }
    }
}

impl LiveRow {
    fn of(image: &LiveImage) -> Self {
        let declared = image.declared.iter().map(|declared| DeclaredCell {
            digests: report::digests(declared),
            place: report::declared_at(declared),
        });
        let running = image.running.iter().map(|running| RunningCell {
            digest: format!("{}…", running.digest.short()),
            what: crate::live::describe::running_digest(running),
            places: running
                .containers
                .iter()
                .map(|container| crate::live::describe::asking(container, image))
                .collect(),
        });
        Self {
            status: image.status.as_str(),
            rank: LiveStatus::ALL.iter().position(|status| *status == image.status).unwrap_or_default(),
            class: match image.status {
                LiveStatus::Drift | LiveStatus::Unchecked | LiveStatus::NotCompared => "error",
                LiveStatus::NotDeclared | LiveStatus::NotPinned => "warning",
                LiveStatus::NotRunning => "",
                LiveStatus::Same => "pinned",
            },
            image: one_line(&image.name),
            declared: declared.collect(),
            running: running.collect(),
            containers: image.running.iter().map(|running| running.containers.len()).sum(),
        }
    }
}
