//! Templates made readable for a YAML parser: each `{{…}}` of Go, each `${…}` and `%{…}` of HCL, and what Jinja and ERB have, is
//! replaced by as many bytes that mean nothing, so that the offsets of everything else stay what they are. Literal references
//! in Helm charts, in heredocs and in templates of other tools become editable this way.

use std::ops::Range;

/// A template and its masked text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Masked {
    /// The text with every action replaced, byte for byte as long as the original.
    pub text: String,
    /// Where the actions stand, in order.
    pub actions: Vec<Range<usize>>,
}

/// Returns `text` with its actions masked; `None` where it has none.
///
/// An action alone on its lines, or one that inserts a block (`toYaml`, `nindent`), becomes blanks; any other becomes
/// `xxx`, a part of the scalar that it stands in.
pub fn mask(text: &str) -> Option<Masked> {
    mask_actions(text, actions(text))
}

/// Returns `text` with what any language of templates fills in masked: Go, Jinja (`{% if x %}`, `{# … #}`), HCL and shells, ERB;
/// `None` where it has nothing of that kind.
pub(crate) fn mask_all(text: &str) -> Option<Masked> {
    mask_actions(text, statements(text, &[&FILLED[..], &INTERPOLATIONS].concat()))
}

/// Does what [`mask_all`] does for a language in which `${…}` is its own.
pub(crate) fn mask_foreign(text: &str) -> Option<Masked> {
    mask_actions(text, statements(text, &FILLED[..FOREIGN]))
}

/// Returns the text of a heredoc with what HCL fills in masked; `None` where it has nothing of that kind.
pub(crate) fn mask_interpolations(text: &str) -> Option<Masked> {
    mask_actions(text, interpolations(text))
}

fn mask_actions(text: &str, actions: Vec<Range<usize>>) -> Option<Masked> {
    if actions.is_empty() {
        return None;
    }
    let mut masked = text.as_bytes().to_vec();
    // Whether what stands here is the first line of a block scalar but for blank ones, and where the last action ended.
    let (mut is_head, mut end) = (false, 0);
    for (index, action) in actions.iter().enumerate() {
        let between = &text[end..action.start];
        if !between.trim().is_empty() {
            is_head = ends_in_block_header(between);
        }
        end = action.end;
        let is_blank = is_blank(text, &actions, index);
        is_head &= is_blank;
        let fill = match is_blank {
            true if is_head => b'\n',
            true => b' ',
            false => b'x',
        };
        for byte in &mut masked[action.clone()] {
            // A line end inside an action that stands alone keeps the lines apart.
            if fill == b'x' || !matches!(byte, b'\n' | b'\r') {
                *byte = fill;
            }
        }
    }
    // Only whole actions were replaced, and by ASCII.
    String::from_utf8(masked).ok().map(|text| Masked { text, actions })
}

/// Returns whether a text ends in the header of a block scalar and blank lines: of the blank lines at the head of one, none may
/// have more spaces than the text below it (YAML 1.2.2, 8.1.1.1).
fn ends_in_block_header(text: &str) -> bool {
    let above = text.trim_end();
    let is_mark = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-');
    let header = above.rsplit_once(' ').and_then(|(_, header)| header.strip_prefix(['|', '>']));
    text[above.len()..].contains('\n') && header.is_some_and(|marks| marks.chars().all(is_mark))
}

/// Returns the spans of all actions. One that never ends reaches to the end of the text.
fn actions(text: &str) -> Vec<Range<usize>> {
    let mut actions = Vec::new();
    let mut at = 0;
    while let Some(found) = text[at..].find("{{") {
        let start = at + found;
        let end = end_of_action(text, start);
        actions.push(start..end);
        at = end;
    }
    actions
}

/// What languages of templates put around what they fill in or decide: Go and Jinja, ERB; a comment of Jinja's last.
const FILLED: [(&str, &str); 4] = [("{{", ""), ("{%", "%}"), ("<%", "%>"), ("{#", "#}")];

/// How many of them are none of a shell's, which has `${#x}`.
const FOREIGN: usize = 3;

/// The same of HCL and shells.
const INTERPOLATIONS: [(&str, &str); 2] = [("${", ""), ("%{", "")];

