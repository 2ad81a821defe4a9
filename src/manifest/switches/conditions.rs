//! The conditions of a chart's template: which bytes come out only where some value says so.

use std::ops::Range;

use super::boolean::{Boolean, boolean};
use super::switch_words::{Sense, is_off, sense};
use super::template_names::{Defined, MADE, TemplateNames, balanced};
use crate::manifest::deploy::{WrittenAction, written_actions};

/// A condition around a part of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Condition {
    pub(super) range: Range<usize>,
    /// The values that it asks for, as JSON pointers in lower case, and what it asks of each: one that is as asked is enough.
    pub(super) asked: Vec<AskedValue>,
}

/// A value, and what is asked of it.
pub(super) type AskedValue = (String, Asks);

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

/// Stands before what a condition asks of `Chart.yaml`.
pub(super) const ABOUT_CHART: &str = "(chart) ";

/// Stands before a condition that asks about nothing but what is written in it.
pub(super) const WRITTEN: &str = "(written) ";

/// The longest JSON pointer that names are seen from, in bytes: blocks stand in each other without end.
const CONTEXT_MAX: usize = 1_000;

struct OpenBlock<'t> {
    /// What is asked; nothing behind the last `else`.
    head: Option<&'t str>,
    /// What was asked before, and is not so.
    before: Vec<&'t str>,
    word: &'t str,
    start: usize,
    /// Where the values of a `with` or `range` are.
    context: String,
}

/// Returns the conditions in `text`: of blocks, and of documents that a value turns off, as `replicas: {{ .Values.x }}` does.
/// The `named` are what its chart defines, by their names.
pub(super) fn of_template(text: &str, named: &Defined) -> Vec<Condition> {
    with_names(text, &TemplateNames::of(text, named))
}

/// Does what [`of_template`] does where the names in the text stand for these.
pub(super) fn with_names(text: &str, names: &TemplateNames<'_>) -> Vec<Condition> {
    let (mut found, mut open): (Vec<Condition>, Vec<OpenBlock<'_>>) = (of_settings(text, names), Vec::new());
    let documents: Vec<usize> = text.match_indices("\n---").map(|(at, _)| at).collect();
    for WrittenAction { place: Range { start, end }, word, head, .. } in written_actions(text) {
        let context = open.last().map(|open| open.context.clone()).unwrap_or_default();
        match word {
            "if" | "with" | "range" => {
                let values = values(&names.resolved(head), &context);
                let context = match (word, values.as_slice()) {
                    ("with", [value]) if value.len() <= CONTEXT_MAX => value.clone(),
                    ("range", [value]) if value.len() <= CONTEXT_MAX => format!("{value}/*"),
                    _ => context,
                };
                open.push(OpenBlock { head: Some(head), before: Vec::new(), word, start: end, context });
            }
            "define" | "block" => {
                let context = values(names.whole(), "").pop().unwrap_or(context);
                open.push(OpenBlock { head: None, before: Vec::new(), word: "define", start: end, context });
            }
            "else" => {
                if let Some(before) = open.pop() {
                    let outer = open.last().map(|open| open.context.clone()).unwrap_or_default();
                    found.extend(condition(&before, start, &outer, names));
                    found.extend(of_setting_within((text, &documents), &before, start, &outer, names));
                    let head = match head.strip_prefix("if").or(head.strip_prefix("with")) {
                        Some(more) if !more.starts_with(char::is_alphanumeric) => Some(more.trim()),
                        _ => None,
                    };
                    let earlier = before.before.into_iter().chain(before.head).take(BRANCHES_MAX).collect();
                    open.push(OpenBlock {
                        head,
                        before: earlier,
                        word: before.word,
                        start: end,
                        context: outer,
                    });
                }
            }
            "end" => {
                if let Some(before) = open.pop() {
                    let outer = open.last().map(|open| open.context.clone()).unwrap_or_default();
                    found.extend(condition(&before, start, &outer, names));
                    found.extend(of_setting_within((text, &documents), &before, start, &outer, names));
                }
            }
            _ => {}
        }
    }
    found
}

/// Returns the conditions of the documents whose own switches values are put into.
fn of_settings(text: &str, names: &TemplateNames<'_>) -> Vec<Condition> {
    let (mut found, mut start) = (Vec::new(), 0);
    for document in text.split("\n---") {
        let range = start..start + document.len();
        start = range.end + "\n---".len();
        for line in document.lines().filter(|line| line.contains("{{")) {
            let Some((key, value)) = line.split_once(':') else { continue };
            let Some((sense, _)) = sense(key.trim().trim_start_matches("- ")) else { continue };
            if let Some((head, runs)) = either(key, value) {
                found.extend(
                    clauses(&boolean(head), runs, "")
                        .into_iter()
                        .map(|asked| Condition { range: range.clone(), asked }),
                );
                continue;
            }
            let action = value.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
            let Some(action) = action.filter(|action| !action.contains("}}")) else { continue };
            let head = action.trim_matches('-').trim();
            let head = names.value(head).unwrap_or(head);
            if values(head, "").len() == 1 {
                let asked = clauses(&boolean(head), sense != Sense::Off, "");
                found.extend(asked.into_iter().map(|asked| Condition { range: range.clone(), asked }));
            }
        }
    }
    found
}

/// Returns what decides, and whether it has the document run, where a switch is one of two texts: `{{ if X }}2{{ else }}0{{ end }}`.
fn either<'t>(key: &str, value: &'t str) -> Option<(&'t str, bool)> {
    let (head, rest) = value.trim().strip_prefix("{{")?.split_once("}}")?;
    let head = head.trim_matches('-').trim().strip_prefix("if ")?;
    let (first, rest) = rest.split_once("{{")?;
    let (word, rest) = rest.split_once("}}")?;
    let (second, end) = rest.split_once("{{")?;
    let is = |word: &str, expected: &str| word.trim_matches(['-', ' ', '}']) == expected;
    let is_off = |literal: &str| is_off_setting(key, literal.trim());
    (is(word, "else") && is(end, "end") && is_off(first) != is_off(second)).then(|| (head, is_off(second)))
}

