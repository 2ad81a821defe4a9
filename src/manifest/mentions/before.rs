//! What a file mentioned before a change, and what kept that from running.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::manifest::switches::{self, SwitchIndex};
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::source::SourceText;

/// What keeps a mention from running.
pub(super) type Off = BTreeSet<String>;

/// What a file mentioned before, and no mention of now stands for yet.
#[derive(Default)]
pub(super) struct MentionedBefore(HashMap<u64, BTreeMap<Off, usize>>);

impl MentionedBefore {
    /// Adds a mention, with what kept it from running.
    pub(super) fn add(&mut self, key: u64, off: Off) {
        *self.0.entry(key).or_default().entry(off).or_default() += 1;
    }

    /// Takes out a mention of before that one is no more than: everything that kept that from running keeps this one from it, too.
    /// Returns whether there was one.
    pub(super) fn take(&mut self, key: u64, off: &Off) -> bool {
        let Some(left) = self.0.get_mut(&key) else { return false };
        let fitting = left.iter_mut().filter(|(before, count)| **count > 0 && before.is_subset(off));
        let Some((_, count)) = fitting.max_by_key(|(before, _)| before.len()) else { return false };
        *count -= 1;
        true
    }

    /// Returns whether there was one that this one is no more than, taken or not.
    pub(super) fn had(&self, key: u64, off: &Off) -> bool {
        self.0.get(&key).is_some_and(|all| all.keys().any(|before| before.is_subset(off)))
    }

    /// Returns whether one is left.
    pub(super) fn has(&self, key: u64) -> bool {
        self.0.get(&key).is_some_and(|left| left.values().any(|count| *count > 0))
    }
}

/// The switches of a file that are off.
#[derive(Default)]
pub(super) struct FileSwitches(SwitchIndex);

impl FileSwitches {
    /// Returns those of a text at a path; none where it is in no language.
    pub(super) fn of(path: &str, text: &str) -> Self {
        match Language::of(path) {
            Some(_) => {
                let source = SourceText::new(text, path);
                Self(SwitchIndex::of(switches::off_alone(path, text, &source.parse())))
            }
            None => Self::default(),
        }
    }

    /// Returns what keeps from running what stands at a JSON pointer.
    pub(super) fn off(&self, document: usize, path: &str) -> Off {
        self.0.about(document, path, 0).map(|switch| switch.off.condition.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ran_is_there_for_what_runs_and_what_did_not_for_what_does_not() {
        let off = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Off>();
        for (before, now, is_old) in [
            (off(&[]), off(&[]), true),
            (off(&[]), off(&["if: false"]), true),
            (off(&["if: false"]), off(&["if: false"]), true),
            (off(&["if: false"]), off(&[]), false),
            (off(&["if: false", "replicas: 0"]), off(&["if: false"]), false),
        ] {
            let mut known = MentionedBefore::default();
            known.add(1, before.clone());
            assert_eq!(known.take(1, &now), is_old, "{before:?} {now:?}");
            assert_eq!(known.has(1), !is_old);
        }
    }
}
