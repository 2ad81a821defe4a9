//! Quoted texts that go on at the indent of their key, or before it. YAML 1.2 wants one blank more (`s-flow-line-prefix`);
//! libyaml and what came of it, with it the reader of `kubectl`, Helm and Argo CD, does not ask.
//!
//! The parser gets such lines joined to one, byte for byte as long. What the text says is read from what stands there.

use std::ops::Range;

use granit_parser::{Event, Parser};

/// The most bytes that are read again for lines that are joined.
const AGAIN_MAX: usize = 64 * 1024 * 1024;

pub(super) struct JoinedLines<'t> {
    original: &'t str,
    text: String,
    /// Where line ends are blanks now, in order.
    places: Vec<usize>,
    read: usize,
}

impl<'t> JoinedLines<'t> {
    pub(super) fn of(original: &'t str) -> Self {
        Self { original, text: original.to_owned(), places: Vec::new(), read: 0 }
    }

    /// Joins the line that goes on `at` a byte to what stands before it; returns whether another one may be.
    pub(super) fn join(&mut self, at: usize) -> bool {
        let before = self.text.get(..at).unwrap_or_default();
        let start = before.trim_end_matches([' ', '\t', '\n', '\r']).len();
        let ends: Vec<usize> =
            (start..before.len()).filter(|at| matches!(self.text.as_bytes()[*at], b'\n' | b'\r')).collect();
        for end in &ends {
            self.text.replace_range(*end..*end + 1, " ");
        }
        self.read = self.read.saturating_add(self.text.len());
        self.places.extend(&ends);
        !ends.is_empty() && self.read < AGAIN_MAX
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Returns how many line ends are blanks now.
    pub(super) fn count(&self) -> usize {
        self.places.iter().filter(|at| self.original.as_bytes()[**at] == b'\n').count()
    }

    /// Returns what a text says of which lines were joined; `None` where it has none of them.
    pub(super) fn value(&self, span: Range<usize>) -> Option<String> {
        let next = self.places.partition_point(|at| *at < span.start);
        self.places.get(next).filter(|at| **at < span.end)?;
        let mut events = Parser::new_from_str(self.original.get(span)?).map_while(Result::ok);
        events.find_map(|(event, _)| match event {
            Event::Scalar(value, ..) => Some(value.into_owned()),
            _ => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use crate::manifest::syntax::yaml;

    #[test]
    fn quoted_texts_may_go_on_at_the_indent_of_their_key() {
        let text = "a:\n  b: \"x\n  y \\\n  z\n\n  w\"  # c\n  d: 'é\n  f'\nimage: \"a:\n1\"\ne: [\n";
        let tree = yaml::parse(text);
        let error = tree.documents[0].error.clone();
        assert_eq!(error.map(|error| error.line), Some(11));
        let tree = yaml::parse(&text[..text.len() - 5]);
        let root = tree.documents[0].root.unwrap();
        let a = tree.get(root, "a").unwrap();
        for (node, value, source) in [
            (tree.get(a, "b").unwrap(), "x y z\nw", "\"x\n  y \\\n  z\n\n  w\""),
            (tree.get(a, "d").unwrap(), "é f", "'é\n  f'"),
            (tree.get(root, "image").unwrap(), "a: 1", "\"a:\n1\""),
        ] {
            assert_eq!(tree.text_of(node), Some(value));
            assert_eq!(&text[tree.nodes[node].span()], source);
        }
    }
}
