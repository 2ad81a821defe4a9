//! Variables in a text, and the text with their values in their places.

use std::collections::{BTreeMap, BTreeSet};

/// Who fills a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariableStyle {
    /// Compose: `$X`, `${X}` and what it knows of shells.
    Compose,
    /// Flux: `${X}`, with defaults.
    Flux,
    /// An `ApplicationSet`: `{{x}}`, `{{ .a.x }}`, by the last of the names.
    Template,
}

/// Returns the names of the variables in a text, also those inside defaults; of `$(X)` all that is in the parentheses.
pub(super) fn names(text: &str) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for action in text.split("{{").skip(1).filter_map(|rest| rest.split("}}").next()) {
        let words = action.split(|c: char| !c.is_alphanumeric() && c != '_');
        names.extend(words.filter(|word| !word.is_empty()));
    }
    for (at, _) in text.match_indices('$') {
        let rest = &text[at + 1..];
        let name = match rest.strip_prefix('(') {
            Some(inner) => inner.split(')').next().unwrap_or_default(),
            None => name_of(rest.strip_prefix('{').unwrap_or(rest)),
        };
        if !name.is_empty() {
            names.insert(name);
        }
    }
    names
}

/// Returns every word that stands where a text has a variable, whoever fills it, or in all of a text that is an expression; what
/// only says where variables come from is left out.
pub(super) fn words(text: &str) -> BTreeSet<&str> {
    const FROM: [&str; 10] =
        ["params", "param", "inputs", "parameters", "workflow", "local", "var", "each", "value", "default"];
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    // `<<` and `>>` are those of sets of resources of the Flux Operator.
    let expressions: Vec<&str> = match ["{{", "<<", "$"].iter().any(|sign| text.contains(sign)) {
        false => vec![text],
        true => {
            let inside =
                |open, close| text.split(open).skip(1).filter_map(move |rest: &str| rest.split(close).next());
            let actions = inside("{{", "}}").chain(inside("<<", ">>"));
            let variables = text.split('$').skip(1).map(|rest| {
                let close = match rest.chars().next() {
                    Some('{') => rest.find('}'),
                    Some('(') => rest.find(')'),
                    // As GitLab writes the inputs of what is included.
                    Some('[') => rest.find("]]"),
                    _ => rest.find(|c: char| !is_word(c)),
                };
                &rest[..close.unwrap_or(rest.len())]
            });
            actions.chain(variables).collect()
        }
    };
    let words = expressions.into_iter().flat_map(|expression| expression.split(move |c: char| !is_word(c)));
    words.filter(|word| !word.is_empty() && !FROM.contains(word)).collect()
}

fn name_of(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
    &text[..end]
}

/// Returns `text` with the values of its variables in their places; `None` where one has neither value nor default, or where
/// something else is done with it.
pub(super) fn fill(text: &str, values: &BTreeMap<String, String>, style: VariableStyle) -> Option<String> {
    fill_within(text, values, style, NESTED_MAX)
}

/// How deep defaults of variables stand in each other at most, and how many bytes their values add to a text.
const NESTED_MAX: usize = 16;
const FILLED_MAX: usize = 64 << 10;

fn fill_within(
    text: &str,
    values: &BTreeMap<String, String>,
    style: VariableStyle,
    nested: usize,
) -> Option<String> {
    if style == VariableStyle::Template {
        return fill_actions(text, values);
    }
    let (mut filled, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        filled.push_str(&rest[..at]);
        if filled.len() > text.len() + FILLED_MAX {
            return None;
        }
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('$') {
            filled.push('$');
            rest = after;
        } else if let Some(inner) = rest.strip_prefix('{') {
            let name = name_of(inner);
            let operation = &inner[name.len()..];
            let end = end_of_default(operation).filter(|_| !name.is_empty())?;
            filled.push_str(&expanded(values.get(name), &operation[..end], values, style, nested)?);
            rest = &operation[end + 1..];
        } else if let Some(inner) = rest.strip_prefix('(') {
            let (name, after) = inner.split_once(')')?;
            filled.push_str(values.get(name)?);
            rest = after;
        } else {
            let name = name_of(rest);
            filled.push_str(values.get(name).filter(|_| style == VariableStyle::Compose)?);
            rest = &rest[name.len()..];
        }
    }
    Some(filled + rest)
}

fn fill_actions(text: &str, values: &BTreeMap<String, String>) -> Option<String> {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, action)) = rest.split_once("{{") {
        let (name, after) = action.split_once("}}")?;
        filled.push_str(before);
        filled.push_str(values.get(name.trim().rsplit('.').next()?)?);
        rest = after;
    }
    Some(filled + rest)
}

/// Returns what `${X…}` becomes, with `operation` behind the name.
fn expanded(
    value: Option<&String>,
    operation: &str,
    values: &BTreeMap<String, String>,
    style: VariableStyle,
    nested: usize,
) -> Option<String> {
    let inner = |word: &str| fill_within(word, values, style, nested.checked_sub(1)?);
    let (asks_for_text, word) = match operation.strip_prefix(':') {
        Some(word) => (true, word),
        None => (false, operation),
    };
    let value = value.filter(|value| !asks_for_text || !value.is_empty());
    match word.chars().next() {
        None if !asks_for_text => value.cloned(),
        Some('-' | '=') => match value {
            Some(value) => Some(value.clone()),
            None => inner(&word[1..]),
        },
        Some('?') => value.cloned(),
        // What has no value here may have one elsewhere.
        Some('+') => value.and_then(|_| inner(&word[1..])),
        _ => None,
    }
}

