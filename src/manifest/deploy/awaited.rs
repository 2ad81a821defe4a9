//! Sites that count only where another file says so: the values of names that a Terraform module uses elsewhere, and charts
//! whose repository stands in an object of its own.

use std::collections::HashMap;

use super::TreeFile;
use crate::manifest::located::Located;
use crate::manifest::site::Awaited;

/// Says of charts which repository they come from, and removes every site that no other file speaks for.
pub(super) fn settle(files: &mut [TreeFile<'_>]) {
    let repositories: HashMap<String, String> = files
        .iter()
        .flat_map(|(_, scan)| &scan.releases.sources)
        .filter(|source| source.kind == "HelmRepository" && source.url.starts_with("oci://"))
        .map(|source| (source.name.clone(), source.url.clone()))
        .collect();
    for (_, scan) in files.iter_mut() {
        for site in scan.sites.iter_mut().map(|located| &mut located.site) {
            let Some(Awaited::ChartRepository(name)) = site.awaits.as_deref() else { continue };
            if let Some(url) = repositories.get(name) {
                let address = url.trim_start_matches("oci://").trim_end_matches('/');
                (site.image, site.awaits) = (format!("{address}/{}", site.image), None);
            }
        }
        scan.sites.retain(|located| located.site.awaits.is_none());
    }
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
        if known.site.write.is_some() {
            located.site.confirm();
        } else {
            (located.site.state, located.site.awaits) = (known.site.state, None);
            located.site.image.clone_from(&known.site.image);
        }
        true
    });
}
