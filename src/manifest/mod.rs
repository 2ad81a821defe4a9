//! One file: its documents, the images that they name, and how to edit them. Pure: bytes in, values out.

pub mod chart;
pub mod edit;
pub mod formats;
mod ignore;
pub mod inventory;
mod recorded_digests;
pub mod site;
pub mod syntax;

use std::cell::OnceCell;
use std::ops::Range;

use formats::catalogue::Catalogue;
use formats::compose::{self, Role};
use site::{Site, Skip};
use syntax::aliases::Aliases;
use syntax::language::Language;
use syntax::lines::Positions;
use syntax::prefilter::Chunk;
use syntax::template_mask::Masked;
use syntax::tree::{Fault, Yaml};

use crate::reference::Digest;

/// The largest file that is read, in bytes.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// What a file holds.
#[derive(Clone, Debug, Default, serde::Serialize, serde::Deserialize)]
pub struct Scan {
    /// Every site, in the order of the file.
    pub sites: Vec<Located>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// The `# tagpin: ignore` comments, in the order of the file.
    pub ignores: Vec<Ignore>,
    /// The annotations with a digest on objects that own a pod template, in the order of the file.
    pub recorded: Vec<Recorded>,
    /// What the kustomizations in this file do to other files.
    pub kustomize: formats::Kustomize,
    /// The JSON pointers of the services that this file builds, where others may override it: the base of a Compose
    /// project.
    pub built: Vec<String>,
}

impl Scan {
    /// Tells whether the file has nothing to say.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty()
            && self.unread.is_empty()
            && self.ignores.is_empty()
            && self.kustomize == formats::Kustomize::default()
            && self.built.is_empty()
    }

    /// Skips the images that the Compose project builds, where this file at `path` overrides its base: `built` tells
    /// whether the base builds the service at a JSON pointer.
    pub fn skip_built(&mut self, path: &str, built: impl Fn(&str) -> bool) {
        if compose::role(path) != Some(Role::Override) {
            return;
        }
        for Located { site, .. } in &mut self.sites {
            if site.path.strip_suffix("/image").is_some_and(&built) {
                site.skip(Skip::BuildOutput);
            }
        }
    }

    /// Returns the 1-based lines of `# tagpin: ignore` comments that match nothing.
    pub fn unused_ignores(&self) -> impl Iterator<Item = usize> {
        self.ignores.iter().filter(|ignore| !ignore.used).map(|ignore| ignore.place.line)
    }
}

/// A `# tagpin: ignore` or `# tagpin: ignore-file` comment.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Ignore {
    /// Where the comment stands.
    pub place: Place,
    /// Whether there is an image that it is about.
    pub used: bool,
    /// What stands behind `until`, if it is a date or was meant to be one.
    pub until: Option<Until>,
}

/// An annotation that records a digest, on an object that owns a pod template.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Recorded {
    /// The object's mapping: that of its sites' owner.
    pub object: syntax::tree::NodeId,
    /// The document in the file, from 0.
    pub document: usize,
    /// The JSON pointer of the annotation.
    pub path: String,
    /// The annotation's key.
    pub key: String,
    /// What it records.
    pub digest: Digest,
    /// Where the digest stands.
    pub place: Place,
}

/// What stands behind the `until` of an ignore.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Until {
    /// The last day on which it holds.
    Day(jiff::civil::Date),
    /// Something with digits in it that is no date.
    NoDate(String),
}

/// A site and where it stands for a person. Spans are bytes from the start of the file.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
pub struct Located {
    /// The site; its spans count from the start of the text, after a byte order mark.
    pub site: Site,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line that the site's main scalar ends on.
    pub end_line: usize,
    /// The column behind its last character.
    pub end_column: usize,
    /// How many bytes a byte order mark takes before the text.
    pub offset: usize,
}

impl Located {
    /// Returns where a span of the site is in the file.
    pub fn in_file(&self, span: &Range<usize>) -> Range<usize> {
        span.start + self.offset..span.end + self.offset
    }

    /// Returns where the site's main scalar is.
    pub fn place(&self) -> Place {
        Place {
            span: self.in_file(&self.site.span),
            line: self.line,
            column: self.column,
            end_line: self.end_line,
            end_column: self.end_column,
        }
    }
}

