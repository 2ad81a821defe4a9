//! What a file mentions more often than it did before.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::ops::Range;

use super::before::{FileSwitches, MentionedBefore};
use super::commanded::DEPLOYED;
use super::commands;
use super::digests;
use super::holdings::{Holdings, meanings};
use super::mention::{Mention, Mentioned};
use super::names;
use super::outline::Names;
use super::read_by_name::is_environment;
use super::reader::{Reader, Text};
use super::sections;
use crate::manifest::formats::catalogue::{BUILT_IN, Catalogue};
use crate::manifest::source_range::SourceRange;
use crate::manifest::syntax::lines::Positions;
use crate::manifest::syntax::source::text_of;

/// What a file mentions since a change.
#[derive(Debug, Default)]
pub struct NewMentions {
    /// What it mentions more often than before, in the order of the file.
    pub found: Vec<Mention>,
    /// The names that it says less often than before.
    pub dropped: Vec<String>,
    /// The names that it says more often.
    pub named: Vec<String>,
    /// Those that it said before and says now.
    pub kept: Vec<String>,
    /// The images that ran where they stood, and stand there no longer: a part of the same file may have them since.
    pub gone: Vec<Mentioned>,
}

impl NewMentions {
    /// Returns what stands for those of a file that cannot be read: anything may be in it.
    pub fn unread() -> Self {
        Self { found: vec![Mention::of_file(Mentioned::Unread(String::new()))], ..Self::default() }
    }
}

/// Returns what the file at the path `file` mentions more often than its bytes of `before` do, but for lost digests; nothing where
/// its bytes are no text.
pub fn new_mentions(file: &str, before: Option<&[u8]>, now: &[u8], catalogue: &Catalogue) -> NewMentions {
    let mut known = MentionedBefore::default();
    let mut names_before: HashMap<u64, String> = HashMap::new();
    let mut images_before: Vec<(u64, Mentioned)> = Vec::new();
    let before = before.map(readable);
    let before = before.as_deref().and_then(|bytes| text_of(bytes).ok()).map(|text| asked_of(file, text));
    if let Some(text) = &before {
        let switches = FileSwitches::of(file, text);
        let mut take = |what: Mentioned, at: &Text<'_>, path: String, _: Range<usize>| {
            let key = key(&what, &path, at);
            let off = switches.off(at.document, &path);
            if matches!(what, Mentioned::Image(_)) && off.is_empty() && !is_for_others(&path) {
                images_before.push((key, what.clone()));
            }
            known.add(key, off);
            // What was only looked at leads to nothing that ran.
            if let Mentioned::Name { word, target } = what
                && !target.ends_with(names::LOOKED_AT)
            {
                names_before.insert(key, word);
            }
        };
        Reader::new(file, catalogue, &mut take).read(text);
    }
    let now = &*readable(now);
    let Ok(text) = text_of(now) else { return NewMentions::default() };
    let offset = now.len() - text.len();
    let text = &*asked_of(file, text);
    let mut said = HashSet::new();
    let mut found: Vec<Unplaced> = Vec::new();
    let switches = FileSwitches::of(file, text);
    let mut take = |what: Mentioned, at: &Text<'_>, path: String, span: Range<usize>| match () {
        () if known.take(key(&what, &path, at), &switches.off(at.document, &path)) => {}
        // What is meant by a name is meant once.
        _ if matches!(what, Mentioned::Name { .. }) && !said.insert(key(&what, &path, at)) => {}
        // All that lies in a directory was given to a command before, and a part of the file was taken by another one.
        _ if matches!(&what, Mentioned::Name { word, .. } if is_whole(word))
            && known.had(key(&what, &path, at), &switches.off(at.document, &path)) => {}
        // More than anybody looks through: said once, below.
        _ if found.len() >= FOUND_MAX => {}
        _ => {
            let (document, in_object, in_text) = (at.document, at.in_object, at.depth > 0);
            let span = narrowed(text, &what, span);
            found.push(Unplaced { what, document, in_object, in_text, path, span });
        }
    };
    Reader::new(file, catalogue, &mut take).read(text);
    if found.len() >= FOUND_MAX {
        let (what, path) = (Mentioned::packed(""), String::new());
        found.push(Unplaced { what, document: 0, in_object: false, in_text: false, path, span: 0..0 });
    }
    // What is let run is the same name, and not another one.
    let is_dropped = |key: &u64| known.has(*key) && !said.contains(key);
    let (dropped, kept): (Vec<_>, Vec<_>) = names_before.into_iter().partition(|(key, _)| is_dropped(key));
    let [dropped, kept] = [dropped, kept].map(|names| names.into_iter().map(|(_, name)| name).collect());
    images_before.retain(|(key, _)| known.has(*key));
    let gone = images_before.into_iter().map(|(_, image)| image).collect();
    let named = found.iter().filter_map(|found| match &found.what {
        Mentioned::Name { word, .. } => Some(word.clone()),
        _ => None,
    });
    let named = named.collect();
    NewMentions { found: placed(found, text, offset), dropped, named, kept, gone }
}

