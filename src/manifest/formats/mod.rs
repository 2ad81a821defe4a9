//! One file per format: which scalars name an image, and how it is written there.

mod artifact;
mod asserts;
pub mod catalogue;
pub(super) mod chunks;
pub(super) mod compose;
mod deployed_paths;
mod devcontainer;
mod dockerfile;
mod document;
pub(super) mod embedded_yaml;
mod finder;
mod folded_keys;
pub(super) mod helm_values;
mod image_annotations;
mod image_keys;
mod json_patch;
mod kubernetes;
mod kustomization;
mod kustomize_looks_away;
mod locations;
mod object;
mod partial_images;
pub mod pattern;
mod platform;
mod quadlet;
pub(super) mod skaffold;
mod uncatalogued;
mod unknown;

pub use deployed_paths::DeployedPath;
pub(super) use document::find;
pub(super) use finder::Found;
pub(super) use folded_keys::objection as key_objection;
pub(super) use json_patch::is_patch as is_json_patch;
pub use kustomization::{ImageEntry, Kustomize, Overlay, UnpinnedImage};
pub(super) use kustomization::{is_named, kustomize};
