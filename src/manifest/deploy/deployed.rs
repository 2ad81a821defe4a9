//! What is known of an image beside what stands at its place.

use serde::{Deserialize, Serialize};

use crate::reference::Reference;

/// What deployers make of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// Whether a kustomization changes it somewhere: its object alone does not say what is deployed.
    pub is_overridden: bool,
    /// The names that come out with its tag and digest, beside its own.
    pub renamed: Vec<Renamed>,
}

/// A name that a kustomization gives an image whose tag and digest stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Renamed {
    /// The file of the kustomization, below the tree's root.
    pub by: String,
    /// What comes out, without digest.
    pub image: Reference,
}