/// Returns whether what stands at a pointer runs only where something else names it, as hidden jobs and executors do.
fn is_for_others(path: &str) -> bool {
    const HOLDERS: [&str; 5] = ["anchors", "commands", "definitions", "executors", "templates"];
    let first = path.split('/').nth(1).unwrap_or_default();
    first.starts_with('.') || first.starts_with("x-") || HOLDERS.contains(&first)
}

/// Returns whether a name means the same to all who say it: a directory, or a part of the file itself.
fn is_whole(word: &str) -> bool {
    word.starts_with('#') || commands::directory_named(word).is_some()
}

/// Returns where in a text that was read as a whole something is said.
fn narrowed(text: &str, what: &Mentioned, span: Range<usize>) -> Range<usize> {
    let said = match what {
        Mentioned::Image(said) | Mentioned::Perhaps(said) | Mentioned::Remote(said) => said,
        Mentioned::Name { word, .. } => {
            commands::directory_named(word).map_or(word.as_str(), |(directory, _)| directory)
        }
        _ => return span,
    };
    let at = text.find(said).filter(|_| span == (0..text.len()) && !said.is_empty());
    at.map_or(span, |at| at..at + said.len())
}

/// Returns what commands in the file at `path` deploy of directories, and the patterns by which deployers take files, as they may be
/// seen from there.
pub fn commanded(path: &str, bytes: &[u8]) -> Vec<CommandedFiles> {
    /// Keys of patterns that tools take files by: GitLab, Ansible, helmfile, Skaffold.
    const TAKING: [&str; 6] = ["helmfiles", "include", "local", "manifests", "rawYaml", "with_fileglob"];
    let Ok(text) = text_of(bytes) else { return Vec::new() };
    let mut found = Vec::new();
    if commands::may_deploy(text) || text.contains("*.") {
        let mut take = |what: Mentioned, _: &Text<'_>, at: String, _: Range<usize>| {
            let Mentioned::Name { word, target } = what else { return };
            if let Some((directory, ending)) = commands::directory_named(&word) {
                let named = meanings(path, directory);
                found.extend(named.map(|path| CommandedFiles { path, taken: TakenFiles::Ending(ending) }));
                return;
            }
            let key = at.rsplit('/').find(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
            if word.contains('*')
                && (target.contains(DEPLOYED) || key.is_some_and(|key| TAKING.contains(&key)))
            {
                let named = meanings(path, &word);
                found.extend(named.map(|path| CommandedFiles { path, taken: TakenFiles::Pattern }));
            }
        };
        Reader::new(path, &BUILT_IN, &mut take).read(text);
    }
    for pattern in filesets(text) {
        let named = meanings(path, &pattern);
        found.extend(named.map(|path| CommandedFiles { path, taken: TakenFiles::Pattern }));
    }
    found
}

