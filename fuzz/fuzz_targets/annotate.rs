//! The same with annotations: every annotation is proven or left out with a reason of its own.
#![no_main]

#[path = "../../tests/support/pinning.rs"]
mod pinning;
#[path = "../../tests/support/whole.rs"]
mod whole;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tagpin::policy::Policy;

static POLICY: LazyLock<Policy> = LazyLock::new(|| pinning::policy("tag+digest"));

fuzz_target!(|bytes: &[u8]| {
    pinning::pin_twice("deploy.yaml", bytes, &POLICY, Some("deployed-image-digest"));
});
