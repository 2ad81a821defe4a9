//! The gate: what `check` complains about. Pure: an inventory, the settings, the day and the registry's answers in,
//! findings out.
//!
//! A rule has a file of its own in [`rules`]. What all of them find goes through the same steps: its level for the path
//! and image, the more specific of two rules at one place, the allow-list, a fingerprint.

pub mod baseline;
mod context;
mod facts;
mod finding;
mod judge;
mod old;
pub mod online;
mod refused;
pub mod rendered;
mod rule;
pub mod rules;
mod settings;
mod tag_history;
mod take;
mod unmatched;

pub use context::{Base, CheckContext, EditedSettings};
pub use facts::{RegistryFacts, UncheckedSite};
pub use finding::{Finding, Fix};
pub use judge::{Checked, check};
pub use rule::{GateRule, Severity};
pub use settings::{Allow, CheckSettings, LevelRule, Matcher};
pub use tag_history::TagHistory;
pub use take::{take_inventory, take_what_is_there};
pub use unmatched::unmatched;