/// Returns the spans of what languages of templates fill in or decide. One that never ends reaches to the end of the text.
fn statements(text: &str, marks: &[(&str, &str)]) -> Vec<Range<usize>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(start) = text[at..].find(['{', '$', '%', '<']).map(|found| at + found) {
        let Some((open, close)) = marks.iter().find(|(open, _)| text[start..].starts_with(open)) else {
            at = start + 1;
            continue;
        };
        let inner = start + open.len();
        let end = match *open {
            "{{" => end_of_action(text, start),
            "${" | "%{" => end_of_interpolation(text.as_bytes(), inner),
            _ => text[inner..].find(close).map_or(text.len(), |end| inner + end + close.len()),
        };
        found.push(start..end);
        at = end;
    }
    found
}

/// Returns the spans of all interpolations and directives; `$${` and `%%{` are text (HCL native syntax specification,
/// "Template Literals").
fn interpolations(text: &str) -> Vec<Range<usize>> {
    let (mut found, bytes, mut at) = (Vec::new(), text.as_bytes(), 0);
    while at + 1 < bytes.len() {
        if !matches!(bytes[at], b'$' | b'%') || bytes[at + 1] != b'{' {
            at += 1;
        } else if at > 0 && bytes[at - 1] == bytes[at] {
            at += 2;
        } else {
            let end = end_of_interpolation(bytes, at + 2);
            found.push(at..end);
            at = end;
        }
    }
    found
}

/// Returns the byte after the brace that ends what stands from `start`; those in quoted texts do not count, but for theirs.
fn end_of_interpolation(bytes: &[u8], start: usize) -> usize {
    // What is open: a brace, or a quoted text, in which `${` opens a brace.
    let (mut open, mut at) = (vec![b'}'], start);
    while at < bytes.len() {
        let is_text = open.last() == Some(&b'"');
        match bytes[at] {
            b'\\' if is_text => at += 1,
            b'"' if is_text => drop(open.pop()),
            b'"' => open.push(b'"'),
            b'{' if !is_text || matches!(bytes[at - 1], b'$' | b'%') => open.push(b'}'),
            b'}' if !is_text => drop(open.pop()),
            _ => {}
        }
        at += 1;
        if open.is_empty() {
            return at;
        }
    }
    bytes.len()
}

