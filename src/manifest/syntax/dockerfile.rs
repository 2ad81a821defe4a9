//! Dockerfiles as a tree of nodes with byte spans: `/syntax`, `/args/NAME/default`, `/stages/0/from`,
//! `/stages/0/copy/0/from`, `/stages/0/mount/0/from`, and the same below `/stages/0/onbuild`. The rest of a file names no
//! image and is not in the tree.
//!
//! The rules are those of BuildKit (`frontend/dockerfile/parser` and `instructions`, v0.34): what it refuses may be read
//! here, what it takes is read as it reads it.

mod instructions;
mod lines;
mod second_reading;
mod shell_words;

use std::ops::Range;

use instructions::{BuildFile, BuildStage, Sources};
use lines::Word;

use super::build::{EXPRESSION, Value, ValueShape};
use super::definition::{Syntax, TemplateSigns};
use super::language::Language;
use super::tree::{Fault, ScalarStyle, SyntaxError, SyntaxTree};
use crate::manifest::unread::UnreadReason;

pub(super) static SYNTAX: Syntax = Syntax {
    matches,
    is_in,
    format: Some("dockerfile"),
    parse,
    parse_chunks: None,
    compare: second_reading::compare,
    has_trailing_comments: false,
    may_be_binary: false,
    malformed: UnreadReason::NotDockerfile,
    template: TemplateSigns::OnLine(&["{{", "{%", "<%"]),
};

/// The largest file that is read, in bytes: far more than anybody writes.
const SIZE_MAX: usize = 2 * 1024 * 1024;

/// Returns whether a file is called like a Dockerfile: `Dockerfile`, `Containerfile`, with something before or behind a
/// dot, a dash or an underscore. What is written about them has its own extension; `Dockerfile.py` is one for Python, and
/// `dockerfile.py` a program.
fn matches(path: &str) -> bool {
    const TEXTS: [&str; 6] = ["adoc", "dockerignore", "html", "md", "rst", "svg"];
    const PROGRAMS: [&str; 16] = [
        "bash", "c", "cpp", "cs", "go", "java", "js", "json", "php", "ps1", "py", "rb", "rs", "sh", "ts",
        "tsx",
    ];
    const NAMES: [&str; 4] = ["Dockerfile", "dockerfile", "Containerfile", "containerfile"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let (_, extension) = name.rsplit_once('.').unwrap_or_default();
    let is_named = NAMES.into_iter().any(|word| {
        let rest = name.strip_prefix(word);
        extension == word || rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '_']))
    });
    // `DockerfileInit`, `proxyDockerfile`
    let is_joined = ["Dockerfile", "Containerfile"].into_iter().any(|word| {
        let rest = name.strip_prefix(word).or_else(|| name.strip_suffix(word));
        rest.is_some_and(|rest| {
            !name.contains('.')
                && (name.ends_with(word) || rest.starts_with(|c: char| c.is_ascii_uppercase()))
        })
    });
    let is_program = PROGRAMS.contains(&extension) && !name.starts_with(['D', 'C']);
    (is_named || is_joined) && !TEXTS.contains(&extension) && !is_program
}

fn is_in(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    instructions::starts_like_one(&String::from_utf8_lossy(bytes))
}

fn parse(text: &str) -> SyntaxTree<'_> {
    let error = |line, message, fault| Err(SyntaxError { line, message, fault });
    if text.len() > SIZE_MAX {
        let message = format!("{} bytes of a Dockerfile, more than {SIZE_MAX}", text.len());
        return SyntaxTree::planted(
            text,
            Language::Dockerfile,
            error(1, message, Fault::TooLarge),
            Vec::new(),
        );
    }
    match instructions::read(text) {
        Ok((file, comments)) => {
            SyntaxTree::planted(text, Language::Dockerfile, Ok(planted(file, text.len())), comments)
        }
        Err((line, message)) => {
            SyntaxTree::planted(text, Language::Dockerfile, error(line, message, Fault::Syntax), Vec::new())
        }
    }
}

