//! Switches of charts: what their conditions ask for, what their values and those who deploy them say, what their dependencies want.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

use super::conditions::{ABOUT_CHART, ABOUT_RELEASE, AskedValue, Asks, WRITTEN, of_template, with_names};
use super::elsewhere::{Elsewhere, SaidOff};
use super::includes::{Includes, arguments, askers, definitions, ways_to};
use super::release::said_of_release;
use super::statements::SaidValue;
use super::switch::{OffCondition, Switch, SwitchScope};
use super::switch_index::SwitchedPlaces;
use super::switch_words::{is_no, is_off, sense};
use super::template_names::{Defined, TemplateArgument, TemplateNames, defined_in};
use crate::manifest::chart_parts::image_words;
use crate::manifest::formats::helm_values::has_name;
use crate::manifest::located::Scan;
use crate::manifest::syntax::yaml;
use crate::source::tree::{Tree, path_from};

/// How many arguments of definitions in one file are looked at.
const ARGUMENTS_MAX: usize = 200;

impl<T: Tree> Elsewhere<'_, T> {
    /// Returns the switches for a file of a chart that stand in its own conditions, and in those of the charts that it is in.
    pub(super) fn of_charts(&mut self, file: &str, scan: &Scan) -> Vec<Switch> {
        if scan.sites.is_empty() && scan.partials.is_empty() && scan.looks_away.is_empty() {
            return Vec::new();
        }
        let above: Vec<&str> = file.match_indices('/').map(|(at, _)| &file[..at]).chain([""]).collect();
        let charts: Vec<&str> =
            above.into_iter().filter(|above| self.deployers.charts.contains(*above)).collect();
        let (mut found, mut places) = (Vec::new(), SwitchedPlaces::of(scan));
        for chart in &charts {
            let below = file.strip_prefix(chart).unwrap_or(file).trim_start_matches('/');
            if let Some(name) = below.strip_prefix("charts/").and_then(|rest| rest.split('/').next()) {
                found.extend(self.of_dependency(chart, name));
            }
            for (parent, name) in self.parents().get(*chart).cloned().unwrap_or_default() {
                found.extend(self.of_dependency(&parent, &name));
            }
            found.extend(self.of_library(chart));
            let off = self.of_helmfiles(chart).into_iter();
            found.extend(off.map(|off| Switch::elsewhere(SwitchScope::Within(0..usize::MAX), off)));
        }
        let chart = charts.iter().copied().max_by_key(|chart| chart.len());
        let is_template = |chart: &&str| {
            let below = file.strip_prefix(chart).unwrap_or(file).trim_start_matches('/');
            // Values may be templates for `tpl`.
            below.starts_with("templates/") || below == "values.yaml"
        };
        if let Some(chart) = chart.filter(is_template)
            && let Some(text) = self.statements.text(file).filter(|text| text.contains("{{"))
        {
            let defined = self.defined(chart);
            for condition in of_template(&text, &defined) {
                let off = self.not_as_asked(chart, &condition.asked);
                let scope = SwitchScope::Within(condition.range);
                found.extend(off.into_iter().map(|off| Switch::elsewhere(scope.clone(), off)));
            }
            // Helpers, and templates that are not called like manifests.
            if scan.looks_away.iter().any(|it| it.spot.is_none()) {
                places.add(image_words(&text));
                found.extend(self.of_definitions(chart, &text, &places));
            }
        }
        found.retain(|switch| places.has(&switch.scope));
        found
    }

    /// Returns what keeps a condition of a chart from being so, of whose values one that is as asked is enough; nothing where it may be.
    fn not_as_asked(&mut self, chart: &str, asked: &[AskedValue]) -> Vec<OffCondition> {
        let all: Vec<Vec<OffCondition>> =
            asked.iter().map(|(value, asks)| self.off(chart, value, *asks)).collect();
        if all.iter().any(Vec::is_empty) { Vec::new() } else { all.into_iter().flatten().collect() }
    }

    /// Returns the switches for what a text of a chart defines: what keeps everything from coming out that asks for it.
    fn of_definitions(&mut self, chart: &str, text: &str, places: &SwitchedPlaces) -> Vec<Switch> {
        let mut found = Vec::new();
        let charts = self.askers(chart);
        let mut left = ARGUMENTS_MAX;
        for (name, range) in definitions(text).into_values() {
            let scope = SwitchScope::Within(range);
            if !places.has(&scope) {
                continue;
            }
            // Who asks for it since then has one more of it.
            let but_in = askers(name, &charts);
            let off = OffCondition { but_in, ..OffCondition::here("nothing else asks for it".to_owned()) };
            let mut all = vec![off];
            for way in ways_to(name, &charts) {
                let off = way.iter().flat_map(|(chart, asked)| self.not_as_asked(chart, asked));
                let off: Vec<OffCondition> = off.collect();
                if off.is_empty() {
                    // It comes out by this one.
                    all.truncate(1);
                    break;
                }
                all.extend(off);
            }
            all.sort();
            all.dedup();
            found.extend(all.into_iter().map(|off| Switch::elsewhere(scope.clone(), off)));
            if left > 0 {
                let given = arguments(name, &charts);
                left = left.saturating_sub(given.len());
                found.extend(self.of_arguments(text, &scope, given));
            }
        }
        found
    }

    /// Returns the switches in a part of a text of charts, a definition, by what it is given: those that are off with all of it.
    fn of_arguments(
        &mut self,
        text: &str,
        part: &SwitchScope,
        given: BTreeSet<(String, TemplateArgument)>,
    ) -> Vec<Switch> {
        let SwitchScope::Within(part) = part else { return Vec::new() };
        if given.iter().all(|(_, argument)| argument.is_empty()) {
            return Vec::new();
        }
        let count = given.len();
        // By the bytes of each condition: with which arguments it is off, and why.
        let mut found: BTreeMap<(usize, usize), (BTreeSet<usize>, BTreeSet<OffCondition>)> = BTreeMap::new();
        for (at, (chart, argument)) in given.into_iter().enumerate() {
            let defined = self.defined(&chart);
            let names = TemplateNames::of(text, &defined).given(argument);
            for condition in with_names(text, &names) {
                let range = condition.range;
                if part.start <= range.start && range.end <= part.end {
                    let off = self.not_as_asked(&chart, &condition.asked);
                    let (with, why) = found.entry((range.start, range.end)).or_default();
                    with.extend((!off.is_empty()).then_some(at));
                    why.extend(off);
                }
            }
        }
        let off = found.into_iter().filter(|(_, (with, _))| with.len() == count);
        let switches = off.flat_map(|((start, end), (_, why))| {
            why.into_iter().map(move |off| Switch::elsewhere(SwitchScope::Within(start..end), off))
        });
        switches.collect()
    }

    /// Returns where what the chart in a directory defines is asked for: in its own templates, those of the charts that take it, and
    /// those of the charts that it takes.
    fn askers(&mut self, chart: &str) -> Vec<Rc<Includes>> {
        let is_in = |inner: &str, outer: &str| {
            inner.strip_prefix(outer).is_some_and(|rest| outer.is_empty() || rest.starts_with('/'))
        };
        let around = self.deployers.charts.iter().filter(|other| is_in(other, chart) || is_in(chart, other));
        let mut charts: BTreeSet<String> = around.cloned().collect();
        let takers = self.parents().get(chart).into_iter().flatten();
        charts.extend(takers.map(|(taker, _)| taker.clone()));
        charts.insert(chart.to_owned());
        charts.iter().map(|chart| self.includes(chart)).collect()
    }

    /// Returns where the templates of the chart in a directory ask for definitions.
    fn includes(&mut self, chart: &str) -> Rc<Includes> {
        if let Some(known) = self.includes.get(chart) {
            return Rc::clone(known);
        }
        let defined = self.defined(chart);
        let mut found = Includes::default();
        self.templates(chart).for_each(|(file, text)| found.add(chart, file, &text, &defined));
        let found = Rc::new(found);
        self.includes.insert(chart.to_owned(), Rc::clone(&found));
        found
    }

    /// Returns the charts that take another one by its directory, and how they call it, by that directory.
    fn parents(&mut self) -> &HashMap<String, Vec<(String, String)>> {
        let (deployers, statements) = (self.deployers, &self.statements);
        self.parents.get_or_insert_with(|| {
            let mut found: HashMap<String, Vec<(String, String)>> = HashMap::new();
            for chart in &deployers.charts {
                let path =
                    if chart.is_empty() { "Chart.yaml".to_owned() } else { format!("{chart}/Chart.yaml") };
                let Some(text) = statements.text(&path).filter(|text| text.contains("file://")) else {
                    continue;
                };
                let tree = yaml::parse(&text);
                let root = tree.documents.first().and_then(|document| document.root);
                let dependencies = root.and_then(|root| tree.get(root, "dependencies"));
                for entry in dependencies.map(|all| tree.items(all)).unwrap_or_default() {
                    let file = tree.get_str(*entry, "repository").and_then(|it| it.strip_prefix("file://"));
                    if let (Some(at), Some(name)) =
                        (file.and_then(|file| path_from(chart, file)), tree.get_str(*entry, "name"))
                    {
                        found.entry(at).or_default().push((chart.clone(), name.to_owned()));
                    }
                }
            }
            found
        })
    }

    /// Returns what the chart in a directory defines.
    fn defined(&mut self, chart: &str) -> Rc<Defined> {
        if let Some(known) = self.defined.get(chart) {
            return Rc::clone(known);
        }
        let found: Defined = self.templates(chart).flat_map(|(_, text)| defined_in(&text)).collect();
        let found = Rc::new(found);
        self.defined.insert(chart.to_owned(), Rc::clone(&found));
        found
    }

    /// Returns the templates of the chart in a directory.
    fn templates(&self, chart: &str) -> impl Iterator<Item = (&str, String)> {
        let templates = if chart.is_empty() { "templates".to_owned() } else { format!("{chart}/templates") };
        let is_below = move |directory: &str| {
            directory.strip_prefix(&*templates).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let files = self.related.paths.iter().filter(move |(directory, _)| is_below(directory));
        files.flat_map(|(_, files)| files).filter_map(|path| Some((*path, self.statements.text(path)?)))
    }

    /// Returns what of a chart's value keeps something from running: what its own values say, or others.
    fn off(&mut self, chart: &str, value: &str, asks: Asks) -> Vec<OffCondition> {
        let of = |condition: String| vec![OffCondition::here(condition)];
        let in_chart =
            |file: &str| if chart.is_empty() { file.to_owned() } else { format!("{chart}/{file}") };
        if let Some(condition) = value.strip_prefix(WRITTEN) {
            return of(format!("if {condition}"));
        }
        if let Some(asked) = value.strip_prefix(ABOUT_RELEASE) {
            let said = said_of_release(&mut self.statements, self.deployers, chart);
            let said: BTreeSet<String> = said.into_iter().map(|(_, said)| said).collect();
            return of(format!("{asked} by {}", said.into_iter().collect::<Vec<_>>().join(" ")));
        }
        if let Some(asked) = value.strip_prefix(ABOUT_CHART) {
            let all = self.statements.of(&in_chart("Chart.yaml"));
            let said = all.iter().find(|said| said.path == asked).map(|said| said.literal.as_str());
            return of(format!("{asked} is {}", said.unwrap_or_default()));
        }
        let own = in_chart("values.yaml");
        let mut said = vec![(
            None,
            self.statements
                .of(&own)
                .iter()
                .filter(|said| is_at(&said.path, value, true, asks))
                .cloned()
                .collect::<Vec<_>>(),
        )];
        let (word, is_against): (_, fn(&str) -> bool) = match asks {
            Asks::No => ("unless", |literal| !is_no(literal)),
            _ => ("if", is_no),
        };
        // Of a value that is said twice, the last one counts.
        let is_off = |all: &Vec<SaidValue>| is_against(all.last().map_or("", |said| said.literal.as_str()));
        let related = self.related.beside(&own);
        // What nobody is known to give to the chart turns nothing on before somebody does.
        let mut unnamed = BTreeSet::new();
        for other in &related {
            let all = self.statements.of(other);
            let all: Vec<SaidValue> =
                all.iter().filter(|said| is_at(&said.path, value, false, asks)).cloned().collect();
            let is_open = !all.is_empty() && asks != Asks::What && !is_off(&all);
            if is_open && !self.related.is_given(other) && !self.is_named_in_text(other) {
                unnamed.insert(other.clone());
            } else if !all.is_empty() {
                said.push((Some(other.clone()), all));
            }
        }
        if asks == Asks::What || value.contains("/*") {
            let literals = said.iter().flat_map(|(_, all)| all).map(|said| said.literal.clone());
            let all: BTreeSet<String> = literals.chain((said[0].1.is_empty()).then(String::new)).collect();
            return of(format!("{value} is {}", all.into_iter().collect::<Vec<_>>().join(" or ")));
        }
        if said.iter().all(|(_, all)| is_off(all)) {
            let mut known = related;
            known.insert(own);
            let mut sayers = self.sayers(chart, value, &known, |literal| !is_against(literal));
            // An example of values says nothing before somebody names it.
            sayers
                .retain(|file| !has_name(file) || self.related.is_given(file) || self.is_named_in_text(file));
            let but_in = sayers.into_iter().chain(unnamed).map(|file| (file, 1)).collect();
            return vec![OffCondition { but_in, ..OffCondition::here(format!("{word} {value}")) }];
        }
        // Who turns on what the chart itself leaves off does so for one more.
        let is_default = said.iter().any(|(by, all)| by.is_none() && is_off(all));
        let on = said.iter().filter(|(_, all)| !is_off(all)).filter_map(|(by, _)| Some((by.clone()?, 1)));
        let but_in = on.collect();
        let default = OffCondition { but_in, ..OffCondition::here(format!("{word} {value} by default")) };
        let offs = said.iter().filter(|(by, all)| by.is_some() && is_off(all));
        let condition = format!("{word} {value}");
        let offs =
            offs.map(|(by, _)| OffCondition { by: by.clone(), ..OffCondition::here(condition.clone()) });
        offs.chain(is_default.then_some(default)).collect()
    }

    /// Returns what a file with values turns off.
    fn offs(&mut self, file: &str) -> Rc<Vec<SaidOff>> {
        if let Some(known) = self.offs.get(file) {
            return Rc::clone(known);
        }
        let all = self.statements.of(file);
        let all = all.iter().filter(|said| said.literal != "…").filter_map(|said| {
            let (_, stem) = sense(&said.key).filter(|(sense, _)| is_off(*sense, &said.literal))?;
            let above = said.path.rsplit_once('/').map_or("", |(above, _)| above);
            let about = if stem.is_empty() { above.to_owned() } else { format!("{above}/{stem}") };
            Some(SaidOff { about, condition: format!("{}: {}", said.path, said.literal) })
        });
        let found = Rc::new(all.collect::<Vec<_>>());
        self.offs.insert(file.to_owned(), Rc::clone(&found));
        found
    }

    /// Returns the switches for values of a chart that other files turn off: those of an environment, of a deployer.
    pub(super) fn of_values(&mut self, file: &str, scan: &Scan) -> Vec<Switch> {
        if scan.sites.is_empty() && scan.partials.is_empty() || !has_name(file) {
            return Vec::new();
        }
        let own = scan.sites.iter().map(|it| (it.site.document, it.site.path.to_lowercase()));
        let parts = scan.partials.iter().map(|it| (it.document, it.path.to_lowercase()));
        // The documents that have an image below a JSON pointer.
        let mut levels: HashMap<String, BTreeSet<usize>> = HashMap::new();
        for (document, path) in own.chain(parts) {
            for (at, _) in path.match_indices('/').skip(1) {
                levels.entry(path[..at].to_owned()).or_default().insert(document);
            }
        }
        let mut found = Vec::new();
        for other in self.related.beside(file) {
            for SaidOff { about, condition } in self.offs(&other).iter() {
                let ends = about.match_indices('/').map(|(at, _)| &about[at..]);
                for (level, documents) in ends.filter_map(|end| levels.get_key_value(end)) {
                    let scopes =
                        documents.iter().map(|document| SwitchScope::Below(*document, format!("{level}/")));
                    let off = OffCondition::said_by(&other, condition.clone());
                    found.extend(scopes.map(|scope| Switch::elsewhere(scope, off.clone())));
                }
            }
        }
        found
    }

    /// Returns the condition under which the chart `name` inside of another one is left out: of version 1 it says so in a file of its own.
    fn of_dependency(&mut self, chart: &str, name: &str) -> Option<Switch> {
        let in_chart =
            |file: &str| if chart.is_empty() { file.to_owned() } else { format!("{chart}/{file}") };
        let texts = ["Chart.yaml", "requirements.yaml"].into_iter();
        let texts: Vec<String> = texts.filter_map(|file| self.statements.text(&in_chart(file))).collect();
        let trees = texts.iter().map(|text| yaml::parse(text)).collect::<Vec<_>>();
        let (tree, dependencies) = trees.iter().find_map(|tree| {
            let root = tree.documents.first()?.root?;
            Some((tree, tree.get(root, "dependencies")?))
        })?;
        let is_it = |entry: &&usize| {
            let said = |key| tree.get_str(**entry, key) == Some(name);
            said("name") || said("alias")
        };
        let own = in_chart("values.yaml");
        let mut off = Vec::new();
        // One that is taken twice comes out where one of them does.
        for entry in tree.items(dependencies).iter().filter(is_it) {
            let condition = tree.get_str(*entry, "condition").unwrap_or_default().to_owned();
            let values = condition.split(',').filter(|value| !value.trim().is_empty());
            let values = values.map(|value| format!("/{}", value.trim().replace('.', "/")).to_lowercase());
            let values: Vec<String> = values.collect();
            // The first that is there counts; where none is, the chart is not left out.
            let said = self.statements.of(&own);
            let value = values.into_iter().find(|value| said.iter().any(|said| said.path == *value));
            off.push(match value {
                Some(value) => self.off(chart, &value, Asks::Yes).into_iter().next()?,
                None => {
                    let tags = tree.get(*entry, "tags").map(|tags| tree.items(tags)).unwrap_or_default();
                    let tags: Vec<String> =
                        tags.iter().filter_map(|tag| tree.string_of(*tag).map(str::to_lowercase)).collect();
                    OffCondition::here(self.tags_off(&own, &tags)?)
                }
            });
        }
        Some(Switch::elsewhere(SwitchScope::Within(0..usize::MAX), off.first()?.clone()))
    }

    /// Returns the condition under which the values of a chart leave out what has these tags: none of them is on, and one is off.
    fn tags_off(&mut self, own: &str, tags: &[String]) -> Option<String> {
        let mut files = self.related.beside(own);
        files.insert(own.to_owned());
        let mut said = Vec::new();
        for tag in tags {
            let end = format!("/tags/{tag}");
            for file in &files {
                let all = self.statements.of(file);
                said.extend(
                    all.iter().filter(|said| said.path.ends_with(&end)).map(|said| said.literal.clone()),
                );
            }
        }
        let is_off = !said.is_empty() && said.iter().all(|said| is_no(said));
        is_off.then(|| format!("tags {}", tags.join(",")))
    }

    /// Returns the condition under which nothing of a chart comes out by itself: it is a library.
    fn of_library(&self, chart: &str) -> Option<Switch> {
        let path = if chart.is_empty() { "Chart.yaml".to_owned() } else { format!("{chart}/Chart.yaml") };
        let text = self.statements.text(&path)?;
        let tree = yaml::parse(&text);
        let root = tree.documents.first()?.root?;
        let off = OffCondition::here("type: library".to_owned());
        (tree.get_str(root, "type") == Some("library"))
            .then(|| Switch::elsewhere(SwitchScope::Within(0..usize::MAX), off))
    }
}

/// Returns whether a value stands at a JSON pointer, of which `*` stands for any one key, from the root or, unless `is_whole`, at its
/// end. Who asks what a list or a mapping has asks for what lies right below it.
fn is_at(path: &str, value: &str, is_whole: bool, asks: Asks) -> bool {
    if !value.contains("/*") {
        let above = path.rsplit_once('/').map_or("", |(above, _)| above);
        let all = if asks == Asks::What { &[path, above][..] } else { &[path] };
        return all.iter().any(|path| if is_whole { *path == value } else { path.ends_with(value) });
    }
    let (keys, wanted): (Vec<&str>, Vec<&str>) =
        (path.split('/').skip(1).collect(), value.split('/').skip(1).collect());
    let is_same =
        |at: usize| keys[at..].iter().zip(&wanted).all(|(key, wanted)| *wanted == "*" || key == wanted);
    keys.len() >= wanted.len()
        && (!is_whole || keys.len() == wanted.len())
        && is_same(keys.len() - wanted.len())
}
