//! Makes untrusted text harmless in a title, in Markdown and in a table.
//!
//! Names, paths and messages come from repositories and registries that anybody may write. In a body they stand in
//! code spans only, where no forge knows a mention, link, image, HTML or issue reference; the few sequences that would
//! still act when a squash merge copies the body into a commit message are broken up.

/// The longest text that is shown, in characters.
const LONGEST: usize = 300;

/// Splits what a forge would act on; it has no width.
const BREAK: char = '\u{200b}';

/// Returns `text` as a code span for running Markdown: lists and paragraphs.
pub(crate) fn code(text: &str) -> String {
    span(&visible(text))
}

/// Returns `text` as a code span like [`code`], with its links as they are: no forge follows them in code.
pub(crate) fn code_as_it_is(text: &str) -> String {
    span(&one_line(text))
}

pub(crate) fn cell(text: &str) -> String {
    let text = visible(text);
    // Forges split rows before they look for code spans, and take `\|` for a pipe in both.
    if text.contains('|') { span(&text.replace('\\', "\\\\").replace('|', "\\|")) } else { span(&text) }
}

/// Returns `text` for a title or a commit message, where nothing can be escaped: what no image name or tag has
/// becomes `_`.
pub(crate) fn plain(text: &str) -> String {
    let safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '/' | ':' | '-');
    text.chars().take(LONGEST).map(|c| if safe(c) { c } else { '_' }).collect::<String>().replace("//", "/_")
}

/// Returns one line without control or direction characters, not too long, and without what a forge acts on.
fn visible(text: &str) -> String {
    without_back_references(&one_line(text))
}

fn one_line(text: &str) -> String {
    let mut shown = String::new();
    let mut before = ' ';
    let mut rest = text.chars().peekable();
    for _ in 0..LONGEST {
        let Some(c) = rest.next() else { break };
        let next = rest.peek().copied().unwrap_or(' ');
        match c {
            '\n' | '\r' | '\t' => shown.push(' '),
            c if c.is_control() || is_invisible(c) => shown.push(char::REPLACEMENT_CHARACTER),
            c => shown.push(c),
        }
        // A mention, an issue reference, and a comment that could pass for the hidden marker.
        let mention = c == '@' && !before.is_alphanumeric();
        let issue = c == '#' && next.is_ascii_digit();
        let short_issue = c == '-' && next.is_ascii_digit() && is_short_issue(&shown);
        let comment = (c == '<' && next == '!') || (c == '-' && next == '>');
        if mention || issue || short_issue || comment {
            shown.push(BREAK);
        }
        before = c;
    }
    if rest.peek().is_some() {
        shown.push('…');
    }
    shown
}

/// Returns whether `shown` ends as `GH-12` begins, which a forge may take for an issue in a commit message.
fn is_short_issue(shown: &str) -> bool {
    let start = shown.len().saturating_sub(3);
    let at_word = shown.get(..start).is_some_and(|before| !before.ends_with(char::is_alphanumeric));
    at_word && shown.get(start..).is_some_and(|end| end.eq_ignore_ascii_case("gh-"))
}

/// Returns `text` with links to the one host that tells its issues of links to them sent over its redirector, so that no
/// other repository's issue hears of us.
fn without_back_references(text: &str) -> String {
    let mut shown = text.to_owned();
    for host in ["://github.com", "://www.github.com"] {
        while let Some(at) = shown.to_ascii_lowercase().find(host) {
            shown.replace_range(at..at + host.len(), "://redirect.github.com");
        }
    }
    shown
}

/// Returns whether `c` has no width, or turns the direction of what follows it.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Fences `text` with more backticks than it has in a row (CommonMark, "Code spans").
fn span(text: &str) -> String {
    if text.trim().is_empty() {
        return "(empty)".to_owned();
    }
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or_default();
    let fence = "`".repeat(longest + 1);
    let pad = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}

pub(crate) fn listed(texts: &[String], most: usize, escape: fn(&str) -> String) -> String {
    let mut shown = texts.iter().take(most).map(|text| escape(text)).collect::<Vec<_>>().join(", ");
    if texts.len() > most {
        shown.push_str(&format!(" and {} more", texts.len() - most));
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_images_are_named_stays_as_it_is() {
        let name = "registry.example.com:5000/a/b_c-d.e:1.8@sha256:0123";
        assert_eq!(code(name), format!("`{name}`"));
        assert_eq!(cell(name), format!("`{name}`"));
        assert_eq!(plain("ghcr.io/acme/api"), "ghcr.io/acme/api");
    }

    #[test]
    fn a_code_span_holds_what_it_is_given() {
        for (text, span) in [
            ("a`b", "``a`b``"),
            ("`a``b", "``` `a``b ```"),
            ("a\r\n# b", "`a  # b`"),
            ("", "(empty)"),
            ("a\u{202e}b\u{0}c\u{200b}", "`a\u{fffd}b\u{fffd}c\u{fffd}`"),
        ] {
            assert_eq!(code(text), span, "{text:?}");
        }
        assert_eq!(code(&"x".repeat(1000)).chars().count(), LONGEST + 3);
    }

    #[test]
    fn a_cell_never_ends_early() {
        for (text, shown) in [("a|b", r"`a\|b`"), (r"a\|b", r"`a\\\|b`"), (r"a\", r"`a\`"), ("||", r"`\|\|`")]
        {
            assert_eq!(cell(text), shown, "{text:?}");
        }
    }

    #[test]
    fn mentions_references_comments_and_back_references_are_broken_up() {
        for (text, shown) in [
            ("@octocat", "`@\u{200b}octocat`"),
            ("by (@acme/team)", "`by (@\u{200b}acme/team)`"),
            ("fixes #1", "`fixes #\u{200b}1`"),
            ("closes GH-12", "`closes GH-\u{200b}12`"),
            ("gh-1 high-1 GH-x", "`gh-\u{200b}1 high-1 GH-x`"),
            ("acme/x#12", "`acme/x#\u{200b}12`"),
            ("<!-- tagpin: e30= -->", "`<\u{200b}!-- tagpin: e30= --\u{200b}>`"),
            ("https://GitHub.com/a/b/issues/1", "`https://redirect.github.com/a/b/issues/1`"),
        ] {
            assert_eq!(code(text), shown, "{text:?}");
        }
    }

    #[test]
    fn plain_text_cannot_act() {
        assert_eq!(plain("@a #1 `b` [skip ci]\nx: y"), "_a__1__b___skip_ci__x:_y");
        assert_eq!(plain("https://github.com/a"), "https:/_github.com/a");
    }
}
