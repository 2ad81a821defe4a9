//! Why there is no answer, as data: text is made where it is shown.

mod resolve;
mod settings;

pub use resolve::ResolveError;
pub use settings::SettingsError;
