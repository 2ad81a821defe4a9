//! Sites that count only where another file says so: the values of names that a Terraform module uses elsewhere, and charts
//! whose repository stands in an object of its own.

use std::collections::HashMap;

use super::TreeFile;
use crate::manifest::located::Located;
use crate::manifest::site::{Awaited, Write};

/// Says of charts which repository they come from, and removes every site that no other file speaks for.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let mut repositories: HashMap<String, Vec<(Option<String>, String)>> = HashMap::new();
    for source in files.iter().flat_map(|(_, scan)| &scan.releases.sources) {
        if source.kind == "HelmRepository" {
            let known = repositories.entry(source.name.clone()).or_default();
            known.push((source.namespace.clone(), source.url.clone()));
        }
    }
    for (_, scan) in files.iter_mut() {
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let Some(Awaited::ChartRepository(name, namespace)) = site.awaits.as_deref() else { continue };
            let known = repositories.get(name).map(Vec::as_slice).unwrap_or_default();
            let url = only_url(known, namespace.as_deref());
            if let Some(url) = url.filter(|url| url.starts_with("oci://")) {
                let address = url.trim_start_matches("oci://").trim_end_matches('/');
                (site.image, site.awaits) = (format!("{address}/{}", site.image), None);
            }
        }
        scan.sites.retain(|located| located.site.awaits.is_none());
    }
}

/// Returns the address of the repository in a namespace, of all that have its name. A namespace that is not written may be
/// any; `None` where several are left.
fn only_url<'r>(known: &'r [(Option<String>, String)], namespace: Option<&str>) -> Option<&'r str> {
    // Of two in one place, one is left from before: the one whose charts are images can be it.
    let exact = known.iter().filter(|(other, _)| namespace.is_some() && other.as_deref() == namespace);
    let exact = exact.max_by_key(|(_, url)| url.starts_with("oci://"));
    let may_be = |other: &Option<String>| namespace.is_none() || other.is_none();
    let mut open = known.iter().filter(|(other, _)| may_be(other)).map(|(_, url)| url.as_str());
    let first = exact.map(|(_, url)| url.as_str()).or_else(|| open.next())?;
    (exact.is_some() || open.all(|url| url == first)).then_some(first)
}

/// Removes from the sites of a file that was read by itself those that are not among the `known` ones of the whole tree, and
/// takes over what the tree says of the others.
pub(in crate::manifest) fn keep_known(sites: &mut Vec<Located>, known: &[Located]) {
    sites.retain_mut(|located| {
        if located.site.awaits.is_none() {
            return true;
        }
        let known = known.iter().find(|known| known.site.span == located.site.span);
        let Some(known) = known else { return false };
        let main = located.site.main;
        // The numbers of nodes are those of this reading.
        let write = known.site.write.clone().map(|write| match write {
            Write::Whole { prefix, suffix, .. } => Write::Whole { node: main, prefix, suffix },
            Write::Tag { .. } => Write::Tag { node: main },
            other => other,
        });
        (located.site.state, located.site.awaits) = (known.site.state, None);
        (located.site.reference, located.site.write) = (known.site.reference.clone(), write);
        located.site.image.clone_from(&known.site.image);
        located.site.fields.clone_from(&known.site.fields);
        true
    });
}
