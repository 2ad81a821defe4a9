//! Where the templates of a chart ask for what its helpers define, and under which conditions.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;
use std::rc::Rc;

use super::conditions::{AskedValue, Asks, of_template, values};
use super::template_names::{Defined, TemplateArgument, TemplateNames, balanced, definition_name};
use crate::manifest::deploy::{WrittenAction, written_actions};

/// How many places of one text that ask for definitions are looked at.
const INCLUDES_MAX: usize = 1_000;

/// How many places are followed for one definition.
const WAYS_MAX: usize = 1_000;

/// How deep definitions are followed that ask for each other.
const DEPTH_MAX: usize = 8;

/// Where definitions are asked for, by their names.
#[derive(Debug, Default)]
pub(super) struct Includes {
    by_name: HashMap<String, Vec<Include>>,
    /// Those whose names are put together: with a star for what is put in.
    by_pattern: Vec<(String, Include)>,
}

/// A place that asks for a definition.
#[derive(Debug)]
struct Include {
    /// The directory of the chart that it is in.
    chart: String,
    file: String,
    /// The definition that it is in.
    within: Option<String>,
    /// What the definition is given.
    argument: TemplateArgument,
    /// The conditions there, all of which have to hold; of each, one value as it is asked is enough.
    asked: Vec<Vec<AskedValue>>,
}

/// A condition of a chart: its directory, and the values of which one is enough.
pub(super) type ChartCondition = (String, Vec<AskedValue>);

impl Includes {
    /// Adds the places of a template of the chart in a directory, with what that defines.
    pub(super) fn add(&mut self, chart: &str, file: &str, text: &str, defined: &Defined) {
        let conditions = of_template(text, defined);
        let definitions = definitions(text);
        let names = TemplateNames::of(text, defined);
        let mut left = INCLUDES_MAX;
        for WrittenAction { place, text: action, .. } in written_actions(text) {
            if !["include", "template", "block"].iter().any(|word| action.contains(word)) {
                continue;
            }
            for asked_for in asked_for(&names.with_variables(action)) {
                if left == 0 {
                    return;
                }
                left -= 1;
                let around = conditions.iter().filter(|condition| condition.range.contains(&place.start));
                let around = around.map(|condition| condition.asked.clone());
                let before = definitions.range(..=place.start).next_back().map(|(_, it)| it);
                let within = before.filter(|(_, range)| range.contains(&place.start));
                let put_in = values(&asked_for.put_in, "").into_iter().map(|value| vec![(value, Asks::What)]);
                let include = Include {
                    chart: chart.to_owned(),
                    file: file.to_owned(),
                    within: within.map(|(name, _)| (*name).to_owned()),
                    argument: asked_for.argument,
                    asked: around.chain(put_in).collect(),
                };
                match asked_for.name.contains('*') {
                    true => self.by_pattern.push((asked_for.name, include)),
                    false => self.by_name.entry(asked_for.name).or_default().push(include),
                }
            }
        }
    }

    fn of(&self, name: &str) -> impl Iterator<Item = &Include> {
        let fits = move |pattern: &str| {
            let (start, end) = (pattern.split('*').next(), pattern.rsplit('*').next());
            start.is_some_and(|start| name.starts_with(start)) && end.is_some_and(|end| name.ends_with(end))
        };
        let by_pattern = self.by_pattern.iter().filter(move |(pattern, _)| fits(pattern));
        self.by_name.get(name).into_iter().flatten().chain(by_pattern.map(|(_, include)| include))
    }
}

/// Returns how often each file of some charts asks for a definition.
pub(super) fn askers(name: &str, charts: &[Rc<Includes>]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for include in charts.iter().flat_map(|chart| chart.of(name)).take(WAYS_MAX) {
        *found.entry(include.file.clone()).or_default() += 1;
    }
    found
}

/// Returns what some charts give a definition, each once, with the directory of the chart.
pub(super) fn arguments(name: &str, charts: &[Rc<Includes>]) -> BTreeSet<(String, TemplateArgument)> {
    let all = charts.iter().flat_map(|chart| chart.of(name)).take(WAYS_MAX);
    all.map(|include| (include.chart.clone(), include.argument.clone())).collect()
}

/// Returns what has to hold for a definition to come out, for each place of some charts by which it does.
pub(super) fn ways_to(name: &str, charts: &[Rc<Includes>]) -> Vec<Vec<ChartCondition>> {
    ways(name, charts, DEPTH_MAX, &mut { WAYS_MAX })
}

