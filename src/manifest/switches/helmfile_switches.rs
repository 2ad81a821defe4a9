//! Charts that a helmfile installs under a condition: what the values of its environments say of that.

use std::collections::BTreeSet;

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
        let mut files = self.values_of_helmfile(by);
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
                    let is_own = ["/environments/", "/values/"].iter().any(|start| path.starts_with(start));
                    path == value || is_own && path.ends_with(&value)
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

    /// Returns the files that a helmfile takes values from, its own and those of its environments, and the helmfiles that it begins with
    /// (helmfile, "Environment Values", "Layering").
    fn values_of_helmfile(&mut self, by: &str) -> Vec<String> {
        let said = self.statements.of(by);
        let bases = said.iter().filter(|said| said.path.starts_with("/bases/"));
        let bases: Vec<String> =
            bases.filter_map(|said| path_from(directory_of(by), said.literal.trim_matches('"'))).collect();
        let mut found = Vec::new();
        for file in std::iter::once(by).chain(bases.iter().map(String::as_str)) {
            let said = self.statements.of(file);
            let environments: BTreeSet<&str> = said
                .iter()
                .filter_map(|said| said.path.strip_prefix("/environments/")?.split('/').next())
                .collect();
            let named = said.iter().filter(|said| {
                let is_listed = said.path.contains("/values/") || said.path.contains("/secrets/");
                said.path.starts_with("/values/") || said.path.starts_with("/environments/") && is_listed
            });
            for literal in named.map(|said| said.literal.trim_matches('"')).filter(|name| name.contains(".y"))
            {
                let names =
                    match literal.split_once("{{").filter(|(_, rest)| rest.contains(".Environment.Name")) {
                        Some((start, rest)) => {
                            let end = rest.split_once("}}").map_or("", |(_, end)| end);
                            environments.iter().map(|name| format!("{start}{name}{end}")).collect()
                        }
                        None => vec![literal.to_owned()],
                    };
                found.extend(names.iter().filter_map(|name| path_from(directory_of(file), name)));
            }
        }
        found.extend(bases);
        found
    }
}
