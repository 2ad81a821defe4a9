//! Any bytes are read as configuration: an error or settings, and never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tagpin::config::Config;
use tagpin::reference::Reference;

fuzz_target!(|bytes: &[u8]| {
    let nginx = Reference::parse("nginx").unwrap();
    match Config::parse("tagpin.toml", Path::new("."), bytes) {
        Ok(config) => drop(config.settings.policy.decide("a/b.yaml", &nginx, None)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