/// Where something stands in a file.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Place {
    /// Bytes from the start of the file, byte order mark included.
    pub span: Range<usize>,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// The line that it ends on.
    pub end_line: usize,
    /// The column behind its last character.
    pub end_column: usize,
}

/// A document, or a whole file, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Unread {
    /// The document from 0; `None` for the whole file.
    pub document: Option<usize>,
    /// Why.
    pub reason: UnreadReason,
    /// What the parser or the operating system said.
    pub detail: Option<String>,
}

/// Why something could not be read: the closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub enum UnreadReason {
    /// A Helm or Go template; known and complete.
    Template,
    /// A symbolic link, which is never followed; known and complete.
    Symlink,
    /// Not YAML.
    NotYaml,
    /// Not HCL, though a line of it opens a `job` block.
    NotHcl,
    /// Not a unit file, though it has a section of one.
    NotUnit,
    /// Not UTF-8.
    NotUtf8,
    /// Past [`SIZE_MAX`].
    TooLarge,
    /// Nested deeper than tagpin reads.
    TooDeep,
    /// The operating system or the object database says no.
    Unreadable,
}

impl UnreadReason {
    /// Returns the kebab-case reason for reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Symlink => "symlink",
            Self::NotYaml => "not-yaml",
            Self::NotHcl => "not-hcl",
            Self::NotUnit => "not-a-unit",
            Self::NotUtf8 => "not-utf-8",
            Self::TooLarge => "too-large",
            Self::TooDeep => "too-deep",
            Self::Unreadable => "unreadable",
        }
    }

    /// Tells whether a file that is unread for this reason leaves the run incomplete (exit code 3).
    pub fn is_incomplete(self) -> bool {
        !matches!(self, Self::Template | Self::Symlink)
    }
}

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

/// Does what [`scan`] does, and reads every document. The nodes of the sites are those of [`Source::parse`].
pub fn scan_whole(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    read(path, bytes, catalogue, |text| vec![Chunk::whole(text)])
}

fn read(path: &str, bytes: &[u8], catalogue: &Catalogue, chunks: impl Fn(&str) -> Vec<Chunk>) -> Scan {
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
    let source = Source::new(text, language);
    let mut yaml = source.parse_chunks(chunks);
    let has_actions = text.contains("{{");
    let is_base = compose::role(path) == Some(Role::Base);
    let (mut sites, mut texts) = (Vec::new(), Vec::new());
    for (document, parsed) in yaml.documents.iter().enumerate() {
        if let Some(error) = &parsed.error {
            let (reason, detail) = unread_reason(&yaml, error, has_actions);
            scan.unread.push(Unread { document: Some(document), reason, detail: Some(detail) });
        }
        formats::kustomize(&yaml, document, path, &mut scan.kustomize);
        if let Some(root) = parsed.root.filter(|_| is_base) {
            scan.built.extend(compose::built(&yaml, root));
        }
        let (found, inner) = formats::find(&yaml, document, path, catalogue);
        sites.extend(found);
        texts.extend(inner);
    }
    scan.kustomize.retagged.sort_by_key(|retagged| retagged.start);
    // In the order of the file, in which they join the tree again for the edit.
    texts.sort_by_key(|text| text.node);
    texts.dedup_by_key(|text| text.node);
    for text in &texts {
        sites.extend(formats::embedded_yaml::find(&mut yaml, text, catalogue));
    }
    sites.sort_by_key(|site| site.span.start);
    let mut aliases = Aliases::of(&yaml);
    for site in &mut sites {
        site.also_at = aliases.uses_of(&yaml, site.main);
    }
    let places = || Places { lines: Positions::new(text), offset };
    let mut of_sites = places();
    for site in sites {
        let Place { line, column, end_line, end_column, .. } = of_sites.of(&site.span);
        scan.sites.push(Located { site, line, column, end_line, end_column, offset });
    }
    let mut sites: Vec<&mut Site> = scan.sites.iter_mut().map(|located| &mut located.site).collect();
    let ignores = ignore::apply(&yaml, &mut sites);
    let mut of_ignores = places();
    for ignore::Found { span, used, until } in ignores {
        scan.ignores.push(Ignore { place: of_ignores.of(&span), used, until });
    }
    let mut of_recorded = places();
    let recorded = recorded_digests::find(&yaml, scan.sites.iter().map(|located| &located.site));
    for recorded_digests::Found { object, document, path, key, digest, span } in recorded {
        scan.recorded.push(Recorded { object, document, path, key, digest, place: of_recorded.of(&span) });
    }
    scan
}