/// Returns the patterns by which a module of Terraform takes files: `fileset("${path.module}/live", "*.yaml")`.
fn filesets(text: &str) -> impl Iterator<Item = String> {
    text.match_indices("fileset(").filter_map(|(at, call)| {
        let (directory, rest) = text[at + call.len()..].split_once(',')?;
        let pattern = rest.split('"').nth(1)?;
        let directory = directory.trim().trim_matches('"').replace("${path.module}", "");
        let directory = directory.trim_start_matches("path.module").trim_matches(['/', '.']);
        Some(if directory.is_empty() { pattern.to_owned() } else { format!("{directory}/{pattern}") })
    })
}

/// Files that commands deploy together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CommandedFiles {
    /// The path of their directory below the root, or the pattern.
    pub path: String,
    taken: TakenFiles,
}

/// What is taken of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum TakenFiles {
    /// What an ending behind the name of a directory says.
    Ending(&'static str),
    /// What it is a pattern of.
    Pattern,
}

impl CommandedFiles {
    /// Returns whether the file at `path` is deployed with them, where they are those of a directory.
    pub fn takes(&self, path: &str) -> bool {
        let TakenFiles::Ending(ending) = self.taken else { return false };
        let below = path.strip_prefix(&self.path).and_then(|rest| rest.strip_prefix('/'));
        below.is_some_and(|below| commands::is_taken(ending, below))
    }

    /// Returns the pattern that they fit, where they are told by one.
    pub fn pattern(&self) -> Option<&str> {
        (self.taken == TakenFiles::Pattern).then_some(&self.path)
    }
}

/// Returns the digests that the file at `path` had before and has no longer, its own and those of what it names.
pub fn lost_digests(path: &str, before: &[u8], now: &[u8], names: (Names<'_>, Names<'_>)) -> Vec<Mention> {
    let (before, now) = (readable(before), readable(now));
    let (Ok(before), Ok(text)) = (text_of(&before), text_of(&now)) else { return Vec::new() };
    let offset = now.len() - text.len();
    let (before, text) = (asked_of(path, before), &*asked_of(path, text));
    let lost = digests::lost(path, (&before, names.0), (text, names.1)).into_iter().map(|gone| {
        let what = Mentioned::LostDigest { text: gone.text, only_for: gone.only_for, asked: gone.asked };
        let (path, span) = (gone.path, gone.span);
        Unplaced { what, document: 0, in_object: false, in_text: false, path, span }
    });
    placed(lost.collect(), text, offset)
}

/// Returns the digests that reached an object of the file at `path` by a name or a label that it has no longer, and by none of those
/// that it has since: those of a patch whose target it was. The bytes of a file of before are what `read` returns.
pub fn lost_by_name(
    path: &str,
    (dropped, new): (&[String], &[String]),
    (before, now): (&Holdings, &Holdings),
    read: impl Fn(&str) -> Option<Vec<u8>>,
) -> Vec<Mention> {
    let all = |held: &Holdings, name: &String| -> HashSet<String> {
        let words = held.digests(path, name).into_iter().flat_map(|word| {
            let file = read(&word).filter(|_| !word.contains('@'));
            let inner = file.and_then(|bytes| Some(digests::all(&word, text_of(&bytes).ok()?)));
            inner.unwrap_or_else(|| [word].into())
        });
        words.collect()
    };
    let names = dropped.iter().filter(|name| sections::is_identity(name));
    let kept: HashSet<String> =
        new.iter().filter(|name| sections::is_identity(name)).flat_map(|name| all(now, name)).collect();
    let lost = names.filter_map(|name| {
        let mut images: Vec<String> = all(before, name).difference(&kept).cloned().collect();
        images.sort_unstable();
        let text = images.iter().find(|image| image.contains("sha256:"))?.clone();
        Some(Mention::of_file(Mentioned::LostDigest { text, only_for: Some(images), asked: None }))
    });
    lost.collect()
}

