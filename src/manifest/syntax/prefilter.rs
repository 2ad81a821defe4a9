//! Which documents of a text are worth parsing: most documents of most repositories name no image, and a glance at
//! their bytes tells.
//!
//! Sound by construction: every location of the catalogue names words that its documents must spell, and every format
//! that is code names one of [`WORDS`]. A key that is spelled with an escape (`"im\u0061ge"`) is not seen.

use aho_corasick::{AhoCorasick, MatchKind};

use super::tree::Chunk;
use crate::manifest::formats::catalogue::{Catalogue, Location};

/// Every format that is code has a key with one of these words, or a JSON pointer that ends in one: `image` in any case,
/// the split fields of Helm values, and what a kustomization says about other files. Most documents with images have
/// one, so that these are looked for first.
const WORDS: [&str; 3] = ["image", "repository", "patches"];

/// What starts a reference anywhere in a text.
const PREFIX: &str = "docker://";

/// The words of a catalogue.
#[derive(Clone, Debug, Default)]
pub(crate) struct Prefilter {
    /// Finds [`WORDS`] and [`PREFIX`].
    common: Option<AhoCorasick>,
    /// Finds the words of `rules`.
    rare: Option<AhoCorasick>,
    /// Sets of words, as bits; a document that spells all words of one set may hold an image.
    rules: Vec<u128>,
}

impl Prefilter {
    pub(crate) fn new(locations: &[Location]) -> Self {
        let mut words: Vec<&str> = Vec::new();
        let mut rules = Vec::new();
        for (keys, group) in locations.iter().flat_map(rules_of) {
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

    /// Tells whether a document with these bytes can hold an image at all.
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

/// Tells whether what ends at `end`, or goes on there, may be a key.
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

/// Tells whether a word may be the end of a JSON pointer, as in the `path` of a JSON patch.
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

/// Returns sets of keys, with the API group beside them; every document that this entry finds something in spells all
/// of one of them.
fn rules_of(location: &Location) -> Vec<(Vec<&str>, Option<&str>)> {
    let group = location.group.as_deref().filter(|group| !group.is_empty());
    let paths = location.forms().map(|(path, _)| path).chain(location.texts().map(|(path, _)| path));
    let mut rules = Vec::new();
    for path in paths {
        if location.has.is_empty() {
            rules.push((path.keys().collect(), group));
        }
        rules.extend(location.has.iter().map(|has| (path.keys().chain(has.keys()).collect(), group)));
    }
    rules
}

/// Tells whether the first search finds every spelling of this key.
fn is_common(key: &str) -> bool {
    let text = key.to_ascii_lowercase() + ":";
    WORDS
        .iter()
        .any(|word| text.match_indices(word).any(|(at, _)| is_in_key(text.as_bytes(), at + word.len())))
}

/// Returns the documents of `text`, each with whether it is read: not where it can hold no image, or is an object that
/// only describes images.
///
/// A line that starts with `---` ends a document whatever it stands in (YAML 1.2.2, 9.1.1: no scalar may hold it), so
/// that documents can be told apart without reading them. A directive (`%TAG`) or a marker for the end of a document
/// (`...`) makes that harder than it is worth: such a text is one chunk.
pub(crate) fn chunks(text: &str, catalogue: &Catalogue) -> Vec<Chunk> {
    let mut starts = vec![0];
    for at in lines(text) {
        match text.as_bytes().get(at..at + 3) {
            Some(b"---")
                if text[at + 3..].is_empty() || text[at + 3..].starts_with([' ', '\t', '\n', '\r']) =>
            {
                starts.extend((at > 0).then_some(at));
            }
            Some([b'%', ..] | b"...") => return vec![Chunk::whole(text)],
            _ => {}
        }
    }
    // A comment for tagpin may stand in a document of its own.
    if text.contains("tagpin:") {
        return vec![Chunk::whole(text)];
    }
    // An action of a template may reach over documents, and one broken document changes how all are read.
    if text.contains("{{") {
        return vec![Chunk { wanted: catalogue.may_hold_images(text.as_bytes()), ..Chunk::whole(text) }];
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    let chunks = starts.iter().zip(ends).map(|(start, end)| {
        let part = &text[*start..end];
        let describes =
            || object_header(part).is_some_and(|(version, kind)| catalogue.is_silent(version, kind));
        // What stands before the first document is none, and soon read.
        let wanted = is_blank(part) || (catalogue.may_hold_images(part.as_bytes()) && !describes());
        Chunk { span: *start..end, wanted }
    });
    chunks.collect()
}

/// Returns where the lines that start with `-`, `%` or `.` start.
fn lines(text: &str) -> impl Iterator<Item = usize> {
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes).map(|at| at + 1);
    std::iter::once(0).chain(ends).filter(|at| matches!(bytes.get(*at), Some(b'-' | b'%' | b'.')))
}

fn is_blank(text: &str) -> bool {
    !text.starts_with("---")
        && text.split(['\n', '\r']).map(str::trim).all(|line| line.is_empty() || line.starts_with('#'))
}

/// Returns the `apiVersion` and `kind` of an object that starts with both, as plain words at the start of a line.
///
/// Nothing stands before them, so they are keys of the document's root, whatever follows.
fn object_header(document: &str) -> Option<(&str, &str)> {
    let (mut version, mut kind) = (None, None);
    for (index, line) in document.split(['\n', '\r']).enumerate() {
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') || (index == 0 && line == "---") {
            continue;
        }
        let (key, value) = line.split_once(": ")?;
        let value = value.trim_start();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/');
        if value.is_empty() || !value.bytes().all(plain) || value.starts_with('-') {
            return None;
        }
        match key {
            "apiVersion" => version = Some(value),
            "kind" => kind = Some(value),
            _ => return None,
        }
        if let (Some(version), Some(kind)) = (version, kind) {
            return Some((version, kind));
        }
    }
    None
}
