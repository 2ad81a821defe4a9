//! Commands with the values of their variables, where these are written.

use std::collections::{BTreeMap, HashSet};

use super::settings::assignments;
use crate::manifest::variable_text::{VariableStyle, fill};

/// Returns what becomes of those commands that have variables with a value: of what an environment, `known`, or another of the
/// commands gives them. What is in `kept` stays as it is written.
pub(in super::super) fn filled(
    commands: &[Vec<String>],
    mut known: BTreeMap<String, String>,
    kept: &HashSet<String>,
) -> Vec<Vec<String>> {
    if !commands.iter().flatten().any(|word| word.contains('$')) {
        return Vec::new();
    }
    let given = commands.iter().flat_map(|words| assignments(words));
    known.extend(given.map(|(name, value)| (name.to_owned(), value.to_owned())));
    known.retain(|_, value| !value.contains(['$', '`']));
    if known.is_empty() {
        return Vec::new();
    }
    let word = |word: &String| match word.contains('$') && !kept.contains(word) {
        true => fill(word, &known, VariableStyle::Compose).unwrap_or_else(|| word.clone()),
        false => word.clone(),
    };
    let filled = commands.iter().map(|words| words.iter().map(word).collect::<Vec<_>>());
    filled.zip(commands).filter(|(filled, written)| filled != *written).map(|(filled, _)| filled).collect()
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
        ] {
            let found = filled(&commands(text), known(), &none);
            assert_eq!(found.first().map(|words| words.join(" ")).as_deref(), expected, "{text}");
        }
        let kept = HashSet::from(["$B".to_owned()]);
        assert_eq!(filled(&commands("docker run $B"), known(), &kept), Vec::<Vec<String>>::new());
    }
}
