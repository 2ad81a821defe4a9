//! The documents of a text, told apart without parsing them.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use memchr::memmem;

use super::catalogue::Catalogue;
use crate::manifest::syntax::definition::{Chunk, NotWanted};

/// The groups of the objects that name files which are deployed, and the lists of helmfile.
static DEPLOYERS: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| {
    let groups = [
        "apps.open-cluster-management.io",
        "argoproj.io",
        "configsync.gke.io",
        "fleet.cattle.io",
        "fluxcd.controlplane.io",
        "gitops.kluctl.io",
        "helmfiles:",
        "infra.contrib.fluxcd.io",
        "infra.weave.works",
        "kappctrl.k14s.io",
        "releases:",
        "toolkit.fluxcd.io",
    ];
    AhoCorasick::new(groups).ok()
});

/// Returns the documents of `text`, each with whether it is read: not where it can hold no image, or is an object that
/// only describes images. The gate asks for those too (`describing`), and for what names files that are deployed.
pub(in crate::manifest) fn chunks(text: &str, catalogue: &Catalogue, describing: bool) -> Vec<Chunk> {
    let deploys = |part: &str| describing && DEPLOYERS.as_ref().is_none_or(|groups| groups.is_match(part));
    let proof = |part: &str| {
        let proof = (!deploys(part)).then(|| catalogue.proof_of_none(part.as_bytes())).flatten();
        proof.map(NotWanted::Proven)
    };
    // A comment for tagpin may stand in a document of its own.
    let has = |words: &str| memmem::find(text.as_bytes(), words.as_bytes()).is_some();
    if has("tagpin:") {
        return vec![Chunk::whole(text)];
    }
    // An action of a template may reach over documents, and one broken document changes how all are read.
    if has("{{") {
        return vec![Chunk { unread: proof(text), ..Chunk::whole(text) }];
    }
    let Some(parts) = parts(text) else { return vec![Chunk::whole(text)] };
    let chunks = parts.into_iter().map(|span| {
        let part = &text[span.clone()];
        let describes = || {
            let is_silent = |version: &str, kind: &str| catalogue.is_silent(version, kind);
            (!describing && object_header(part, is_silent).is_some()).then_some(NotWanted::Describes)
        };
        // What stands before the first document is none, and soon read.
        let unread = if is_blank(part) { None } else { proof(part).or_else(describes) };
        Chunk { span, unread }
    });
    chunks.collect()
}

/// Returns the documents of `text`; `None` where only its parser can tell them apart.
///
/// A line that starts with `---` ends a document whatever it stands in (YAML 1.2.2, 9.1.1: no scalar may hold it), so
/// that documents can be told apart without reading them. A directive (`%TAG`) or a marker for the end of a document
/// (`...`) makes that harder than it is worth: such a text is one chunk.
pub(in crate::manifest) fn parts(text: &str) -> Option<Vec<Range<usize>>> {
    let bytes = text.as_bytes();
    let starts_line =
        |at: &usize| at.checked_sub(1).is_none_or(|before| matches!(bytes[before], b'\n' | b'\r'));
    if memchr::memchr_iter(b'%', bytes).any(|at| starts_line(&at))
        || memmem::find_iter(bytes, b"...").any(|at| starts_line(&at))
    {
        return None;
    }
    let is_marker = |at: &usize| matches!(bytes.get(at + 3), None | Some(b' ' | b'\t' | b'\n' | b'\r'));
    let markers = memmem::find_iter(bytes, b"---").filter(starts_line).filter(is_marker);
    let starts: Vec<usize> = std::iter::once(0).chain(markers.filter(|at| *at > 0)).collect();
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    Some(starts.iter().zip(ends).map(|(start, end)| *start..end).collect())
}

