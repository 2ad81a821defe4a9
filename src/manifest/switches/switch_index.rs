//! The switches of a file by what they are about, and the places of a file that they may be about.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Bound;

use super::switch::{Switch, SwitchScope};
use crate::manifest::located::Scan;

/// The switches of a file, by what they are about.
#[derive(Debug, Default)]
pub struct SwitchIndex {
    switches: Vec<Switch>,
    /// Those about a part of a document: by the document, and by how long the starts of JSON pointers are, and what these are.
    below: HashMap<usize, BTreeMap<usize, HashMap<String, Vec<usize>>>>,
    /// Those about some bytes.
    within: Vec<usize>,
}

impl SwitchIndex {
    /// Returns the index of some switches.
    pub fn of(switches: Vec<Switch>) -> Self {
        let mut index = Self::default();
        for (at, switch) in switches.iter().enumerate() {
            match &switch.scope {
                SwitchScope::Below(document, start) => {
                    let of_length = index.below.entry(*document).or_default().entry(start.len()).or_default();
                    of_length.entry(start.clone()).or_default().push(at);
                }
                SwitchScope::Within(_) => index.within.push(at),
            }
        }
        index.switches = switches;
        index
    }

    /// Returns those about what stands at a JSON pointer of a document and begins at this byte of the file.
    pub fn about(&self, document: usize, path: &str, start: usize) -> impl Iterator<Item = &Switch> {
        let path = path.to_lowercase();
        let by_length = self.below.get(&document).into_iter().flatten();
        let below = by_length.filter_map(move |(length, all)| all.get(path.get(..*length)?)).flatten();
        let is_in = move |at: &&usize| matches!(&self.switches[**at].scope, SwitchScope::Within(range) if range.contains(&start));
        below.chain(self.within.iter().filter(is_in)).map(|at| &self.switches[*at])
    }

    /// Returns those about some bytes of the file, whichever.
    pub fn about_bytes(&self) -> impl Iterator<Item = &Switch> {
        self.within.iter().map(|at| &self.switches[*at])
    }
}

/// The places of a file that something keeps from running or not.
pub(super) struct SwitchedPlaces {
    /// The documents and the JSON pointers, in lower case.
    paths: BTreeSet<(usize, String)>,
    starts: BTreeSet<usize>,
}

impl SwitchedPlaces {
    /// Returns those of a file: its images, parts of some, and where tagpin looks away.
    pub(super) fn of(scan: &Scan) -> Self {
        let sites = scan.sites.iter().map(|it| (it.site.document, &it.site.path, it.place().span.start));
        let parts = scan.partials.iter().map(|it| (it.document, &it.path, it.place.span.start));
        let spots = scan.looks_away.iter().filter_map(|it| it.spot.as_ref());
        let spots = spots.map(|spot| (spot.document, &spot.path, spot.place.span.start));
        let (mut paths, mut starts) = (BTreeSet::new(), BTreeSet::new());
        for (document, path, start) in sites.chain(parts).chain(spots) {
            paths.insert((document, path.to_lowercase()));
            starts.insert(start);
        }
        Self { paths, starts }
    }

    /// Adds places of which nothing but their first bytes are known.
    pub(super) fn add(&mut self, starts: impl Iterator<Item = usize>) {
        self.starts.extend(starts);
    }

    /// Returns whether a switch is about one of them.
    pub(super) fn has(&self, scope: &SwitchScope) -> bool {
        match scope {
            SwitchScope::Below(document, start) => {
                let from = (Bound::Included((*document, start.clone())), Bound::Unbounded);
                let first = self.paths.range(from).next();
                first.is_some_and(|(other, path)| other == document && path.starts_with(start.as_str()))
            }
            SwitchScope::Within(range) => self.starts.range(range.clone()).next().is_some(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::switches::of_tree;
    use crate::manifest::syntax::yaml;

    #[test]
    fn a_switch_is_about_what_stands_beside_it() {
        // A letter that is longer in lower case, and one that is shorter.
        for name in ["a", "\u{212a}", "\u{130}"] {
            let text = format!(
                "{name}:\n  steps:\n  - if: false\n    run: x\n  - run: y\nb: {{replicas: 0, image: z}}\n"
            );
            let index = SwitchIndex::of(of_tree(&yaml::parse(&text)));
            let count = |document, path: &str| index.about(document, path, 0).count();
            assert_eq!(count(0, &format!("/{name}/steps/0/run")), 1, "{name}");
            assert_eq!(count(0, &format!("/{name}/steps/1/run")), 0, "{name}");
            assert_eq!(count(1, &format!("/{name}/steps/0/run")), 0, "{name}");
            assert_eq!(count(0, "/b/image"), 1, "{name}");
        }
    }
}
