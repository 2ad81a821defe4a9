//! Helm charts whose templates stand in the tree: where they put the tag of an image, and how a digest has to be written.

mod action_keys;
mod action_reach;
mod chart_readings;
mod charts;
mod digest_form;
mod fields;
mod flow;
mod forms;
mod operands;
mod output;
mod readers;
mod slice;
mod sources;
mod tag_use;
mod template;
mod terms;

pub(super) use chart_readings::chart_readings;
pub(in crate::manifest) use charts::Charts;
pub use digest_form::DigestForm;
pub use fields::adopt;
pub(in crate::manifest) use fields::{apply, template_directories};
pub(in crate::manifest) use forms::ChartForms;
pub(in crate::manifest) use slice::{ImageSlice, ValueAsk};
pub(in crate::manifest) use sources::ChartSources;
pub(in crate::manifest) use template::{WrittenAction, written_actions};
