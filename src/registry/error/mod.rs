//! Why there is no answer, as data: who was asked for what, what came back, and what to do about it. Text is made in
//! `Display` alone.

mod asked;
mod content;
mod credential;
mod denied;
mod invalid_answer;
mod not_allowed;
mod outage;
mod platform;
mod rate_limit;
mod resolve;
mod settings;

pub use asked::{Asked, Wanted};
pub use content::ContentError;
pub use credential::{CredentialError, HelperError};
pub use denied::{Denied, LoginAdvice};
pub use invalid_answer::{InvalidAnswer, RedirectFault, ReferrersFault};
pub use not_allowed::{NotAllowed, RefusedAddress};
pub use outage::{ConnectionFault, Outage};
pub use platform::NoSuchPlatform;
pub use rate_limit::RateLimit;
pub use resolve::ResolveError;
pub use settings::SettingsError;
