//! What deployers make of the files of a tree: which kustomization changes which image, which build makes one, how a chart
//! reads its values. Pure; what it says of an image is beside the image, for plans and for the gate alike.

mod asserted;
mod awaited;
mod build_arguments;
mod builds;
mod chart;
mod deployed;
mod env_files;
mod image_entries;
mod image_streams;
mod json_patches;
mod kustomize;
mod newly_deployed;
mod partials;
mod reach;
mod reading;
mod readings;
mod terraform;
mod tree_file;

pub(super) use awaited::keep_known;
pub(super) use chart::{
    ChartForms, ChartSources, Charts, ImageSlice, ValueAsk, WrittenAction, template_directories,
    written_actions,
};
pub use chart::{DigestForm, adopt};
pub use deployed::{AddedField, ChartFields, Deployed, Renamed};
pub use newly_deployed::{NewlyDeployed, newly_deployed};
pub(super) use partials::settle;
pub use reach::Deployers;
pub use reading::Reading;
pub(super) use readings::readings;

pub(super) use tree_file::TreeFile;

use super::formats::KnownChart;

/// Puts beside every image of the `files` what deployers make of it, with the templates of the `charts` around them and what
/// is `known` of others; skips what never comes out.
pub(super) fn apply(files: &mut [TreeFile<'_>], charts: &Charts, known: &[KnownChart]) {
    terraform::settle(files);
    build_arguments::settle(files);
    env_files::settle(files);
    awaited::settle(files);
    chart::apply(files, charts, known);
    builds::skip(files);
    image_streams::skip(files);
    asserted::skip(files);
    kustomize::apply(files);
}
