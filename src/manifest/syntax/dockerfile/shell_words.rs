//! Words as BuildKit's shell lexer cuts them (`shell/lex.go`), as far as heredocs need it: no variable is set.

use std::iter::Peekable;
use std::str::Chars;

/// Variables inside variables are followed this deep.
const NESTED_MAX: usize = 64;

/// A heredoc that a line announces.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct HereDoc {
    /// The line that ends it.
    pub(super) name: String,
    /// Whether tabs before that line do not count: `<<-`.
    pub(super) is_indented: bool,
}

/// Why a line cannot be cut.
#[derive(Debug, PartialEq, Eq)]
enum LexError {
    /// BuildKit cannot either.
    Malformed,
    TooDeep,
}

/// Returns the heredocs that a line announces.
///
/// # Errors
/// The word of one cannot be read, or variables are nested too deep.
pub(super) fn heredocs(line: &str) -> Result<Vec<HereDoc>, &'static str> {
    let words = match words(line, true) {
        // So it is for BuildKit: a line that it cannot cut announces none.
        Err(LexError::Malformed) => return Ok(Vec::new()),
        Err(LexError::TooDeep) => return Err("variables inside variables, too deep"),
        Ok(words) => words,
    };
    let mut found = Vec::new();
    for word in words {
        let Some(word) = word.trim_start_matches(|c: char| c.is_ascii_digit()).strip_prefix("<<") else {
            continue;
        };
        let (is_indented, word) = match word.strip_prefix('-') {
            Some(word) => (true, word),
            None => (false, word),
        };
        let word = word.trim_start_matches([' ', '\t', '\n', '\x0c', '\r']);
        if word.is_empty() || word.contains('<') {
            continue;
        }
        let Ok(mut names) = self::words(word, false) else {
            return Err("the end of a heredoc cannot be read");
        };
        if let (Some(name), true) = (names.pop(), names.is_empty()) {
            found.push(HereDoc { name, is_indented });
        }
    }
    Ok(found)
}

/// Returns the words of a text, with their quotes and escapes where `is_raw`.
fn words(text: &str, is_raw: bool) -> Result<Vec<String>, LexError> {
    let mut lexer =
        ShellLexer { rest: text.chars().peekable(), word: String::new(), is_raw, keeps_escapes: is_raw };
    lexer.read(None, is_raw, 0).map(|(_, words)| words)
}

struct ShellLexer<'t> {
    rest: Peekable<Chars<'t>>,
    /// The word that is being read; a variable with a modifier takes away what stands before it.
    word: String,
    is_raw: bool,
    keeps_escapes: bool,
}

