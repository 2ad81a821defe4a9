//! The conditions of a chart's template: which bytes come out only where some value says so.

use std::ops::Range;

use super::switch::{Sense, sense};

/// A condition around a part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) range: Range<usize>,
    /// The values that it asks for, as JSON pointers in lower case.
    pub(super) values: Vec<String>,
    pub(super) asks: Asks,
}

/// What a condition asks of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// That it is there and not no.
    Yes,
    /// That it is not.
    No,
    /// Something about what it is.
    What,
}

/// Stands before what a condition asks of the release and of the cluster, which deployers say.
pub(super) const ABOUT_RELEASE: &str = "(release) ";

/// Stands before a condition that asks about nothing but what is written in it.
pub(super) const WRITTEN: &str = "(written) ";

struct OpenBlock<'t> {
    head: &'t str,
    word: &'t str,
    start: usize,
    is_else: bool,
    /// Where the values of a `with` or `range` are.
    context: String,
}

/// Returns the conditions in `text`: of blocks, and of documents that a value turns off, as `replicas: {{ .Values.x }}` does.
pub(super) fn of_template(text: &str) -> Vec<Condition> {
    let (mut found, mut open): (Vec<Condition>, Vec<OpenBlock<'_>>) = (of_settings(text), Vec::new());
    let mut at = 0;
    while let Some(start) = text[at..].find("{{").map(|start| at + start) {
        let Some(end) = text[start..].find("}}").map(|end| start + end + 2) else { break };
        let action = text[start + 2..end - 2].trim_matches('-').trim();
        let (word, head) = action.split_once(char::is_whitespace).unwrap_or((action, ""));
        let context = open.last().map(|open| open.context.clone()).unwrap_or_default();
        match word {
            "if" | "with" | "range" => {
                let values = values(head, &context);
                let context = match (word, values.as_slice()) {
                    ("with" | "range", [value]) => value.clone(),
                    _ => context,
                };
                open.push(OpenBlock { head, word, start: end, is_else: false, context });
            }
            "define" | "block" => {
                open.push(OpenBlock { head: "", word: "define", start: end, is_else: false, context });
            }
            "else" => {
                if let Some(before) = open.pop() {
                    let outer = open.last().map(|open| open.context.clone()).unwrap_or_default();
                    found.extend(condition(&before, start, &outer));
                    let head = match head.strip_prefix("if").or(head.strip_prefix("with")) {
                        Some(more) if more.starts_with(char::is_whitespace) => more.trim(),
                        _ => "",
                    };
                    let is_else = head.is_empty();
                    let head = if is_else { before.head } else { head };
                    open.push(OpenBlock { head, word: before.word, start: end, is_else, context: outer });
                }
            }
            "end" => {
                if let Some(before) = open.pop() {
                    let outer = open.last().map(|open| open.context.clone()).unwrap_or_default();
                    found.extend(condition(&before, start, &outer));
                }
            }
            _ => {}
        }
        at = end;
    }
    found
}

/// Returns the conditions of the documents whose own switches values are put into.
fn of_settings(text: &str) -> Vec<Condition> {
    let (mut found, mut start) = (Vec::new(), 0);
    for document in text.split("\n---") {
        let range = start..start + document.len();
        start = range.end + "\n---".len();
        for line in document.lines().filter(|line| line.contains("{{")) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let Some((sense, _)) = sense(key.trim().trim_start_matches("- ")) else { continue };
            let action = value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
            let Some(action) = action.filter(|action| !action.contains("}}")) else { continue };
            let values = values(action.trim_matches('-').trim(), "");
            let asks = if sense == Sense::Off { Asks::No } else { Asks::Yes };
            found.extend((values.len() == 1).then(|| Condition { range: range.clone(), values, asks }));
        }
    }
    found
}

fn condition(open: &OpenBlock<'_>, end: usize, outer: &str) -> Option<Condition> {
    let values = values(open.head, outer);
    if values.is_empty() {
        let is_written =
            |word: &str| !word.starts_with(['.', '$']) && word != "include" && word != "template";
        let is_static = open.word == "if" && words(open.head).all(is_written);
        let asked = format!("{}{} ", if open.is_else { "else of " } else { "" }, open.head.trim());
        return is_static.then(|| Condition {
            range: open.start..end,
            values: vec![format!("{WRITTEN}{}", asked.trim_end())],
            asks: Asks::What,
        });
    }
    let has = |word: &str| words(open.head).any(|other| other == word);
    let compares = ["eq", "ne", "lt", "le", "gt", "ge", "has", "contains", "hasPrefix", "regexMatch"];
    let asks = if compares.iter().any(|word| has(word)) {
        Asks::What
    } else if has("not") != open.is_else {
        Asks::No
    } else {
        Asks::Yes
    };
    Some(Condition { range: open.start..end, values, asks })
}

