//! One file from bytes to located images.

use std::cell::{Cell, LazyCell};
use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use super::formats::catalogue::Catalogue;
use super::formats::chunks::{chunks, is_blank};
use super::formats::compose::{self, Role};
use super::formats::{
    self, Found, Kustomize, Releases, TestFiles, embedded_yaml, helm_values, image_streams, skaffold,
};
use super::inputs::Needs;
use super::located::{Ignore, Located, Looked, RecordedDigest, Scan};
use super::look_away::{FoundLookAway, LookAway, LookAwayReason, LookAwaySpot};
use super::partial_image::{FoundPartialImage, PartialImage};
use super::site::{Site, Skip, State, classify};
use super::source_range::SourceRange;
use super::syntax::agreement;
use super::syntax::aliases::Aliases;
use super::syntax::definition::{Chunk, NotWanted, TemplateSigns};
use super::syntax::json_comments;
use super::syntax::language::Language;
use super::syntax::lines::Positions;
use super::syntax::prefilter::NoImages;
use super::syntax::source::{SourceText, text_of};
use super::syntax::template_name;
use super::syntax::tree::{Fault, NODES_MAX, SyntaxError, SyntaxTree};
use super::unread::{Unread, UnreadReason};
use super::windows::windows;
use super::{content, git_filter, helper_images, ignore, recorded_digests, strict, switches};

/// The largest file that is read, in bytes.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// How many sites are moved before their old places are given back.
const SITES_AT_ONCE: usize = 4096;

/// Returns whether a file with this path may hold images. A `.env` has what others make images of.
pub fn is_candidate(path: &str) -> bool {
    Language::of(path).is_some_and(|language| language != Language::EnvFile)
}

/// Returns whether images in a file with this path are listed, pinned and judged alike.
pub fn is_judged(path: &str) -> bool {
    is_candidate(path) || template_name::rendered(path).is_some()
}

/// Returns whether a file with this path, in which the gate sees parts of images, is read where nobody judges it.
pub fn is_read_unjudged(path: &str) -> bool {
    Language::of(path) == Some(Language::EnvFile) || helper_images::is_helper(path)
}

/// How closely a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closeness {
    /// Documents that cannot hold an image, and objects that describe images, are not read.
    Quick,
    /// Every document is read.
    Whole,
    /// What cannot hold an image is not read; the rest is read by two readers, as a template only where one is.
    Gate { is_template_home: bool },
}

/// Returns what the file at `path` holds. Never fails: what cannot be read is in [`Scan::unread`]. Documents that cannot
/// hold an image are not read.
pub fn scan(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    read(path, bytes, catalogue, Closeness::Quick)
}

/// Does what [`scan`] does, and reads every document. The nodes of the sites are those of [`SourceText::parse`].
pub fn scan_whole(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    read(path, bytes, catalogue, Closeness::Whole)
}

/// Does what [`scan`] does for the gate: what two readers do not understand alike is unread, and what a deployer may read
/// in another way is in [`Scan::looks_away`]. `is_template_home` says whether files there are rendered before they are read.
pub fn scan_strictly(path: &str, bytes: &[u8], catalogue: &Catalogue, is_template_home: bool) -> Scan {
    read(path, bytes, catalogue, Closeness::Gate { is_template_home })
}

