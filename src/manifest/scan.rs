//! One file from bytes to located images.

use std::ops::Range;

use super::formats::catalogue::Catalogue;
use super::formats::compose;
use super::formats::compose::Role;
use super::located::{Ignore, Located, RecordedDigest, Scan, SourceRange, Unread, UnreadReason};
use super::site::Site;
use super::syntax::aliases::Aliases;
use super::syntax::language::Language;
use super::syntax::lines::Positions;
use super::syntax::source::{SourceText, text_of};
use super::syntax::tree::{Chunk, Fault, SyntaxTree};
use super::{SIZE_MAX, formats, ignore, recorded_digests, syntax};

/// Tells whether a file with this path may hold images.
pub fn is_candidate(path: &str) -> bool {
    Language::of(path).is_some()
}

/// Returns what the file at `path` holds. Never fails: what cannot be read is in [`Scan::unread`]. Documents that can
/// hold no image are not read.
pub fn scan(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    if compose::role(path) == Some(Role::Base) {
        return scan_whole(path, bytes, catalogue);
    }
    // The base of a Compose project tells what is built, and may name no image at all.
    if compose::role(path) == Some(Role::Base) {
        return scan_whole(path, bytes, catalogue);
    }
    read(path, bytes, catalogue, |text| syntax::prefilter::chunks(text, catalogue))
}

/// Does what [`scan`] does, and reads every document. The nodes of the sites are those of [`SourceText::parse`].
pub fn scan_whole(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    read(path, bytes, catalogue, |text| vec![Chunk::whole(text)])
}

pub(crate) fn read(
    path: &str,
    bytes: &[u8],
    catalogue: &Catalogue,
    chunks: impl Fn(&str) -> Vec<Chunk>,
) -> Scan {
    let mut scan = Scan::default();
    let language = Language::of(path).unwrap_or_default();
    let whole =
        |reason, detail| Scan { unread: vec![Unread { document: None, reason, detail }], ..Scan::default() };
    if !language.is_in(bytes) {
        return scan;
    }
    if bytes.len() as u64 > SIZE_MAX {
        return whole(UnreadReason::TooLarge, Some(format!("{} bytes, more than {SIZE_MAX}", bytes.len())));
    }
    // Its letters stand apart, so no word is found in it.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return whole(UnreadReason::NotUtf8, Some("the file is UTF-16; save it as UTF-8".to_owned()));
    }
    let text = match text_of(bytes) {
        Ok(text) => text,
        // The words are those of YAML's keys; of the other languages, `is_in` let through only what is one.
        Err(_) if language == Language::Yaml && !catalogue.may_hold_images(bytes) => return scan,
        Err(error) => return whole(UnreadReason::NotUtf8, Some(error.to_string())),
    };
    let offset = bytes.len() - text.len();
    let source = SourceText::new(text, language);
    let mut tree = source.parse_chunks(chunks);
    let has_actions = text.contains("{{");
    let is_base = compose::role(path) == Some(Role::Base);
    let (mut sites, mut texts) = (Vec::new(), Vec::new());
    for (document, parsed) in tree.documents.iter().enumerate() {
        if let Some(error) = &parsed.error {
            let (reason, detail) = unread_reason(&tree, error, has_actions);
            scan.unread.push(Unread { document: Some(document), reason, detail: Some(detail) });
        }
        formats::kustomize(&tree, document, path, &mut scan.kustomize);
        if let Some(root) = parsed.root.filter(|_| is_base) {
            scan.built.extend(compose::built(&tree, root));
        }
        let (found, inner) = formats::find(&tree, document, path, catalogue);
        sites.extend(found);
        texts.extend(inner);
    }
    scan.kustomize.retagged.sort_by_key(|retagged| retagged.start);
    // In the order of the file, in which they join the tree again for the edit.
    texts.sort_by_key(|text| text.node);
    texts.dedup_by_key(|text| text.node);
    for text in &texts {
        sites.extend(formats::embedded_yaml::find(&mut tree, text, catalogue));
    }
    sites.sort_by_key(|site| site.span.start);
    let mut aliases = Aliases::of(&tree);
    for site in &mut sites {
        site.also_at = aliases.uses_of(&tree, site.main);
    }
    let places = || SpanIndex { lines: Positions::new(text), offset };
    let mut of_sites = places();
    for site in sites {
        let SourceRange { line, column, end_line, end_column, .. } = of_sites.of(&site.span);
        scan.sites.push(Located { site, line, column, end_line, end_column, offset });
    }
    let mut sites: Vec<&mut Site> = scan.sites.iter_mut().map(|located| &mut located.site).collect();
    let ignores = ignore::apply(&tree, &mut sites);
    let mut of_ignores = places();
    for ignore::FoundIgnore { span, used, until } in ignores {
        scan.ignores.push(Ignore { place: of_ignores.of(&span), used, until });
    }
    let mut of_recorded = places();
    let recorded = recorded_digests::find(&tree, scan.sites.iter().map(|located| &located.site));
    for recorded_digests::FoundDigest { object, document, path, key, digest, span } in recorded {
        scan.recorded.push(RecordedDigest {
            object,
            document,
            path,
            key,
            digest,
            place: of_recorded.of(&span),
        });
    }
    scan
}

/// Finds out where spans are.
pub(crate) struct SpanIndex<'t> {
    lines: Positions<'t>,
    /// How many bytes a byte order mark takes before the text.
    offset: usize,
}

impl SpanIndex<'_> {
    fn of(&mut self, span: &Range<usize>) -> SourceRange {
        let (line, column) = self.lines.position(span.start);
        // The next one may start where this one does: the end is asked for aside.
        let (end_line, end_column) = self.lines.clone().position(span.end);
        SourceRange {
            span: span.start + self.offset..span.end + self.offset,
            line,
            column,
            end_line,
            end_column,
        }
    }
}

pub(crate) fn unread_reason(
    tree: &SyntaxTree<'_>,
    error: &syntax::tree::SyntaxError,
    has_actions: bool,
) -> (UnreadReason, String) {
    let template = || match tree.language {
        Language::Yaml => has_actions,
        // What is rendered before Nomad reads it: Levant and Nomad Pack. Braces elsewhere are texts of the job's own.
        Language::Hcl => {
            let line = tree.text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
            line.contains("[[") || line.contains("{{")
        }
        Language::Unit => false,
    };
    let reason = match (error.fault, tree.language) {
        (Fault::TooDeep, _) => UnreadReason::TooDeep,
        (Fault::TooLarge, _) => UnreadReason::TooLarge,
        (Fault::Syntax, _) if template() => UnreadReason::Template,
        (Fault::Syntax, Language::Yaml) => UnreadReason::NotYaml,
        (Fault::Syntax, Language::Hcl) => UnreadReason::NotHcl,
        (Fault::Syntax, Language::Unit) => UnreadReason::NotUnit,
    };
    (reason, format!("line {}: {}", error.line, error.message))
}
