//! The commands of a text, each in its words.

use std::borrow::Cow;
use std::iter::Peekable;
use std::str::Chars;

/// The longest line in which each image is told by its command, in bytes, and the most words in it.
const LINE_MAX: usize = 32 << 10;
const WORDS_MAX: usize = 2_000;

/// How deep commands stand in words of others at most.
const DEPTH_MAX: usize = 8;

/// What stands among the commands where a shell begins another one, and ends it.
pub(super) const OPEN: &str = "(";
pub(super) const CLOSE: &str = ")";

/// Returns the commands of a text, each in its words, with [`OPEN`] and [`CLOSE`] between them, as a shell tells them apart; also those that one gives to another, and those
/// behind a quote that nobody closes, as in a comment. Comments are none. A word that goes on in the next line is one to a shell and two
/// to systemd: both are told.
pub(in super::super) fn commands(text: &str) -> Vec<Vec<String>> {
    let text = squeezed(text);
    let mut all = within(&text, DEPTH_MAX);
    let is_blank = |letter: Option<char>| letter.is_none_or(char::is_whitespace);
    let is_word = |(at, end): (usize, &str)| {
        !is_blank(text[..at].chars().next_back()) && !is_blank(text[at + end.len()..].chars().next())
    };
    if text.match_indices("\\\n").any(is_word) {
        all.extend(within(&text.replace("\\\n", ""), DEPTH_MAX));
    }
    all
}

/// Returns the texts that a script gives to its commands: what stands between `<<END` and `END`.
pub(in super::super) fn here_documents(text: &str) -> impl Iterator<Item = &str> {
    /// How many are read, and how many bytes of each.
    const MAX: usize = 10;
    const LENGTH_MAX: usize = 64 << 10;
    text.match_indices("<<").take(MAX).filter_map(|(at, _)| {
        let rest = text[at + 2..].trim_start_matches(['-', '~', ' ']).trim_start_matches(['"', '\'', '\\']);
        let end = rest.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).next()?;
        let body = rest.split_once('\n').filter(|_| !end.is_empty())?.1;
        let mut length = 0;
        for line in body.split_inclusive('\n').take_while(|line| line.trim() != end) {
            length += line.len();
            if length > LENGTH_MAX {
                return None;
            }
        }
        Some(&body[..length]).filter(|body| !body.is_empty())
    })
}

/// Returns a text without blanks in expressions of pipelines, `${{ … }}`, each of which is a part of one word.
pub(in super::super) fn squeezed(text: &str) -> Cow<'_, str> {
    if !text.contains("${{") {
        return Cow::Borrowed(text);
    }
    let (mut whole, mut rest) = (String::with_capacity(text.len()), text);
    while let Some(start) = rest.find("${{") {
        let Some(end) = rest[start..].find("}}").map(|end| start + end) else { break };
        whole.push_str(&rest[..start]);
        whole.extend(rest[start..end].split_whitespace());
        rest = &rest[end..];
    }
    whole.push_str(rest);
    Cow::Owned(whole)
}

/// Returns the commands of a line that somebody may have written; none where it has more words than anybody reads.
pub(in super::super) fn of_line(line: &str) -> Vec<Vec<String>> {
    let all = if line.len() > LINE_MAX { Vec::new() } else { commands(line) };
    let count: usize = all.iter().map(Vec::len).sum();
    if count > WORDS_MAX { Vec::new() } else { all }
}

/// Skips lines that are comments.
fn skip_comments(letters: &mut Peekable<Chars<'_>>) {
    loop {
        while letters.next_if(|letter| matches!(letter, ' ' | '\t')).is_some() {}
        if letters.peek() != Some(&'#') {
            return;
        }
        while letters.next().is_some_and(|letter| letter != '\n') {}
    }
}

fn within(text: &str, depth: usize) -> Vec<Vec<String>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let (mut quote, mut letters) = (None, text.chars().peekable());
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            (letter, Some(open)) if letter == open => quote = None,
            ('\\', None) => match letters.next() {
                // The command goes on in the next line; to systemd, behind comments.
                Some('\n') => {
                    words.extend(word.take());
                    skip_comments(&mut letters);
                }
                Some(next) => word.get_or_insert_default().push(next),
                None => {}
            },
            (letter, Some(_)) => word.get_or_insert_default().push(letter),
            ('#', None) if word.is_none() => while letters.next_if(|letter| *letter != '\n').is_some() {},
            ('"' | '\'', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            ('\n' | ';' | '|' | '&' | '(' | ')' | '`', None) => {
                words.extend(word.take());
                all.push(std::mem::take(&mut words));
                if matches!(letter, '(' | ')') {
                    all.push(vec![if letter == '(' { OPEN } else { CLOSE }.to_owned()]);
                }
            }
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, None) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    all.push(words);
    // What one program gives to another, such as `ssh`, is a word with words in it.
    let inner =
        all.iter().flatten().filter(|word| depth > 0 && word.contains(' ') && word.len() < text.len());
    let inner: Vec<Vec<String>> = inner.flat_map(|word| within(word, depth - 1)).collect();
    all.extend(inner);
    all.retain(|words| {
        let is_whole = |word: &String| matches!(word.as_str(), OPEN | CLOSE | "popd") || word.contains('=');
        words.len() > 1 || words.first().is_some_and(is_whole)
    });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_goes_on_behind_a_backslash() {
        let run = ["docker", "run", "--rm", "redis"].map(str::to_owned);
        for text in [
            "docker run --rm redis",
            "docker run \\\n  --rm \\\n# why\n  # and why\n  redis",
            "doc\\\nker run --rm re\\\ndis",
            "docker\\\nrun --rm redis",
        ] {
            assert!(commands(text).contains(&run.to_vec()), "{text}");
        }
    }
}