fn is_off_setting(key: &str, literal: &str) -> bool {
    let key = key.trim().trim_start_matches("- ");
    sense(key).is_some_and(|(sense, _)| is_off(sense, literal))
}

/// Returns the conditions of a document in which nothing but a switch that is off stands in a block.
fn of_setting_within(
    (text, documents): (&str, &[usize]),
    open: &OpenBlock<'_>,
    end: usize,
    outer: &str,
    names: &TemplateNames<'_>,
) -> Vec<Condition> {
    let (Some(head), Some(inner)) = (open.head.filter(|_| open.word == "if"), text.get(open.start..end))
    else {
        return Vec::new();
    };
    let is_switch = inner
        .trim()
        .split_once(':')
        .is_some_and(|(key, literal)| !literal.contains('\n') && is_off_setting(key, literal.trim()));
    if !is_switch {
        return Vec::new();
    }
    let next = documents.partition_point(|at| *at < open.start);
    let start = next.checked_sub(1).map_or(0, |before| documents[before]);
    let range = start..documents.get(next).copied().unwrap_or(text.len());
    let head = names.resolved(head);
    let asked = clauses(&boolean(&head), false, outer);
    asked.into_iter().map(|asked| Condition { range: range.clone(), asked }).collect()
}

/// How many branches of one block are followed.
const BRANCHES_MAX: usize = 20;

fn condition(open: &OpenBlock<'_>, end: usize, outer: &str, names: &TemplateNames<'_>) -> Vec<Condition> {
    let range = open.start..end;
    let whole = |asked| Condition { range: range.clone(), asked };
    let heads = open.before.iter().map(|head| (*head, false)).chain(open.head.map(|head| (head, true)));
    let mut found = Vec::new();
    for (written, is_so) in heads {
        let head = names.resolved(written);
        if values(&head, outer).is_empty() {
            let is_written =
                |word: &str| !word.starts_with(['.', '$']) && word != "include" && word != "template";
            let is_static = open.word == "if" && words(written).all(is_written);
            let asked = format!("{}{} ", if is_so { "" } else { "else of " }, written.trim());
            if is_static {
                found.push(whole(vec![(format!("{WRITTEN}{}", asked.trim_end()), Asks::What)]));
            }
            continue;
        }
        found.extend(clauses(&boolean(&head), is_so, outer).into_iter().map(whole));
    }
    found
}

