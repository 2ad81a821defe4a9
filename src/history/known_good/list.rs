//! The list as a file.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::reference::Digest;

/// The file, in the root of the repository.
pub const FILE: &str = "tagpin-known-good.toml";

/// What adds to the list.
pub const MARK: &str = "tagpin known-good mark ENVIRONMENT";

/// What to do where the list cannot be read.
pub const NOT_A_LIST: &str = "`git log -p tagpin-known-good.toml` shows how it was; without the file, `tagpin known-good mark \
                              ENVIRONMENT` begins a new one";

/// The version of the file.
const VERSION: u32 = 1;

const HEAD: &str = "\
# The digests that are known to be good. `tagpin known-good mark ENVIRONMENT` writes this file, and `tagpin rollback
# --to known-good` reads it and believes nothing else: review a change of it like one of the manifests.
";

/// A digest that was good in an environment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KnownGood {
    /// The environment.
    pub environment: String,
    /// The image: registry and repository, normalised.
    pub image: String,
    /// The tag that it had.
    pub tag: Option<String>,
    /// The digest.
    pub digest: Digest,
    /// When it was marked.
    pub marked: Timestamp,
    /// The commit that declared it, as hex.
    pub commit: String,
    /// Who marked it.
    pub by: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KnownGoodFile {
    version: u32,
    #[serde(default, rename = "known-good", skip_serializing_if = "Vec::is_empty")]
    entries: Vec<KnownGoodEntry>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct KnownGoodEntry {
    environment: String,
    image: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
    digest: String,
    marked: String,
    commit: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
}

/// Why the list cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KnownGoodError {
    /// It is not what tagpin writes.
    #[error("`{FILE}` is not a list of known good digests: {0}")]
    Malformed(String),
    /// A newer tagpin wrote it.
    #[error("`{FILE}` is of version {0}, and this tagpin knows {VERSION}: use a newer tagpin")]
    Newer(u32),
}

/// Returns the entries of the file with this `text`, in a stable order.
///
/// # Errors
/// It is not such a file, or of a newer version.
pub fn read(text: &str) -> Result<Vec<KnownGood>, KnownGoodError> {
    if text.trim().is_empty() {
        return Ok(Vec::new());
    }
    #[derive(Deserialize)]
    struct Version {
        version: u32,
    }
    let malformed = |error: toml::de::Error| KnownGoodError::Malformed(error.message().to_owned());
    let Version { version } = toml::from_str(text).map_err(malformed)?;
    if version > VERSION {
        return Err(KnownGoodError::Newer(version));
    }
    let file: KnownGoodFile = toml::from_str(text).map_err(malformed)?;
    let mut entries = Vec::new();
    for entry in file.entries {
        let KnownGoodEntry { environment, image, tag, digest, marked, commit, by } = entry;
        let wrong = |what: &str| KnownGoodError::Malformed(format!("`{what}` of `{image}`"));
        let digest = Digest::parse(&digest).ok_or_else(|| wrong("digest"))?;
        let marked = marked.parse().ok().ok_or_else(|| wrong("marked"))?;
        entries.push(KnownGood { environment, image, tag, digest, marked, commit, by });
    }
    entries.sort();
    Ok(entries)
}

/// Returns the text of the file with these entries.
pub fn write(entries: &[KnownGood]) -> String {
    let entries: BTreeSet<&KnownGood> = entries.iter().collect();
    let entries = entries.into_iter().map(|entry| KnownGoodEntry {
        environment: entry.environment.clone(),
        image: entry.image.clone(),
        tag: entry.tag.clone(),
        digest: entry.digest.to_string(),
        marked: entry.marked.to_string(),
        commit: entry.commit.clone(),
        by: entry.by.clone(),
    });
    let file = KnownGoodFile { version: VERSION, entries: entries.collect() };
    // Every part of it can be written as TOML.
    format!("{HEAD}{}", toml::to_string_pretty(&file).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(image: &str) -> KnownGood {
        KnownGood {
            environment: "production".to_owned(),
            image: image.to_owned(),
            tag: Some("1.8".to_owned()),
            digest: Digest::sha256(image.as_bytes()),
            marked: "2026-11-21T12:00:00Z".parse().unwrap(),
            commit: "c".repeat(40),
            by: Some("ci \"quoted\"".to_owned()),
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        let entries = vec![entry("ghcr.io/acme/a"), entry("ghcr.io/acme/b")];
        let text = write(&entries);
        assert_eq!(read(&text).unwrap(), entries);
        assert_eq!(write(&read(&text).unwrap()), text);
        assert!(
            text.contains("[[known-good]]\nenvironment = \"production\"\nimage = \"ghcr.io/acme/a\"\n"),
            "{text}"
        );
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn a_newer_or_another_file_is_refused() {
        assert_eq!(read("version = 2\nnew = 1\n"), Err(KnownGoodError::Newer(2)));
        assert!(matches!(read("version = 1\nother = 1\n"), Err(KnownGoodError::Malformed(_))));
        assert!(matches!(read("x"), Err(KnownGoodError::Malformed(_))));
        let bad = write(&[entry("ghcr.io/acme/a")]).replace("sha256:", "sha256:x");
        assert!(read(&bad).unwrap_err().to_string().contains("`digest` of `ghcr.io/acme/a`"));
    }
}