/// Returns `text` with the default of each variable in its place: `${X:-y}`, `${X-y}`, and `${X:=y}` and `${X=y}` of Flux.
/// `None` where one has no default, or something else is written.
pub(super) fn with_defaults(text: &str) -> Option<String> {
    fill(text, &BTreeMap::new(), VariableStyle::Flux)
}

/// Returns where the brace is that ends a default, behind those of the variables in it.
fn end_of_default(text: &str) -> Option<usize> {
    let mut open = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => open += 1,
            b'}' if open == 0 => return Some(at),
            b'}' => open -= 1,
            _ => {}
        }
    }
    None
}

/// Returns a text with a word in the place of every `{{ … }}`, and of every `${…}` that has nothing but a name in it.
pub(super) fn with_words(text: &str) -> String {
    let (mut plain, mut rest) = (String::new(), text);
    while let Some((before, (_, after))) =
        rest.split_once("{{").and_then(|(before, action)| Some((before, action.split_once("}}")?)))
    {
        // `${{ … }}` of GitHub's
        plain.push_str(before.strip_suffix('$').unwrap_or(before));
        plain.push('x');
        rest = after;
    }
    let plain = plain + rest;
    let (mut words, mut rest) = (String::new(), plain.as_str());
    while let Some((before, variable)) = rest.split_once("${") {
        let length =
            variable.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
        let Some(after) = variable[length..].strip_prefix('}').filter(|_| length > 0) else { break };
        words.push_str(before);
        words.push('x');
        rest = after;
    }
    words + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_filled_with_their_values() {
        let values =
            [("A", "1"), ("E", ""), ("m.k", "2")].map(|(name, value)| (name.to_owned(), value.to_owned()));
        let values: BTreeMap<String, String> = values.into_iter().collect();
        for (text, compose, flux) in [
            ("r:${A}", Some("r:1"), Some("r:1")),
            ("r:$A-x", Some("r:1-x"), None),
            ("r:$$A", Some("r:$A"), Some("r:$A")),
            ("${X:-r}:${A}", Some("r:1"), Some("r:1")),
            ("${E:-r}", Some("r"), Some("r")),
            ("${E-r}", Some(""), Some("")),
            ("${X:-${A}}", Some("1"), Some("1")),
            ("${A:?no}", Some("1"), Some("1")),
            ("${A:+b}", Some("b"), Some("b")),
            ("${X:+b}", None, None),
            ("$(m.k)", Some("2"), Some("2")),
            ("${X}", None, None),
            ("${A:0:1}", None, None),
            ("${A", None, None),
        ] {
            assert_eq!(fill(text, &values, VariableStyle::Compose).as_deref(), compose, "{text}");
            assert_eq!(fill(text, &values, VariableStyle::Flux).as_deref(), flux, "{text}");
        }
        let filled = |text| fill(text, &values, VariableStyle::Template);
        assert_eq!(filled("r:{{A}}-{{ .values.A }}").as_deref(), Some("r:1-1"));
        assert_eq!((filled("{{X}}"), filled("{{A")), (None, None));
        assert_eq!(names("r:{{ .values.A }}").into_iter().collect::<Vec<_>>(), ["A", "values"]);
        let found: Vec<&str> = names("${X:-${A}}:$B$$C $(m.k)").into_iter().collect();
        assert_eq!(found, ["A", "B", "C", "X", "m.k"]);
    }

    #[test]
    fn words_stand_for_what_is_filled_in() {
        for (text, filled) in [
            ("a/${B}:1", "a/x:1"),
            ("{{ .a }}/b:{{ c }}", "x/b:x"),
            ("a:${{ matrix.b }}-c", "a:x-c"),
            ("a:{{ b", "a:{{ b"),
            ("a:${B:-c}", "a:${B:-c}"),
        ] {
            assert_eq!(with_words(text), filled);
        }
    }

    #[test]
    fn variables_are_filled_with_their_defaults() {
        for (text, filled) in [
            ("${X:-nginx:1.27}", Some("nginx:1.27")),
            ("${X-nginx}", Some("nginx")),
            ("${R:-docker.io}/a:${T:=1}", Some("docker.io/a:1")),
            ("a:${X:-${Y:-1}}", Some("a:1")),
            ("a:${X:-}", Some("a:")),
            ("a:$$X", Some("a:$X")),
            ("a:${X:-${Y}}", None),
            ("a:${X}", None),
            ("a:$X", None),
            ("a:${X:?no}", None),
            ("a:${X:+b}", None),
            ("a:${{ x }}", None),
            ("a:${X:-b", None),
        ] {
            assert_eq!(with_defaults(text).as_deref(), filled, "{text}");
        }
    }
}
