//! What runs against what is declared: `tagpin live`. Pure, but for [`indexes`], which asks the registry.
//!
//! The identity of an image is its digest. A node may pull an index and name it, or name the manifest that it took from
//! it: both are the same image, and only the registry can tell.

mod compare;
mod declared;
pub mod describe;
mod indexes;
pub mod pods;

pub use compare::{Comparison, Fit, Indexes, LiveImage, LiveStatus, RunningDigest, compare};
pub use declared::{DeclaredPlace, Name, declared};
pub use indexes::indexes;
