//! The instructions of a Dockerfile that name images, and what they need to be understood: stages and arguments.

use std::borrow::Cow;
use std::ops::Range;

use super::lines::{JoinedLine, LineReader, Word, directive};
use super::shell_words::{HereDoc, heredocs};

/// What builds an image: the stages of a file, and what stands above them.
#[derive(Debug, Default)]
pub(super) struct BuildFile<'a> {
    /// The image that reads the file: `# syntax=`.
    pub(super) syntax: Option<Word<'a>>,
    /// The arguments above the first stage, which alone count in `FROM`: name, and what it is by default.
    pub(super) arguments: Vec<(Word<'a>, Option<Word<'a>>)>,
    pub(super) stages: Vec<BuildStage<'a>>,
}

/// `FROM`, and what follows it.
#[derive(Debug, Default)]
pub(super) struct BuildStage<'a> {
    /// Where the instruction starts.
    pub(super) start: usize,
    pub(super) from: Option<Word<'a>>,
    pub(super) name: Option<Word<'a>>,
    /// `--platform=`
    pub(super) platform: Option<Word<'a>>,
    pub(super) sources: Sources<'a>,
    /// What other builds do with the image.
    pub(super) on_build: Sources<'a>,
    /// The arguments that it asks for.
    pub(super) arguments: Vec<Word<'a>>,
}

/// What a stage takes files from, each with the start of its instruction.
#[derive(Debug, Default)]
pub(super) struct Sources<'a> {
    /// `COPY --from=`
    pub(super) copies: Vec<(usize, Word<'a>)>,
    /// `RUN --mount=from=`
    pub(super) mounts: Vec<(usize, Word<'a>)>,
}

/// Every instruction (Dockerfile reference).
const INSTRUCTIONS: [&str; 18] = [
    "ADD",
    "ARG",
    "CMD",
    "COPY",
    "ENTRYPOINT",
    "ENV",
    "EXPOSE",
    "FROM",
    "HEALTHCHECK",
    "LABEL",
    "MAINTAINER",
    "ONBUILD",
    "RUN",
    "SHELL",
    "STOPSIGNAL",
    "USER",
    "VOLUME",
    "WORKDIR",
];

/// Where and why a file is not a Dockerfile: the line from 1.
type Broken = (usize, String);

/// Returns what a text builds, and its comments.
///
/// # Errors
/// BuildKit would refuse it, or could.
pub(super) fn read(text: &str) -> Result<(BuildFile<'_>, Vec<Range<usize>>), Broken> {
    let mut lines = LineReader::new(text);
    let mut file = BuildFile { syntax: frontend(text), ..BuildFile::default() };
    while let Some(line) = lines.joined().map_err(|message| (lines.number(), message))? {
        let number = line.number;
        let broken = |message| (number, message);
        let instruction = Instruction::of(&line, 0..line.text.len(), lines.escape);
        file.add(&instruction).map_err(broken)?;
        for heredoc in instruction.heredocs().map_err(|message| broken(message.to_owned()))? {
            loop {
                let Some((_, raw)) = lines.raw() else {
                    return Err(broken(format!("the heredoc `{}` does not end", heredoc.name)));
                };
                let end = if heredoc.is_indented { raw.trim_start_matches('\t') } else { raw };
                if end == heredoc.name {
                    break;
                }
            }
        }
    }
    if file.stages.is_empty() {
        return Err((lines.number().max(1), "there is no `FROM`".to_owned()));
    }
    Ok((file, lines.comments))
}

/// Returns whether the first instruction of a text is one that a Dockerfile starts with, a template may stand there, or
/// BuildKit has it read by an image that it names.
pub(super) fn starts_like_one(text: &str) -> bool {
    if frontend(text).is_some() || (text.trim_start().starts_with('{') && text.contains("\"syntax\"")) {
        return true;
    }
    let mut lines = LineReader::new(text);
    match lines.joined() {
        Ok(Some(line)) => {
            let keyword = Instruction::of(&line, 0..line.text.len(), lines.escape).keyword;
            matches!(keyword.as_str(), "FROM" | "ARG")
                || ["{{", "{%", "<%"].iter().any(|mark| line.text.trim_start().starts_with(mark))
        }
        Ok(None) => false,
        // The directives are those of a Dockerfile.
        Err(_) => true,
    }
}

/// Returns the image that reads the file. BuildKit looks for it before the file is read: below a `#!` too, and only where
/// the line starts with `#` (`DetectSyntax`).
fn frontend(text: &str) -> Option<Word<'_>> {
    let mut lines = LineReader::new(text);
    let mut is_first = true;
    while let Some((start, line)) = lines.raw() {
        if std::mem::take(&mut is_first) && line.starts_with("#!") {
            continue;
        }
        // A file in another language, which only that image reads, may say so behind slashes.
        let (line, skipped) = line.strip_prefix("//").map_or((line, 0), |_| (&line[1..], 1));
        let directive = directive(line)?;
        if directive.name == "syntax" {
            let value = directive.value.split(' ').next().unwrap_or_default();
            let start = start + skipped + directive.at;
            let span = start..start + value.len();
            if value.is_empty() {
                return None;
            }
            return Some(Word { value: Cow::Borrowed(value), span, quote: None, is_computed: false });
        }
    }
    None
}

