//! Comments that tell tagpin, or another tool, what to do with the image on a line.
//!
//! `# tagpin: ignore REASON` on the line or the line above, `# tagpin: ignore-file REASON` anywhere; a Flux
//! `{"$imagepolicy": …}` marker means that Flux owns the line, `# ratchet:exclude` that nobody pins it.

use super::lines::Lines;
use super::site::{Site, Skip, State};
use super::yaml::Yaml;

/// One comment with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Directive {
    /// The line that it is on, from 0.
    line: usize,
    /// Whether it has the line to itself, and so is about the next one.
    alone: bool,
    kind: Kind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ignore,
    IgnoreFile,
    Flux,
    RatchetExclude,
}

/// Applies the directives of a file to its sites; returns the 1-based lines of ignores that match nothing.
pub(super) fn apply(yaml: &Yaml<'_>, sites: &mut [&mut Site]) -> Vec<usize> {
    let lines = Lines::new(yaml.text);
    let directives: Vec<Directive> =
        yaml.comments.iter().filter_map(|span| directive(yaml, &lines, span.start)).collect();
    let mut unused = Vec::new();
    for directive in directives {
        let mut used = false;
        for site in sites.iter_mut() {
            if directive.kind == Kind::IgnoreFile || is_about(&directive, site, &lines) {
                used = true;
                let skip = if directive.kind == Kind::Flux { Skip::ManagedByFlux } else { Skip::Ignored };
                if !matches!(site.state, State::Skipped(_)) {
                    site.skip(skip);
                }
            }
        }
        if !used && matches!(directive.kind, Kind::Ignore | Kind::IgnoreFile) {
            unused.push(directive.line + 1);
        }
    }
    unused
}

fn directive(yaml: &Yaml<'_>, lines: &Lines, at: usize) -> Option<Directive> {
    let text = yaml.text[at..].split(['\n', '\r']).next()?.trim_start_matches('#').trim();
    let kind = match text.strip_prefix("tagpin:").map(str::trim) {
        Some(rest) => match rest.split_whitespace().next() {
            Some("ignore") => Kind::Ignore,
            Some("ignore-file") => Kind::IgnoreFile,
            _ => return None,
        },
        None if text.starts_with('{') && text.contains("\"$imagepolicy\"") => Kind::Flux,
        None if text == "ratchet:exclude" => Kind::RatchetExclude,
        None => return None,
    };
    let line = lines.of(at);
    let alone = yaml.text[lines.start(line)..at].trim().is_empty();
    Some(Directive { line, alone, kind })
}

fn is_about(directive: &Directive, site: &Site, lines: &Lines) -> bool {
    // A line of its own speaks of the line below; Flux and ratchet mark the line itself.
    let target = if directive.alone { directive.line + 1 } else { directive.line };
    let spans = std::iter::once(&site.span).chain(site.fields.values());
    spans.map(|span| span.start).chain(site.parent).any(|at| lines.of(at) == target)
}