fn read(path: &str, bytes: &[u8], catalogue: &Catalogue, closeness: Closeness) -> Scan {
    let is_gate = matches!(closeness, Closeness::Gate { .. });
    if let Some(filter) = git_filter::of(bytes).filter(|_| is_gate) {
        let found = LookAway::of_file(LookAwayReason::GitFilter, filter);
        return Scan::told(vec![found.with_content(content::of_bytes(bytes))]);
    }
    if !is_gate && helper_images::is_helper(path) {
        return text_of(bytes).map_or_else(|_| Scan::of(Looked::NotOurs), helper_images::scan);
    }
    let (rendered, path_given) = (template_name::rendered(path), path);
    let (path, is_template) = (rendered.unwrap_or(path), rendered.is_some());
    let language = Language::of(path).unwrap_or_default();
    if language.syntax().format.is_some_and(|format| catalogue.is_off(format)) {
        return Scan::of(Looked::NotOurs);
    }
    let text = match readable(bytes, language, catalogue) {
        Ok(Readable::Text(text)) => text,
        Ok(Readable::Nothing(proof)) => return Scan::of(Looked::Proven(proof)),
        Ok(Readable::OtherLanguage) => return Scan::of(Looked::NotOurs),
        Err(unread) => return Scan::of_unread(unread),
    };
    let source = SourceText::new(text, path_given);
    // The base of a Compose project says what is built, a kustomization what it builds on, and a chart which others it has:
    // none need name an image.
    let is_base = compose::role(path).is_some()
        || formats::is_named(path)
        || formats::is_chart_file(path)
        || json_comments::are_taken(path);
    let wanted = match closeness {
        Closeness::Whole => vec![Chunk::whole(text)],
        _ if is_base || language.syntax().parse_chunks.is_none() => vec![Chunk::whole(text)],
        // A part of an image need not spell it.
        Closeness::Gate { .. } if helm_values::has_name(path) => vec![Chunk::whole(text)],
        // A statement may reach over documents.
        _ if is_template => {
            let unread = catalogue.proof_of_none(text.as_bytes()).map(NotWanted::Proven);
            vec![Chunk { unread, ..Chunk::whole(text) }]
        }
        Closeness::Quick => chunks(text, catalogue, false),
        Closeness::Gate { .. } => chunks(text, catalogue, true),
    };
    let offset = bytes.len() - text.len();
    // Some files without an image are read for the files that they name: that one cannot be is no matter. The
    // words of the proof are keys of YAML.
    let is_strict = matches!(closeness, Closeness::Gate { .. });
    let is_provable = is_strict && !is_base && language.syntax().parse_chunks.is_some();
    let has_none = is_provable && catalogue.proof_of_none(text.as_bytes()).is_some();
    let embeds = Cell::new(0);
    let file =
        FileText { source: &source, path, is_template, catalogue, closeness, has_none, offset, embeds };
    let has_preamble = wanted.first().is_some_and(|first| is_blank(&text[first.span.clone()]));
    let mut read: Option<Scan> = None;
    for window in windows(&wanted) {
        let part = file.read(window.only(&wanted, has_preamble), &window.span, window.is_first());
        match &mut read {
            Some(all) if !window.is_first() => all.append(part),
            _ => read = Some(part),
        }
        if read.as_ref().is_some_and(|all| all.nodes > NODES_MAX) {
            // Where there are too many is said once.
            file.embeds.set(0);
            read = None;
            break;
        }
    }
    let mut scan = read.unwrap_or_else(|| file.read(wanted, &(0..text.len()), true));
    // As keys of JSON: settings say the word elsewhere.
    scan.names_image =
        !scan.unread.is_empty() && text.contains("\"image") && catalogue.spells_words(text.as_bytes());
    scan
}

/// A file that is read in parts.
struct FileText<'f> {
    source: &'f SourceText<'f>,
    /// Of a template that of what it is rendered to.
    path: &'f str,
    is_template: bool,
    catalogue: &'f Catalogue,
    closeness: Closeness,
    /// There is no image in it for certain.
    has_none: bool,
    /// How many bytes a byte order mark takes before the text.
    offset: usize,
    /// How many texts inside of it were tried.
    embeds: Cell<usize>,
}

