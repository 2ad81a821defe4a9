//! What was found once and is not to fail any more: for a large repository that adopts the gate. Pure.
//!
//! The file is JSON, sorted, one finding on each line, so that a diff of it can be read.

use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::finding::Finding;

/// The version of the file.
const VERSION: u32 = 1;

/// The findings that are known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    fingerprints: HashSet<String>,
}

/// Why a file is not a baseline.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BaselineError {
    /// Not JSON, or not of this shape.
    #[error("it is not a baseline of tagpin: {0}")]
    Malformed(String),
    /// A version that this tagpin does not know.
    #[error("it has the version {0}, and this tagpin reads version {VERSION}")]
    Version(u64),
    /// A fingerprint that tagpin does not write.
    #[error("`{0}` in it is not a fingerprint of tagpin")]
    Fingerprint(String),
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct BaselineFile {
    version: u32,
    findings: Vec<BaselineEntry>,
}

#[derive(Deserialize, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(deny_unknown_fields)]
struct BaselineEntry {
    file: String,
    rule: String,
    /// What it is about, for people. Not called `image`: then it would be one itself.
    about: String,
    fingerprint: String,
}

#[derive(Deserialize)]
struct BaselineVersion {
    version: u64,
}

impl Baseline {
    /// Returns the baseline that `bytes` spell.
    ///
    /// # Errors
    /// They are not a baseline, or that of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self, BaselineError> {
        let malformed = |error: serde_json::Error| BaselineError::Malformed(error.to_string());
        let BaselineVersion { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version != u64::from(VERSION) {
            return Err(BaselineError::Version(version));
        }
        let file: BaselineFile = serde_json::from_slice(bytes).map_err(malformed)?;
        let fingerprints: HashSet<String> =
            file.findings.into_iter().map(|finding| finding.fingerprint).collect();
        let is_ours = |text: &&String| text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
        match fingerprints.iter().find(|text| !is_ours(text)) {
            Some(other) => Err(BaselineError::Fingerprint(other.chars().take(64).collect())),
            None => Ok(Self { fingerprints }),
        }
    }

    /// Returns the file that makes all of `findings` known.
    pub fn write(findings: &[Finding]) -> String {
        let mut entries: Vec<BaselineEntry> = findings
            .iter()
            .map(|finding| BaselineEntry {
                file: finding.root_path.clone(),
                rule: finding.rule.id.to_owned(),
                about: finding.subject.clone(),
                fingerprint: finding.fingerprint.clone(),
            })
            .collect();
        entries.sort();
        let lines: Vec<String> =
            entries.iter().filter_map(|entry| serde_json::to_string(entry).ok()).collect();
        let lines = lines.iter().map(|line| format!("    {line}")).collect::<Vec<_>>().join(",\n");
        let lines = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{lines}\n  ]") };
        format!("{{\n  \"version\": {VERSION},\n  \"findings\": {lines}\n}}\n")
    }

    /// Returns whether a finding is known.
    pub fn has(&self, finding: &Finding) -> bool {
        self.fingerprints.contains(&finding.fingerprint)
    }

    /// Returns how many findings this has that `other` has not.
    pub fn more_than(&self, other: &Self) -> usize {
        self.fingerprints.difference(&other.fingerprints).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_baseline_is_refused() {
        for (text, message) in [
            ("", "not a baseline"),
            ("[]", "not a baseline"),
            ("{\"findings\": []}", "missing field `version`"),
            ("{\"version\": 2, \"entries\": []}", "the version 2"),
            ("{\"version\": 1}", "missing field `findings`"),
            (
                "{\"version\": 1, \"findings\": [{\"file\": \"a\", \"rule\": \"b\", \"about\": \"\", \"fingerprint\": \"*\"}]}",
                "`*` in it",
            ),
        ] {
            let error = Baseline::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        assert_eq!(Baseline::parse(Baseline::write(&[]).as_bytes()), Ok(Baseline::default()));
    }
}