/// Finds out where spans are.
struct Places<'t> {
    lines: Positions<'t>,
    /// How many bytes a byte order mark takes before the text.
    offset: usize,
}

impl Places<'_> {
    fn of(&mut self, span: &Range<usize>) -> Place {
        let (line, column) = self.lines.position(span.start);
        // The next one may start where this one does: the end is asked for aside.
        let (end_line, end_column) = self.lines.clone().position(span.end);
        Place { span: span.start + self.offset..span.end + self.offset, line, column, end_line, end_column }
    }
}

/// A file's text, and what of it is not for its parser.
pub(crate) struct Source<'t> {
    text: &'t str,
    language: Language,
    masked: OnceCell<Option<Masked>>,
}

impl<'t> Source<'t> {
    /// Returns the source of `text`, which has no byte order mark.
    pub(crate) fn new(text: &'t str, language: Language) -> Self {
        Self { text, language, masked: OnceCell::new() }
    }

    /// Returns the tree of all documents. The same text always gives the same nodes.
    pub(crate) fn parse(&self) -> Yaml<'_> {
        self.parse_chunks(|text| vec![Chunk::whole(text)])
    }

    /// Returns the tree of some documents. A template that is no YAML by itself is masked.
    fn parse_chunks(&self, chunks: impl Fn(&str) -> Vec<Chunk>) -> Yaml<'_> {
        if self.language != Language::Yaml {
            return self.language.parse(self.text);
        }
        let yaml = Yaml::parse_chunks(self.text, &chunks(self.text));
        let errors =
            |yaml: &Yaml<'_>| yaml.documents.iter().filter(|document| document.error.is_some()).count();
        if errors(&yaml) == 0 || !self.text.contains("{{") {
            return yaml;
        }
        let Some(masked) = self.masked.get_or_init(|| syntax::template_mask::mask(self.text)) else {
            return yaml;
        };
        let mut readable = Yaml::parse(&masked.text);
        if errors(&readable) >= errors(&yaml) {
            // Broken either way: what stands in an action is still no text of the file's own.
            return Yaml { masked: masked.actions.clone(), ..yaml };
        }
        readable.original = self.text;
        readable.masked.clone_from(&masked.actions);
        readable
    }
}

fn unread_reason(
    yaml: &Yaml<'_>,
    error: &syntax::tree::SyntaxError,
    has_actions: bool,
) -> (UnreadReason, String) {
    let template = || match yaml.language {
        Language::Yaml => has_actions,
        // What is rendered before Nomad reads it: Levant and Nomad Pack. Braces elsewhere are texts of the job's own.
        Language::Hcl => {
            let line = yaml.text.lines().nth(error.line.saturating_sub(1)).unwrap_or_default();
            line.contains("[[") || line.contains("{{")
        }
        Language::Unit => false,
    };
    let reason = match (error.fault, yaml.language) {
        (Fault::TooDeep, _) => UnreadReason::TooDeep,
        (Fault::TooLarge, _) => UnreadReason::TooLarge,
        (Fault::Syntax, _) if template() => UnreadReason::Template,
        (Fault::Syntax, Language::Yaml) => UnreadReason::NotYaml,
        (Fault::Syntax, Language::Hcl) => UnreadReason::NotHcl,
        (Fault::Syntax, Language::Unit) => UnreadReason::NotUnit,
    };
    (reason, format!("line {}: {}", error.line, error.message))
}

/// Returns the text of a file without its byte order mark.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways_and_columns_are_characters() {
        let text = "a\r\né: x\rb\nc";
        let positions = |offsets: &[usize]| {
            let mut lines = Positions::new(text);
            offsets.iter().map(|at| lines.position(*at)).collect::<Vec<_>>()
        };
        assert_eq!(positions(&[0, 3, 7, 9, 11]), [(1, 1), (2, 1), (2, 4), (3, 1), (4, 1)]);
        assert_eq!(positions(&[11, 7]), [(4, 1), (2, 4)]);
    }
}
