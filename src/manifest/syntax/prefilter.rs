//! Which documents of a text are worth parsing: most documents of most repositories name no image, and a glance at
//! their bytes tells.
//!
//! Sound by construction: every location of a catalogue names words that its documents must spell, and every format
//! that is code names one of [`WORDS`]. Where the bytes may spell a word in another way, or have other lines to another
//! reader, they are no proof: see [`may_read_otherwise`].

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};

/// Every format that is code has a key with one of these words, or a JSON pointer that ends in one: `image` in any case,
/// the split fields of Helm values, and what a kustomization says about other files. Most documents with images have
/// one, so that these are looked for first.
const WORDS: [&str; 3] = ["image", "repository", "patches"];

/// What starts a reference anywhere in a text.
const PREFIX: &str = "docker://";

/// The proof that no reader finds an image in some bytes. Only [`Prefilter::proof`] has it to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoImages(());

#[derive(Clone, Debug, Default)]
pub(crate) struct Prefilter {
    /// Finds [`WORDS`] and [`PREFIX`], and behind them the words of the rules.
    words: Option<AhoCorasick>,
    /// A document that spells all words of one set may hold an image.
    rules: Vec<WordSet>,
}

/// A set of words by their numbers, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct WordSet([u128; 2]);

impl WordSet {
    /// Adds a word, and returns whether it is new. Without a bit of its own a word asks for nothing, which lets more documents
    /// through, never fewer.
    fn add(&mut self, word: usize) -> bool {
        let Some(bits) = self.0.get_mut(word / 128) else { return false };
        let bit = 1 << (word % 128);
        let is_new = *bits & bit == 0;
        *bits |= bit;
        is_new
    }

    fn is_in(&self, other: &Self) -> bool {
        self.0.iter().zip(other.0).all(|(own, other)| own & !other == 0)
    }
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
            let mut set = WordSet::default();
            for word in keys.into_iter().chain(group) {
                let index = words.iter().position(|known| *known == word).unwrap_or_else(|| {
                    words.push(word);
                    words.len() - 1
                });
                set.add(index);
            }
            rules.push(set);
        }
        rules.sort_unstable();
        rules.dedup();
        let mut builder = AhoCorasick::builder();
        // All bytes of a repository go through it.
        builder.kind(Some(AhoCorasickKind::DFA)).ascii_case_insensitive(true);
        let words = WORDS.into_iter().chain([PREFIX]).chain(words);
        Self { words: builder.match_kind(MatchKind::Standard).build(words).ok(), rules }
    }

    /// Returns the proof that nothing is in `bytes`, if they give it.
    pub(crate) fn proof(&self, bytes: &[u8]) -> Option<NoImages> {
        (!self.spells_words(bytes) && !may_read_otherwise(bytes)).then_some(NoImages(()))
    }

    /// Returns whether the words stand in the bytes as they are.
    pub(crate) fn spells_words(&self, bytes: &[u8]) -> bool {
        let Some(words) = &self.words else { return true };
        let (mut has_words, mut found) = (false, WordSet::default());
        for word in words.find_overlapping_iter(bytes) {
            let is_enough = match word.pattern().as_usize().checked_sub(WORDS.len()) {
                None => {
                    has_words = true;
                    is_in_key(bytes, word.end()) || ends_pointer(bytes, word.start(), word.end())
                }
                // The prefix.
                Some(0) => true,
                Some(rare) => found.add(rare - 1) && self.rules.iter().any(|rule| rule.is_in(&found)),
            };
            if is_enough {
                return true;
            }
        }
        // A key may also be written as `? key`, with its colon anywhere below, or be the alias of a value.
        let marks = |at| bytes.get(at + 1).is_none_or(u8::is_ascii_whitespace);
        let elsewhere = || memchr::memchr_iter(b'?', bytes).any(marks) || has_alias(bytes);
        if has_words && elsewhere() {
            return true;
        }
        self.rules.contains(&WordSet::default())
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

/// Returns whether a value may be given a name and stand elsewhere by it.
fn has_alias(bytes: &[u8]) -> bool {
    let is_there = |mark: u8| {
        memchr::memchr_iter(mark, bytes).any(|at| {
            let names = bytes.get(at + 1).is_some_and(|next| !next.is_ascii_whitespace() && *next != mark);
            names && starts_node(bytes, at)
        })
    };
    is_there(b'*') && is_there(b'&')
}

/// Returns whether an anchor, an alias or a tag may start at a byte.
fn starts_node(bytes: &[u8], at: usize) -> bool {
    let before = at.checked_sub(1).and_then(|before| bytes.get(before));
    // What is not ASCII may be the end of a line, or a byte order mark.
    before.is_none_or(|byte| byte.is_ascii_whitespace() || b"[{,:?-".contains(byte) || !byte.is_ascii())
}

/// Returns whether a reader of YAML 1.1, YAML 1.2 or JSON may see other letters, or other lines, than those that stand in
/// the bytes: escapes that spell a letter, tags, any of which a directive may make `!!binary`, line ends that are not everybody's, letters that
/// some take for an ASCII one, and controls, at which a reader may end or stumble.
fn may_read_otherwise(bytes: &[u8]) -> bool {
    let spells = |at: usize| matches!(bytes.get(at + 1), Some(b'x' | b'u' | b'U' | b'/' | b'\n' | b'\r'));
    let names = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'!' | b'<' | b'%');
    let is_tag = |at: usize| bytes.get(at + 1).is_some_and(names) && starts_node(bytes, at);
    memchr::memchr_iter(b'\\', bytes).any(spells)
        || memchr::memchr_iter(b'!', bytes).any(is_tag)
        || bytes.chunks(CHUNK).any(has_control)
        || (!bytes.is_ascii() && has_foreign_letters(bytes))
}