/// Returns the bytes of a script or a manifest in another encoding with its foreign letters blank, and their places kept: what runs is
/// written in letters that every encoding has. What is mostly something else is no text.
fn readable(bytes: &[u8]) -> Cow<'_, [u8]> {
    let is_foreign = |byte: &u8| !byte.is_ascii() || *byte == 0;
    if text_of(bytes).is_ok() || bytes.iter().filter(|byte| is_foreign(byte)).count() > bytes.len() / 8 {
        return Cow::Borrowed(bytes);
    }
    let mut text = bytes.to_vec();
    text.iter_mut().filter(|byte| is_foreign(byte)).for_each(|byte| *byte = b' ');
    Cow::Owned(text)
}

/// Returns what of a text is asked: of the environment of a Compose project which files it is made of, with the rest blank.
/// Its other variables are known where Compose takes them.
fn asked_of<'t>(path: &str, text: &'t str) -> Cow<'t, str> {
    if !is_environment(path) {
        return Cow::Borrowed(text);
    }
    let lines = text.split_inclusive('\n').map(|line| match line.starts_with("COMPOSE_FILE=") {
        true => Cow::Borrowed(line),
        false => Cow::Owned(" ".repeat(line.trim_end().len()) + &line[line.trim_end().len()..]),
    });
    Cow::Owned(lines.collect())
}

/// Returns what is mentioned in a text that starts at `offset` in its file, with the lines.
fn placed(mut found: Vec<Unplaced>, text: &str, offset: usize) -> Vec<Mention> {
    found.sort_by_key(|found| found.span.start);
    let mut lines = Positions::new(text);
    // All that stands in a text has the place of the text.
    let mut last: Option<SourceRange> = None;
    let mentions = found.into_iter().map(|Unplaced { what, document, in_object, in_text, path, span }| {
        let in_file = span.start + offset..span.end + offset;
        let place = last.take().filter(|last| last.span == in_file).unwrap_or_else(|| {
            let (line, column) = lines.position(span.start);
            let (end_line, end_column) = lines.clone().position(span.end);
            SourceRange { span: in_file, line, column, end_line, end_column }
        });
        last = Some(place.clone());
        Mention { what, document, path, place, in_object, in_text }
    });
    mentions.collect()
}

/// How much of a file is told at most; one with more counts as packed.
const FOUND_MAX: usize = 200_000;

/// What is mentioned, before its line is counted.
struct Unplaced {
    what: Mentioned,
    document: usize,
    in_object: bool,
    in_text: bool,
    path: String,
    span: Range<usize>,
}

/// Returns what is the same for the same thing at the same place, run or only said, however the lists around it grow. A value is the same
/// wherever it stands: its name says what it is for.
fn key(what: &Mentioned, path: &str, at: &Text<'_>) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    at.is_run.get().hash(&mut hasher);
    if !matches!(what, Mentioned::Value { .. } | Mentioned::Name { .. }) {
        let keys = path.split('/').filter(|key| !key.bytes().all(|byte| byte.is_ascii_digit()));
        keys.for_each(|key| key.hash(&mut hasher));
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::super::mention::ValueForm;
    use super::*;
    use crate::manifest::formats::catalogue::BUILT_IN;

    #[test]
    fn expressions_are_values() {
        let text = b"locals {\n  ref = join(\":\", [\"nginx\", \"1.27\"])\n}\n";
        let found = new_mentions("l.tf", None, text, &BUILT_IN).found;
        let value = Mentioned::Value {
            name: "ref".to_owned(),
            value: "join(\":\",[\"nginx\",\"1.27\"])".to_owned(),
            form: ValueForm::Key,
        };
        assert!(found.iter().any(|mention| mention.what == value), "{found:?}");
    }
}