/// Returns what has to be so for something to be so, or not so: of each of these one is enough.
fn clauses(head: &Boolean<'_>, is_so: bool, context: &str) -> Vec<Vec<AskedValue>> {
    match head {
        Boolean::Not(inner) => clauses(inner, !is_so, context),
        Boolean::And(all) if is_so => all.iter().flat_map(|one| clauses(one, true, context)).collect(),
        Boolean::Or(all) if !is_so => all.iter().flat_map(|one| clauses(one, false, context)).collect(),
        Boolean::And(all) | Boolean::Or(all) => {
            let each: Vec<Vec<Vec<AskedValue>>> =
                all.iter().map(|one| clauses(one, is_so, context)).collect();
            let is_simple = each.iter().all(|clauses| clauses.len() == 1);
            let flat = each.into_iter().flatten().flatten();
            match is_simple {
                true => vec![flat.collect()],
                // Which of them decides is not followed.
                false => flat.map(|(value, _)| vec![(value, Asks::What)]).collect(),
            }
        }
        Boolean::Other(text) => {
            let has = |word: &str| words(text).any(|other| other == word);
            // What a definition makes of a value is not followed.
            let is_one_of = text.contains("(list ") || text.contains("(tuple ") || text.contains("merge");
            let is_made = text.contains(MADE) || is_one_of || COMPARING.iter().any(|word| has(word));
            let asks = match is_so != has("not") {
                _ if is_made => Asks::What,
                true => Asks::Yes,
                false => Asks::No,
            };
            values(text, context).into_iter().map(|value| vec![(value, asks)]).collect()
        }
    }
}

/// Functions that ask for more than whether something is there.
const COMPARING: [&str; 17] = [
    "eq",
    "ne",
    "lt",
    "le",
    "gt",
    "ge",
    "has",
    "mustHas",
    "hasKey",
    "contains",
    "hasPrefix",
    "hasSuffix",
    "kindIs",
    "regexMatch",
    "semverCompare",
    "len",
    "ternary",
];

fn words(head: &str) -> impl Iterator<Item = &str> {
    head.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|')).filter(|word| !word.is_empty())
}

/// Returns the values that are asked for in a head.
pub(super) fn values(head: &str, context: &str) -> Vec<String> {
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
        if let Some(asked) = word.strip_prefix(".Chart.") {
            return Some(format!("{ABOUT_CHART}{}", pointer(asked)));
        }
        let names = word.strip_prefix('.').filter(|_| !context.is_empty())?;
        let is_own = |name: &&str| names.split('.').next() == Some(*name);
        let others = ["Values", "Release", "Chart", "Capabilities", "Files", "Template"];
        (!others.iter().any(is_own) && !names.is_empty()).then(|| format!("{context}{}", pointer(names)))
    };
    // `(.Values.a).b`, `(merge .Values.a .Values.b).c`
    let head = merged(head).replace(").", ".");
    let mut found: Vec<String> = words(&head).filter_map(value).collect();
    // `index .Values.a "b" "c"`, `get .Values.a "b"`
    for function in ["index ", "get ", "hasKey ", "dig "] {
        let Some((_, rest)) = head.split_once(function) else { continue };
        // `dig "a" "b" false .Values` says last what it looks into.
        let mut words = rest.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')'));
        let into =
            if function == "dig " { words.find(|word| word.contains(".Values")) } else { words.next() };
        let Some((root, above)) = into.and_then(|word| word.split_once(".Values")) else { continue };
        // As sprig's functions take it (Helm, "Chart Template Guide").
        let above = above.trim_start_matches(".AsMap");
        let above = above.trim_start_matches('.').trim_end_matches(')');
        // By each of some names: `(index $.Values (list "a" "b").*).c`
        if let Some((_, names)) = rest.split_once("(list ").or_else(|| rest.split_once("(tuple ")) {
            let (names, fields) = names.split_at(balanced(names));
            let fields = fields.trim_start_matches([')', '.', '*']).split(')').next().unwrap_or_default();
            let each = names.split('"').skip(1).step_by(2).filter(|_| is_root(root));
            found.extend(each.map(|name| {
                let all = [above, name, fields];
                pointer(&all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."))
            }));
            continue;
        }
        let names = rest.split('"').skip(1).step_by(2);
        let names: Vec<&str> = [above].into_iter().filter(|above| !above.is_empty()).chain(names).collect();
        if is_root(root) && names.len() > usize::from(!above.is_empty()) {
            found.retain(|found| *found != pointer(above));
            found.push(pointer(&names.join(".")));
        }
    }
    found
}

/// Returns a head in which a field of what is merged is that of each.
fn merged(head: &str) -> String {
    let Some(at) = head.find("(merge").or_else(|| head.find("(mustMerge")) else { return head.to_owned() };
    let inner = &head[at + 1..];
    let length = balanced(inner);
    let rest = inner.get(length + 1..).unwrap_or_default();
    let names = rest.find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.').unwrap_or(rest.len());
    let fields = rest[..names].trim_start_matches(')');
    let each: Vec<String> =
        inner[..length].split_whitespace().skip(1).map(|part| format!("{part}{fields}")).collect();
    format!("{}{}{}", &head[..at], each.join(" "), &rest[names..])
}

