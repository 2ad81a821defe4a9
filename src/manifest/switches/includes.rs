//! Where the templates of a chart ask for what its helpers define, and under which conditions.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::rc::Rc;

use super::conditions::{AskedValue, of_template};
use super::template_names::{Defined, definition_name};
use crate::manifest::deploy::{WrittenAction, written_actions};

/// How many places of one text that ask for definitions are looked at.
const INCLUDES_MAX: usize = 1_000;

/// How many places are followed for one definition.
const WAYS_MAX: usize = 1_000;

/// How deep definitions are followed that ask for each other.
const DEPTH_MAX: usize = 8;

/// Where definitions are asked for, by their names.
#[derive(Debug, Default)]
pub(super) struct Includes(HashMap<String, Vec<Include>>);

/// A place that asks for a definition.
#[derive(Debug)]
struct Include {
    /// The directory of the chart that it is in.
    chart: String,
    /// The definition that it is in.
    within: Option<String>,
    /// The conditions there, all of which have to hold; of each, one value as it is asked is enough.
    asked: Vec<Vec<AskedValue>>,
}

/// A condition of a chart: its directory, and the values of which one is enough.
pub(super) type ChartCondition = (String, Vec<AskedValue>);

impl Includes {
    /// Adds the places of a template of the chart in a directory, with what that defines.
    pub(super) fn add(&mut self, chart: &str, text: &str, defined: &Defined) {
        let conditions = of_template(text, defined);
        let definitions = definitions(text);
        let mut left = INCLUDES_MAX;
        for WrittenAction { place, text: action, .. } in written_actions(text) {
            for name in asked_for(action) {
                if left == 0 {
                    return;
                }
                left -= 1;
                let around = conditions.iter().filter(|condition| condition.range.contains(&place.start));
                let before = definitions.range(..=place.start).next_back().map(|(_, it)| it);
                let within = before.filter(|(_, range)| range.contains(&place.start));
                self.0.entry(name.to_owned()).or_default().push(Include {
                    chart: chart.to_owned(),
                    within: within.map(|(name, _)| (*name).to_owned()),
                    asked: around.map(|condition| condition.asked.clone()).collect(),
                });
            }
        }
    }
}

/// Returns what has to hold for a definition to come out, for each place of some charts by which it does.
pub(super) fn ways_to(name: &str, charts: &[Rc<Includes>]) -> Vec<Vec<ChartCondition>> {
    ways(name, charts, DEPTH_MAX, &mut { WAYS_MAX })
}

fn ways(name: &str, charts: &[Rc<Includes>], depth: usize, left: &mut usize) -> Vec<Vec<ChartCondition>> {
    let mut found = Vec::new();
    for include in charts.iter().filter_map(|chart| chart.0.get(name)).flatten() {
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

/// Returns the definitions that an action asks for.
fn asked_for(action: &str) -> impl Iterator<Item = &str> {
    let calls = ["include \"", "template \"", "block \"", "include `", "template `"];
    let all = calls.into_iter().flat_map(move |call| action.match_indices(call));
    all.map(|(at, call)| action[at + call.len()..].split(['"', '`']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_definition_comes_out_where_a_template_asks_for_it() {
        let text = "{{ define \"a\" }}x{{ end }}{{ define \"b\" }}{{ if .Values.b }}{{ include \"a\" . }}{{ end }}{{ end }}\
                    {{ if .Values.c }}{{ template \"b\" . }}{{ end }}{{ define \"c\" }}{{ include \"c\" . }}{{ end }}";
        let mut includes = Includes::default();
        includes.add("k", text, &Defined::new());
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
    }
}
