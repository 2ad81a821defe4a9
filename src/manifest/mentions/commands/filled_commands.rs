//! Commands with the values of their variables, where these are written.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::settings::assignments;
use crate::manifest::variable_text::{VariableStyle, fill, names};

/// Returns what becomes of those commands that have variables with a value: of what an environment, `known`, or another of the
/// commands gives them. What is in `kept` stays as it is written.
pub(in super::super) fn filled(
    commands: &[Vec<String>],
    mut known: BTreeMap<String, String>,
    kept: &HashSet<String>,
) -> Vec<Vec<String>> {
    let mut piped = piped(commands);
    if !commands.iter().flatten().any(|word| word.contains('$')) {
        return piped;
    }
    let given = commands.iter().flat_map(|words| assignments(words));
    known.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    known.retain(|_, value| !value.contains(['$', '`']));
    let word =
        |word: &String, known: &BTreeMap<String, String>| match word.contains('$') && !kept.contains(word) {
            true => fill(word, known, VariableStyle::Compose).unwrap_or_else(|| word.clone()),
            false => word.clone(),
        };
    let mut fill_all = |commands: &[Vec<String>], known: &BTreeMap<String, String>| {
        let filled = commands.iter().map(|words| words.iter().map(|it| word(it, known)).collect::<Vec<_>>());
        let new = filled.zip(commands).filter(|(filled, written)| filled != *written);
        piped.extend(new.map(|(filled, _)| filled));
    };
    if !known.is_empty() {
        fill_all(commands, &known);
    }
    let mut left = LOOPED_MAX;
    for (name, values) in loops(commands) {
        let asks = |words: &&Vec<String>| words.iter().any(|word| word.contains('$') && word.contains(&name));
        let asking: Vec<Vec<String>> = commands.iter().filter(asks).take(ASKING_MAX).cloned().collect();
        let asked: BTreeSet<&str> = asking.iter().flatten().flat_map(|word| names(word)).collect();
        let own = known.iter().filter(|(name, _)| asked.contains(name.as_str()));
        let mut own: BTreeMap<String, String> =
            own.map(|(name, value)| (name.clone(), value.clone())).collect();
        let values = values.iter().filter(|value| !value.contains(['$', '`']));
        let rounds = left / asking.len().max(1);
        for value in values.take(rounds) {
            left -= asking.len();
            own.insert(name.clone(), value.clone());
            fill_all(&asking, &own);
        }
    }
    piped
}

/// How many commands of one loop are followed.
const ASKING_MAX: usize = 50;

/// How many commands the loops of one text make, and how many values they have.
const LOOPED_MAX: usize = 1_000;

/// Returns the variables of loops, each with its values: `for i in a b`, also those of a list that has a name.
fn loops(commands: &[Vec<String>]) -> Vec<(String, Vec<String>)> {
    let list = |value: &String| {
        let name = value.strip_prefix("${")?.strip_suffix('}')?;
        let name = name.strip_suffix("[@]").or_else(|| name.strip_suffix("[*]"))?;
        let at = commands
            .iter()
            .position(|words| words.last().is_some_and(|it| it.strip_suffix('=') == Some(name)))?;
        // It stands in parentheses.
        commands.get(at + 2).cloned()
    };
    let mut left = LOOPED_MAX;
    let looped = commands.iter().filter_map(|words| match words.as_slice() {
        [first, name, second, values @ ..] if first == "for" && second == "in" => {
            let values = values.iter().flat_map(|value| list(value).unwrap_or_else(|| vec![value.clone()]));
            let values: Vec<String> = values.take(left).collect();
            left -= values.len();
            Some((name.clone(), values))
        }
        _ => None,
    });
    looped.collect()
}

/// Returns the commands that `xargs` makes of what the command before it says, and `parallel` of its own words.
fn piped(commands: &[Vec<String>]) -> Vec<Vec<String>> {
    let is_first =
        |words: &[String], names: &[&str]| words.first().is_some_and(|it| names.contains(&it.as_str()));
    let pairs = commands
        .windows(2)
        .filter(|pair| is_first(&pair[0], &["echo", "printf"]) && is_first(&pair[1], &["xargs"]));
    let pairs = pairs.map(|pair| (&pair[1][1..], &pair[0][1..]));
    let parallel = commands.iter().filter(|words| is_first(words, &["parallel"])).filter_map(|words| {
        let at = words.iter().position(|word| word == ":::")?;
        Some((&words[1..at], &words[at + 1..]))
    });
    let made = pairs.chain(parallel).flat_map(|(command, given)| {
        let command = command.iter().skip_while(|word| word.starts_with('-'));
        let given = given.iter().filter(|word| !word.contains('%')).take(LOOPED_MAX);
        given.map(move |word| command.clone().chain([word]).cloned().collect())
    });
    made.collect()
}

#[cfg(test)]
mod tests {
    use super::super::words::commands;
    use super::*;

    #[test]
    fn variables_become_what_they_are_given() {
        let known = || BTreeMap::from([("B".to_owned(), "acme/b".to_owned())]);
        let none = HashSet::new();
        for (text, expected) in [
            ("A=acme/a\ndocker run -d \"$A\"", Some("docker run -d acme/a")),
            ("docker run ${B}:x", Some("docker run acme/b:x")),
            ("D=docker; $D run acme/a", Some("docker run acme/a")),
            ("docker run $C ${A:-acme/d}", Some("docker run $C acme/d")),
            ("A=$(date)\ndocker run $A", None),
            ("docker run acme/a", None),
            ("for i in acme/a acme/b; do docker pull $i; done", Some("do docker pull acme/a")),
            ("echo acme/a | xargs docker pull", Some("docker pull acme/a")),
        ] {
            let found = filled(&commands(text), known(), &none);
            assert_eq!(found.first().map(|words| words.join(" ")).as_deref(), expected, "{text}");
        }
        let kept = HashSet::from(["$B".to_owned()]);
        assert_eq!(filled(&commands("docker run $B"), known(), &kept), Vec::<Vec<String>>::new());
    }
}
