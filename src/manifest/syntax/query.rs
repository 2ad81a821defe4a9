//! How a tree is asked: by key, through aliases and merge keys, and where a node stands.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use super::tree::{Node, NodeForm, NodeId, NodeKind, ScalarStyle, SyntaxTree, WIDE};

impl<'a> SyntaxTree<'a> {
    /// Returns whether a part of the node was masked, so that its value is not known.
    pub fn is_masked(&self, id: NodeId) -> bool {
        let span = self.nodes[self.resolve(id)].span();
        let next = self.masked.partition_point(|action| action.end <= span.start);
        self.masked.get(next).is_some_and(|action| action.start < span.end)
    }

    /// Returns whether there are actions of templates in the text.
    pub fn has_actions(&self) -> bool {
        !self.masked.is_empty()
    }

    /// Returns the text of a document, up to the start of the next.
    pub fn source_of(&self, document: usize) -> &'a str {
        let start = self.documents.get(document).map_or(self.text.len(), |document| document.start);
        let end = self.documents.get(document + 1).map_or(self.text.len(), |next| next.start);
        self.text.get(start..end).unwrap_or_default()
    }

    /// Returns the node that `id` stands for: itself, or what an alias points to.
    #[inline]
    pub fn resolve(&self, id: NodeId) -> NodeId {
        match self.nodes[id] {
            Node { form: NodeForm::Alias, at, .. } => at as usize,
            _ => id,
        }
    }

    /// Returns the decoded text of a scalar, aliases followed.
    #[inline]
    pub fn text_of(&self, id: NodeId) -> Option<&str> {
        match self.kind(self.resolve(id)) {
            NodeKind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Returns the decoded text of a scalar that is a string or a number to a reader of tags: not null.
    pub fn string_of(&self, id: NodeId) -> Option<&str> {
        let text = self.text_of(id)?;
        (!self.is_null(id)).then_some(text)
    }

    /// Returns whether `id` is an empty or explicit null.
    pub fn is_null(&self, id: NodeId) -> bool {
        match self.kind(self.resolve(id)) {
            NodeKind::Scalar { value, style: ScalarStyle::Plain } => {
                matches!(value, "" | "~" | "null" | "Null" | "NULL")
            }
            _ => false,
        }
    }

    /// Returns the items of a sequence, aliases followed; nothing where it is none.
    #[inline]
    pub fn items(&self, id: NodeId) -> &[NodeId] {
        match self.nodes[self.resolve(id)] {
            Node { form: NodeForm::Sequence { .. }, at, .. } => self.items_at(at),
            _ => &[],
        }
    }

    /// Returns the entries that are written in a mapping itself, aliases to it followed; nothing where it is none.
    #[inline]
    pub fn entries(&self, id: NodeId) -> &[(NodeId, NodeId)] {
        match self.nodes[self.resolve(id)] {
            Node { form: NodeForm::Mapping { .. }, at, .. } => self.entries_at(at),
            _ => &[],
        }
    }

    /// Returns whether `id` is a mapping, aliases followed.
    pub fn is_mapping(&self, id: NodeId) -> bool {
        matches!(self.nodes[self.resolve(id)].form, NodeForm::Mapping { .. })
    }

    /// Returns whether `id` is a sequence, aliases followed.
    pub fn is_sequence(&self, id: NodeId) -> bool {
        matches!(self.nodes[self.resolve(id)].form, NodeForm::Sequence { .. })
    }

    /// Returns the value under `key`, merge keys (`<<`) followed; its own keys win over merged ones.
    pub fn get(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        if let Some((_, value)) = self.own_entry(mapping, key) {
            return Some(self.resolve(value));
        }
        self.merged_entry(mapping, key)
    }

    /// Returns the value under `key` that merge keys bring in, whatever the mapping says itself.
    pub fn merged_entry(&self, mapping: NodeId, key: &str) -> Option<NodeId> {
        let mut open = if self.is_linked { self.merged(mapping) } else { Vec::new() };
        if open.is_empty() {
            return None;
        }
        let mut seen = HashSet::new();
        while let Some(source) = open.pop() {
            let source = self.resolve(source);
            if !seen.insert(source) {
                continue;
            }
            if let Some((_, value)) = self.own_entry(source, key) {
                return Some(self.resolve(value));
            }
            open.extend(self.merged(source));
        }
        None
    }

    /// Returns the mappings that merge keys bring in, the last that counts first.
    fn merged(&self, mapping: NodeId) -> Vec<NodeId> {
        let entries = self.entries(mapping);
        let values: Vec<NodeId> = if entries.len() > WIDE {
            self.wide.get(&self.resolve(mapping)).map(|wide| wide.merges.clone()).unwrap_or_default()
        } else {
            let merges = entries.iter().filter(|(k, _)| self.says(*k, "<<"));
            merges.map(|(_, value)| *value).collect()
        };
        let mut sources = Vec::new();
        for value in values {
            // One mapping, or a list of them, the first of which wins.
            sources.extend(self.is_mapping(value).then_some(value));
            sources.extend(self.items(value));
        }
        sources.reverse();
        sources
    }

    /// Returns the values under `key` that may count. In a template, two branches of an `if` may each write one.
    pub fn all(&self, mapping: NodeId, key: &str) -> Vec<NodeId> {
        if self.masked.is_empty() {
            return self.get(mapping, key).into_iter().collect();
        }
        let own = self.entries(mapping).iter().filter(|(k, _)| self.says(*k, key));
        let own: Vec<NodeId> = own.map(|(_, value)| self.resolve(*value)).collect();
        if own.is_empty() { self.get(mapping, key).into_iter().collect() } else { own }
    }

    /// Returns the entry of `mapping` itself whose key is `key`: the key's and the value's node. Of duplicates it is
    /// the last, which is the one that counts for the readers that take them at all.
    pub fn own_entry(&self, mapping: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        let entries = self.entries(mapping);
        if entries.len() > WIDE {
            let wide = self.wide.get(&self.resolve(mapping))?;
            return wide.keys.get(key).map(|index| entries[*index]);
        }
        entries.iter().rev().copied().find(|(k, _)| self.says(*k, key))
    }

    /// Returns the text under `key` where it is a scalar and not null.
    pub fn get_str(&self, mapping: NodeId, key: &str) -> Option<&str> {
        self.get(mapping, key).and_then(|id| self.string_of(id))
    }

    /// Returns whether a node is a scalar itself with this text. Most that are asked are not: their length tells.
    #[inline]
    fn says(&self, id: NodeId, text: &str) -> bool {
        let node = &self.nodes[id];
        let span = match node.form {
            NodeForm::Written(_) => node.span(),
            NodeForm::Quoted(_) => node.inside(),
            NodeForm::Decoded(_) => return self.own_text(id) == Some(text),
            NodeForm::Sequence { .. } | NodeForm::Mapping { .. } | NodeForm::Alias => return false,
        };
        span.len() == text.len() && self.text.as_bytes().get(span) == Some(text.as_bytes())
    }

    fn own_text(&self, id: NodeId) -> Option<&str> {
        match self.kind(id) {
            NodeKind::Scalar { value, .. } => Some(value),
            _ => None,
        }
    }

    /// Returns the span of the comment that follows a node on its line, with nothing but blanks between.
    pub fn comment_after(&self, id: NodeId) -> Option<Range<usize>> {
        let end = self.nodes[id].span().end;
        // A block scalar ends with its line, so that a comment below it follows at once.
        if self.text[..end].ends_with(['\n', '\r']) && !self.nodes[id].span().is_empty() {
            return None;
        }
        let next = self.comments.partition_point(|comment| comment.start < end);
        let comment = self.comments.get(next)?;
        let between = self.text.get(end..comment.start)?;
        between.bytes().all(|b| b == b' ' || b == b'\t').then(|| comment.clone())
    }

    /// Returns the key under which `id` stands in its mapping.
    pub fn key_of(&self, id: NodeId) -> Option<&str> {
        self.key_node_of(id).and_then(|key| self.own_text(key))
    }

    /// Returns the node of the key under which `id` stands in its mapping.
    pub fn key_node_of(&self, id: NodeId) -> Option<NodeId> {
        let node = &self.nodes[id];
        let (key, value) = *self.entries(node.parent()?).get(node.index())?;
        (value == id).then_some(key)
    }

    /// Returns what a scalar says: its decoded text, or its source where a part of it was masked.
    pub fn written(&self, id: NodeId) -> &str {
        let id = self.resolve(id);
        if !self.is_masked(id) {
            return self.string_of(id).unwrap_or_default().trim_end_matches(['\n', '\r']);
        }
        let source = self.original.get(self.nodes[id].span()).unwrap_or_default();
        source.trim().trim_matches(['"', '\''])
    }

    /// Returns the JSON pointer (RFC 6901) of a node in its document.
    pub fn pointer(&self, id: NodeId) -> String {
        let mut segments = Vec::new();
        let mut at = id;
        while let Some(parent) = self.nodes[at].parent() {
            let index = self.nodes[at].index();
            // The first document of a text inside a block scalar adds no segment.
            if self.is_scalar(parent) {
                if index > 0 {
                    segments.push(Cow::Owned(index.to_string()));
                }
                at = parent;
                continue;
            }
            segments.push(match self.kind(parent) {
                NodeKind::Mapping { entries, .. } => {
                    let key = entries.get(index).and_then(|(key, _)| self.own_text(*key)).unwrap_or("?");
                    if key.contains(['~', '/']) {
                        Cow::Owned(key.replace('~', "~0").replace('/', "~1"))
                    } else {
                        Cow::Borrowed(key)
                    }
                }
                _ => Cow::Owned(index.to_string()),
            });
            at = parent;
        }
        segments.iter().rev().fold(String::new(), |pointer, segment| pointer + "/" + segment)
    }

    /// Returns the bytes of a scalar that its value occupies: inside the quotes, without the line end of a block.
    ///
    /// `None` where the value cannot be replaced there: it is an alias, a collection, or text over several lines.
    pub fn inner_span(&self, id: NodeId) -> Option<Range<usize>> {
        let NodeKind::Scalar { value, style } = self.kind(id) else { return None };
        let span = self.nodes[id].span();
        let source = self.text.get(span.clone())?;
        match style {
            ScalarStyle::Plain => (source == value).then_some(span),
            // Quoted text is replaced whole, so escapes and folds inside it do not matter.
            ScalarStyle::Single | ScalarStyle::Double => {
                (source.len() >= 2).then(|| span.start + 1..span.end - 1)
            }
            ScalarStyle::Block => {
                let text = value.trim_end_matches(['\n', '\r']);
                let mut matches = source.match_indices(text);
                match (text.is_empty(), matches.next(), matches.next()) {
                    (false, Some((at, _)), None) => Some(span.start + at..span.start + at + text.len()),
                    _ => None,
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::syntax::yaml;

    #[test]
    fn spans_are_bytes_and_pointers_follow_the_rfc() {
        let text = "# é\na/b: {c~: ['x', \"y\"]}\nd: &n >-\n  z\ne: *n\n";
        let tree = yaml::parse(text);
        let root = tree.documents[0].root.unwrap();
        let c = tree.get(tree.get(root, "a/b").unwrap(), "c~").unwrap();
        let y = tree.items(c)[1];
        assert_eq!(&text[tree.nodes[y].span()], "\"y\"");
        assert_eq!(tree.pointer(y), "/a~1b/c~0/1");
        assert_eq!(tree.get(root, "d"), tree.get(root, "e"));
        assert_eq!(tree.get_str(root, "e"), Some("z"));
        assert_eq!(&text[tree.comments[0].clone()], "# é");
    }

    #[test]
    fn merge_keys_are_followed_and_own_keys_win() {
        let tree = yaml::parse("x: &x {image: a, tag: t}\ny: {<<: *x, tag: u}\nz: {<<: [{tag: v}, *x]}\n");
        let root = tree.documents[0].root.unwrap();
        let (y, z) = (tree.get(root, "y").unwrap(), tree.get(root, "z").unwrap());
        assert_eq!((tree.get_str(y, "image"), tree.get_str(y, "tag")), (Some("a"), Some("u")));
        assert_eq!((tree.get_str(z, "image"), tree.get_str(z, "tag")), (Some("a"), Some("v")));
    }

    #[test]
    fn a_broken_document_does_not_hide_the_next() {
        let tree = yaml::parse("a: 1\n---\nb: [\n---\nc: 3\n");
        let errors: Vec<bool> = tree.documents.iter().map(|d| d.error.is_some()).collect();
        assert_eq!(errors, [false, true, false]);
        assert_eq!(tree.get_str(tree.documents[2].root.unwrap(), "c"), Some("3"));
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        for open in ["[", "{a: ", "- "] {
            let tree = yaml::parse(&open.repeat(100_000)).documents.len();
            assert!(tree <= 1, "{open}");
        }
    }
}
