//! What should be pinned, to which level, and how it is written. Pure.

mod decide;
mod defaults;
pub mod environment;
mod globs;
pub mod hold;
mod origin;
mod rule;
mod scoped_list;
mod settings;
pub mod target;

pub use decide::{Policy, RepositoryDemands, looks_immutable};
pub use defaults::{Ages, Decision, Defaults, PolicyLevel, SplitFields, UnknownAge};
pub use globs::{GlobError, Globs, escaped, has_version};
pub use origin::SettingOrigin;
pub use rule::PolicyRule;
pub use scoped_list::{Scoped, ScopedList};
pub use settings::{AnnotationSettings, Settings};
