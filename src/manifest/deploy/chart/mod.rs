//! Helm charts whose templates stand in the tree: where they put the tag of an image, and how a digest has to be written.

mod charts;
mod digest_form;
mod fields;
mod flow;
mod forms;
mod tag_use;
mod template;
mod terms;

pub(in crate::manifest) use charts::Charts;
pub use digest_form::DigestForm;
pub use fields::adopt;
pub(in crate::manifest) use fields::{apply, needs_templates};
pub(in crate::manifest) use forms::ChartForms;
