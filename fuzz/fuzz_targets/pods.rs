//! Any bytes are read as what `kubectl get -o json` prints: containers or an error, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::live::pods;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = pods::parse(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
