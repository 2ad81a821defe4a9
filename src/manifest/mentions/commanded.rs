//! What the commands of a text add to what it mentions.

use super::commands::programs::{ProgramRole, has_role};
use super::commands::{self, BELOW, EngineImage, NamedFiles, Script};
use super::image_like::{Likeness, asked_for, has_version, likeness, put_together, words as image_words};
use super::mention::{Mentioned, ValueForm};
use super::read_by_name::is_recipe;
use super::reader::{Reader, Text, VALUE_MAX};
use super::{outline, steps};
use crate::manifest::syntax::tree::NodeId;

/// The longest list that is read as a command.
const COMMAND_MAX: usize = 200;

/// Stands for what commands deploy, among what else says a name.
pub(super) const DEPLOYED: &str = "(deployed)";

/// Returns whether a word of a command is YAML with an image in it.
fn is_values(word: &str) -> bool {
    word.contains("image") && word.contains(": ") && word.contains(['{', '\n']) && word.len() <= VALUES_MAX
}

/// The longest word of a command that is read as YAML, in bytes.
const VALUES_MAX: usize = 64 << 10;

impl Reader<'_, '_> {
    /// Takes the images that a command asks for whose words are items of a list.
    pub(super) fn command(&mut self, text: &Text<'_>, list: NodeId) {
        let tree = text.tree;
        let items = tree.items(list);
        let words = items.iter().map_while(|item| tree.text_of(*item)).filter(|word| !word.contains('\n'));
        let beside = tree.nodes[list].parent().and_then(|mapping| tree.get_str(mapping, "command"));
        let words: Vec<&str> = beside.into_iter().chain(words).collect();
        if (2..=COMMAND_MAX).contains(&words.len()) {
            let line = words.join(" ");
            let found = asked_for(&line).chain(put_together(&line)).map(str::to_owned);
            found.collect::<Vec<_>>().into_iter().for_each(|it| self.emit(text, list, Mentioned::Image(it)));
            let words: Vec<String> = words.into_iter().map(str::to_owned).collect();
            self.run(text, list, &words, &Script::new(&line));
        }
    }

    /// Takes what a command of `script` runs or sets without a digest, and what it gives variables.
    fn run<'s>(&mut self, text: &Text<'_>, node: NodeId, words: &'s [String], script: &Script<'s>) {
        for (name, value) in commands::assignments(words).into_iter().filter(|it| it.1.len() <= VALUE_MAX) {
            let (name, value) = (name.to_owned(), value.to_owned());
            self.emit(text, node, Mentioned::Value { name, value, form: ValueForm::Assignment });
        }
        let is_read = |image: &str| {
            !is_recipe(self.path)
                && likeness(image) == Some(Likeness::Image)
                && (has_version(image) || script.is_read_for(image))
        };
        let is_made = |image: &EngineImage<'_>| !image.is_fetched && self.made.contains(image.written);
        let is_told = |image: &EngineImage<'_>| !image.is_plain || is_recipe(self.path);
        let image = commands::run(words).filter(|image| !is_read(image.written) && is_told(image));
        if let Some(image) = image.filter(|image| !is_made(image)) {
            self.emit(text, node, Mentioned::Image(image.written.to_owned()));
        }
        // Of a recipe the lines are not read.
        let is_by_name = || words.iter().any(|word| has_role(word, ProgramRole::ByName));
        if is_recipe(self.path) && is_by_name() && commands::run(words).is_none() {
            let line = words.join(" ");
            let full = image_words(&line).filter(|word| likeness(word) == Some(Likeness::Image));
            let all: Vec<String> = asked_for(&line).chain(full).map(str::to_owned).collect();
            all.into_iter().for_each(|image| self.emit(text, node, Mentioned::Image(image)));
        }
        if let Some(address) = commands::applied(words, || script.fetched()) {
            self.emit(text, node, Mentioned::Remote(address.to_owned()));
        }
        // What one program has another one read.
        for word in words.iter().filter(|word| is_values(word) && text.depth == 0) {
            self.inner(text, node, word);
        }
        for set in commands::sets(words) {
            self.emit(text, node, Mentioned::Image(set.to_owned()));
        }
    }

    /// Takes the names of what the commands of a text deploy, each with those before it.
    pub(super) fn names(&mut self, text: &Text<'_>, node: NodeId, named: Vec<NamedFiles>) {
        let is_run = named.iter().any(|named| named.is_deployed && named.is_command);
        let directory = is_run.then(|| steps::directory(text.tree, node)).flatten();
        let directory = directory.as_deref().and_then(commands::directory_given);
        if let Some(directory) = directory {
            let word = format!("{directory}{BELOW}");
            self.emit(text, node, Mentioned::Name { word, target: DEPLOYED.to_owned() });
        }
        for together in named.into_iter().filter(|named| named.is_deployed) {
            // What another tool was told before was not deployed by that.
            let manner = if together.is_command { DEPLOYED } else { "" };
            let mut target = outline::before(text.tree, node) + manner;
            for word in together.files {
                // A command sees files from where it runs.
                if let Some(directory) = directory {
                    let word = format!("{directory}/{word}");
                    self.emit(text, node, Mentioned::Name { word, target: target.clone() });
                }
                self.emit(text, node, Mentioned::Name { word: word.clone(), target: target.clone() });
                for (ending, directory) in
                    together.below.iter().filter_map(|it| Some((it, commands::directory_given(&word)?)))
                {
                    let (word, target) = (format!("{directory}{ending}"), manner.to_owned());
                    self.emit(text, node, Mentioned::Name { word, target });
                }
                target = target + &word + "/";
            }
        }
    }

    /// Takes what the commands of a text run or set without a digest.
    pub(super) fn runs(&mut self, text: &Text<'_>, node: NodeId, value: &str) {
        for body in commands::here_documents(value).filter(|_| text.depth == 0) {
            self.inner(text, node, body);
        }
        if value.contains([' ', '\t', '\n']) {
            let (all, script) = (commands::commands(value), Script::new(value));
            let filled = commands::filled(&all, steps::environment(text.tree, node), &self.made);
            all.iter().chain(&filled).for_each(|words| self.run(text, node, words, &script));
        }
    }
}
