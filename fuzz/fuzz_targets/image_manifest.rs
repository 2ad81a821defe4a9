//! Any bytes are read as what a registry serves under a digest: an index, a manifest, an image's configuration.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::registry::{ImageConfig, ManifestContent};

fuzz_target!(|bytes: &[u8]| {
    for media_type in [None, Some("application/vnd.oci.image.index.v1+json"), Some("text/html")] {
        if let Err(error) = ManifestContent::parse(bytes, media_type) {
            assert!(!error.to_string().is_empty());
        }
    }
    let _ = ImageConfig::parse(bytes);
});
