//! Any bytes are taken back as the patch that led to a file: an error, or a file before it that the patch leads from.
#![no_main]

mod tree;

use libfuzzer_sys::fuzz_target;
use tagpin::source::tree::{PatchedTree, Tree as _};
use tree::OneFile;

const NOW: &[u8] = b"services:\n  api:\n    image: redis:8\n";

fuzz_target!(|bytes: &[u8]| {
    let now = OneFile { path: "compose.yaml", bytes: NOW };
    let read = |path: &str| (path == now.path).then(|| NOW.to_vec());
    match PatchedTree::new(&now, bytes, read) {
        Ok(before) => {
            for entry in before.entries().expect("it was read") {
                // What cannot be read is an error of its own.
                let _ = before.read(&entry.path, 1 << 20);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
