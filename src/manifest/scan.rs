//! One file from bytes to located images.

use std::cell::LazyCell;
use std::ops::Range;

use super::formats::catalogue::Catalogue;
use super::formats::chunks::chunks;
use super::formats::compose::{self, Role};
use super::formats::{self, embedded_yaml, skaffold};
use super::located::{Ignore, Located, RecordedDigest, Scan};
use super::look_away::{FoundLookAway, LookAway, LookAwayReason, LookAwaySpot};
use super::site::{Site, Skip, State, classify};
use super::source_range::SourceRange;
use super::syntax::aliases::Aliases;
use super::syntax::definition::{Chunk, TemplateSigns};
use super::syntax::language::Language;
use super::syntax::lines::Positions;
use super::syntax::source::{SourceText, text_of};
use super::syntax::tree::{Fault, SyntaxError, SyntaxTree};
use super::unread::{Unread, UnreadReason};
use super::{ignore, recorded_digests};

/// The largest file that is read, in bytes.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// Returns whether a file with this path may hold images.
pub fn is_candidate(path: &str) -> bool {
    Language::of(path).is_some()
}

/// Returns what the file at `path` holds. Never fails: what cannot be read is in [`Scan::unread`]. Documents that cannot
/// hold an image are not read.
pub fn scan(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    // The base of a Compose project says what is built, and a kustomization what it builds on: neither need name an image.
    if compose::role(path) == Some(Role::Base) || formats::is_named(path) {
        return scan_whole(path, bytes, catalogue);
    }
    read(path, bytes, catalogue, |text| chunks(text, catalogue))
}

/// Does what [`scan`] does, and reads every document. The nodes of the sites are those of [`SourceText::parse`].
pub fn scan_whole(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    read(path, bytes, catalogue, |text| vec![Chunk::whole(text)])
}

fn read(path: &str, bytes: &[u8], catalogue: &Catalogue, chunks: impl Fn(&str) -> Vec<Chunk>) -> Scan {
    let language = Language::of(path).unwrap_or_default();
    let text = match readable(bytes, language, catalogue) {
        Ok(Some(text)) => text,
        Ok(None) => return Scan::default(),
        Err(unread) => return Scan { unread: vec![unread], ..Scan::default() },
    };
    let source = SourceText::new(text, language);
    let mut tree = source.parse_chunks(chunks);
    let mut scan = Scan { unread: unread_documents(&tree), ..Scan::default() };
    let (sites, looks_away) = find(&mut tree, path, catalogue, &mut scan);
    locate(&tree, sites, looks_away, bytes.len() - text.len(), &mut scan);
    scan
}

/// Returns the text of a file; nothing where there is no image in it for certain, and why where it cannot be read.
fn readable<'b>(
    bytes: &'b [u8],
    language: Language,
    catalogue: &Catalogue,
) -> Result<Option<&'b str>, Unread> {
    let unread = |reason, detail| Err(Unread { document: None, reason, detail: Some(detail) });
    let syntax = language.syntax();
    if !(syntax.is_in)(bytes) {
        return Ok(None);
    }
    if bytes.len() as u64 > SIZE_MAX {
        return unread(UnreadReason::TooLarge, format!("{} bytes, more than {SIZE_MAX}", bytes.len()));
    }
    // Its letters stand apart, so no word is found in it.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return unread(UnreadReason::NotUtf8, "the file is UTF-16; save it as UTF-8".to_owned());
    }
    match text_of(bytes) {
        Ok(text) => Ok(Some(text)),
        // The words are those of YAML's keys; of the other languages, `is_in` let through only what is one.
        Err(_) if syntax.parse_chunks.is_some() && !catalogue.may_hold_images(bytes) => Ok(None),
        Err(error) => unread(UnreadReason::NotUtf8, error.to_string()),
    }
}

fn unread_documents(tree: &SyntaxTree<'_>) -> Vec<Unread> {
    // Said of every broken document, and looked for once.
    let is_template = LazyCell::new(|| match tree.language.syntax().template {
        TemplateSigns::InText(mark) => tree.original.contains(mark),
        TemplateSigns::OnLine(_) | TemplateSigns::None => false,
    });
    let errors = tree.documents.iter().enumerate();
    errors
        .filter_map(|(document, parsed)| {
            let error = parsed.error.as_ref()?;
            let reason = unread_reason(tree, error, || *is_template);
            let detail = Some(format!("line {}: {}", error.line, error.message));
            Some(Unread { document: Some(document), reason, detail })
        })
        .collect()
}

