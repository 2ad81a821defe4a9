//! Units of Podman that nothing starts by itself: they have no `[Install]`, and no unit beside them asks for them.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use super::statements::Statements;
use super::switch::{OffCondition, Switch, SwitchScope};
use crate::manifest::located::Scan;
use crate::source::tree::{Tree, directory_of};

/// The kinds of units that run something (podman-systemd.unit(5)).
const RUNNING: [&str; 3] = ["container", "kube", "pod"];

/// Those that may ask for another one.
const ASKING: [&str; 9] =
    ["conf", "container", "kube", "path", "pod", "service", "socket", "target", "timer"];

/// The keys by which a unit starts others (systemd.unit(5), systemd.timer(5)).
const STARTING: [&str; 9] =
    ["Also", "BindsTo", "OnFailure", "OnSuccess", "Requires", "Requisite", "Unit", "Upholds", "Wants"];

/// The units that others in a directory name, each with the files that do.
type NamedUnits = HashMap<String, BTreeMap<String, usize>>;

/// What the units of a tree name, by their directories, as it is asked for.
#[derive(Default)]
pub(super) struct NamingUnits {
    known: HashMap<String, Rc<NamedUnits>>,
}

impl NamingUnits {
    /// Returns what keeps the unit at `path` from being started by itself; `beside` are the files of its directory, and those that add
    /// to it.
    pub(super) fn not_started<T: Tree>(
        &mut self,
        path: &str,
        scan: &Scan,
        beside: impl Iterator<Item = String>,
        statements: &Statements<'_, T>,
    ) -> Option<Switch> {
        let name = path.rsplit('/').next().unwrap_or(path);
        let (stem, kind) = name.rsplit_once('.').filter(|(_, kind)| RUNNING.contains(kind))?;
        if scan.sites.is_empty() && scan.looks_away.is_empty() {
            return None;
        }
        let is_installed = |text: &String| text.lines().any(|line| line.trim() == "[Install]");
        statements.text(path).filter(|text| !is_installed(text))?;
        let directory = directory_of(path).to_owned();
        let named = Rc::clone(self.known.entry(directory).or_insert_with(|| {
            let mut found = NamedUnits::new();
            for file in
                beside.filter(|file| file.rsplit_once('.').is_some_and(|(_, kind)| ASKING.contains(&kind)))
            {
                let Some(text) = statements.text(&file) else { continue };
                let lines = text.lines().filter_map(|line| line.trim().split_once('='));
                let asked = lines.filter(|(key, _)| STARTING.contains(&key.trim()));
                for word in asked.flat_map(|(_, units)| units.split_whitespace()) {
                    found.entry(word.to_owned()).or_default().insert(file.clone(), 1);
                }
                // What adds to a unit, and what starts the one of its own name.
                let whom = directory_of(&file).rsplit('/').next().and_then(|it| it.strip_suffix(".d"));
                if let Some(whom) = whom.filter(|_| is_installed(&text)) {
                    found.entry(whom.to_owned()).or_default().insert(file.clone(), 1);
                }
                let mut starts = [".timer", ".path", ".socket"].into_iter();
                if let Some(stem) = starts.find_map(|ending| file.strip_suffix(ending)) {
                    let stem = stem.rsplit('/').next().unwrap_or(stem);
                    found.entry(format!("{stem}.service")).or_default().insert(file.clone(), 1);
                }
            }
            Rc::new(found)
        }));
        let service = if kind == "pod" { format!("{stem}-pod.service") } else { format!("{stem}.service") };
        let by = [service.as_str(), name].into_iter().filter_map(|name| named.get(name)).flatten();
        let but_in =
            by.filter(|(file, _)| *file != path).map(|(file, count)| (file.clone(), *count)).collect();
        let off = OffCondition { but_in, ..OffCondition::here("no [Install]".to_owned()) };
        Some(Switch::elsewhere(SwitchScope::Within(0..usize::MAX), off))
    }
}
