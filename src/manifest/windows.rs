//! A long stream of documents, some of them at a time: what was read is dropped before the next is.

use std::ops::Range;

use super::build_file::BuildFile;
use super::formats::{Kustomize, Releases};
use super::located::Scan;
use super::module_names::ModuleNames;
use super::syntax::definition::{Chunk, NotWanted};

/// How much of a text is read at a time, in bytes, where its documents can be told apart: some thirty times as much memory
/// is taken until they are dropped.
const WINDOW: usize = 1 << 20;

/// Some of the documents of a text.
pub(super) struct Window {
    /// Where they stand in the text.
    pub(super) span: Range<usize>,
    chunks: Range<usize>,
}

/// Returns the parts of a text that are read one after the other: whole documents, about [`WINDOW`] bytes of what is read of
/// them each.
pub(super) fn windows(chunks: &[Chunk]) -> Vec<Window> {
    let (mut windows, mut first, mut size) = (Vec::new(), 0, 0);
    let start_of = |chunk: usize| chunks.get(chunk).map_or(0, |chunk| chunk.span.start);
    for (index, chunk) in chunks.iter().enumerate() {
        let length = if chunk.unread.is_some() { 0 } else { chunk.span.len() };
        if size > 0 && size + length > WINDOW {
            windows.push(Window { span: start_of(first)..start_of(index), chunks: first..index });
            (first, size) = (index, 0);
        }
        size += length;
    }
    let end = chunks.last().map_or(0, |chunk| chunk.span.end);
    windows.push(Window { span: start_of(first)..end, chunks: first..chunks.len() });
    windows
}

impl Window {
    /// Returns whether this is where the text starts.
    pub(super) fn is_first(&self) -> bool {
        self.chunks.start == 0
    }

    /// Returns `chunks`, of which those elsewhere are not read: they keep their places. `has_preamble`: the first is not a
    /// document.
    pub(super) fn only(&self, chunks: &[Chunk], has_preamble: bool) -> Vec<Chunk> {
        let mut only = chunks.to_vec();
        for (index, chunk) in only.iter_mut().enumerate() {
            let is_read = self.chunks.contains(&index) || (index == 0 && has_preamble);
            if !is_read {
                chunk.unread = Some(NotWanted::Elsewhere);
            }
        }
        only
    }
}

impl Scan {
    /// Adds what another window of the same text has, in which nodes are counted from 0 again.
    pub(super) fn append(&mut self, mut next: Self) {
        for located in &mut next.sites {
            located.site.renumber(self.nodes);
        }
        for recorded in &mut next.recorded {
            recorded.object += self.nodes;
        }
        self.sites.append(&mut next.sites);
        self.unread.append(&mut next.unread);
        self.looks_away.append(&mut next.looks_away);
        self.partials.append(&mut next.partials);
        self.ignores.append(&mut next.ignores);
        self.recorded.append(&mut next.recorded);
        self.kustomize.add(next.kustomize, Kustomize::append);
        self.releases.add(next.releases, Releases::append);
        self.built.append(&mut next.built);
        self.artifacts.append(&mut next.artifacts);
        self.image_streams.append(&mut next.image_streams);
        self.registries.append(&mut next.registries);
        self.module.add(next.module, ModuleNames::add);
        self.build_file.add(next.build_file, BuildFile::add);
        self.switches.append(&mut next.switches);
        self.nodes += next.nodes;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;
    use crate::manifest::scan;

    #[test]
    fn a_long_stream_is_what_its_documents_are() {
        let pod = |i: usize| {
            let annotation = format!("tagpin.dev/digest.c: sha256:{i:064}");
            format!(
                "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a{i}, annotations: {{{annotation}}}}}\nspec:\n  containers:\n  - name: c\n    image: &i{i} r.example/a:{i}\n  - {{name: d, image: *i{i}}}\n  # {}\n",
                "x".repeat(20_000)
            )
        };
        let broken = "---\nkind: Pod\nimage: [\n";
        let some = |range: Range<usize>| range.map(pod).collect::<String>();
        let text = format!("# first\n{}{broken}{}", some(0..100), some(100..200));
        assert!(windows(&crate::manifest::formats::chunks::chunks(&text, &BUILT_IN, false)).len() > 2);
        for scan in [
            scan::scan("a.yaml", text.as_bytes(), &BUILT_IN),
            scan::scan_strictly("a.yaml", text.as_bytes(), &BUILT_IN, false),
        ] {
            let whole = scan::scan_whole("a.yaml", text.as_bytes(), &BUILT_IN);
            // Nothing here is skipped, so even the nodes are counted alike.
            assert_eq!(format!("{:?}", scan.sites), format!("{:?}", whole.sites));
            assert_eq!(scan.recorded, whole.recorded);
            assert_eq!(scan.nodes, whole.nodes);
            assert_eq!(scan.unread.iter().filter(|unread| unread.document == Some(100)).count(), 1);
            assert_eq!(scan.sites.len(), 200);
        }
    }
}
