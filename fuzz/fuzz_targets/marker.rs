//! Any body is searched for the hidden marker, as it is and as a payload that is spelled like one: no panic, and what is
//! found is found again below other text.
#![no_main]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use libfuzzer_sys::fuzz_target;
use tagpin::pull_request::marker;

fuzz_target!(|text: &str| {
    for body in [text.to_owned(), format!("<!-- tagpin: {} -->", STANDARD.encode(text))] {
        if let Some(found) = marker::read(&body) {
            assert!(found.same_changes(&found));
            let again = marker::read(&format!("text\n\n{body}\n")).expect("the same marker");
            assert!(again.same_changes(&found));
        }
    }
});
