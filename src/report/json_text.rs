//! JSON as text: the one door through which documents are printed.

use std::io::{Result, Write};

use serde::Serialize;

/// Writes a document, indented, with a final line end. It steers no CI system that reads a log: what begins a workflow
/// command (`##[`, `##vso[`, `::`) is escaped, and the same JSON.
///
/// # Errors
/// `out` cannot be written.
pub fn write(document: &impl Serialize, out: &mut impl Write) -> Result<()> {
    let mut escaped = Escaped { out, last: 0 };
    serde_json::to_writer_pretty(&mut escaped, document)?;
    escaped.write_all(b"\n")
}

/// Outside of strings neither of the letters stands twice in JSON, and none of them has a part in an escape.
struct Escaped<'o, W> {
    out: &'o mut W,
    last: u8,
}

impl<W: Write> Write for Escaped<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        let mut written = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let escape: &[u8] = match byte {
                b'#' if self.last == b'#' => b"\\u0023",
                b':' if self.last == b':' => b"\\u003a",
                _ => {
                    self.last = *byte;
                    continue;
                }
            };
            self.out.write_all(&bytes[written..at])?;
            self.out.write_all(escape)?;
            (self.last, written) = (0, at + 1);
        }
        self.out.write_all(&bytes[written..])?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_command_is_in_the_text_and_the_document_is_the_same() {
        for text in ["##[error]x", "###[a]", "::stop-commands::x", ":::", "\\##[", "##vso[task.x]", "a\n::b"]
        {
            let mut written = Vec::new();
            write(&[text], &mut written).unwrap();
            let written = String::from_utf8(written).unwrap();
            assert!(!written.contains("##") && !written.contains("::"), "{written}");
            assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
        }
    }
}
