//! Any text is read as a containers registries.conf: rules or an error, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::registry::registries_conf;

fuzz_target!(|text: &str| {
    if let Err(error) = registries_conf::parse(text) {
        assert!(!error.to_string().is_empty());
    }
});
