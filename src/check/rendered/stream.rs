//! A stream of manifests: its documents, the objects in them and the images that these run.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use super::object::{DocumentObjects, RenderedObject};
use crate::manifest::formats::catalogue::Catalogue;
use crate::manifest::inventory::{FileScan, Inventory};
use crate::manifest::site::{Site, Skip, State, classify};
use crate::manifest::syntax::agreement::{self, Demand};
use crate::manifest::syntax::lines::line_ends;
use crate::manifest::syntax::tree::{Fault, NodeId, SyntaxTree};
use crate::manifest::syntax::yaml;
use crate::manifest::{Located, SIZE_MAX, Scan, Unread, UnreadReason, scan_whole};
use crate::text::count;

/// The name under which a document is read: no format but those of Kubernetes goes by names of files.
const NAME: &str = "rendered.yaml";

/// How many objects a remark names.
const NAMED_MAX: usize = 3;

/// What `kustomize build`, `helm template` or `kubectl get` printed.
#[derive(Clone, Debug, Default)]
pub struct RenderedStream {
    /// The images, and what was not understood; one file.
    pub inventory: Inventory,
    /// The objects by document and JSON pointer.
    objects: BTreeMap<(usize, String), RenderedObject>,
}

impl RenderedStream {
    /// Reads a stream that reports call `file`. Never fails: what is not understood is unread.
    pub fn read(file: &str, root_path: &str, bytes: &[u8], catalogue: &Catalogue) -> Self {
        let mut reader =
            StreamReader { catalogue, scan: Scan::told(Vec::new()), objects: BTreeMap::new(), documents: 0 };
        let start = if bytes.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        match std::str::from_utf8(&bytes[start..]) {
            Ok(text) => {
                let mut line = 0;
                for chunk in chunks(text) {
                    let part = &text[chunk.clone()];
                    reader.chunk(part, start + chunk.start, line);
                    line += line_ends(part);
                }
                if reader.objects.is_empty() && reader.scan.unread.is_empty() {
                    let detail = "there is no object in it; perhaps the command before it failed: \
                                  `set -o pipefail` makes a shell notice";
                    reader.unread(None, UnreadReason::Empty, detail.to_owned());
                }
            }
            Err(error) => reader.unread(None, UnreadReason::NotUtf8, error.to_string()),
        }
        let (path, root_path) = (file.to_owned(), root_path.to_owned());
        let files = vec![FileScan { path, root_path, scan: reader.scan }];
        let inventory = Inventory { files, ..Inventory::default() };
        Self { inventory, objects: reader.objects }
    }

    /// Returns the object that a site belongs to: the innermost one of the stream's own.
    pub fn object_of(&self, site: &Site) -> Option<&RenderedObject> {
        let mut path = site.path.as_str();
        loop {
            if let Some(object) = self.objects.get(&(site.document, path.to_owned())) {
                return Some(object);
            }
            path = &path[..path.rfind('/')?];
        }
    }

    /// Returns how many objects there are.
    pub fn len(&self) -> usize {
        self.objects.len()
    }

    /// Returns whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// Returns what has to be known of objects that deploy something which is not in the stream, or that are not looked into.
    pub fn notes(&self) -> Vec<String> {
        let named = |is_wanted: &dyn Fn(&RenderedObject) -> bool| {
            let titles: Vec<String> =
                self.objects.values().filter(|object| is_wanted(object)).map(RenderedObject::title).collect();
            let shown = titles.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
            let more = titles.len().saturating_sub(NAMED_MAX);
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            (titles.len(), format!("{shown}{more}"))
        };
        let (deployers, which) = named(&|object| object.deploys);
        let (others, kinds) = named(&|object| object.is_not_pulled);
        let mut notes = Vec::new();
        if deployers > 0 {
            let what = count(deployers, "object");
            notes.push(format!(
                "not in this stream is what is deployed by {what}: {which}: render and check that too"
            ));
        }
        if others > 0 {
            let what = count(others, "object");
            notes.push(format!("{what} of kinds that name images and run none, not looked into: {kinds}"));
        }
        notes
    }
}

struct StreamReader<'c> {
    catalogue: &'c Catalogue,
    scan: Scan,
    objects: BTreeMap<(usize, String), RenderedObject>,
    /// How many documents were read.
    documents: usize,
}

