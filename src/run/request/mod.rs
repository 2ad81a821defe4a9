//! What a person asks for by name, a promotion or a rollback: from files and their history to proven edits. The commands do it
//! in a checkout; with `--pull-request`, `run` does it in a clone.

mod error;
mod outcome;
mod plan;
mod promote;
mod required;
mod rollback;
mod workspace;

pub use error::RequestError;
pub use outcome::RequestOutcome;
pub use plan::{Request, RequestPlan};
pub use promote::Promote;
pub use required::{require_images, require_match};
pub use rollback::Rollback;
pub use workspace::{ReadFile, Workspace};
