//! Reports of earlier days, for the trend: what `list`, `check` or `pin` printed as JSON. Pure.

use serde::Deserialize;

use super::count::Count;
use crate::report::json;

/// The numbers of an earlier report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earlier {
    /// What it is called in the page.
    pub name: String,
    summary: PreviousSummary,
}

/// Why a file is not an earlier report.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EarlierError {
    /// Not JSON, or not of this shape.
    #[error("it is not a JSON report of tagpin: {0}")]
    Malformed(String),
    /// A version that this tagpin does not know.
    #[error("it has the version {0}, and this tagpin reads version {version}", version = json::VERSION)]
    Version(u64),
}

#[derive(Deserialize)]
struct PreviousReport {
    summary: PreviousSummary,
}

#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
struct PreviousSummary {
    floating: u32,
    pinned: u32,
    skipped: u32,
}

#[derive(Deserialize)]
struct PreviousVersion {
    version: u64,
}

impl Earlier {
    /// Returns the report that `bytes` spell.
    ///
    /// # Errors
    /// They are not a report, or that of another version.
    pub fn parse(name: String, bytes: &[u8]) -> Result<Self, EarlierError> {
        let malformed = |error: serde_json::Error| EarlierError::Malformed(error.to_string());
        let PreviousVersion { version } = serde_json::from_slice(bytes).map_err(malformed)?;
        if version != u64::from(json::VERSION) {
            return Err(EarlierError::Version(version));
        }
        let PreviousReport { summary } = serde_json::from_slice(bytes).map_err(malformed)?;
        Ok(Self { name, summary })
    }

    pub(super) fn count(&self) -> Count {
        let PreviousSummary { floating, pinned, skipped } = self.summary;
        Count::new(pinned as usize, floating as usize, skipped as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_report_is_refused() {
        for (text, message) in [
            ("", "not a JSON report"),
            ("[]", "not a JSON report"),
            ("{\"version\": 2}", "the version 2"),
            ("{\"version\": 1}", "missing field `summary`"),
            (
                "{\"version\": 1, \"summary\": {\"floating\": -1, \"pinned\": 0, \"skipped\": 0}}",
                "not a JSON report",
            ),
        ] {
            let error = Earlier::parse("x".to_owned(), text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        let good =
            b"{\"version\": 1, \"summary\": {\"floating\": 1, \"pinned\": 3, \"skipped\": 0}, \"more\": 1}";
        assert_eq!(Earlier::parse("x".to_owned(), good).unwrap().count().share, 75);
    }
}
