//! What `tagpin live` says, as text to paste into a ticket. Pure.

use std::fmt::Write as _;

use super::live::{declared_at, summary};
use crate::live::describe::{agreement, asking, place, running_digest, unknown};
use crate::live::pods::Pulled;
use crate::live::{Comparison, LiveImage, LiveStatus};
use crate::markdown::code;
use crate::text::count;

/// How many containers of a digest are named.
const SHOWN_MAX: usize = 10;

/// Returns the comparison as Markdown: the numbers, then what does not run as it is declared, image by image.
pub fn document(compared: &Comparison) -> String {
    let mut text = format!("**{}**\n", summary(compared).trim_end());
    // The containers of what is not compared are told below.
    let is_told = |image: &&LiveImage| !matches!(image.status, LiveStatus::Same | LiveStatus::NotCompared);
    for image in compared.images.iter().filter(is_told) {
        let _ = writeln!(text, "\n### {}: {}\n", image.status.as_str(), code(&image.name));
        one(&mut text, image);
    }
    if !compared.unknown.is_empty() {
        text += "\n### not compared\n\n";
    }
    for container in &compared.unknown {
        let Pulled::Local(id) = &container.pulled else { continue };
        let (image, place) = (code(&container.image), code(&place(container)));
        let _ = writeln!(text, "- {image} in {place}: {}", unknown(id).replace('`', "'"));
    }
    text
}

fn one(text: &mut String, image: &LiveImage) {
    for declared in &image.declared {
        let digests: Vec<String> = declared.digests.iter().map(|digest| code(digest.as_str())).collect();
        let digests = if digests.is_empty() { "no digest".to_owned() } else { digests.join(" or ") };
        let _ = writeln!(text, "- declared: {digests} in {}", code(&declared_at(declared)));
    }
    if let Some(agreement) = agreement(image) {
        let _ = writeln!(text, "- {agreement}");
    }
    let all: usize = image.running.iter().map(|running| running.containers.len()).sum();
    for running in &image.running {
        let of = if image.running.len() > 1 { format!(" of {all}") } else { String::new() };
        let _ = writeln!(
            text,
            "- runs{of}: {} in {}",
            code(running.digest.as_str()),
            running_digest(running).replace('`', "'")
        );
        for container in running.containers.iter().take(SHOWN_MAX) {
            let _ = writeln!(text, "  - {}", code(&asking(container, image)));
        }
        if let Some(more) = running.containers.len().checked_sub(SHOWN_MAX).filter(|more| *more > 0) {
            let _ = writeln!(text, "  - and {}", count(more, "more container"));
        }
    }
    if let Some(now) = &image.tag_now {
        let _ =
            writeln!(text, "- by now the tag is {}, which neither is declared nor runs", code(now.as_str()));
    }
}