/// How many bytes are looked at before anything is decided: that is quicker than to ask after each.
const CHUNK: usize = 4096;

fn has_control(chunk: &[u8]) -> bool {
    chunk.iter().fold(false, |found, byte| {
        found | (*byte < b' ' && *byte != b'\t' && *byte != b'\n' && *byte != b'\r')
    })
}

/// Returns whether there is one of U+0085, U+2028 and U+2029, which end lines in YAML 1.1, or U+017F and U+212A, which are
/// an `s` and a `k` where case does not count.
fn has_foreign_letters(bytes: &[u8]) -> bool {
    memchr::memchr3_iter(0xc2, 0xc5, 0xe2, bytes).any(|at| {
        let rest = &bytes[at..];
        [&b"\xc2\x85"[..], b"\xe2\x80\xa8", b"\xe2\x80\xa9", b"\xc5\xbf", b"\xe2\x84\xaa"]
            .iter()
            .any(|letter| rest.starts_with(letter))
    })
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

#[cfg(test)]
mod tests {
    use crate::manifest::formats::catalogue::BUILT_IN;

    #[test]
    fn every_spelling_of_a_key_is_read() {
        for text in [
            "\"im\\u0061ge\": x",
            "{\"im\\x61ge\": x}",
            "\"im\\U00000061ge\": x",
            "\"im\\\n  age\": x",
            "!!binary aW1hZ2U=: x",
            "{!!binary aW1hZ2U=: x}",
            "a: {b:!<tag:yaml.org,2002:binary> aW1hZ2U=}",
            "!e!binary aW1hZ2U=: x",
            "!binary aW1hZ2U=: x",
            "{!%62inary aW1hZ2U=: x}",
            "x: &a image\n*a : y",
            "[&a image, {*a : y}]",
            "? image\n: x",
            "{\"image\"\u{85}: x}",
            "{\"image\"\u{2028}: x}",
            "im\0",
            "\"reposi\u{17f}itory\": x",
            "uses: \"docker:\\/\\/alpine\"",
            "IMAGE : x",
            "'image' : x",
        ] {
            assert!(BUILT_IN.may_hold_images(text.as_bytes()), "{text:?}");
        }
        for text in [
            "a: an image of it",
            "run: a && b *image",
            "a: Wow!! what an image",
            "a: \"C:\\\\dir \\n\"",
            "a: “naïve” — … image",
        ] {
            assert!(!BUILT_IN.may_hold_images(text.as_bytes()), "{text:?}");
        }
    }
}
