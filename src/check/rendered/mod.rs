//! The gate over what is deployed: manifests as `kustomize build`, `helm template` or `kubectl get` print them. Pure.
//!
//! Whatever text made an image, here it stands as it runs. Nothing is skipped silently: a stream has no templates and no
//! comments that count, and a document that two readers do not understand alike leaves the check incomplete.

mod judge;
mod object;
pub(super) mod origin;
mod stream;

pub use judge::judge;
pub use object::{DeclaredOrigin, RenderedObject};
pub use origin::{RenderedOrigin, SourceImages, SourcePlace};
pub use stream::RenderedStream;
