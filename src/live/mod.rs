//! What runs against what is declared: `tagpin live`. Pure, but for [`indexes`], which asks the registry.
//!
//! The identity of an image is its digest. A node may pull an index and name it, or name the manifest that it took from
//! it: both are the same image, and only the registry can tell.

mod compare;
mod declared;
pub mod describe;
mod indexes;
pub mod pods;
mod runtimes;

pub use compare::{Comparison, Fit, Indexes, LiveImage, LiveStatus, RunningDigest, compare};
pub use declared::{DeclaredPlace, Name, declared};
pub use indexes::indexes;
use pods::{Container, PodsError};

/// Returns the containers that `bytes` list: what `kubectl` prints, or one of the runtimes and schedulers that [`runtimes`]
/// knows.
///
/// # Errors
/// It is none of them: the error is what is wrong with it as a list of pods.
pub fn running(bytes: &[u8]) -> Result<Vec<Container>, PodsError> {
    pods::parse(bytes).or_else(|error| runtimes::parse(bytes).ok_or(error))
}