impl FileText<'_> {
    /// Returns what is in the chunks that are read, which stand at `part`; `is_first`: what is said of the text as a whole too.
    fn read(&self, chunks: Vec<Chunk>, part: &Range<usize>, is_first: bool) -> Scan {
        let Self { path, catalogue, .. } = *self;
        let mut tree = self.source.parse_chunks(|_| chunks);
        tree.embeds = self.embeds.get();
        let mut unread = if self.has_none { Vec::new() } else { unread_documents(&tree) };
        unread
            .iter_mut()
            .filter(|it| self.is_template && it.reason == tree.language.syntax().malformed)
            .for_each(|it| it.reason = UnreadReason::Template);
        let mut scan = Scan { unread, nodes: tree.nodes.len(), ..Scan::of(Looked::Read(tree.was_read())) };
        let is_strict = matches!(self.closeness, Closeness::Gate { .. });
        if is_strict && tree.language == Language::Yaml {
            scan.unread.extend(strict::ambiguous(&tree, path, catalogue, part, is_first));
        }
        let mut found = find(&mut tree, path, catalogue, is_strict, &mut scan);
        if !is_strict {
            found.partials.clear();
        }
        // The gate follows a name without a tag to what it becomes.
        let Found { sites, partials, .. } = &mut found;
        let is_name =
            |site: &Site| site.state == State::Skipped(Skip::TagElsewhere) && site.fields.is_empty();
        sites.retain(|site| !(is_name(site) && partials.iter().any(|it| it.span == site.span)));
        self.embeds.set(tree.embeds);
        locate(&tree, found, self.offset, &mut scan);
        if !is_strict || self.is_template {
            self.add_unread(&tree, &mut scan);
        }
        if is_strict && self.is_template && tree.language == Language::Yaml {
            // A template is there to fill in: what it writes itself is judged.
            let is_filled = |skip| matches!(skip, State::Skipped(Skip::Template | Skip::Variable));
            scan.sites.retain(|located| !is_filled(located.site.state));
        }
        if let Closeness::Gate { is_template_home } = self.closeness
            && !self.has_none
            && is_unjudged_template(&tree, &scan, path, catalogue, is_template_home || self.is_template)
        {
            let found = LookAway::of_file(LookAwayReason::Template, "");
            scan.looks_away.push(found.with_content(content::of_template(tree.original)));
        }
        scan
    }

    /// Adds what lines of templates name that cannot be read.
    fn add_unread(&self, tree: &SyntaxTree<'_>, scan: &mut Scan) {
        let is_template = |unread: &&Unread| unread.reason == UnreadReason::Template;
        let documents: Vec<usize> =
            scan.unread.iter().filter(is_template).filter_map(|it| it.document).collect();
        if documents.is_empty() || matches!(tree.language, Language::EnvFile | Language::Toml) {
            return;
        }
        for document in documents {
            let end = tree.documents.get(document + 1).map_or(tree.original.len(), |next| next.start);
            let part = tree.documents[document].start..end;
            let found = helper_images::of_unread(tree.original, self.offset, document, part, tree.language);
            scan.sites.extend(found);
        }
        scan.sites.sort_by_key(|located| located.site.span.start);
    }
}

/// Returns whether a file is taken for a template, and was not proven to be one by its place; or is one, and holds images
/// beside it all that only a template would hide.
fn is_unjudged_template(
    tree: &SyntaxTree<'_>,
    scan: &Scan,
    path: &str,
    catalogue: &Catalogue,
    is_template_home: bool,
) -> bool {
    let is_unread = scan.unread.iter().any(|unread| unread.reason == UnreadReason::Template);
    if tree.language != Language::Yaml {
        return is_unread || !tree.masked.is_empty();
    }
    // What is masked there are comments.
    if json_comments::are_taken(path) {
        return false;
    }
    if !tree.original.contains("{{") && tree.masked.is_empty() {
        return is_unread;
    }
    let has_actions = || (0..tree.nodes.len()).any(|node| agreement::is_action(tree, node));
    // What is filled into a text inside of the file is said of that text.
    let is_inside = |at: usize| {
        let next = tree.embedded.partition_point(|embedded| embedded.span.end <= at);
        tree.embedded.get(next).is_some_and(|embedded| embedded.span.start <= at)
    };
    let is_plain = tree.masked.iter().all(|action| is_inside(action.start));
    if is_plain && !is_unread && !has_actions() {
        return false;
    }
    let known: HashSet<usize> = scan.sites.iter().map(|located| located.site.span.start).collect();
    let images = |text: &str| {
        let found = read(path, text.as_bytes(), catalogue, Closeness::Quick).sites.into_iter();
        let floating = found.filter(|located| located.site.state == State::Floating);
        floating.map(|located| located.site.span.start).collect()
    };
    let hides = || strict::hides_image(tree.original, catalogue, images, |at| known.contains(&at));
    !is_template_home || hides()
}

