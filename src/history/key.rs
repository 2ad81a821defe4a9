//! Which image of a file is meant, whatever stands above it: lists grow and files are ordered anew.

use std::collections::HashMap;

use crate::manifest::Located;
use crate::manifest::site::Site;

/// Names one image of a file across its versions.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ImageKey {
    /// The kind and the name of the Kubernetes object.
    pub object: Option<(String, String)>,
    /// The container, or where in the object or document it stands; lists do not count.
    pub place: String,
    /// How many of the same stand before it.
    nth: usize,
}

/// Returns the key of each site of a file.
pub fn keys(sites: &[Located]) -> Vec<ImageKey> {
    let mut seen: HashMap<(Option<(String, String)>, String), usize> = HashMap::new();
    let keys = sites.iter().map(|located| {
        let site = &located.site;
        let object = site.kind.as_deref().zip(site.name.as_deref());
        let object = object.map(|(kind, name)| (kind.to_owned(), name.to_owned()));
        let place = place(site);
        let nth = seen.entry((object.clone(), place.clone())).or_default();
        *nth += 1;
        ImageKey { object, place, nth: *nth - 1 }
    });
    keys.collect()
}

fn place(site: &Site) -> String {
    let container = site.owner.as_ref().and_then(|owner| owner.container.as_deref());
    let list = site.path.rsplit_once('/').and_then(|(item, _)| item.rsplit_once('/'));
    if let (Some(container), Some((list, _))) = (container, list) {
        return format!("{list}/{container}");
    }
    let is_number = |segment: &str| !segment.is_empty() && segment.bytes().all(|b| b.is_ascii_digit());
    if !site.path.split('/').any(is_number) {
        return site.path.clone();
    }
    // An item of a list is known by its image.
    let segments = site.path.split('/').map(|segment| if is_number(segment) { "*" } else { segment });
    let name = site.reference.as_ref().map(|reference| reference.name()).unwrap_or_default();
    format!("{} {name}", segments.collect::<Vec<_>>().join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;
    use crate::manifest::scan;

    #[test]
    fn what_is_put_before_an_image_does_not_change_its_key() {
        let pod = |containers: &str| {
            format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: p}}\nspec:\n  containers:\n{containers}")
        };
        let api = "  - {name: api, image: 'a/api:1'}\n";
        let before = scan("a.yaml", pod(api).as_bytes(), &BUILT_IN);
        let text = pod(&format!("  - {{name: proxy, image: 'a/proxy:1'}}\n{api}"));
        let after = scan("a.yaml", text.as_bytes(), &BUILT_IN);
        assert_eq!(keys(&before.sites)[0], keys(&after.sites)[1]);
        assert_ne!(keys(&before.sites)[0], keys(&after.sites)[0]);

        let entry = |name: &str| format!("- {{name: {name}, newTag: '1'}}\n");
        let kustomization = |entries: &str| {
            format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nimages:\n{entries}")
        };
        let before = kustomization(&entry("b"));
        let after = kustomization(&format!("{}{}{}", entry("a"), entry("b"), entry("b")));
        let keys_of = |text: &str| keys(&scan("kustomization.yaml", text.as_bytes(), &BUILT_IN).sites);
        assert_eq!(keys_of(&before)[0], keys_of(&after)[1]);
        assert_ne!(keys_of(&after)[1], keys_of(&after)[2], "the second of the same is another");
    }
}
