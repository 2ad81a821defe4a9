//! What is known of an image beside what stands at its place.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::chart::DigestForm;
use crate::reference::Reference;

/// What deployers make of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// Whether a kustomization changes it somewhere: its object alone does not say what is deployed.
    pub is_overridden: bool,
    /// The names that come out with its tag and digest, beside its own.
    pub renamed: Vec<Renamed>,
    /// The kustomizations, below the tree's root, that give it another name or tag, where it is not deployed as it is written.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<String>,
    /// What the templates of its chart do with its fields; `None` where they are not known.
    pub chart: Option<ChartFields>,
    /// What other files say that decides what it becomes, by the file, as seen from its own file's directory: where one of these
    /// changes, it is another image.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, String>,
    /// What it becomes with the values of its variables that stand in the tree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filled: Option<String>,
}

/// What the templates of a chart do with the fields of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChartFields {
    /// Whether they put the tag nowhere but into images.
    pub tag_is_only_in_images: bool,
    /// How they want the digest, where there is a field for one.
    pub digest: Option<DigestForm>,
    /// Whether they put the field that a digest is written into in images of other names, too.
    #[serde(default)]
    pub is_shared: bool,
    /// The field that they have for one beside the tag, where it is not there yet.
    #[serde(default)]
    pub added: Option<AddedField>,
}

/// A field for a digest that a chart is known to have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct AddedField {
    /// Its key.
    pub key: String,
    /// Whether it takes the hex digits alone.
    pub bare: bool,
}

/// A name that a kustomization gives an image whose tag and digest stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Renamed {
    /// The file of the kustomization, below the tree's root.
    pub by: String,
    /// What comes out, without digest.
    pub image: Reference,
}