/// Returns whether what stands before `.Values` is what a chart's templates get: nothing, `$`, a variable for it.
fn is_root(word: &str) -> bool {
    word.strip_prefix('$').unwrap_or(word).bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(text: &str) -> Vec<Condition> {
        of_template(text, &Defined::new())
    }

    #[test]
    fn a_condition_stands_around_what_it_is_about() {
        let text = "a{{- if .Values.x.y }}b{{ else }}c{{ end }}{{ with .Values.z }}{{ if not .w }}d{{ end }}{{ end }}{{ if eq $.Values.m \"n\" }}e{{ end }}";
        let of = |letter: char| {
            let at = text.rfind(letter).unwrap();
            let all = told_of(text).into_iter().filter(|it| it.range.contains(&at));
            all.flat_map(|it| it.asked).collect::<Vec<_>>()
        };
        let told = |value: &str, asks| (value.to_owned(), asks);
        assert_eq!(of('b'), [told("/x/y", Asks::Yes)]);
        assert_eq!(of('c'), [told("/x/y", Asks::No)]);
        assert_eq!(told_of(text).iter().filter(|it| it.asked[0].0 == "/z/w").count(), 1);
        assert_eq!(told_of(text).last().map(|it| it.asked[0].1), Some(Asks::What));
        assert_eq!(told_of("{{ if .Values.x }}a"), []);
        for (head, value) in [
            ("(.Values.a).b", "/a/b"),
            ("$root.Values.a.b", "/a/b"),
            ("index .Values.a \"b\" \"c\"", "/a/b/c"),
            ("index $.Values \"a\" \"b\"", "/a/b"),
            ("get .Values.a \"b\"", "/a/b"),
        ] {
            let found = told_of(&format!("{{{{ if {head} }}}}x{{{{ end }}}}"));
            assert_eq!(found.first().map(|it| it.asked[0].0.clone()), Some(value.to_owned()), "{head}");
        }
        let found = told_of(
            "a: b\n---\nreplicas: {{ .Values.old.count | default 0 }}\n---\nsuspend: {{ .Values.off }}",
        );
        let told: Vec<_> =
            found.into_iter().map(|it| (it.range.start, it.asked[0].0.clone(), it.asked[0].1)).collect();
        assert_eq!(told, [(8, "/old/count".to_owned(), Asks::Yes), (58, "/off".to_owned(), Asks::No)]);
        // Names of names come to an end.
        let all = "{{ $a := $a $a $a $a }}".repeat(2_000) + "{{ if $a }}x{{ end }}";
        assert_eq!(told_of(&all), []);
        let release = &told_of("{{ if eq .Release.Namespace \"a\" }}b{{ end }}")[0];
        assert_eq!(release.asked[0].0, "(release) namespace");
        for (text, expected) in [
            ("{{ if and .Values.a (not .Values.b) }}x{{ end }}", "/a Yes; /b No"),
            ("{{ if or (not .Values.a) .Values.b }}x{{ end }}", "/a No /b Yes"),
            ("{{ if not (and .Values.a .Values.b) }}x{{ end }}", "/a No /b No"),
            ("{{ if empty .Values.a }}x{{ end }}", "/a No"),
            ("{{ if .Values.a }}y{{ else if .Values.b }}x{{ end }}", "/a No; /b Yes"),
            ("{{ if .Values.a }}y{{ else if .Values.b }}y{{ else }}x{{ end }}", "/a No; /b No"),
            ("{{ if and .Values.a (eq .Values.b \"c\") }}x{{ end }}", "/a Yes; /b What"),
            ("x\nreplicas: {{ if .Values.a }}2{{ else }}0{{ end }}", "/a Yes"),
            ("x\nsuspend: {{ not .Values.a }}", "/a Yes"),
            ("x\n{{ if .Values.a }}\nreplicas: 0\n{{ end }}", "/a No"),
        ] {
            let at = text.rfind('x').unwrap();
            let all = told_of(text).into_iter().filter(|it| it.range.contains(&at));
            let told = |asked: Vec<AskedValue>| {
                asked.iter().map(|(value, asks)| format!("{value} {asks:?}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(all.map(|it| told(it.asked)).collect::<Vec<_>>().join("; "), expected, "{text}");
        }
    }
}
