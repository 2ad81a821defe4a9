//! Any bytes are read as what `kubectl get -o json`, Docker, ECS or Nomad print: containers or an error, and never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::live;

fuzz_target!(|bytes: &[u8]| {
    if let Err(error) = live::running(bytes) {
        assert!(!error.to_string().is_empty());
    }
});
