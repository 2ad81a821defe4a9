//! Unified diffs, as `git apply` takes them; but for what would steer a terminal or a CI system, which is shown escaped.

use similar::TextDiff;

use crate::report::terminal::{Stream, TextStyle};
use crate::text::printable;

/// Returns the unified diff of one file; nothing where both are equal.
pub fn unified(path: &str, before: &[u8], after: &[u8]) -> String {
    if before == after {
        return String::new();
    }
    let (before, after) = (String::from_utf8_lossy(before), String::from_utf8_lossy(after));
    let diff = TextDiff::from_lines(before.as_ref(), after.as_ref())
        .unified_diff()
        .context_radius(3)
        .header(&format!("a/{path}"), &format!("b/{path}"))
        .to_string();
    diff.split_inclusive('\n').map(shown).collect()
}

/// Returns a line of a diff as it may be shown. Tabs and line ends are what they were.
fn shown(line: &str) -> String {
    let end = if line.ends_with("\r\n") { "\r\n" } else { &line[line.trim_end_matches('\n').len()..] };
    let parts: Vec<_> = line[..line.len() - end.len()].split('\t').map(printable).collect();
    parts.join("\t") + end
}

/// Returns a diff in the colours of a terminal.
pub fn painted(diff: &str, stream: &Stream) -> String {
    if !stream.colored() {
        return diff.to_owned();
    }
    let paint = |line: &str| {
        let style = match line.as_bytes().first() {
            Some(b'+') if !line.starts_with("+++ ") => TextStyle::Green,
            Some(b'-') if !line.starts_with("--- ") => TextStyle::Red,
            Some(b'@') => TextStyle::Cyan,
            _ => return line.to_owned(),
        };
        let text = line.trim_end_matches(['\n', '\r']);
        stream.paint(style, text) + &line[text.len()..]
    };
    diff.split_inclusive('\n').map(paint).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_beside_a_change_steers_nothing_and_plain_text_stays_as_it_is() {
        let text = "a\t:: b\r\n\u{1b}[2J\n::add-mask::x\n  ::error::y\n# ##[group]\nimage: redis:8\n";
        let after = text.replace("redis:8", "redis:8@sha256:x");
        let diff = unified("x.yaml", text.as_bytes(), after.as_bytes());
        for line in diff.split('\n') {
            assert!(
                !line.contains('\u{1b}') && !line.contains("##[") && !line.trim_start().starts_with("::"),
                "{line}"
            );
        }
        assert!(diff.contains("\n : :add-mask::x\n   : :error::y\n # # #[group]\n"), "{diff}");
        let plain = "a:\t1\r\nb: \u{fc}::[\r\n";
        let diff = unified("x.yaml", plain.as_bytes(), format!("{plain}c\r\n").as_bytes());
        assert!(diff.ends_with(" a:\t1\r\n b: \u{fc}::[\r\n+c\r\n"), "{diff:?}");
    }
}
