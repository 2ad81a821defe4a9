//! What makes a finding the same one in another commit: nothing of it depends on lines.

use std::collections::HashMap;

use super::Finding;
use crate::reference::Digest;

/// Gives every finding its fingerprint; they are in the order of the file. Computed before any of them is left out, so
/// that a setting changes no fingerprint.
pub(super) fn add(findings: &mut [Finding]) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for finding in findings {
        let key = format!("{}\0{}\0{}", finding.rule.id, finding.root_path, finding.subject);
        let before = seen.entry(key.clone()).or_default();
        let digest = Digest::sha256(format!("{key}\0{before}").as_bytes());
        *before += 1;
        digest.hex()[..32].clone_into(&mut finding.fingerprint);
    }
}