/// Returns the byte after `}}`; braces in strings and comments do not count (text/template, lexer).
fn end_of_action(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let inner = text[start + 2..].trim_start_matches(['-', ' ', '\t', '\r', '\n']);
    if inner.starts_with("/*") {
        let from = text.len() - inner.len();
        let after = text[from..].find("*/").map_or(text.len(), |at| from + at + 2);
        return text[after..].find("}}").map_or(text.len(), |at| after + at + 2);
    }
    let mut at = start + 2;
    let mut quote = None;
    while at < bytes.len() {
        match (quote, bytes[at]) {
            (None, b'}') if bytes.get(at + 1) == Some(&b'}') => return at + 2,
            (None, q @ (b'"' | b'`' | b'\'')) => quote = Some(q),
            (Some(b'"' | b'\''), b'\\') => at += 1,
            (Some(q), b) if q == b => quote = None,
            // A quoted string ends with its line; an apostrophe in a comment is none.
            (Some(b'"' | b'\''), b'\n') => quote = None,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// On a longer line an action is taken for a part of a scalar.
const LINE_MAX: usize = 4096;

/// Returns whether an action leaves nothing in its place that YAML would see.
fn is_blank(text: &str, actions: &[Range<usize>], index: usize) -> bool {
    let action = &actions[index];
    let from = text.floor_char_boundary(action.start.saturating_sub(LINE_MAX));
    let to = text.floor_char_boundary(action.end.saturating_add(LINE_MAX));
    let line_start = match text[from..action.start].rfind('\n') {
        Some(newline) => from + newline + 1,
        None if from == 0 => 0,
        None => return false,
    };
    let line_end = match text[action.end..to].find('\n') {
        Some(newline) => action.end + newline,
        None if to == text.len() => to,
        None => return false,
    };
    let rest = |from: usize, to: usize| -> String {
        // What stands on these lines beside actions.
        let mut out = String::new();
        let mut at = from;
        let first = actions.partition_point(|other| other.end <= from);
        for other in actions[first..].iter().take_while(|other| other.start < to) {
            out.push_str(text.get(at..other.start.max(at)).unwrap_or_default());
            at = other.end.max(at);
        }
        out.push_str(text.get(at..to.max(at)).unwrap_or_default());
        out
    };
    let (before, after) = (rest(line_start, action.start), rest(action.end, line_end));
    let (before, after) = (before.trim(), after.trim());
    let ends_the_line = after.is_empty() || after.starts_with('#');
    let inserts_a_block =
        ["indent", "toYaml", "toJson"].iter().any(|word| text[action.clone()].contains(word));
    (before.is_empty() && after.is_empty())
        || (ends_the_line
            && inserts_a_block
            && (before.ends_with(':') || before == "-" || before.ends_with(" -")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let masked = mask(text).unwrap().text;
        assert_eq!(masked.len(), text.len(), "{text}");
        masked
    }

    #[test]
    fn actions_alone_on_their_lines_become_blank() {
        assert_eq!(
            masked("a: 1\n{{- if .x }}\nb: 2\n{{- end }}\n"),
            format!("a: 1\n{}\nb: 2\n{}\n", " ".repeat(12), " ".repeat(10))
        );
        assert_eq!(masked("{{- if\n  .x }}\na: 1"), format!("{}\n{}\na: 1", " ".repeat(6), " ".repeat(7)));
        assert_eq!(masked("  {{ a }}{{ b }}"), " ".repeat(16));
    }

    #[test]
    fn actions_at_the_head_of_a_block_have_no_spaces() {
        assert_eq!(
            masked("a: |-\n  {{- if .x }}\n  {{ b }}\n  c\n"),
            format!("a: |-\n  {}\n  {}\n  c\n", "\n".repeat(12), "\n".repeat(7))
        );
        assert_eq!(masked("- >2\n{{ a }}\n"), format!("- >2\n{}\n", "\n".repeat(7)));
        assert_eq!(masked("a: x|\n{{ a }}\n"), format!("a: x|\n{}\n", " ".repeat(7)));
    }

    #[test]
    fn actions_that_insert_blocks_become_blank_and_others_text() {
        assert_eq!(masked("a: {{ toYaml .x | nindent 2 }}"), format!("a: {}", " ".repeat(27)));
        assert_eq!(masked("a: {{ .x }}"), "a: xxxxxxxx");
        assert_eq!(masked("a: \"{{ .r }}:1\""), "a: \"xxxxxxxx:1\"");
        assert_eq!(masked("- {{ .x }}/b"), "- xxxxxxxx/b");
    }

    #[test]
    fn braces_in_strings_and_comments_do_not_end_an_action() {
        assert_eq!(masked("a: {{ \"}}\" }}b"), "a: xxxxxxxxxxb");
        assert_eq!(masked("a: {{ `}}` }}b"), "a: xxxxxxxxxxb");
        assert_eq!(masked("{{/* it's }} */}}\na: 1"), format!("{}\na: 1", " ".repeat(17)));
        assert_eq!(masked("a: é{{ 'é' }}"), "a: éxxxxxxxxxx");
    }

    #[test]
    fn interpolations_of_heredocs_are_masked() {
        let masked = |text: &str| mask_interpolations(text).map(|masked| masked.text);
        for (text, expected) in [
            ("a: ${b}", Some("a: xxxx")),
            ("a: [${b[\"}\"]}, c]", Some("a: [xxxxxxxxx, c]")),
            ("${\"${a}\"}b", Some("xxxxxxxxxb")),
            ("%{ for a in b }\na: 1\n%{ endfor }\n", Some("               \na: 1\n           \n")),
            ("é${ {a = 1}.a }", Some("éxxxxxxxxxxxxxx")),
            ("${a", Some("   ")),
            ("a: $${b} %%{c} $d", None),
        ] {
            assert_eq!(masked(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn statements_of_other_languages_are_masked() {
        for (text, expected) in [
            ("{% if a %}\na: 1\n{% endif %}\n", Some("          \na: 1\n           \n")),
            ("a: {{ b }}{# c #}\n", Some("a: xxxxxxxxxxxxxx\n")),
            ("%{ if a ~}\na: 1\n%{ endif }\n", Some("          \na: 1\n          \n")),
            ("a: <%= b %>\n", Some("a: xxxxxxxx\n")),
            ("a: {b: ${c}}\n", Some("a: {b: xxxx}\n")),
            ("a: $b 5% <c {d: 1}\n", None),
            ("a: 1\n{% if", Some("a: 1\n     ")),
        ] {
            assert_eq!(mask_all(text).map(|masked| masked.text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn an_action_that_never_ends_takes_the_rest() {
        assert_eq!(masked("a: 1\n{{ if").trim_end(), "a: 1");
        assert_eq!(mask("a: 1"), None);
    }
}
