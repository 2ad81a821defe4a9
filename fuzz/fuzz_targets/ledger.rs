//! Any bytes are read as an image's file in the ledger of tags: what is kept of it is read again as the same, and a broken
//! one is named.
#![no_main]

mod tree;

use libfuzzer_sys::fuzz_target;
use tagpin::history::ledger::Ledger;
use tree::OneFile;

const FILE: &str = "tags/docker.io/library+redis.txt";

fuzz_target!(|bytes: &[u8]| {
    let Ok(ledger) = Ledger::read(&OneFile { path: FILE, bytes }) else { return };
    for image in ledger.images() {
        let events: Vec<_> = ledger.events(image).collect();
        assert!(events.is_sorted_by_key(|event| event.when), "the past is in order");
    }
    assert!(ledger.broken().all(|(_, why)| !why.is_empty()));
});
