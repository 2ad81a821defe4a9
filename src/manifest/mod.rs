//! One file: its documents, the images that they name, and how to edit them. Pure: bytes in, values out.

pub mod annotate;
pub mod catalogue;
pub mod edit;
pub mod formats;
pub mod proof;
pub mod site;
pub mod yaml;

use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use catalogue::Catalogue;
use site::Site;
use yaml::{Fault, Yaml};

/// The largest file that is read, in bytes.
pub const SIZE_MAX: u64 = 16 * 1024 * 1024;

/// What a file holds.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// Every site, in the order of the file.
    pub sites: Vec<Located>,
    /// What could not be read.
    pub unread: Vec<Unread>,
    /// What the kustomizations in this file do to other files.
    pub kustomize: formats::Kustomize,
}

impl Scan {
    /// Tells whether the file has nothing to say.
    pub fn is_empty(&self) -> bool {
        self.sites.is_empty() && self.unread.is_empty() && self.kustomize == formats::Kustomize::default()
    }
}

/// A site and where it stands for a person. Spans are bytes from the start of the file.
#[derive(Clone, Debug)]
pub struct Located {
    /// The site; its spans count from the start of the text, after a byte order mark.
    pub site: Site,
    /// 1-based.
    pub line: usize,
    /// 1-based, in characters.
    pub column: usize,
    /// How many bytes a byte order mark takes before the text.
    pub offset: usize,
}

/// A document, or a whole file, that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unread {
    /// The document from 0; `None` for the whole file.
    pub document: Option<usize>,
    /// Why.
    pub reason: UnreadReason,
    /// What the parser or the operating system said.
    pub detail: Option<String>,
}

/// Why something could not be read: the closed list of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnreadReason {
    /// A Helm or Go template; known and complete.
    Template,
    /// A symbolic link, which is never followed; known and complete.
    Symlink,
    /// Not YAML.
    NotYaml,
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
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
        || name == "Kustomization"
}

/// Tells whether the bytes can hold an image at all: every format names one of these words.
pub fn may_hold_images(bytes: &[u8]) -> bool {
    const WORDS: [&str; 7] = ["mage", "MAGE", "repository", "docker://", "container", "steps", "patches"];
    static SEARCH: LazyLock<Option<AhoCorasick>> = LazyLock::new(|| AhoCorasick::new(WORDS).ok());
    // Without a search nothing is known, so the file is read.
    SEARCH.as_ref().is_none_or(|search| search.is_match(bytes))
}

/// Returns what the file at `path` holds. Never fails: what cannot be read is in [`Scan::unread`].
pub fn scan(path: &str, bytes: &[u8], catalogue: &Catalogue) -> Scan {
    let mut scan = Scan::default();
    let whole =
        |reason, detail| Scan { unread: vec![Unread { document: None, reason, detail }], ..Scan::default() };
    if bytes.len() as u64 > SIZE_MAX {
        return whole(UnreadReason::TooLarge, Some(format!("{} bytes, more than {SIZE_MAX}", bytes.len())));
    }
    // Its letters stand apart, so no word is found in it.
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return whole(UnreadReason::NotUtf8, Some("the file is UTF-16; save it as UTF-8".to_owned()));
    }
    if !may_hold_images(bytes) {
        return scan;
    }
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(error) => return whole(UnreadReason::NotUtf8, Some(error.to_string())),
    };
    let offset = bytes.len() - text.len();
    let yaml = Yaml::parse(text);
    let mut lines = Lines::new(text);
    let template = yaml.documents.iter().any(|document| document.error.is_some()) && text.contains("{{");
    for (document, parsed) in yaml.documents.iter().enumerate() {
        if let Some(error) = &parsed.error {
            let (reason, detail) = unread_reason(error, template);
            scan.unread.push(Unread { document: Some(document), reason, detail: Some(detail) });
        }
        formats::kustomize(&yaml, document, path, &mut scan.kustomize);
        for site in formats::find(&yaml, document, path, catalogue) {
            let (line, column) = lines.position(site.span.start);
            scan.sites.push(Located { site, line, column, offset });
        }
    }
    scan
}

fn unread_reason(error: &yaml::SyntaxError, template: bool) -> (UnreadReason, String) {
    let reason = match error.fault {
        Fault::TooDeep => UnreadReason::TooDeep,
        Fault::TooLarge => UnreadReason::TooLarge,
        Fault::Syntax if template => UnreadReason::Template,
        Fault::Syntax => UnreadReason::NotYaml,
    };
    (reason, format!("line {}: {}", error.line, error.message))
}

/// Returns the text of a file without its byte order mark.
pub(crate) fn text_of(bytes: &[u8]) -> Result<&str, std::str::Utf8Error> {
    std::str::from_utf8(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))
}

/// Counts lines and columns as an editor shows them; quick where the questions come in the order of the text.
struct Lines<'a> {
    text: &'a str,
    /// The byte, line and column of the last answer.
    at: (usize, usize, usize),
}

impl<'a> Lines<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: (0, 1, 1) }
    }

    /// Returns the 1-based line and column, in characters, of a byte offset.
    fn position(&mut self, offset: usize) -> (usize, usize) {
        if offset < self.at.0 {
            self.at = (0, 1, 1);
        }
        let (start, mut line, mut column) = self.at;
        let mut characters = self.text[start..offset].chars().peekable();
        let next = self.text[offset..].chars().next();
        while let Some(character) = characters.next() {
            // A line ends with LF, CR LF, or CR alone (YAML 1.2.2, 5.4).
            match character {
                '\r' if characters.peek().copied().or(next) == Some('\n') => column += 1,
                '\n' | '\r' => (line, column) = (line + 1, 1),
                _ => column += 1,
            }
        }
        self.at = (offset, line, column);
        (line, column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_end_in_three_ways_and_columns_are_characters() {
        let text = "a\r\né: x\rb\nc";
        let positions = |offsets: &[usize]| {
            let mut lines = Lines::new(text);
            offsets.iter().map(|at| lines.position(*at)).collect::<Vec<_>>()
        };
        assert_eq!(positions(&[0, 3, 7, 9, 11]), [(1, 1), (2, 1), (2, 4), (3, 1), (4, 1)]);
        assert_eq!(positions(&[11, 7]), [(4, 1), (2, 4)]);
    }
}
