//! What a file mentions more often than it did before.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::mention::{Mention, Mentioned};
use super::reader::{Reader, Text};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::source_range::SourceRange;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::lines::Positions;
use crate::manifest::syntax::source::text_of;

/// Returns whether what a file of this name mentions is told: manifests, and what may be values for them in whatever file, but
/// not programs and texts for people. In languages that have images at known places alone, these are found.
pub fn is_read(path: &str) -> bool {
    const OTHERS: [&str; 34] = [
        "adoc", "bash", "c", "cc", "cpp", "cs", "css", "csv", "go", "h", "hpp", "html", "java", "js", "jsx",
        "kt", "lock", "markdown", "md", "mjs", "mod", "php", "po", "proto", "ps1", "py", "rb", "rs", "rst",
        "sh", "sql", "sum", "svg", "ts",
    ];
    match Language::of(path) {
        Some(language) => !matches!(language, Language::Bake | Language::Dockerfile),
        None => path.rsplit('/').next().is_some_and(|name| {
            !name.rsplit_once('.').is_some_and(|(_, extension)| OTHERS.contains(&extension))
        }),
    }
}

/// Returns what the file at `path` mentions more often than its bytes of `before` do, in the order of the file; nothing
/// where its bytes are no text.
pub fn new_mentions(path: &str, before: Option<&[u8]>, now: &[u8], catalogue: &Catalogue) -> Vec<Mention> {
    let mut known: HashMap<u64, usize> = HashMap::new();
    if let Some(text) = before.and_then(|bytes| text_of(bytes).ok()) {
        Reader::new(path, catalogue, &mut |what: Mentioned, _: &Text<'_>, _, _| {
            *known.entry(key(&what)).or_default() += 1
        })
        .read(text);
    }
    let Ok(text) = text_of(now) else { return Vec::new() };
    let mut found: Vec<(Mentioned, (usize, bool, bool), String, Range<usize>)> = Vec::new();
    let mut take =
        |what: Mentioned, at: &Text<'_>, path: String, span: Range<usize>| match known.get_mut(&key(&what)) {
            Some(left) if *left > 0 => *left -= 1,
            _ => found.push((what, (at.document, at.in_object, at.depth > 0), path, span)),
        };
    Reader::new(path, catalogue, &mut take).read(text);
    found.sort_by_key(|(_, _, _, span)| span.start);
    let offset = now.len() - text.len();
    let mut lines = Positions::new(text);
    let mentions = found.into_iter().map(|(what, (document, in_object, in_text), path, span)| {
        let (line, column) = lines.position(span.start);
        let (end_line, end_column) = lines.clone().position(span.end);
        let span = span.start + offset..span.end + offset;
        let place = SourceRange { span, line, column, end_line, end_column };
        Mention { what, document, path, place, in_object, in_text }
    });
    mentions.collect()
}

fn key(what: &Mentioned) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}
