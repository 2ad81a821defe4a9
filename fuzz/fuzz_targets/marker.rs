//! Any body is searched for the hidden marker: no panic, and what is found is found again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::pull_request::marker;

fuzz_target!(|body: &str| {
    if let Some(found) = marker::read(body) {
        assert!(found.same_changes(&found));
        assert_eq!(marker::read(&format!("text\n\n{body}")).is_some(), true);
    }
});