struct Instruction<'l> {
    line: &'l JoinedLine,
    /// In capitals.
    keyword: String,
    start: usize,
    flags: Vec<Flag>,
    /// Where the arguments stand in the line.
    arguments: Range<usize>,
    escape: char,
}

/// `--name=value`, without quotes and escapes.
struct Flag {
    text: String,
    range: Range<usize>,
    /// Whether it has neither.
    is_plain: bool,
}

/// Between the words of an instruction.
const BLANKS: [char; 5] = ['\t', '\x0b', '\x0c', '\r', ' '];

impl<'l> Instruction<'l> {
    fn of(line: &'l JoinedLine, range: Range<usize>, escape: char) -> Self {
        let text = &line.text[range.clone()];
        let start = range.start + (text.len() - text.trim_start().len());
        let text = text.trim();
        let length = text.find(BLANKS).unwrap_or(text.len());
        let behind = &text[length..];
        let at = start + length + (behind.len() - behind.trim_start_matches(BLANKS).len());
        let end = start + text.len();
        let (flags, at) = flags(&line.text, at..end, escape);
        let rest = &line.text[at..end];
        let at = at + (rest.len() - rest.trim_start().len());
        let keyword = text[..length].to_ascii_uppercase();
        Self { line, keyword, start, flags, arguments: at..end, escape }
    }

    /// Returns where the instruction starts in the file.
    fn place(&self) -> usize {
        self.line.word(self.start..self.start).span.start
    }

    /// Returns the words of the arguments.
    fn words<'a>(&self) -> Vec<Word<'a>> {
        let mut at = self.arguments.start;
        let mut words = Vec::new();
        for part in self.line.text[self.arguments.clone()].split(BLANKS) {
            if !part.is_empty() {
                words.push(unquoted(self.line.word(at..at + part.len())));
            }
            at += part.len() + 1;
        }
        words
    }