fn planted(file: BuildFile<'_>, length: usize) -> Value<'_> {
    let mut root = Vec::new();
    if let Some(syntax) = file.syntax {
        root.push((key("syntax", 0), scalar(syntax)));
    }
    let arguments = file.arguments.into_iter().map(|(name, default)| {
        let (start, end) = (name.span.start, name.span.end);
        let default = default.map(|default| (key("default", start), scalar(default)));
        (scalar(name), mapping(start..end, default.into_iter().collect()))
    });
    root.push((key("args", 0), mapping(0..0, arguments.collect())));
    root.push((key("stages", 0), sequence(file.stages.into_iter().map(stage).collect())));
    mapping(0..length, root)
}

fn stage(stage: BuildStage<'_>) -> Value<'_> {
    let start = stage.start;
    let mut entries = Vec::new();
    for (name, word) in [("from", stage.from), ("platform", stage.platform), ("name", stage.name)] {
        entries.extend(word.map(|word| (key(name, start), scalar(word))));
    }
    let arguments: Vec<_> = stage.arguments.into_iter().map(scalar).collect();
    if !arguments.is_empty() {
        entries.push((key("args", start), sequence(arguments)));
    }
    entries.extend(sources(stage.sources, start));
    let on_build = sources(stage.on_build, start);
    if !on_build.is_empty() {
        entries.push((key("onbuild", start), mapping(start..start, on_build)));
    }
    mapping(start..start, entries)
}

fn sources(sources: Sources<'_>, start: usize) -> Vec<(Value<'_>, Value<'_>)> {
    let kinds = [("copy", sources.copies), ("mount", sources.mounts)];
    let kinds = kinds.into_iter().filter(|(_, words)| !words.is_empty());
    kinds.map(|(kind, words)| (key(kind, start), sequence(words.into_iter().map(source).collect()))).collect()
}

fn source((start, word): (usize, Word<'_>)) -> Value<'_> {
    mapping(word.span.clone(), vec![(key("from", start), scalar(word))])
}

fn scalar(word: Word<'_>) -> Value<'_> {
    let style = match word.quote {
        Some('"') => ScalarStyle::Double,
        Some(_) => ScalarStyle::Single,
        None => ScalarStyle::Plain,
    };
    let tag = if word.is_computed { EXPRESSION } else { "" };
    Value { span: word.span, shape: ValueShape::Scalar { value: word.value, style, tag } }
}

/// Returns a key that is not written, at the start of what it is about.
fn key(name: &'static str, at: usize) -> Value<'static> {
    Value::key(at..at, name)
}

fn mapping<'a>(span: Range<usize>, entries: Vec<(Value<'a>, Value<'a>)>) -> Value<'a> {
    Value { span, shape: ValueShape::Mapping(entries) }
}

fn sequence(items: Vec<Value<'_>>) -> Value<'_> {
    Value { span: 0..0, shape: ValueShape::Sequence(items) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns every image of a file, with its path and its source.
    fn images(text: &str) -> Vec<(String, &str)> {
        let tree = parse(text);
        let words = (0..tree.nodes.len())
            .filter(|node| matches!(tree.key_of(*node), Some("from" | "default" | "syntax")));
        let found = words.filter(|node| tree.text_of(*node).is_some());
        found.map(|node| (tree.pointer(node), &text[tree.nodes[node].span()])).collect()
    }

    #[test]
    fn images_are_found_where_buildkit_finds_them() {
        for (text, expected) in [
            ("FROM a:1", &[("/stages/0/from", "a:1")][..]),
            ("from --platform=$X  \"a:1\"\t as B\r\n", &[("/stages/0/from", "\"a:1\"")]),
            ("# syntax = \n# escape = `\nFROM `\n a", &[("/stages/0/from", "a")]),
            ("\u{20}# syntax=x\n# a=b\nFROM a", &[("/stages/0/from", "a")]),
            ("# Syntax = d/f:1 y\n# escape=`\nFROM `\n a", &[("/syntax", "d/f:1"), ("/stages/0/from", "a")]),
            (
                "ARG A=b:1 C \"D=e\" F='g'\nFROM $A",
                &[
                    ("/args/A/default", "b:1"),
                    ("/args/\"D/default", "e\""),
                    ("/args/F/default", "'g'"),
                    ("/stages/0/from", "$A"),
                ],
            ),
            (
                "FROM a \\\n# FROM b\n\n  AS c\nCOPY --chown=1 --from=d:1 --from /x /y\n",
                &[("/stages/0/from", "a"), ("/stages/0/copy/0/from", "d:1")],
            ),
            (
                "FROM a\nRUN --mount=type=bind,From=b:1,target=/x --mount=from=c true",
                &[
                    ("/stages/0/from", "a"),
                    ("/stages/0/mount/0/from", "b:1"),
                    ("/stages/0/mount/1/from", "c"),
                ],
            ),
            (
                "FROM a\nRUN cat <<-E <<'F' \\\n > x\nFROM b\n\tE\nFROM c\nF\nONBUILD COPY --from=d . .",
                &[("/stages/0/from", "a"), ("/stages/0/onbuild/copy/0/from", "d")],
            ),
            ("FROM a\nRUN [\"a\", \"<<E\"]\nFROM b", &[("/stages/0/from", "a"), ("/stages/1/from", "b")]),
        ] {
            let expected: Vec<_> =
                expected.iter().map(|(path, source)| ((*path).to_owned(), *source)).collect();
            assert_eq!(images(text), expected, "{text:?}");
        }
    }

    #[test]
    fn what_buildkit_refuses_is_an_error() {
        for text in [
            "FROM",
            "FROM a b",
            "FROM a AS 1",
            "RUN x",
            "ARG a",
            "FROM a\nFORM b",
            "FROM a\nRUN <<E\nx",
            "FROM a\nONBUILD FROM b",
            "# escape=x\nFROM a",
            "# syntax=a\n# syntax=b\nFROM a",
        ] {
            let error = parse(text).documents[0].error.clone();
            assert!(error.is_some_and(|error| error.fault == Fault::Syntax), "{text:?}");
        }
    }

    #[test]
    fn names_and_first_lines_tell_dockerfiles() {
        for name in [
            "Dockerfile",
            "a/dockerfile",
            "Containerfile",
            "api.Dockerfile",
            "Dockerfile.prod",
            "Dockerfile-x",
            "a.containerfile",
            "DockerfileInit",
            "proxyDockerfile",
        ] {
            assert!(matches(name), "{name}");
        }
        for name in [
            "Dockerfile.dockerignore",
            "dockerfile.go",
            "Dockerfiles",
            "mydockerfile",
            "Dockerfile/x",
            "dockerfile-parser.ts",
        ] {
            assert!(!matches(name), "{name}");
        }
        for (text, is_one) in [
            ("# c\n\nfrom a", true),
            ("\u{feff}FROM a", true),
            ("FR\\\nOM a", true),
            ("{% if x %}\nFROM a", true),
            ("//syntax=a/b:1\nx: y", true),
            ("# Dockerfiles\n\nThey say where to start FROM.", false),
            ("", false),
        ] {
            assert_eq!((SYNTAX.is_in)(text.as_bytes()), is_one, "{text:?}");
        }
    }
}
