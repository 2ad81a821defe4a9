//! JSON with comments, as editors and development containers keep their settings.

use super::template_mask::Masked;

/// Returns whether the file at `path` is read by programs that take comments in JSON, and by no deployer.
pub(in crate::manifest) fn are_taken(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let is_settings = |part: &str| matches!(part, ".devcontainer" | ".vscode");
    name.ends_with(".json")
        && (matches!(name, "devcontainer.json" | ".devcontainer.json")
            || name.starts_with("tsconfig")
            || name.starts_with("jsconfig")
            || directory.split('/').any(is_settings))
}

/// Returns `text` with blanks in the place of its comments, byte for byte as long, and where they stand.
pub(in crate::manifest) fn mask(text: &str) -> Masked {
    let bytes = text.as_bytes();
    let (mut masked, mut at, mut in_text) = (bytes.to_vec(), 0, false);
    let mut actions = Vec::new();
    while at < bytes.len() {
        let end = match (in_text, bytes[at], bytes.get(at + 1)) {
            (true, b'\\', _) => {
                at += 2;
                continue;
            }
            (_, b'"', _) => {
                in_text = !in_text;
                at
            }
            (false, b'/', Some(b'/')) => text[at..].find('\n').map_or(text.len(), |end| at + end),
            (false, b'/', Some(b'*')) => text[at + 2..].find("*/").map_or(text.len(), |end| at + end + 4),
            _ => at,
        };
        let comment = masked[at..end].iter_mut().filter(|byte| !matches!(byte, b'\n' | b'\r'));
        comment.for_each(|byte| *byte = b' ');
        if end > at {
            actions.push(at..end);
        }
        at = end.max(at + 1);
    }
    // Whole comments were replaced, by ASCII.
    Masked { text: String::from_utf8(masked).unwrap_or_else(|_| text.to_owned()), actions }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_become_blank_and_texts_do_not() {
        for (text, masked) in [
            ("{ // é\n \"a\": \"//b\" /* c\n*/ }", "{      \n \"a\": \"//b\"     \n   }"),
            ("{\"a\\\"//\": 1}", "{\"a\\\"//\": 1}"),
            ("/* never", "        "),
            ("// ends", "       "),
        ] {
            assert_eq!(mask(text).text, masked, "{text:?}");
        }
    }
}
