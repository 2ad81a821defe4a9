//! What a file mentions that may become an image without standing where one is known: for the gate, which asks what a change
//! adds to it. A second look, by what texts say and not by where they stand, so that it needs no list of places.

mod before;
mod commanded;
mod commands;
mod compare;
mod digests;
mod filled;
mod holdings;
mod image_like;
mod left_out;
mod mapping;
mod mention;
mod names;
mod official_images;
mod outline;
mod patch_targets;
mod pinned_names;
mod read_by_name;
mod reader;
mod remote;
mod rewrites;
mod sections;
mod steps;
mod unpacked;
mod wanted_names;
mod written_values;

pub use compare::{CommandedFiles, NewMentions, commanded, lost_by_name, lost_digests, new_mentions};
pub use filled::{Mentions, add_looks_away};
pub use holdings::{Holdings, meanings};
pub use mention::{Mention, Mentioned};
pub use outline::Names;
pub use pinned_names::PinnedNames;
pub use read_by_name::{is_prose, is_read, is_read_alike, is_read_by_name, runs_images};
pub use remote::{of_default_branch, of_source, sources_in};
pub use wanted_names::{WantedNames, hold_patch};
