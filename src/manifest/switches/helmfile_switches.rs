//! Charts that a helmfile installs under a condition: what the values of its environments say of that.

use super::conditions::{AskedValue, Asks, of_template};
use super::elsewhere::Elsewhere;
use super::switch::OffCondition;
use super::switch_words::is_no;
use super::template_names::Defined;
use crate::source::tree::{Tree, directory_of, path_from};

impl<T: Tree> Elsewhere<'_, T> {
    /// Returns what keeps the chart in a directory from being installed by the helmfiles that name it; nothing where one of them installs
    /// it in any case.
    pub(super) fn of_helmfiles(&mut self, chart: &str) -> Vec<OffCondition> {
        let names = self.deployers.names.iter().filter(|(by, _)| by.contains("helmfile"));
        let all = names.flat_map(|(by, all)| all.iter().map(move |named| (by.clone(), named)));
        let all = all.filter(|(_, named)| named.path == chart);
        let all: Vec<(String, String)> = all.map(|(by, named)| (by, named.condition.clone())).collect();
        let mut found = Vec::new();
        for (by, condition) in all {
            let off = self.helmfile_off(&by, &condition);
            if off.is_empty() {
                return Vec::new();
            }
            found.extend(off);
        }
        found.sort();
        found.dedup();
        found
    }

    /// Returns what of a condition in the helmfile at a path is not as it asks, by the files that say so.
    fn helmfile_off(&mut self, by: &str, condition: &str) -> Vec<OffCondition> {
        let said = self.statements.of(by);
        let of_environments = said.iter().filter(|said| said.path.starts_with("/environments/"));
        let named = of_environments.filter(|said| said.path.contains("/values/"));
        let files = named.filter_map(|said| path_from(directory_of(by), said.literal.trim_matches('"')));
        let mut files: Vec<String> = files.filter(|file| file.contains(".yaml")).collect();
        files.push(by.to_owned());
        let asked: Vec<Vec<AskedValue>> = match condition.split_once("{{") {
            Some((_, head)) => {
                let head = head.split("}}").next().unwrap_or_default().trim_matches(['-', ' ']);
                let all = of_template(&format!("{{{{ if {head} }}}}x{{{{ end }}}}"), &Defined::new());
                all.into_iter().map(|condition| condition.asked).collect()
            }
            None if condition.is_empty() => Vec::new(),
            None => vec![vec![(format!("/{}", condition.replace('.', "/")).to_lowercase(), Asks::Yes)]],
        };
        let mut found = Vec::new();
        for (value, asks) in asked.into_iter().flatten() {
            for file in &files {
                let all = self.statements.of(file);
                let is_it = |path: &str| {
                    path == value || path.starts_with("/environments/") && path.ends_with(&value)
                };
                let literals = all.iter().filter(|said| is_it(&said.path)).map(|said| &said.literal);
                for literal in literals {
                    let is_off = match asks {
                        Asks::Yes => is_no(literal),
                        Asks::No => !is_no(literal),
                        Asks::What => true,
                    };
                    if is_off {
                        let told =
                            if asks == Asks::What { format!("{value} is {literal}") } else { value.clone() };
                        found.push(OffCondition::said_by(file, format!("if {told} of helmfile")));
                    }
                }
            }
        }
        found
    }
}
