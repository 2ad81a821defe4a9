//! The documents of a text, told apart without parsing them.

use super::catalogue::Catalogue;
use crate::manifest::syntax::definition::Chunk;

/// Returns the documents of `text`, each with whether it is read: not where it can hold no image, or is an object that
/// only describes images.
///
/// A line that starts with `---` ends a document whatever it stands in (YAML 1.2.2, 9.1.1: no scalar may hold it), so
/// that documents can be told apart without reading them. A directive (`%TAG`) or a marker for the end of a document
/// (`...`) makes that harder than it is worth: such a text is one chunk.
pub(in crate::manifest) fn chunks(text: &str, catalogue: &Catalogue) -> Vec<Chunk> {
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