/// Returns the 1-based line that `kubectl` takes for the end of a document, and YAML does not: it asks for `---` at the
/// start of a line and then for nothing, or for a comment, and does not mind what the line stands in
/// (k8s.io/apimachinery, `YAMLReader`).
pub(in crate::manifest) fn textual_end(text: &str) -> Option<usize> {
    let ends = |line: &str| {
        let Some(rest) = line.strip_prefix("---") else { return false };
        let is_marker = rest.is_empty() || rest.starts_with([' ', '\t', '\n', '\r']);
        let said = rest.trim();
        !is_marker && (said.is_empty() || said.starts_with('#'))
    };
    text.split('\n').position(ends).map(|line| line + 1)
}

/// Returns the lines of a text, and nothing between the two letters of a line end.
fn split_lines(text: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr2_iter(b'\n', b'\r', text.as_bytes()).chain([text.len()]);
    ends.scan(0, |start, end| {
        let line = &text[*start..end];
        *start = end + 1;
        Some(line)
    })
}

/// Returns whether what stands before a document is not one: blank lines, comments and marks of the byte order (YAML 1.2.2,
/// 9.1.1, `l-document-prefix`).
pub(in crate::manifest) fn is_blank(text: &str) -> bool {
    !text.starts_with("---")
        && text
            .split(['\n', '\r'])
            .map(|line| line.trim_start_matches('\u{feff}').trim())
            .all(|line| line.is_empty() || line.starts_with('#'))
}

/// Returns the `apiVersion` and `kind` of an object that starts with both, as plain words at the start of a line, and that
/// says neither again in any way; `None` where they are not `meant`: the rest is not looked at then.
///
/// Nothing stands before them, so they are keys of the document's root, and so is every other line that is not indented.
fn object_header(document: &str, meant: impl Fn(&str, &str) -> bool) -> Option<(&str, &str)> {
    let (mut version, mut kind) = (None, None);
    for (index, line) in split_lines(document).enumerate() {
        // Most lines are these, and say nothing of the root.
        if version.is_some() && kind.is_some() && line.starts_with([' ', '\t', '-']) {
            continue;
        }
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') || (index == 0 && line == "---") {
            continue;
        }
        if version.is_some() && kind.is_some() {
            if !line.starts_with(|c: char| c.is_ascii_alphabetic())
                || line.starts_with("apiVersion")
                || line.starts_with("kind")
                || line.starts_with("items")
            {
                return None;
            }
            continue;
        }
        let (key, value) = line.split_once(": ")?;
        let value = value.trim_start();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'/');
        if value.is_empty() || !value.bytes().all(plain) || value.starts_with('-') {
            return None;
        }
        match key {
            "apiVersion" if version.is_none() => version = Some(value),
            // What is in a list is what its items say.
            "kind" if kind.is_none() && !value.ends_with("List") => kind = Some(value),
            _ => return None,
        }
        version.zip(kind).is_none_or(|(version, kind)| meant(version, kind)).then_some(())?;
    }
    version.zip(kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_counts_where_nothing_takes_it_back() {
        let header = "apiVersion: kyverno.io/v1\nkind: Policy\n";
        assert_eq!(
            object_header(&format!("{header}spec:\n- a\n  kind: b\n"), |_, _| true),
            Some(("kyverno.io/v1", "Policy"))
        );
        for rest in [
            "kind: Pod",
            "apiVersion: v1",
            "\"kind\": Pod",
            "'kind': Pod",
            "? kind\n: Pod",
            "<<: *a",
            "!!str kind: Pod",
        ] {
            assert_eq!(object_header(&format!("{header}{rest}\n"), |_, _| true), None, "{rest}");
        }
        let list = "apiVersion: kyverno.io/v1\nkind: PolicyList\nitems: []\n";
        assert_eq!(object_header(list, |_, _| true), None);
        assert_eq!(object_header(header, |_, kind| kind != "Policy"), None);
    }

    #[test]
    fn only_kubectl_ends_a_document_there() {
        for (text, line) in [
            ("a: 1\n---\nb: 1\n--- # c\n---\tx\n--- {}\n----\n---a\n", None),
            ("a: 1\n---#b: |\n c: 1\n", Some(2)),
            ("a: 1\n---\u{a0}\nb: 1\n", Some(2)),
        ] {
            assert_eq!(textual_end(text), line, "{text:?}");
        }
    }
}
