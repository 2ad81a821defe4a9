//! Any bytes are read and pinned as Terraform, in both styles: proven or cleanly refused, nothing lost outside the
//! images, and a second run changes nothing.
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
    pinning::pin_twice("main.tf", bytes, &TAG, None);
    pinning::pin_twice("main.tf", bytes, &DIGEST, None);
});