impl StreamReader<'_> {
    fn unread(&mut self, document: Option<usize>, reason: UnreadReason, detail: String) {
        self.scan.unread.push(Unread { document, reason, detail: Some(detail) });
    }

    /// Reads a part of the stream that starts at a byte and behind so many lines.
    fn chunk(&mut self, text: &str, offset: usize, line: usize) {
        let first = self.documents;
        let at = format!("line {}", line + 1);
        if text.len() as u64 > SIZE_MAX {
            let detail = format!("{at}: a document of {} bytes, more than {SIZE_MAX}", text.len());
            self.documents += 1;
            return self.unread(Some(first), UnreadReason::TooLarge, detail);
        }
        let tree = yaml::parse(text);
        self.documents += tree.documents.len();
        for (index, document) in tree.documents.iter().enumerate() {
            let Some(error) = &document.error else { continue };
            let reason = match error.fault {
                Fault::TooDeep => UnreadReason::TooDeep,
                Fault::TooLarge => UnreadReason::TooLarge,
                Fault::Syntax => UnreadReason::NotYaml,
            };
            let detail = format!("line {}: {}", line + error.line, error.message);
            self.unread(Some(first + index), reason, detail);
        }
        let is_read = tree.documents.iter().all(|document| document.error.is_none());
        let roots: Vec<NodeId> = tree.documents.iter().filter_map(|document| document.root).collect();
        let objection = || agreement::objection(&tree, &roots, 0..text.len(), Demand::Rendered);
        if let Some(objection) = is_read.then(objection).flatten() {
            self.unread(Some(first), UnreadReason::Ambiguous, format!("document at {at}: {objection}"));
        }
        self.objects(&tree, first, &at);
        let scan = scan_whole(NAME, text.as_bytes(), self.catalogue);
        for mut located in scan.sites {
            judge_as_it_runs(&mut located.site);
            located.site.document += first;
            let Located { line: start, end_line, offset: base, .. } = &mut located;
            (*start, *end_line, *base) = (*start + line, *end_line + line, *base + offset);
            self.scan.sites.push(located);
        }
    }

    fn objects(&mut self, tree: &SyntaxTree<'_>, first: usize, at: &str) {
        let templates: HashMap<usize, &str> = templates(tree);
        for (index, document) in tree.documents.iter().enumerate() {
            let Some(root) = document.root.filter(|root| !tree.is_null(*root)) else { continue };
            let template = templates.get(&index).copied();
            let found = DocumentObjects::of(tree, root, template, self.catalogue);
            if let Some(problem) = found.problem {
                let detail = format!("document at {at}: {problem}");
                self.unread(Some(first + index), UnreadReason::NotAnObject, detail);
            }
            for (pointer, object) in found.objects {
                self.objects.insert((first + index, pointer), object);
            }
        }
    }
}

/// Returns the templates that `helm template` names before its documents, by document.
fn templates<'t>(tree: &SyntaxTree<'t>) -> HashMap<usize, &'t str> {
    let comments = tree.comments.iter().filter_map(|span| {
        let template = tree.text.get(span.clone())?.strip_prefix("# Source: ")?.trim();
        let document =
            tree.documents.partition_point(|document| document.start <= span.start).checked_sub(1)?;
        let root = tree.documents[document].root?;
        (tree.nodes[root].span().start > span.start).then_some((document, template))
    });
    comments.collect()
}

/// What a comment says, or whether tagpin could edit it, is nothing to whoever runs it.
fn judge_as_it_runs(site: &mut Site) {
    if let State::Skipped(Skip::Ignored | Skip::ManagedByFlux | Skip::NotAReference | Skip::NotEditable) =
        site.state
    {
        (site.state, site.reference) = classify(&site.image);
    }
}

/// Returns the documents of a stream, as far as they can be told apart without reading them: a line that starts with `---`
/// ends a document whatever it stands in (YAML 1.2.2, 9.1.1). With directives and markers for the end of a document, the
/// stream is read as a whole.
fn chunks(text: &str) -> Vec<Range<usize>> {
    let mut starts = vec![0];
    let bytes = text.as_bytes();
    let ends = memchr::memchr2_iter(b'\n', b'\r', bytes).map(|at| at + 1);
    for at in std::iter::once(0).chain(ends) {
        match bytes.get(at..).unwrap_or_default() {
            [b'%', ..] | [b'.', b'.', b'.', ..] => return std::iter::once(0..text.len()).collect(),
            [b'-', b'-', b'-', rest @ ..] if rest.first().is_none_or(u8::is_ascii_whitespace) => {
                starts.extend((at > 0).then_some(at));
            }
            _ => {}
        }
    }
    let ends = starts.iter().skip(1).copied().chain([text.len()]);
    starts.iter().zip(ends).map(|(start, end)| *start..end).collect()
}
