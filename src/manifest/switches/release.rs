//! What deployers say of a release that templates may ask for: its name, where it goes, and the cluster.

use std::collections::BTreeSet;

use super::statements::Statements;
use crate::manifest::deploy::Deployers;
use crate::source::tree::Tree;

/// Returns what those who deploy the chart in a directory say of its release and of the cluster, by their files.
pub(in crate::manifest) fn said_of_release<T: Tree>(
    statements: &mut Statements<'_, T>,
    deployers: &Deployers,
    chart: &str,
) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (by, _) in deployers.givers(chart) {
        let all = statements.of(by);
        let said = all.iter().filter(|said| said.literal != "…" && is_about_release(&said.path));
        found.extend(said.map(|said| (by.to_owned(), format!("{}={}", said.key, said.literal))));
    }
    found
}

/// Returns whether a deployer says at this path, in lower case, how a release is called, where it goes, or to what cluster.
fn is_about_release(path: &str) -> bool {
    let last = path.rsplit('/').next().unwrap_or(path);
    let is_name = path == "/metadata/name" || path.starts_with("/releases/") && last == "name";
    let words = ["kubeversion", "namespace", "releasename", "targetnamespace"];
    is_name || words.contains(&last) || path.contains("/apiversions/")
}