/// What a file's bytes are worth.
enum Readable<'b> {
    Text(&'b str),
    /// There is no image in it for certain.
    Nothing(NoImages),
    /// Its name is that of another language, and its bytes are not.
    OtherLanguage,
}

/// Returns the text of a file, if it is worth reading.
///
/// # Errors
/// It cannot be read, and why.
fn readable<'b>(bytes: &'b [u8], language: Language, catalogue: &Catalogue) -> Result<Readable<'b>, Unread> {
    let unread = |reason, detail| Err(Unread { document: None, reason, detail: Some(detail) });
    let syntax = language.syntax();
    if !(syntax.is_in)(bytes) {
        return Ok(Readable::OtherLanguage);
    }
    if bytes.len() as u64 > SIZE_MAX {
        return unread(UnreadReason::TooLarge, format!("{} bytes, more than {SIZE_MAX}", bytes.len()));
    }
    // Its letters stand apart, so no word is found in it.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return unread(UnreadReason::NotUtf8, "the file is UTF-16; save it as UTF-8".to_owned());
    }
    match text_of(bytes) {
        Ok(text) => Ok(Readable::Text(text)),
        // The words are those of YAML's keys; of the other languages, `is_in` let through only what is one.
        Err(error) => match catalogue.proof_of_none(bytes) {
            Some(proof) if syntax.parse_chunks.is_some() => Ok(Readable::Nothing(proof)),
            // What is encrypted, or a picture: no reader takes both a NUL and letters of another encoding.
            None if syntax.parse_chunks.is_some() && bytes.contains(&0) && !catalogue.spells_words(bytes) => {
                Ok(Readable::OtherLanguage)
            }
            _ => unread(UnreadReason::NotUtf8, error.to_string()),
        },
    }
}