fn unread_reason(tree: &SyntaxTree<'_>, error: &SyntaxError, is_template: impl Fn() -> bool) -> UnreadReason {
    let syntax = tree.language.syntax();
    let templated = || match syntax.template {
        TemplateSigns::OnLine(marks) => {
            let line = tree.text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
            marks.iter().any(|mark| line.contains(mark))
        }
        TemplateSigns::InText(_) | TemplateSigns::None => is_template(),
    };
    match error.fault {
        Fault::TooDeep => UnreadReason::TooDeep,
        Fault::TooLarge => UnreadReason::TooLarge,
        Fault::Syntax if templated() => UnreadReason::Template,
        Fault::Syntax => syntax.malformed,
    }
}

/// Returns the sites of all documents in the order of the text, and where tagpin looks away; adds to `scan` what the
/// documents say of other files.
fn find(
    tree: &mut SyntaxTree<'_>,
    path: &str,
    catalogue: &Catalogue,
    scan: &mut Scan,
) -> (Vec<Site>, Vec<FoundLookAway>) {
    let is_base = compose::role(path) == Some(Role::Base);
    let (mut sites, mut texts, mut looks_away) = (Vec::new(), Vec::new(), Vec::new());
    for (document, parsed) in tree.documents.iter().enumerate() {
        let Some(root) = parsed.root else { continue };
        formats::kustomize(tree, document, root, path, &mut scan.kustomize);
        scan.artifacts.extend(skaffold::artifacts(tree, root));
        if is_base {
            scan.built.extend(compose::built(tree, root));
        }
        let found = formats::find(tree, document, root, path, catalogue);
        sites.extend(found.sites);
        texts.extend(found.texts);
        looks_away.extend(found.looks_away);
    }
    // In the order of the file, in which they join the tree again for the edit.
    texts.sort_by_key(|text| text.node);
    texts.dedup_by_key(|text| text.node);
    for text in &texts {
        let found = embedded_yaml::find(tree, text, catalogue);
        sites.extend(found.sites);
        looks_away.extend(found.looks_away);
    }
    sites.sort_by_key(|site| site.span.start);
    let mut aliases = Aliases::of(tree);
    for site in &mut sites {
        site.also_at = aliases.uses_of(tree, site.main);
    }
    (sites, looks_away)
}

/// Adds the sites, the ignores, the recorded digests and where tagpin looks away to `scan`, each with its place in a file
/// whose text starts at byte `offset`.
fn locate(
    tree: &SyntaxTree<'_>,
    mut sites: Vec<Site>,
    mut looks_away: Vec<FoundLookAway>,
    offset: usize,
    scan: &mut Scan,
) {
    // Each kind comes in the order of the text, and so has a counter of its own.
    let index = || SpanIndex { lines: Positions::new(tree.original), offset };
    let mut places = index();
    for ignore::FoundIgnore { span, used, until } in ignore::apply(tree, &mut sites) {
        scan.ignores.push(Ignore { place: places.of(&span), used, until });
    }
    looks_away.extend(sites.iter().filter_map(given_to_flux));
    looks_away.sort_by_key(|found| found.span.start);
    let mut places = index();
    for FoundLookAway { reason, what, document, path, span } in looks_away {
        let place = places.of(&span);
        let spot = Some(LookAwaySpot { document, path, place });
        scan.looks_away.push(LookAway { reason, what, spot });
    }
    let mut places = index();
    for found in recorded_digests::find(tree, &sites) {
        let recorded_digests::FoundDigest { object, document, path, key, digest, span } = found;
        let place = places.of(&span);
        scan.recorded.push(RecordedDigest { object, document, path, key, digest, place });
    }
    let mut places = index();
    for site in sites {
        let SourceRange { line, column, end_line, end_column, .. } = places.of(&site.span);
        let deployed = None;
        scan.sites.push(Located { site, line, column, end_line, end_column, offset, deployed });
    }
}

/// Returns a look-away where a marker of Flux keeps an image without a digest from being judged. Its next tag is no other.
fn given_to_flux(site: &Site) -> Option<FoundLookAway> {
    let (State::Skipped(Skip::ManagedByFlux), (State::Floating, Some(reference))) =
        (site.state, classify(&site.image))
    else {
        return None;
    };
    Some(FoundLookAway {
        reason: LookAwayReason::Flux,
        what: reference.name().to_string(),
        document: site.document,
        path: site.path.clone(),
        span: site.span.clone(),
    })
}

struct SpanIndex<'t> {
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
