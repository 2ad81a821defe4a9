//! The templates of the charts of a tree.

use std::collections::BTreeMap;

/// The charts of a tree, by directory: the paths of their templates below it, and their texts; `None` for one that cannot
/// be read.
#[derive(Clone, Debug, Default)]
pub(in crate::manifest) struct Charts(BTreeMap<String, Vec<(String, Option<String>)>>);

/// The most template text of a chart that is looked through, in bytes: it is followed step by step.
const TEXT_MAX: usize = 1024 * 1024;

impl Charts {
    /// Adds one template of the chart in `directory`, or of a chart inside it, at `path` below that.
    pub(in crate::manifest) fn add(&mut self, directory: &str, path: &str, template: Option<String>) {
        self.0.entry(directory.to_owned()).or_default().push((path.to_owned(), template));
    }

    /// Returns the paths and texts of the templates of the chart in `directory`; `None` where it is not one, or where they
    /// are too long, and nothing where one cannot be read: what it does is not known.
    pub(super) fn templates(&self, directory: &str) -> Option<Vec<(&str, &str)>> {
        let templates = self.0.get(directory)?;
        let texts: Option<Vec<(&str, &str)>> =
            templates.iter().map(|(path, text)| Some((path.as_str(), text.as_deref()?))).collect();
        let texts = texts.unwrap_or_default();
        (texts.iter().map(|(_, text)| text.len()).sum::<usize>() <= TEXT_MAX).then_some(texts)
    }

    /// Returns the directories of the charts.
    pub(in crate::manifest) fn directories(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns whether the templates of a chart in `directory` are known.
    pub(in crate::manifest) fn has(&self, directory: &str) -> bool {
        self.0.contains_key(directory)
    }
}
