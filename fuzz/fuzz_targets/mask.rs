//! Any text is masked: as long as before, the same outside the actions, no action left, and lines that stay lines. What is
//! read of it is pinned without touching an action.
#![no_main]

#[path = "../../tests/support/pinning.rs"]
mod pinning;
#[path = "../../tests/support/whole.rs"]
mod whole;

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use tagpin::manifest::syntax::template_mask::mask;
use tagpin::manifest::syntax::yaml;
use tagpin::policy::Policy;

static TAG: LazyLock<Policy> = LazyLock::new(|| pinning::policy("tag+digest"));

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Some(masked) = mask(text) else {
        assert!(!text.contains("{{"));
        return;
    };
    assert_eq!(masked.text.len(), text.len());
    let mut at = 0;
    for action in &masked.actions {
        assert!(action.start >= at && text[action.clone()].starts_with("{{"));
        assert_eq!(masked.text[at..action.start], text[at..action.start]);
        let filled = |byte: u8| matches!(byte, b' ' | b'x' | b'\n' | b'\r');
        assert!(masked.text[action.clone()].bytes().all(filled));
        at = action.end;
    }
    assert_eq!(masked.text[at..], text[at..]);
    assert!(!masked.text[at..].contains("{{"));
    let run = pinning::pin_twice("templates/deploy.yaml", bytes, &TAG, Some("deployed-image-digest"));
    // What is YAML as it stands is read as YAML: two braces in a text of its own open no action there.
    let is_template = yaml::parse(text).documents.iter().any(|document| document.error.is_some());
    if let Some(edited) = run.edited.filter(|_| is_template) {
        let after = std::str::from_utf8(&edited.after).expect("text stays text");
        let actions = |text: &str| -> Vec<String> {
            let masked = mask(text).expect("an edit takes no action away");
            masked.actions.iter().map(|action| text[action.clone()].to_owned()).collect()
        };
        assert_eq!(actions(text), actions(after));
    }
});
