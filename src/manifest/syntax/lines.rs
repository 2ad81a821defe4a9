//! Lines and columns. A line ends with LF, CR LF, or CR alone (YAML 1.2.2, 5.4).

pub(crate) fn line_ends(text: &str) -> usize {
    let bytes = text.as_bytes();
    memchr::memchr2_iter(b'\n', b'\r', bytes)
        .filter(|at| bytes[*at] == b'\n' || bytes.get(at + 1) != Some(&b'\n'))
        .count()
}

pub(crate) struct LineIndex(Vec<usize>);

impl LineIndex {
    pub(crate) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// Returns the line of a byte, from 0.
    pub(crate) fn of(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at) - 1
    }

    pub(crate) fn start(&self, line: usize) -> usize {
        self.0.get(line).copied().unwrap_or_default()
    }

    /// Returns where a line of `text` ends, before what ends it.
    pub(crate) fn end(&self, text: &str, line: usize) -> usize {
        let rest = &text[self.start(line)..self.0.get(line + 1).copied().unwrap_or(text.len())];
        self.start(line) + rest.trim_end_matches(['\n', '\r']).len()
    }
}

/// Counts lines and columns as an editor shows them; quick where the questions come in the order of the text.
#[derive(Clone)]
pub(crate) struct Positions<'a> {
    text: &'a str,
    /// The byte, line and column of the last answer.
    at: (usize, usize, usize),
}

impl<'a> Positions<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Self { text, at: (0, 1, 1) }
    }

    /// Returns the 1-based line and column, in characters, of a byte offset.
    pub(crate) fn position(&mut self, offset: usize) -> (usize, usize) {
        if offset < self.at.0 {
            self.at = (0, 1, 1);
        }
        let (start, mut line, mut column) = self.at;
        let (part, bytes) = (&self.text[start..offset], self.text.as_bytes());
        let mut rest = part;
        for at in memchr::memchr2_iter(b'\n', b'\r', part.as_bytes()) {
            // A line ends with LF, CR LF, or CR alone (YAML 1.2.2, 5.4).
            if part.as_bytes()[at] == b'\n' || bytes.get(start + at + 1) != Some(&b'\n') {
                (line, column, rest) = (line + 1, 1, &part[at + 1..]);
            }
        }
        column += rest.chars().count();
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
            let mut lines = Positions::new(text);
            offsets.iter().map(|at| lines.position(*at)).collect::<Vec<_>>()
        };
        assert_eq!(positions(&[0, 3, 7, 9, 11]), [(1, 1), (2, 1), (2, 4), (3, 1), (4, 1)]);
        assert_eq!(positions(&[11, 7]), [(4, 1), (2, 4)]);
    }
}
