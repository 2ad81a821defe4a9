//! What a file mentions more often than it did before.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::digests;
use super::mention::{Mention, Mentioned};
use super::reader::{Reader, Text};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::source_range::SourceRange;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::lines::Positions;
use crate::manifest::syntax::source::text_of;

/// Returns whether what a file of this name mentions is told: manifests, and files of any name that a manifest may name. In
/// the languages that have images at known places alone, these are found, and variables of Compose are known where it takes
/// them.
pub fn is_read(path: &str) -> bool {
    let is_of_compose = path.rsplit('/').next().is_some_and(|name| name.starts_with(".env"));
    !is_of_compose && !matches!(Language::of(path), Some(Language::Bake | Language::Dockerfile))
}

/// Returns what the file at `path` mentions more often than its bytes of `before` do, in the order of the file; nothing
/// where its bytes are no text.
pub fn new_mentions(path: &str, before: Option<&[u8]>, now: &[u8], catalogue: &Catalogue) -> Vec<Mention> {
    let mut known: HashMap<u64, usize> = HashMap::new();
    let before = before.and_then(|bytes| text_of(bytes).ok());
    if let Some(text) = before {
        let mut take = |what: Mentioned, _: &Text<'_>, path: String, _: Range<usize>| {
            *known.entry(key(&what, &path)).or_default() += 1;
        };
        Reader::new(path, catalogue, &mut take).read(text);
    }
    let Ok(text) = text_of(now) else { return Vec::new() };
    let mut found: Vec<Unplaced> = Vec::new();
    let mut take = |what: Mentioned, at: &Text<'_>, path: String, span: Range<usize>| match known
        .get_mut(&key(&what, &path))
    {
        Some(left) if *left > 0 => *left -= 1,
        // More than anybody looks through: said once, below.
        _ if found.len() >= FOUND_MAX => {}
        _ => {
            let (document, in_object, in_text) = (at.document, at.in_object, at.depth > 0);
            found.push(Unplaced { what, document, in_object, in_text, path, span });
        }
    };
    Reader::new(path, catalogue, &mut take).read(text);
    if found.len() >= FOUND_MAX {
        let (what, path) = (Mentioned::Packed, String::new());
        found.push(Unplaced { what, document: 0, in_object: false, in_text: false, path, span: 0..0 });
    }
    for gone in before.map(|before| digests::lost(path, before, text)).unwrap_or_default() {
        let (what, path, span) = (Mentioned::LostDigest(gone.text), gone.path, gone.span);
        found.push(Unplaced { what, document: 0, in_object: false, in_text: false, path, span });
    }
    found.sort_by_key(|found| found.span.start);
    let offset = now.len() - text.len();
    let mut lines = Positions::new(text);
    // All that stands in a text has the place of the text.
    let mut last: Option<SourceRange> = None;
    let mentions = found.into_iter().map(|Unplaced { what, document, in_object, in_text, path, span }| {
        let in_file = span.start + offset..span.end + offset;
        let place = last.take().filter(|last| last.span == in_file).unwrap_or_else(|| {
            let (line, column) = lines.position(span.start);
            let (end_line, end_column) = lines.clone().position(span.end);
            SourceRange { span: in_file, line, column, end_line, end_column }
        });
        last = Some(place.clone());
        Mention { what, document, path, place, in_object, in_text }
    });
    mentions.collect()
}

/// How much of a file is told at most; one with more counts as packed.
const FOUND_MAX: usize = 200_000;

/// What is mentioned, before its line is counted.
struct Unplaced {
    what: Mentioned,
    document: usize,
    in_object: bool,
    in_text: bool,
    path: String,
    span: Range<usize>,
}

/// Returns the names that stand before a digest in a text, whatever it is written in; not those that say nothing.
pub fn pinned_names(bytes: &[u8]) -> HashSet<String> {
    const GENERIC: [&str; 6] = ["default", "from", "image", "key", "name", "value"];
    let lines = memchr::memmem::find_iter(bytes, b"sha256:").map(|at| {
        let start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |end| end + 1);
        String::from_utf8_lossy(&bytes[start..at]).into_owned()
    });
    let names = lines.filter_map(|line| {
        let end = line.rfind(": ").or_else(|| line.rfind('='))?;
        let name = line[..end].trim_end_matches(['"', '\'', ' ']);
        let is_word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.');
        Some(name[name.rfind(|c| !is_word(c)).map_or(0, |at| at + 1)..].to_owned())
    });
    names.filter(|name| !name.is_empty() && !GENERIC.contains(&name.as_str())).collect()
}

/// Returns what is the same for the same thing at the same place, however the lists around it grow. A value is the same
/// wherever it stands: its name says what it is for.
fn key(what: &Mentioned, path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    if !matches!(what, Mentioned::Value { .. }) {
        let keys = path.split('/').filter(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
        keys.for_each(|key| key.hash(&mut hasher));
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;

    #[test]
    fn expressions_are_values() {
        let text = b"locals {\n  ref = join(\":\", [\"nginx\", \"1.27\"])\n}\n";
        let found = new_mentions("l.tf", None, text, &BUILT_IN);
        let value = Mentioned::Value {
            name: "ref".to_owned(),
            value: "join(\":\",[\"nginx\",\"1.27\"])".to_owned(),
            is_item: false,
        };
        assert!(found.iter().any(|mention| mention.what == value), "{found:?}");
    }
}
