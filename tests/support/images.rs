//! Images with a history: what a reviewer would see of them.

use serde_json::{Value, json};

use super::registry::{OCI_INDEX, OCI_MANIFEST, Registry};

/// One build of an image for several platforms.
#[derive(Clone, Debug)]
pub(crate) struct Build {
    /// `linux/amd64`
    pub(crate) platforms: Vec<&'static str>,
    /// The config, but for platform and layers.
    pub(crate) config: Value,
    /// When it was built.
    pub(crate) created: &'static str,
    /// The size of its one layer, in bytes.
    pub(crate) size: u64,
}

impl Registry {
    /// Stores a build, points the tag at its index and returns its digest.
    pub(crate) fn put_build(&self, repository: &str, tag: &str, build: &Build) -> String {
        let entries = build.platforms.iter().map(|platform| {
            let mut parts = platform.split('/');
            let (os, architecture) = (parts.next(), parts.next());
            let config = json!({
                "os": os, "architecture": architecture, "created": build.created,
                "rootfs": {"type": "layers", "diff_ids": []}, "config": build.config,
            });
            let config = self.store_json(repository, "application/vnd.oci.image.config.v1+json", &config);
            let layer = json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                "digest": format!("sha256:{}", "0".repeat(64)), "size": build.size,
            });
            let manifest =
                json!({"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": [layer]});
            let mut entry = self.store_json(repository, OCI_MANIFEST, &manifest);
            entry["platform"] = json!({"os": os, "architecture": architecture});
            entry
        });
        let entries: Vec<Value> = entries.collect();
        let index = json!({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries});
        self.put_raw(repository, tag, OCI_INDEX, index.to_string().into_bytes())
    }
}
