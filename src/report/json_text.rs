//! JSON as text: the one door through which documents are printed.

use std::io::{BufWriter, Result, Write};

use serde::Serialize;

use crate::text::is_odd;

/// Writes a document, indented, with a final line end. It steers no terminal and no CI system that reads a log: what begins a workflow
/// command (`##[`, `##vso[`, `::`), and letters that [`is_odd`] knows, are escaped, and the same JSON.
///
/// # Errors
/// `out` cannot be written.
pub fn write(document: &impl Serialize, out: &mut impl Write) -> Result<()> {
    // The document comes in many small parts, each of whole letters, which a buffer keeps together.
    let mut escaped = BufWriter::new(Escaped { out, last: 0 });
    serde_json::to_writer_pretty(&mut escaped, document)?;
    escaped.write_all(b"\n")?;
    escaped.flush()
}

/// Outside of strings neither of the letters stands twice in JSON, and none of them has a part in an escape.
struct Escaped<'o, W> {
    out: &'o mut W,
    last: u8,
}

impl<W: Write> Escaped<'_, W> {
    fn write_commands_apart(&mut self, bytes: &[u8]) -> Result<()> {
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
        self.out.write_all(&bytes[written..])
    }
}

impl<W: Write> Write for Escaped<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        // What is written comes in whole letters.
        if let Some(text) = (!bytes.is_ascii()).then(|| std::str::from_utf8(bytes).ok()).flatten()
            && text.contains(is_odd)
        {
            let mut plain = String::with_capacity(text.len());
            for letter in text.chars() {
                match is_odd(letter) {
                    true => letter
                        .encode_utf16(&mut [0; 2])
                        .iter()
                        .for_each(|unit| plain.push_str(&format!("\\u{unit:04x}"))),
                    false => plain.push(letter),
                }
            }
            self.write_commands_apart(plain.as_bytes())?;
        } else {
            self.write_commands_apart(bytes)?;
        }
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
    #[test]
    fn no_letter_steers_or_hides_and_the_document_is_the_same() {
        for text in
            ["a\u{85}b", "\u{9b}31m", "x\u{202e}y", "a\u{2028}##[b", "\u{e0041}é“”", "\u{200b}::", "é##"]
        {
            let mut written = Vec::new();
            write(&[text], &mut written).unwrap();
            let written = String::from_utf8(written).unwrap();
            assert!(
                !written.contains(is_odd) && !written.contains("##") && !written.contains("::"),
                "{written}"
            );
            assert_eq!(serde_json::from_str::<[String; 1]>(&written).unwrap(), [text]);
        }
    }
}
