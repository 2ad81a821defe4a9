//! Any bytes are pinned: proven or cleanly refused, nothing lost outside the sites, and a second run changes nothing.
#![no_main]

#[path = "../../tests/support/pinning.rs"]
mod pinning;
#[path = "../../tests/support/whole.rs"]
mod whole;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tagpin::policy::Policy;

static TAG: LazyLock<Policy> = LazyLock::new(|| pinning::policy("tag+digest"));
static DIGEST: LazyLock<Policy> = LazyLock::new(|| pinning::policy("digest"));

fuzz_target!(|bytes: &[u8]| {
    for path in [
        "deploy.yaml",
        "kustomization.yaml",
        "values.yaml",
        "devcontainer.json",
        "job.nomad",
        "web.container",
        "config.toml",
    ] {
        pinning::pin_twice(path, bytes, &TAG, None);
        pinning::pin_twice(path, bytes, &DIGEST, None);
    }
});