fn unread_documents(tree: &SyntaxTree<'_>) -> Vec<Unread> {
    // Said of every broken document, and looked for once.
    let is_template = LazyCell::new(|| match tree.language.syntax().template {
        TemplateSigns::InText(marks) => marks.iter().any(|mark| tree.original.contains(mark)),
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

/// Returns what is in all documents, the sites in the order of the text; adds to `scan` what the documents say of other
/// files.
fn find(
    tree: &mut SyntaxTree<'_>,
    path: &str,
    catalogue: &Catalogue,
    is_strict: bool,
    scan: &mut Scan,
) -> Found {
    let is_base = compose::role(path) == Some(Role::Base);
    let mut all = Found::default();
    let (mut kustomize, mut releases, mut tests) = <(Kustomize, Releases, TestFiles)>::default();
    for (document, parsed) in tree.documents.iter().enumerate() {
        let Some(root) = parsed.root else { continue };
        formats::kustomize(tree, document, root, path, is_strict, &mut kustomize);
        formats::releases(tree, document, root, path, &mut releases);
        scan.artifacts.extend(skaffold::artifacts(tree, root));
        scan.image_streams.extend(image_streams::image_streams(tree, root));
        tests.add(formats::test_files(tree, root, path));
        if tree.language == Language::Dockerfile {
            scan.build_file = formats::build_file(tree, root).into();
        }
        if document == 0 {
            scan.compose = compose::compose_file(tree, root, path).into();
        }
        if is_base {
            scan.built.extend(compose::built(tree, root));
        }
        if let Some(detail) = is_strict.then(|| formats::key_objection(tree, root, path)).flatten() {
            let (document, reason) = (Some(document), UnreadReason::Ambiguous);
            scan.unread.push(Unread { document, reason, detail: Some(detail) });
        }
        all.add(formats::find(tree, document, root, path, catalogue));
    }
    let mut texts = std::mem::take(&mut all.texts);
    // In the order of the file, in which they join the tree again for the edit.
    texts.sort_by_key(|text| text.node);
    texts.dedup_by_key(|text| text.node);
    for text in &texts {
        let objection = || strict::objection(tree.text_of(text.node).filter(|_| !tree.is_masked(text.node))?);
        if let Some(objection) = is_strict.then(objection).flatten() {
            let detail = Some(format!("the text at `{}`: {objection}", tree.pointer(text.node)));
            let (document, reason) = (Some(text.document), UnreadReason::Ambiguous);
            scan.unread.push(Unread { document, reason, detail });
        }
        all.add(embedded_yaml::find(tree, text, catalogue));
    }
    for site in &mut all.sites {
        // Read as far as it goes: what its aliases stand for may say anything of it, and no second reader proves an edit.
        let is_open = matches!(site.state, State::Floating | State::Pinned);
        if is_open && tree.documents[site.document].error.is_some() {
            site.skip(Skip::NotEditable);
        }
    }
    scan.module = std::mem::take(&mut all.names).into();
    (scan.kustomize, scan.releases, scan.tests) = (kustomize.into(), releases.into(), tests.into());
    scan.registries.append(&mut all.registries);
    all.sites.sort_by_key(|site| site.span.start);
    if is_strict && !(all.sites.is_empty() && all.partials.is_empty() && all.looks_away.is_empty()) {
        scan.switches = switches::of_tree(tree);
    }
    let mut aliases = Aliases::of(tree);
    for site in &mut all.sites {
        site.also_at = aliases.uses_of(tree, site.main);
    }
    all
}

/// Adds the sites, the ignores, the recorded digests, the parts of images and where tagpin looks away to `scan`, each with
/// its place in a file whose text starts at byte `offset`.
fn locate(tree: &SyntaxTree<'_>, found: Found, offset: usize, scan: &mut Scan) {
    let Found { mut sites, mut looks_away, mut partials, .. } = found;
    // Each kind comes in the order of the text, and so has a counter of its own.
    let index = || SpanIndex { lines: Positions::new(tree.original), offset };
    let mut places = index();
    for found in ignore::apply(tree, &mut sites) {
        let ignore::FoundIgnore { span, used, until, unknown, unreasoned } = found;
        scan.ignores.push(Ignore { place: places.of(&span), used, until, unknown, unreasoned });
    }
    looks_away.extend(sites.iter().filter_map(given_to_flux));
    looks_away.sort_by_key(|found| found.span.start);
    let mut places = index();
    for FoundLookAway { reason, what, document, path, span, content, needs } in looks_away {
        let place = places.of(&span);
        let found = LookAway::at(reason, what, LookAwaySpot { document, path, place });
        let inputs = content.into_iter().map(|content| (String::new(), content)).collect();
        scan.looks_away.push(LookAway { inputs, needs, ..found });
    }
    partials.sort_by_key(|found| found.span.start);
    let mut places = index();
    for FoundPartialImage { document, path, kind, name, key, parts, span } in partials {
        let (place, makes, inputs) = (places.of(&span), None, BTreeMap::new());
        scan.partials.push(PartialImage { document, path, kind, name, key, parts, place, makes, inputs });
    }
    let mut places = index();
    for found in recorded_digests::find(tree, &sites) {
        let recorded_digests::FoundDigest { object, document, path, key, digest, span } = found;
        let place = places.of(&span);
        scan.recorded.push(RecordedDigest { object, document, path, key, digest, place });
    }
    let mut places = index();
    // Of many, two lists would take as much again as the file: what was moved is given back on the way.
    sites.reverse();
    scan.sites.reserve_exact(sites.len().min(SITES_AT_ONCE));
    while let Some(site) = sites.pop() {
        if sites.len() % SITES_AT_ONCE == 0 {
            sites.shrink_to_fit();
        }
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
        content: None,
        needs: Needs::default(),
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
