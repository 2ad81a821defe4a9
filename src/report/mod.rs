//! What a command found and did, as rows; one file per way of printing them. Pure.

pub mod audit;
mod by_file;
pub mod diff;
mod excerpt;
pub mod explain;
pub mod fold;
mod format;
pub mod github;
pub mod human;
pub mod json;
pub mod json_text;
pub mod junit;
pub mod live;
pub mod live_markdown;
pub mod next_step;
mod page;
mod renderer;
mod rows;
pub mod sarif;
pub mod terminal;
pub mod timeline;
mod totals;
pub mod unknown_locations;

pub use excerpt::{Excerpt, ExcerptSource};
pub use format::Format;
pub use renderer::{RENDERERS, Renderer, renderer};
pub use rows::{Report, Row, Suppressed, UnreadRow};
pub use totals::totals;
