//! Lines and columns. A line ends with LF, CR LF, or CR alone (YAML 1.2.2, 5.4).

/// Where the lines of a text start.
pub(super) struct Lines(Vec<usize>);

impl Lines {
    pub(super) fn new(text: &str) -> Self {
        let bytes = text.as_bytes();
        let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
            b'\n' => true,
            b'\r' => bytes.get(at + 1) != Some(&b'\n'),
            _ => false,
        });
        Self(std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect())
    }

    /// Returns the line of a byte, from 0.
    pub(super) fn of(&self, at: usize) -> usize {
        self.0.partition_point(|start| *start <= at) - 1
    }

    /// Returns the first byte of a line.
    pub(super) fn start(&self, line: usize) -> usize {
        self.0.get(line).copied().unwrap_or_default()
    }
}

/// Counts lines and columns as an editor shows them; quick where the questions come in the order of the text.
pub(super) struct Positions<'a> {
    text: &'a str,
    /// The byte, line and column of the last answer.
    at: (usize, usize, usize),
}

impl<'a> Positions<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: (0, 1, 1) }
    }

    /// Returns the 1-based line and column, in characters, of a byte offset.
    pub(super) fn position(&mut self, offset: usize) -> (usize, usize) {
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
