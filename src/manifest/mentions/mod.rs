//! What a file mentions that may become an image without standing where one is known: for the gate, which asks what a change
//! adds to it. A second look, by what texts say and not by where they stand, so that it needs no list of places.

mod compare;
mod digests;
mod filled;
mod image_like;
mod mention;
mod reader;

pub use compare::{is_read, new_mentions, pinned_names};
pub use filled::{Mentions, add_looks_away};
pub use mention::{Mention, Mentioned};