fn words(head: &str) -> impl Iterator<Item = &str> {
    head.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|')).filter(|word| !word.is_empty())
}

/// Returns the values that are asked for in a head.
fn values(head: &str, context: &str) -> Vec<String> {
    let pointer = |names: &str| format!("/{}", names.replace('.', "/")).to_lowercase();
    let value = |word: &str| {
        // The root may have another name, as inside of a `range`.
        if let Some((_, names)) = word.split_once(".Values.").filter(|(root, _)| is_root(root)) {
            return Some(pointer(names));
        }
        let word = word.trim_start_matches('$');
        for about in ["Release", "Capabilities"] {
            let asked = word.strip_prefix('.').and_then(|word| word.strip_prefix(about)?.strip_prefix('.'));
            if let Some(asked) = asked {
                return Some(format!("{ABOUT_RELEASE}{}", asked.to_lowercase()));
            }
        }
        let names = word.strip_prefix('.').filter(|_| !context.is_empty())?;
        let is_own = |name: &&str| names.split('.').next() == Some(*name);
        let others = ["Values", "Release", "Chart", "Capabilities", "Files", "Template"];
        (!others.iter().any(is_own) && !names.is_empty()).then(|| format!("{context}{}", pointer(names)))
    };
    // `(.Values.a).b`
    let head = head.replace(").", ".");
    let mut found: Vec<String> = words(&head).filter_map(value).collect();
    // `index .Values.a "b" "c"`, `get .Values.a "b"`
    for function in ["index ", "get ", "hasKey "] {
        let Some((_, rest)) = head.split_once(function) else { continue };
        let Some((root, above)) = rest.split_whitespace().next().and_then(|word| word.split_once(".Values"))
        else {
            continue;
        };
        let above = above.trim_start_matches('.').trim_end_matches(')');
        let names = rest.split('"').skip(1).step_by(2);
        let names: Vec<&str> = [above].into_iter().filter(|above| !above.is_empty()).chain(names).collect();
        if is_root(root) && names.len() > usize::from(!above.is_empty()) {
            found.retain(|found| *found != pointer(above));
            found.push(pointer(&names.join(".")));
        }
    }
    found
}

/// Returns whether what stands before `.Values` is what a chart's templates get: nothing, `$`, a variable for it.
fn is_root(word: &str) -> bool {
    word.strip_prefix('$').unwrap_or(word).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_condition_stands_around_what_it_is_about() {
        let text = "a{{- if .Values.x.y }}b{{ else }}c{{ end }}{{ with .Values.z }}{{ if not .w }}d{{ end }}{{ end }}{{ if eq $.Values.m \"n\" }}e{{ end }}";
        let of = |letter: char| {
            let at = text.rfind(letter).unwrap();
            let all = of_template(text).into_iter().filter(|it| it.range.contains(&at));
            all.map(|it| (it.values.join(" "), it.asks)).collect::<Vec<_>>()
        };
        let told = |value: &str, asks| (value.to_owned(), asks);
        assert_eq!(of('b'), [told("/x/y", Asks::Yes)]);
        assert_eq!(of('c'), [told("/x/y", Asks::No)]);
        assert_eq!(of_template(text).iter().filter(|it| it.values == ["/z/w"]).count(), 1);
        assert_eq!(of_template(text).last().map(|it| it.asks), Some(Asks::What));
        assert_eq!(of_template("{{ if .Values.x }}a"), []);
        for (head, value) in [
            ("(.Values.a).b", "/a/b"),
            ("$root.Values.a.b", "/a/b"),
            ("index .Values.a \"b\" \"c\"", "/a/b/c"),
            ("index $.Values \"a\" \"b\"", "/a/b"),
            ("get .Values.a \"b\"", "/a/b"),
        ] {
            let found = of_template(&format!("{{{{ if {head} }}}}x{{{{ end }}}}"));
            assert_eq!(found.first().map(|it| it.values.clone()), Some(vec![value.to_owned()]), "{head}");
        }
        let found = of_template(
            "a: b\n---\nreplicas: {{ .Values.old.count | default 0 }}\n---\nsuspend: {{ .Values.off }}",
        );
        let told: Vec<_> =
            found.into_iter().map(|it| (it.range.start, it.values.join(" "), it.asks)).collect();
        assert_eq!(told, [(8, "/old/count".to_owned(), Asks::Yes), (58, "/off".to_owned(), Asks::No)]);
        let release = &of_template("{{ if eq .Release.Namespace \"a\" }}b{{ end }}")[0];
        assert_eq!(release.values, ["(release) namespace"]);
    }
}
