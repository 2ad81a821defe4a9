//! What a pull request says: title, body, hidden marker, limits. Pure: values in, text out.

mod body;
mod body_template;
pub mod checkbox;
mod compare_link;
pub mod decision;
mod declined;
mod details;
pub mod draft;
pub mod fetch_details;
pub mod from_plan;
pub mod group;
mod image_diff;
mod kind;
mod left_out;
mod lines;
pub mod marker;
mod parts;
mod proposal;
mod render;
mod sections;
mod settings;
mod sync;
mod title;
mod title_template;
mod volatile;

pub use body::body;
pub use body_template::{Template, TemplateError};
pub use declined::Declined;
pub use kind::Occasion;
pub use marker::Marker;
pub use proposal::{Details, ImageChange, ObjectRef, Omitted, Proposal};
pub use render::{render, render_with};
pub use settings::{DetailsOf, Proposals, PullRequestSettings};
pub use sync::{Operation, Settled, own, settle, settle_at};
pub use title::{commit_message, title};
pub use title_template::{TemplateContext, Wording};
pub use volatile::{same_body, same_text, tells_all};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reference::Digest;

    /// Returns the digest whose every byte is `byte`.
    pub(super) fn digest(byte: u8) -> Digest {
        Digest::parse(&format!("sha256:{}", format!("{byte:02x}").repeat(32))).unwrap()
    }

    pub(super) fn change(name: &str, tag: &str, old: Option<u8>, new: u8) -> ImageChange {
        ImageChange {
            name: name.to_owned(),
            tag: tag.to_owned(),
            old: old.map(digest),
            new: digest(new),
            platforms: "index".to_owned(),
            index: None,
            files: vec!["app/deploy.yaml".to_owned()],
            objects: Vec::new(),
            proofs: Vec::new(),
            details: None,
            moves: None,
            unconfirmed: None,
        }
    }

    pub(super) fn proposal(images: Vec<ImageChange>) -> Proposal {
        Proposal { spans: images.len(), files: 1, head: "a1".repeat(20), images, ..Proposal::default() }
    }
}
