//! Any text is parsed as a reference: what parses is spelled as before, and stays itself with a digest.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::reference::{Digest, Reference};

fuzz_target!(|text: &str| {
    let Ok(reference) = Reference::parse(text) else { return };
    assert_eq!(reference.to_string(), text);
    assert!(!reference.registry().is_empty() && !reference.repository().is_empty());
    let pinned = reference.pinned(&Digest::sha256(text.as_bytes()));
    let again = Reference::parse(&pinned.to_string()).expect("a pinned reference parses");
    assert_eq!(again, pinned);
    assert_eq!(again.name(), reference.name());
    assert_eq!((again.registry(), again.repository()), (reference.registry(), reference.repository()));
});
