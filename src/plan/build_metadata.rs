//! The digests that a build has just made: captured once, written as they are, and carried through every stage (issue 7).
//! Pure.

use std::fmt;

use serde_json::Value;

use crate::manifest::inventory::Inventory;
use crate::manifest::site::State;
use crate::plan::set_digest::{AssignedDigest, Assignment};
use crate::plan::{Outcome, Reason, Verdict};
use crate::policy::Settings;
use crate::policy::environment::of_path;
use crate::reference::{Digest, Image, Reference, ReferenceError};

/// An image and the digest that it was pushed with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    reference: Reference,
    digest: Digest,
}

impl fmt::Display for Built {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reference.fmt(f)
    }
}

/// Why what a build has written cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BuiltError {
    /// It is not a reference.
    #[error("{0}")]
    Reference(#[from] ReferenceError),
    /// There is no digest.
    #[error("it names no digest")]
    NoDigest,
    /// A line is neither.
    #[error("line {0} is not `IMAGE:TAG@DIGEST`: {1}")]
    Line(usize, Box<Self>),
    /// The metadata have a digest and no name for it.
    #[error(
        "it has the digest `{0}` and no `image.name`: give the build a name with `--output type=image,name=…`"
    )]
    NoName(Digest),
    /// There is nothing in it.
    #[error("there is no digest in it")]
    Empty,
}

impl Built {
    /// Parses `IMAGE[:TAG]@DIGEST`.
    ///
    /// # Errors
    /// Says which part is wrong.
    pub fn parse(text: &str) -> Result<Self, BuiltError> {
        let reference = Reference::parse(text)?;
        let digest = reference.digest().cloned().ok_or(BuiltError::NoDigest)?;
        Ok(Self { reference, digest })
    }
}

/// Reads what a build has written: the metadata file of `docker buildx build` or `bake`, or lines of `IMAGE[:TAG]@DIGEST`, as
/// kaniko and ko write them; empty lines and lines with a `#` in front are left out.
///
/// # Errors
/// Says what is wrong, and in which line.
pub fn read(text: &str) -> Result<Vec<Built>, BuiltError> {
    let mut built = Vec::new();
    if let Ok(metadata @ Value::Object(_)) = serde_json::from_str::<Value>(text) {
        metadata_of(&metadata, &mut built)?;
        // A bake has several targets.
        for target in metadata.as_object().into_iter().flat_map(|targets| targets.values()) {
            metadata_of(target, &mut built)?;
        }
    } else {
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if !line.is_empty() && !line.starts_with('#') {
                built.push(Built::parse(line).map_err(|error| BuiltError::Line(index + 1, Box::new(error)))?);
            }
        }
    }
    if built.is_empty() { Err(BuiltError::Empty) } else { Ok(built) }
}

/// Adds what the metadata of one build say (docker buildx, `--metadata-file`).
fn metadata_of(metadata: &Value, into: &mut Vec<Built>) -> Result<(), BuiltError> {
    let text = |key: &str| metadata.get(key).and_then(Value::as_str);
    let Some(digest) = text("containerimage.digest") else { return Ok(()) };
    let digest = Digest::parse(digest).ok_or(BuiltError::Reference(ReferenceError::Digest))?;
    let names = text("image.name").unwrap_or_default().split(',').map(str::trim);
    let names: Vec<&str> = names.filter(|name| !name.is_empty()).collect();
    if names.is_empty() {
        return Err(BuiltError::NoName(digest));
    }
    for name in names {
        // A name may come with the digest already.
        let name = name.split('@').next().unwrap_or_default();
        into.push(Built { reference: Reference::parse(name)?, digest: digest.clone() });
    }
    Ok(())
}

