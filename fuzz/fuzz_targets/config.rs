//! Any bytes are read as configuration: an error or settings, and never a panic.
#![no_main]

use std::path::Path;

use libfuzzer_sys::fuzz_target;
use tagpin::config::Config;

fuzz_target!(|bytes: &[u8]| {
    match Config::parse("tagpin.toml", Path::new("."), bytes) {
        Ok(config) => drop(config.settings.policy.decide("a/b.yaml", "nginx", None)),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