fn ways(name: &str, charts: &[Rc<Includes>], depth: usize, left: &mut usize) -> Vec<Vec<ChartCondition>> {
    let mut found = Vec::new();
    for include in charts.iter().flat_map(|chart| chart.of(name)) {
        // By so many ways one is open.
        let Some(fewer) = left.checked_sub(1) else { return vec![Vec::new()] };
        *left = fewer;
        let own = include.asked.iter().map(|asked| (include.chart.clone(), asked.clone()));
        match include.within.as_deref() {
            Some(within) if within != name && depth > 0 => {
                let ways = ways(within, charts, depth - 1, left).into_iter();
                found.extend(ways.map(|way| own.clone().chain(way).collect::<Vec<_>>()));
            }
            _ => found.push(own.collect()),
        }
    }
    found
}

/// Returns the definitions of a text by where they start: what they are called, and where their own text is.
pub(super) fn definitions(text: &str) -> BTreeMap<usize, (&str, Range<usize>)> {
    let (mut found, mut open) = (BTreeMap::new(), Vec::new());
    for WrittenAction { place, word, head, .. } in written_actions(text) {
        match word {
            "define" | "block" => open.push(Some((definition_name(head), place.end))),
            "if" | "with" | "range" => open.push(None),
            "end" => {
                if let Some((name, start)) = open.pop().flatten() {
                    found.insert(start, (name, start..place.start));
                }
            }
            _ => {}
        }
    }
    found
}

/// What an action asks for.
#[derive(Debug)]
struct AskedFor {
    /// The name, with stars for what is put in.
    name: String,
    put_in: String,
    argument: TemplateArgument,
}

/// Returns the definitions that an action asks for.
fn asked_for(action: &str) -> Vec<AskedFor> {
    let calls = ["include", "template", "block"].into_iter().flat_map(|call| action.match_indices(call));
    let is_word =
        |(at, _): &(usize, &str)| !action[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_');
    let asked = calls.filter(is_word).filter_map(|(at, call)| {
        let rest = action[at + call.len()..].trim_start();
        let (name, rest) = match rest.strip_prefix('(') {
            Some(inner) => {
                let length = balanced(inner);
                (inner[..length].trim(), inner.get(length + 1..).unwrap_or_default())
            }
            None => {
                let quote = rest.chars().next().filter(|c| matches!(c, '"' | '`'))?;
                rest.split_at_checked(rest[1..].find(quote)? + 2)?
            }
        };
        let put_in = name.strip_prefix("printf").unwrap_or_default();
        let written = name[name.find(['"', '`'])?..].split(['"', '`']).nth(1)?;
        let is_literal = name.starts_with(['"', '`']) || !put_in.is_empty();
        let name = ["%s", "%v", "%q"].iter().fold(written.to_owned(), |name, verb| name.replace(verb, "*"));
        let argument = TemplateArgument::of(&rest[..balanced(rest)]);
        is_literal.then(|| AskedFor { name, put_in: put_in.to_owned(), argument })
    });
    asked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_comes_out_where_a_template_asks_for_it() {
        let text = "{{ define \"a\" }}x{{ end }}{{ define \"b\" }}{{ if .Values.b }}{{ include \"a\" . }}{{ end }}{{ end }}\
                    {{ if .Values.c }}{{ template \"b\" . }}{{ end }}{{ define \"c\" }}{{ include \"c\" . }}{{ end }}";
        let mut includes = Includes::default();
        includes.add("k", "k/templates/a.yaml", text, &Defined::new());
        let all = [Rc::new(includes)];
        let told = |name: &str| {
            let ways = ways_to(name, &all).into_iter();
            ways.map(|way| way.iter().map(|(_, asked)| asked[0].0.clone()).collect::<Vec<_>>().join(" "))
                .collect::<Vec<_>>()
        };
        assert_eq!(told("a"), ["/b /c"]);
        assert_eq!(told("b"), ["/c"]);
        assert_eq!(told("c"), [""]);
        assert!(told("d").is_empty());
        assert_eq!(definitions(text).len(), 3);
        let mut includes = Includes::default();
        let text = "{{ $n := \"a\" }}{{ include $n . }}{{ include  (printf \"c.%s\" .Values.kind) (dict \"x\" .Values.y) }}";
        includes.add("k", "f", text, &Defined::new());
        let all = [Rc::new(includes)];
        assert_eq!(askers("a", &all).len(), 1);
        assert_eq!(ways_to("c.web", &all)[0][0].1[0].0, "/kind");
        assert!(ways_to("d.web", &all).is_empty());
        let (_, argument) = arguments("c.web", &all).pop_first().unwrap();
        assert_eq!(argument.filled("if .x.on"), "if .Values.y.on");
    }
}
