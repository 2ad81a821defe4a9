//! Comments that tell tagpin, or another tool, what to do with the image on a line.
//!
//! `# tagpin: ignore REASON` on the line or the line above, `# tagpin: ignore-file REASON` anywhere, both also as
//! `ignore until 2026-12-31 REASON`; a Flux `{"$imagepolicy": …}` marker means that Flux owns the line,
//! `# ratchet:exclude` that nobody pins it.
//!
//! An ignore that has ended still leaves its image alone: no bot changes an image because a day has passed. The rule
//! `expired-ignore` of `check` makes people look.

use std::cell::LazyCell;
use std::collections::HashMap;
use std::ops::Range;

use super::located::IgnoreUntil;
use super::site::{Site, Skip, State};
use super::syntax::lines::LineIndex;
use super::syntax::tree::SyntaxTree;

#[derive(Clone, Debug, PartialEq, Eq)]
struct Directive {
    /// The bytes of the comment, to the end of its first line.
    span: Range<usize>,
    /// The line that it is on, from 0.
    line: usize,
    /// Whether it has the line to itself, and so is about the next one.
    alone: bool,
    kind: DirectiveKind,
    until: Option<IgnoreUntil>,
    /// The word that is none.
    unknown: Option<String>,
    /// Whether nothing says why.
    unreasoned: bool,
}

pub(super) struct FoundIgnore {
    pub(super) span: Range<usize>,
    pub(super) used: bool,
    pub(super) until: Option<IgnoreUntil>,
    pub(super) unknown: Option<String>,
    pub(super) unreasoned: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DirectiveKind {
    Ignore,
    IgnoreFile,
    Flux,
    RatchetExclude,
}

/// Applies the directives of a file to its sites; returns the ignores, in the order of the file.
pub(super) fn apply(tree: &SyntaxTree<'_>, sites: &mut [Site]) -> Vec<FoundIgnore> {
    // Most files have no such comment.
    let lines = LazyCell::new(|| LineIndex::new(tree.text));
    let directives: Vec<Directive> =
        tree.comments.iter().filter_map(|span| directive(tree, &lines, span)).collect();
    if directives.is_empty() {
        return Vec::new();
    }
    let mut on_line: HashMap<usize, Vec<usize>> = HashMap::new();
    for (index, site) in sites.iter().enumerate() {
        let spans = std::iter::once(&site.span).chain(site.fields.values());
        for at in spans.map(|span| span.start).chain(site.parent) {
            on_line.entry(lines.of(at)).or_default().push(index);
        }
    }
    let (mut ignores, mut whole_file) = (Vec::new(), false);
    for directive in directives {
        if let Some(unknown) = directive.unknown {
            let span = directive.span;
            ignores.push(FoundIgnore {
                span,
                used: false,
                until: None,
                unknown: Some(unknown),
                unreasoned: false,
            });
            continue;
        }
        let is_ignore = matches!(directive.kind, DirectiveKind::Ignore | DirectiveKind::IgnoreFile);
        // A line of its own speaks of the line below; Flux and ratchet mark the line itself.
        let target = if directive.alone { directive.line + 1 } else { directive.line };
        let about = match directive.kind {
            // Said once is enough.
            DirectiveKind::IgnoreFile if whole_file => continue,
            DirectiveKind::IgnoreFile => {
                whole_file = true;
                (0..sites.len()).collect()
            }
            _ => on_line.get(&target).cloned().unwrap_or_default(),
        };
        if is_ignore {
            let Directive { span, until, unreasoned, .. } = directive;
            ignores.push(FoundIgnore { span, used: !about.is_empty(), until, unknown: None, unreasoned });
        }
        let skip = if directive.kind == DirectiveKind::Flux { Skip::ManagedByFlux } else { Skip::Ignored };
        for index in about {
            let site = &mut sites[index];
            // What another file may make an image of is ignored then, too.
            let awaits = site.awaits.is_some() && site.state == State::Skipped(Skip::UnknownLocation);
            if awaits || !matches!(site.state, State::Skipped(_)) {
                site.skip(skip);
            }
        }
    }
    ignores
}

fn directive<F: FnOnce() -> LineIndex>(
    tree: &SyntaxTree<'_>,
    lines: &LazyCell<LineIndex, F>,
    span: &Range<usize>,
) -> Option<Directive> {
    // HCL may have many comments on a line, and lines in a comment.
    let line = tree.original.get(span.clone())?.split(['\n', '\r']).next()?;
    let span = span.start..span.start + line.trim_end().len();
    let (mut until, mut unknown, mut unreasoned) = (None, None, false);
    let text = line.trim_start_matches(['#', '/', '*', ';']).trim();
    let kind = match text.strip_prefix("tagpin:").map(str::trim) {
        Some(rest) => {
            let mut words = rest.split_whitespace();
            let kind = match words.next() {
                Some("ignore") => DirectiveKind::Ignore,
                Some("ignore-file") => DirectiveKind::IgnoreFile,
                // A slip in the word must not look like an ignore.
                word => {
                    unknown = Some(word.unwrap_or_default().to_owned());
                    DirectiveKind::Ignore
                }
            };
            let reason = words.clone();
            until = words.next().and_then(|word| ends(word, words.next()?));
            let mut reason = if until.is_some() { words } else { reason };
            unreasoned = !reason.any(|word| word.contains(char::is_alphanumeric));
            kind
        }
        None if text.starts_with('{') && text.contains("\"$imagepolicy\"") => DirectiveKind::Flux,
        None if text == "ratchet:exclude" => DirectiveKind::RatchetExclude,
        None => return None,
    };
    let line = lines.of(span.start);
    let alone = tree.text[lines.start(line)..span.start].trim().is_empty();
    Some(Directive { span, line, alone, kind, until, unknown, unreasoned })
}

/// Returns the day that stands behind an `until`; `until upstream mends it` is a reason, and `until 31.12.` a mistake. So is a slip in `until`
/// before a day: it must not look like an ignore without an end.
fn ends(until: &str, word: &str) -> Option<IgnoreUntil> {
    let is_until = until.trim_end_matches([':', '=']) == "until";
    let word = word.trim_end_matches([':', ',', ';']);
    // Other spellings of a date that the parser knows are not for people.
    let day = word.parse().ok().filter(|_| word.len() == "2026-12-31".len());
    match day.filter(|_| is_until) {
        Some(day) => Some(IgnoreUntil::Day(day)),
        None if is_until => {
            word.contains(|c: char| c.is_ascii_digit()).then(|| IgnoreUntil::NoDate(word.to_owned()))
        }
        None => {
            let until = until.to_ascii_lowercase();
            let is_near = || strsim::damerau_levenshtein(&until, "until") <= 2;
            let is_slip = until.starts_with("unt") || until.starts_with("til") || is_near();
            (is_slip && day.is_some()).then(|| IgnoreUntil::NoDate(format!("{until} {word}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_ends_an_ignore_and_a_slip_before_one_is_told() {
        let day = "2026-12-31";
        for until in ["until", "until:", "until="] {
            assert!(matches!(ends(until, day), Some(IgnoreUntil::Day(_))), "{until}");
        }
        for until in ["unitl", "untill", "till", "untl", "Until"] {
            assert!(matches!(ends(until, day), Some(IgnoreUntil::NoDate(_))), "{until}");
        }
        for (until, word) in [("since", day), ("until", "upstream"), ("unitl", "31.12.")] {
            assert_eq!(ends(until, word), None, "{until} {word}");
        }
    }
}