/// Decides what each site of `inventory` becomes, and says what is for none of them. Where digests come from another environment
/// an image gets its first one, and never another.
pub fn assignments(
    inventory: &Inventory,
    settings: &Settings,
    built: &[Built],
) -> (Vec<Assignment>, Vec<String>) {
    let mut places = vec![BuiltPlaces::None; built.len()];
    let assignments = inventory.sites().map(|(file, located)| {
        let site = &located.site;
        let (State::Floating | State::Pinned, Some(reference)) = (site.state, &site.reference) else {
            return Assignment::Keep;
        };
        let image = Image::of(reference);
        let environment = of_path(&settings.environments, &file.root_path);
        let after = environment.and_then(|environment| environment.after.as_deref());
        let after = after.filter(|_| site.state == State::Pinned);
        let mut mine = Vec::new();
        for (built, places) in built.iter().zip(&mut places) {
            if Image::of(&built.reference) == image {
                *places =
                    (*places).max(if after.is_some() { BuiltPlaces::Promoted } else { BuiltPlaces::Some });
                mine.push(built);
            }
        }
        // A build pushes one digest under several tags: the one that stands here is meant.
        let same_tag = mine.iter().copied().find(|it| it.reference.tag() == reference.tag());
        let chosen = match (mine.as_slice(), same_tag) {
            ([], _) => return Assignment::Keep,
            ([one], _) => *one,
            (_, Some(one)) => one,
            (several, None) => {
                let names: Vec<String> = several.iter().map(|it| format!("`{it}`")).collect();
                let detail = format!("there is more than one to choose from: {}", names.join(", "));
                return Assignment::Decided(Verdict::held(Reason::Ambiguous, detail));
            }
        };
        if let Some(after) = after.filter(|_| reference.digest() != Some(&chosen.digest)) {
            let detail = format!(
                "`{}` is not written: here digests come from `{after}`, with `tagpin promote`",
                chosen.digest
            );
            let verdict = Verdict::because(Outcome::Unchanged, Reason::ByPromotion, Some(detail));
            return Assignment::Decided(verdict);
        }
        let needed = settings.policy.decide(&file.root_path, reference, site.platform.as_deref()).needed;
        Assignment::Set(AssignedDigest {
            digest: chosen.digest.clone(),
            tag: chosen.reference.tag().map(str::to_owned),
            platforms: needed,
        })
    });
    let assignments = assignments.collect();
    let notes = built.iter().zip(places).filter_map(|(built, places)| match places {
        BuiltPlaces::None => Some(format!("no image here is `{built}`: nothing was written for it")),
        BuiltPlaces::Promoted => Some(format!(
            "`{built}` stands only where digests come from another environment, with `tagpin promote`: nothing was written for it"
        )),
        BuiltPlaces::Some => None,
    });
    (assignments, notes.collect())
}

/// Where what was built stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum BuiltPlaces {
    None,
    /// Only where digests come from another environment.
    Promoted,
    Some,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digest() -> Digest {
        Digest::sha256(b"built")
    }

    #[test]
    fn what_builds_write_is_read() {
        let d = digest();
        let names = |text: &str| -> Vec<String> {
            read(text).unwrap().iter().map(|built| format!("{built} {}", built.digest)).collect()
        };
        let line = format!("ghcr.io/acme/api:1.9@{d}");
        assert_eq!(names(&format!("# made today\n\n{line}\r\n")), [format!("{line} {d}")]);
        let metadata = format!(
            r#"{{"buildx.build.ref": "x", "containerimage.digest": "{d}", "image.name": "docker.io/acme/api:1.9, acme/api:latest"}}"#
        );
        let expected = [format!("docker.io/acme/api:1.9 {d}"), format!("acme/api:latest {d}")];
        assert_eq!(names(&metadata), expected);
        assert_eq!(names(&format!(r#"{{"api": {metadata}}}"#)), expected, "a bake");
    }

    #[test]
    fn what_is_wrong_is_told() {
        let d = digest();
        for (text, part) in [
            ("", "no digest in it"),
            ("{}", "no digest in it"),
            ("ghcr.io/acme/api:1.9", "line 1"),
            (&format!("ghcr.io/acme/api@{d}\nx@sha256:abc\n"), "line 2"),
            (&format!(r#"{{"containerimage.digest": "{d}"}}"#), "no `image.name`"),
            (r#"{"containerimage.digest": "sha256:1", "image.name": "a"}"#, "digest is malformed"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
        }
        assert_eq!(Built::parse("a:1"), Err(BuiltError::NoDigest));
    }
}
