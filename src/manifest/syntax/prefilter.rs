//! Which documents of a text are worth parsing: most documents of most repositories name no image, and a glance at
//! their bytes tells.
//!
//! Sound by construction: every location of a catalogue names words that its documents must spell, and every format
//! that is code names one of [`WORDS`]. A key that is spelled with an escape (`"im\u0061ge"`) is not seen.

use aho_corasick::{AhoCorasick, MatchKind};

/// Every format that is code has a key with one of these words, or a JSON pointer that ends in one: `image` in any case,
/// the split fields of Helm values, and what a kustomization says about other files. Most documents with images have
/// one, so that these are looked for first.
const WORDS: [&str; 3] = ["image", "repository", "patches"];

/// What starts a reference anywhere in a text.
const PREFIX: &str = "docker://";

#[derive(Clone, Debug, Default)]
pub(crate) struct Prefilter {
    common: Option<AhoCorasick>,
    rare: Option<AhoCorasick>,
    /// Sets of words, as bits; a document that spells all words of one set may hold an image.
    rules: Vec<u128>,
}

impl Prefilter {
    /// Returns the filter for sets of words: a document in which something is found spells all words of one of them, keys
    /// first, then perhaps an API group.
    pub(crate) fn new<'w>(sets: impl Iterator<Item = (Vec<&'w str>, Option<&'w str>)>) -> Self {
        let mut words: Vec<&str> = Vec::new();
        let mut rules = Vec::new();
        for (keys, group) in sets {
            // Seen by the first search already.
            if keys.iter().any(|key| is_common(key)) {
                continue;
            }
            let mut set = 0u128;
            for word in keys.into_iter().chain(group) {
                let index = words.iter().position(|known| *known == word).unwrap_or_else(|| {
                    words.push(word);
                    words.len() - 1
                });
                // Without a bit of its own a word asks for nothing, which lets more documents through, never fewer.
                set |= 1u128.checked_shl(index as u32).unwrap_or_default();
            }
            rules.push(set);
        }
        rules.sort_unstable();
        rules.dedup();
        let build = |words: &[&str]| {
            let mut builder = AhoCorasick::builder();
            builder.ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(words).ok()
        };
        let common: Vec<&str> = WORDS.into_iter().chain([PREFIX]).collect();
        Self { common: build(&common), rare: build(&words), rules }
    }

    pub(crate) fn may_hold_images(&self, bytes: &[u8]) -> bool {
        let (Some(common), Some(rare)) = (&self.common, &self.rare) else { return true };
        let counts = |word: aho_corasick::Match| {
            word.pattern().as_usize() >= WORDS.len()
                || is_in_key(bytes, word.end())
                || ends_pointer(bytes, word.start(), word.end())
        };
        let mut words = common.find_iter(bytes).peekable();
        // A key may also be written as `? key`, with its colon anywhere below.
        let marks = |at| bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
        let explicit = words.peek().is_some() && memchr::memchr_iter(b'?', bytes).any(marks);
        if words.any(|word| explicit || counts(word)) {
            return true;
        }
        let mut found = 0u128;
        for word in rare.find_overlapping_iter(bytes) {
            let bit = 1u128.checked_shl(word.pattern().as_u32()).unwrap_or_default();
            if found & bit == 0 {
                found |= bit;
                if self.rules.iter().any(|rule| rule & !found == 0) {
                    return true;
                }
            }
        }
        self.rules.contains(&0)
    }
}

/// Returns whether what ends at `end`, or goes on there, may be a key.
fn is_in_key(bytes: &[u8], end: usize) -> bool {
    let rest = bytes.get(end..).unwrap_or_default();
    let ends_word = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b':' | b'"' | b'\'');
    // What goes on for longer is not looked at any closer.
    let Some(word_end) = rest.iter().take(KEY_MAX).position(ends_word) else { return rest.len() >= KEY_MAX };
    let rest = &rest[word_end..];
    let rest = rest.strip_prefix(b"\"").or(rest.strip_prefix(b"'")).unwrap_or(rest);
    // A comment may stand between a key and its colon.
    matches!(rest.trim_ascii_start().first(), Some(b':' | b'#'))
}

/// Returns whether a word may be the end of a JSON pointer, as in the `path` of a JSON patch.
fn ends_pointer(bytes: &[u8], start: usize, end: usize) -> bool {
    let goes_on =
        |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-' | b'.' | b':');
    if bytes.get(end).is_some_and(goes_on) {
        return false;
    }
    let before = &bytes[start.saturating_sub(KEY_MAX)..start];
    match before.iter().rev().find(|byte| matches!(byte, b'/' | b'\n' | b'\r')) {
        Some(byte) => *byte == b'/',
        None => before.len() == KEY_MAX,
    }
}

/// The most of a key or a pointer that is looked at, in bytes.
const KEY_MAX: usize = 128;

/// Returns whether the first search finds every spelling of this key.
fn is_common(key: &str) -> bool {
    let text = key.to_ascii_lowercase() + ":";
    WORDS
        .iter()
        .any(|word| text.match_indices(word).any(|(at, _)| is_in_key(text.as_bytes(), at + word.len())))
}