    /// Returns the values of the flags with this name.
    fn values<'a>(&self, name: &str) -> Vec<Word<'a>> {
        let mut values = Vec::new();
        for flag in &self.flags {
            let Some(value) = flag.text.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')) else {
                continue;
            };
            if !value.is_empty() {
                values.push(self.value(flag, flag.text.len() - value.len()..flag.text.len()));
            }
        }
        values
    }

    /// Returns the images of `--mount=…,from=IMAGE,…`.
    fn mounts<'a>(&self) -> Vec<Word<'a>> {
        let mut found = Vec::new();
        for flag in self.flags.iter().filter(|flag| flag.text.starts_with("--mount=")) {
            let mut at = "--mount=".len();
            let mut is_quoted = false;
            // The fields are those of CSV: a comma in quotes is not one.
            for field in flag.text[at..].split(|c| {
                is_quoted ^= c == '"';
                c == ',' && !is_quoted
            }) {
                let end = at + field.len();
                if let Some((key, value)) = field.split_once('=')
                    && key.trim_start_matches('"').eq_ignore_ascii_case("from")
                    && !value.is_empty()
                {
                    let mut word = self.value(flag, end - value.len()..end);
                    if field.contains('"') {
                        word.value = value.trim_end_matches('"').to_owned().into();
                        word.is_computed = true;
                    }
                    found.push(word);
                }
                at = end + 1;
            }
        }
        found
    }

    fn value<'a>(&self, flag: &Flag, range: Range<usize>) -> Word<'a> {
        if flag.is_plain {
            return self.line.word(flag.range.start + range.start..flag.range.start + range.end);
        }
        let value = flag.text[range].to_owned();
        Word { value: value.into(), is_computed: true, ..self.line.word(flag.range.clone()) }
    }

    /// Returns the instruction behind `ONBUILD`.
    fn inner(&self) -> Self {
        Self::of(self.line, self.arguments.clone(), self.escape)
    }

    fn heredocs(&self) -> Result<Vec<HereDoc>, &'static str> {
        if self.keyword == "ONBUILD" {
            return self.inner().heredocs();
        }
        // In a list of strings there are none.
        let arguments = &self.line.text[self.arguments.clone()];
        let is_list = || serde_json::from_str::<Vec<String>>(arguments).is_ok();
        if !matches!(self.keyword.as_str(), "ADD" | "COPY" | "RUN")
            || !self.line.text.contains("<<")
            || is_list()
        {
            return Ok(Vec::new());
        }
        heredocs(&self.line.text)
    }
}

impl BuildFile<'_> {
    fn add(&mut self, instruction: &Instruction<'_>) -> Result<(), String> {
        let keyword = instruction.keyword.as_str();
        if !INSTRUCTIONS.contains(&keyword) {
            return Err(format!("`{keyword}` is not an instruction"));
        }
        match (keyword, self.stages.last_mut()) {
            ("FROM", _) => {
                let stage = stage(instruction)?;
                self.stages.push(stage);
            }
            ("ARG", None) => self.arguments.extend(arguments(instruction)),
            (_, None) => return Err(format!("`{keyword}` stands before the first `FROM`")),
            ("ARG", Some(stage)) => {
                stage.arguments.extend(arguments(instruction).into_iter().map(|(name, _)| name));
            }
            ("ONBUILD", Some(stage)) => {
                let inner = instruction.inner();
                match inner.keyword.as_str() {
                    keyword @ ("FROM" | "MAINTAINER" | "ONBUILD") => {
                        return Err(format!("`{keyword}` cannot stand behind `ONBUILD`"));
                    }
                    keyword if !INSTRUCTIONS.contains(&keyword) => {
                        return Err(format!("`{keyword}` is not an instruction"));
                    }
                    _ => stage.on_build.add(&inner),
                }
            }
            (_, Some(stage)) => stage.sources.add(instruction),
        }
        Ok(())
    }
}

impl Sources<'_> {
    fn add(&mut self, instruction: &Instruction<'_>) {
        let start = instruction.place();
        let placed = |word| (start, word);
        match instruction.keyword.as_str() {
            "COPY" => self.copies.extend(instruction.values("--from").into_iter().map(placed)),
            "RUN" => self.mounts.extend(instruction.mounts().into_iter().map(placed)),
            _ => {}
        }
    }
}

fn stage<'a>(instruction: &Instruction<'_>) -> Result<BuildStage<'a>, String> {
    let mut words = instruction.words().into_iter();
    let stage = BuildStage {
        start: instruction.place(),
        from: words.next(),
        platform: instruction.values("--platform").pop(),
        ..BuildStage::default()
    };
    match (&stage.from, words.next(), words.next(), words.next()) {
        (Some(_), None, ..) => Ok(stage),
        (Some(_), Some(word), Some(name), None) if word.value.eq_ignore_ascii_case("as") => {
            let is_letter = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
            if !name.value.starts_with(|c: char| c.is_ascii_alphabetic())
                || !name.value.chars().all(is_letter)
            {
                return Err(format!("`{}` cannot be the name of a stage", name.value));
            }
            Ok(BuildStage { name: Some(name), ..stage })
        }
        _ => Err("`FROM` takes an image, or an image, `AS` and a name".to_owned()),
    }
}