impl ShellLexer<'_> {
    /// Reads up to `stop`, or to the end; returns what was read, and its words.
    fn read(
        &mut self,
        stop: Option<char>,
        keeps_escapes: bool,
        depth: usize,
    ) -> Result<(String, Vec<String>), LexError> {
        if depth > NESTED_MAX {
            return Err(LexError::TooDeep);
        }
        let outer = std::mem::replace(&mut self.keeps_escapes, keeps_escapes);
        self.word.clear();
        let (mut text, mut words) = (String::new(), Vec::new());
        let mut is_closed = stop.is_none();
        while let Some(next) = self.rest.next() {
            match next {
                next if stop == Some(next) => {
                    is_closed = true;
                    break;
                }
                '$' => {
                    let value = self.variable(depth)?;
                    value.chars().for_each(|c| self.add(c, &mut words));
                    text.push_str(&value);
                }
                '<' => {
                    let value = self.angle();
                    self.word.push_str(&value);
                    text.push_str(&value);
                }
                '\'' | '"' => {
                    let value = if next == '"' { self.double(depth)? } else { self.single()? };
                    self.word.push_str(&value);
                    text.push_str(&value);
                }
                '\\' => {
                    if self.keeps_escapes {
                        self.word.push('\\');
                        text.push('\\');
                    }
                    let Some(escaped) = self.rest.next() else { break };
                    self.word.push(escaped);
                    text.push(escaped);
                }
                other => {
                    self.add(other, &mut words);
                    text.push(other);
                }
            }
        }
        self.keeps_escapes = outer;
        if !is_closed {
            return Err(LexError::Malformed);
        }
        self.end_word(&mut words);
        Ok((text, words))
    }

    fn add(&mut self, c: char, words: &mut Vec<String>) {
        if c.is_whitespace() {
            self.end_word(words);
        } else {
            self.word.push(c);
        }
    }

    fn end_word(&mut self, words: &mut Vec<String>) {
        if !self.word.is_empty() {
            words.push(std::mem::take(&mut self.word));
        }
    }

    fn single(&mut self) -> Result<String, LexError> {
        let mut text = String::new();
        loop {
            match self.rest.next().ok_or(LexError::Malformed)? {
                '\'' => break,
                other => text.push(other),
            }
        }
        Ok(if self.is_raw { format!("'{text}'") } else { text })
    }

    fn double(&mut self, depth: usize) -> Result<String, LexError> {
        let mut text = String::new();
        loop {
            match self.rest.next().ok_or(LexError::Malformed)? {
                '"' => break,
                '$' => text.push_str(&self.variable(depth)?),
                '\\' => match self.rest.next_if(|next| matches!(next, '"' | '$' | '\\')) {
                    Some(escaped) if self.keeps_escapes => text.extend(['\\', escaped]),
                    Some(escaped) => text.push(escaped),
                    None => text.push('\\'),
                },
                other => text.push(other),
            }
        }
        Ok(if self.is_raw { format!("\"{text}\"") } else { text })
    }

    /// Reads `<`, or `<<` with the blanks behind it: `<< EOF` is one word.
    fn angle(&mut self) -> String {
        if self.rest.next_if_eq(&'<').is_none() {
            return "<".to_owned();
        }
        let mut text = "<<".to_owned();
        while let Some(blank) = self.rest.next_if(|next| matches!(next, ' ' | '\t' | '\r' | '\n')) {
            text.push(blank);
        }
        text
    }

    /// Reads what follows a dollar sign. No variable is set, so that its text stays.
    fn variable(&mut self, depth: usize) -> Result<String, LexError> {
        if self.rest.next_if_eq(&'{').is_none() {
            return Ok(format!("${}", self.name()));
        }
        if self.rest.peek().is_none_or(|next| matches!(next, '{' | '}' | ':')) {
            return Err(LexError::Malformed);
        }
        let name = self.name();
        let mut modifier = String::new();
        let mut next = self.rest.next().ok_or(LexError::Malformed)?;
        if next == '}' {
            return Ok(format!("${{{name}}}"));
        }
        modifier.push(next);
        if next == '/' {
            self.rest.next_if_eq(&'/');
            let (pattern, _) = self.read(Some('/'), true, depth + 1)?;
            let (replacement, _) = self.read(Some('}'), true, depth + 1)?;
            return Ok(format!("${{{name}/{pattern}/{replacement}}}"));
        }
        if next == ':' {
            next = self.rest.next().ok_or(LexError::Malformed)?;
            modifier.push(next);
        }
        let is_pattern = matches!(next, '#' | '%');
        if !matches!(next, '+' | '-' | '?') && (!is_pattern || modifier.len() > 1) {
            // With a colon BuildKit reads on first, and stumbles all the same.
            return Err(LexError::Malformed);
        }
        let (word, _) = self.read(Some('}'), is_pattern, depth + 1)?;
        Ok(format!("${{{name}{modifier}{word}}}"))
    }

    fn name(&mut self) -> String {
        let mut name = String::new();
        if let Some(first) = self.rest.next_if(|next| next.is_ascii_digit() && *next != '0') {
            name.push(first);
            while let Some(digit) = self.rest.next_if(char::is_ascii_digit) {
                name.push(digit);
            }
            return name;
        }
        if let Some(special) = self.rest.next_if(|next| "@*#?-$!0".contains(*next)) {
            return special.to_string();
        }
        while let Some(letter) = self.rest.next_if(|next| next.is_alphanumeric() || *next == '_') {
            name.push(letter);
        }
        name
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heredocs_are_found_where_buildkit_finds_them() {
        for (line, names) in [
            ("RUN <<EOF", &["EOF"][..]),
            ("RUN cat <<EOF > /x && sh <<'B'", &["EOF", "B"]),
            ("RUN cat << EOF", &["EOF"]),
            ("RUN cat 3<<-\"E F\" | sh", &["E F"]),
            ("RUN cat <<<EOF", &[]),
            ("RUN echo '<<EOF' \"<<EOF\"", &[]),
            ("RUN echo it's <<EOF", &[]),
            ("RUN echo $((1<<2)) a<<EOF", &[]),
            ("RUN echo ${x} <<EOF ${y:-z}", &["EOF"]),
            ("RUN echo ${} <<EOF", &[]),
            ("RUN cat <<E\\ F", &["E F"]),
        ] {
            let found = heredocs(line).unwrap().into_iter().map(|heredoc| heredoc.name);
            assert_eq!(found.collect::<Vec<_>>(), names, "{line}");
        }
        assert!(heredocs("RUN <<-EOF").unwrap()[0].is_indented);
        assert!(heredocs(&format!("RUN <<E {}", "${x:-".repeat(100))).is_err());
    }
}
