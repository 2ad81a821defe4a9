//! Parameters that a document declares and takes for its images: which of them are images wherever they are used, and nothing else.

use std::collections::HashMap;

use super::finder::Finder;
use crate::manifest::site::{State, classify};
use crate::manifest::syntax::tree::NodeId;

/// The parameters of a document, by what declares them and by their names.
#[derive(Default)]
pub(super) struct Parameters<'t> {
    numbers: HashMap<(NodeId, &'t str), usize>,
    named: HashMap<&'t str, Vec<usize>>,
    uses: Vec<Uses>,
    /// What they are given, or are by default.
    values: Vec<(usize, NodeId)>,
}

/// How a parameter is used.
#[derive(Default)]
struct Uses {
    is_image: bool,
    is_other: bool,
    /// The parameters that hand it on to this one.
    handed_by: Vec<usize>,
}

impl<'t> Parameters<'t> {
    /// Adds a parameter that `scope` declares.
    pub(super) fn declare(&mut self, scope: NodeId, name: &'t str) -> usize {
        let next = self.uses.len();
        let number = *self.numbers.entry((scope, name)).or_insert(next);
        if number == next {
            self.uses.push(Uses::default());
            self.named.entry(name).or_default().push(number);
        }
        number
    }

    /// Returns the parameter `name` of `scope`.
    pub(super) fn of(&self, scope: NodeId, name: &str) -> Option<usize> {
        self.numbers.get(&(scope, name)).copied()
    }

    /// Returns whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Says that a parameter is a whole image somewhere.
    pub(super) fn is_image(&mut self, parameter: usize) {
        self.uses[parameter].is_image = true;
    }

    /// Says that a parameter is used for something else.
    pub(super) fn is_other(&mut self, parameter: usize) {
        self.uses[parameter].is_other = true;
    }

    /// Says that the parameters of this name may be used for something else, whatever declares them.
    pub(super) fn are_others(&mut self, name: &str) {
        for number in self.named.get(name).into_iter().flatten() {
            self.uses[*number].is_other = true;
        }
    }

    /// Says the same of all.
    pub(super) fn all_are_others(&mut self) {
        self.uses.iter_mut().for_each(|uses| uses.is_other = true);
    }

    /// Says that a parameter is handed on to another one as it is.
    pub(super) fn hand_on(&mut self, parameter: usize, to: usize) {
        self.uses[to].handed_by.push(parameter);
    }

    /// Says what a parameter is given, or is by default.
    pub(super) fn give(&mut self, parameter: usize, value: NodeId) {
        self.values.push((parameter, value));
    }

    /// Adds the values of those that are images and nothing else, wherever they are handed to.
    pub(super) fn add_images(self, finder: &mut Finder<'_, '_>) {
        let images = self.reaching(|uses| uses.is_image);
        let others = self.reaching(|uses| uses.is_other);
        for (parameter, value) in self.values {
            let is_text = finder.tree.string_of(value).is_some();
            let state = classify(finder.tree.written(value)).0;
            if is_text
                && images[parameter]
                && !others[parameter]
                && matches!(state, State::Floating | State::Pinned)
            {
                finder.add_image(value);
            }
        }
    }

    /// Returns of each parameter whether it, or what it is handed on to, is used in a way.
    fn reaching(&self, is_used: impl Fn(&Uses) -> bool) -> Vec<bool> {
        let mut found = vec![false; self.uses.len()];
        let mut open: Vec<usize> = (0..self.uses.len()).filter(|at| is_used(&self.uses[*at])).collect();
        while let Some(at) = open.pop() {
            if !std::mem::replace(&mut found[at], true) {
                open.extend(&self.uses[at].handed_by);
            }
        }
        found
    }
}