/// Returns the names that an `ARG` gives, and what they are by default.
fn arguments<'a>(instruction: &Instruction<'_>) -> Vec<(Word<'a>, Option<Word<'a>>)> {
    let (line, range) = (instruction.line, instruction.arguments.clone());
    let named = |word: Range<usize>| match line.text[word.clone()].find('=') {
        Some(equals) => {
            let equals = word.start + equals;
            let value = unquoted(line.word(equals + 1..word.end));
            (line.word(word.start..equals), Some(value))
        }
        None => (line.word(word), None),
    };
    quoted_words(&line.text, range, instruction.escape).into_iter().map(named).collect()
}

/// Returns where words stand that may have blanks in quotes (`parseWords`).
fn quoted_words(text: &str, range: Range<usize>, escape: char) -> Vec<Range<usize>> {
    let (mut words, mut start, mut quote) = (Vec::new(), None, None);
    let mut letters = text[range.clone()].char_indices();
    while let Some((at, letter)) = letters.next() {
        let at = range.start + at;
        match quote {
            None if letter.is_whitespace() => {
                words.extend(start.take().map(|start| start..at));
                continue;
            }
            None if matches!(letter, '\'' | '"') => quote = Some(letter),
            Some(open) if letter == open => quote = None,
            _ => {}
        }
        start = start.or(Some(at));
        if letter == escape && quote != Some('\'') {
            letters.next();
        }
    }
    words.extend(start.map(|start| start..range.end));
    words
}

/// Takes the quotes away that are around all of a word; says of another with quotes or escapes that it is computed.
fn unquoted(word: Word<'_>) -> Word<'_> {
    if !word.value.contains(['"', '\'', '\\', '`']) {
        return word;
    }
    for quote in ['"', '\''] {
        let inner = word.value.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote));
        if let Some(inner) = inner.filter(|inner| !inner.contains(['"', '\'', '\\', '`'])) {
            let inner = inner.to_owned();
            // Where lines join inside the quotes, the value is not what is written between them.
            let is_computed = word.span.len() != word.value.len();
            return Word { value: inner.into(), quote: Some(quote), is_computed, ..word };
        }
    }
    Word { is_computed: true, ..word }
}

/// Returns the flags at the start of a text, and where its arguments start (`extractBuilderFlags`).
fn flags(line: &str, range: Range<usize>, escape: char) -> (Vec<Flag>, usize) {
    // To BuildKit each byte is a letter of Latin-1.
    let is_space = |byte: u8| matches!(byte, 9..=13 | b' ' | 0x85 | 0xa0);
    let (bytes, escape) = (line.as_bytes(), escape as u8);
    let (mut at, end) = (range.start, range.end);
    let mut flags = Vec::new();
    loop {
        while at < end && is_space(bytes[at]) {
            at += 1;
        }
        if !bytes[at..end].starts_with(b"--") {
            return (flags, boundary(line, at));
        }
        let (start, mut word, mut quote, mut is_plain) = (at, Vec::new(), None, true);
        while at < end {
            let byte = bytes[at];
            match quote {
                None if is_space(byte) => break,
                None if matches!(byte, b'\'' | b'"') => quote = Some(byte),
                Some(open) if byte == open => quote = None,
                _ if byte == escape => {
                    at += 1;
                    word.extend(bytes[..end].get(at));
                    is_plain = false;
                }
                _ => word.push(byte),
            }
            is_plain &= quote.is_none() && byte.is_ascii() && !matches!(byte, b'\'' | b'"');
            at += 1;
        }
        let at_end = at.min(end);
        if word == b"--" {
            return (flags, boundary(line, at_end));
        }
        if !word.is_empty() || !is_plain {
            let text = String::from_utf8_lossy(&word).into_owned();
            let end = boundary(line, at_end);
            flags.push(Flag { is_plain, text, range: start..end });
        }
        at = at_end;
    }
}

/// Returns the start of the character that a byte belongs to, or of the next one.
fn boundary(text: &str, at: usize) -> usize {
    (at..=text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len())
}
