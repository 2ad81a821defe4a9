//! What stands behind the names in a chart's template: its variables, and what the chart defines.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap, HashSet};

use crate::manifest::deploy::{WrittenAction, written_actions};

/// What a chart defines, by their names.
pub(super) type Defined = HashMap<String, ChartDefinition>;

/// What stands between `define` and `end`.
#[derive(Debug, Default)]
pub(super) struct ChartDefinition {
    /// The actions, where they are no more than is followed.
    actions: String,
    /// How many these are.
    count: usize,
}

/// What a definition is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct TemplateArgument {
    /// What stands for the dot, where that is a part of the values.
    whole: String,
    /// What stands under each key of a `dict`.
    fields: BTreeMap<String, String>,
}

/// How many keys of a `dict` are looked at.
const FIELDS_MAX: usize = 50;

impl TemplateArgument {
    /// Returns the one that an expression is.
    pub(super) fn of(expression: &str) -> Self {
        let written = expression.split('|').next().unwrap_or_default().trim();
        let inner =
            written.strip_prefix('(').map(|inner| &inner[..balanced(inner)]).unwrap_or(written).trim();
        let mut found = Self::default();
        let Some(mut rest) = inner.strip_prefix("dict ") else {
            let is_part = inner.starts_with(".Values.") || inner.starts_with("$.Values.");
            found.whole = if is_part { inner.to_owned() } else { String::new() };
            return found;
        };
        while let Some((key, value)) =
            rest.trim_start().strip_prefix('"').and_then(|rest| rest.split_once('"'))
        {
            let value = value.trim_start();
            let length = match value.strip_prefix('(') {
                Some(inner) => balanced(inner) + 2,
                None => value.find(char::is_whitespace).unwrap_or(value.len()),
            };
            let Some((value, more)) = value.split_at_checked(length.min(value.len())) else { break };
            found.fields.insert(key.to_owned(), value.to_owned());
            rest = more;
            if found.fields.len() >= FIELDS_MAX {
                break;
            }
        }
        found
    }

    /// Returns whether it says nothing of what is asked inside.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what stands for the dot.
    pub(super) fn whole(&self) -> &str {
        &self.whole
    }

    /// Returns a head with what its fields stand for.
    pub(super) fn filled(&self, head: &str) -> String {
        if self.fields.is_empty() {
            return head.to_owned();
        }
        let ends = |c: char| c.is_whitespace() || matches!(c, '(' | ')' | '|');
        head.split_inclusive(ends)
            .map(|word| {
                let names = word.strip_prefix('.').unwrap_or_default();
                let end = names.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(names.len());
                match self.fields.get(&names[..end]).map(String::as_str) {
                    // Another name of what a template gets.
                    Some("." | "$") => names[end..].to_owned(),
                    Some(value) => format!("{value}{}", &names[end..]),
                    None => word.to_owned(),
                }
            })
            .collect()
    }
}

/// Returns how much of a text stands before the parenthesis that closes what is open before it.
pub(super) fn balanced(text: &str) -> usize {
    let mut open = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' => open += 1,
            ')' if open == 0 => return at,
            ')' => open -= 1,
            _ => {}
        }
    }
    text.len()
}

/// Returns what a text of a chart defines.
pub(super) fn defined_in(text: &str) -> Defined {
    let mut found = Defined::new();
    let (mut name, mut length) = ("", 0);
    for WrittenAction { text, word, head, .. } in written_actions(text) {
        if matches!(word, "define" | "block") {
            name = definition_name(head);
            length = 0;
            found.insert(name.to_owned(), ChartDefinition::default());
            continue;
        }
        length += text.len() + 1;
        let Some(definition) = found.get_mut(name).filter(|_| word != "end") else { continue };
        definition.count += 1;
        match length <= RESOLVED_MAX {
            true => definition.actions.extend([text, " "]),
            false => definition.actions.clear(),
        }
    }
    found
}

/// What stands behind the names in a template.
pub(super) struct TemplateNames<'t> {
    variables: HashMap<&'t str, Vec<TemplateVariable<'t>>>,
    named: &'t Defined,
    argument: TemplateArgument,
    /// How many bytes are followed yet.
    left: Cell<usize>,
}

/// What a variable is set to.
struct TemplateVariable<'t> {
    value: Cow<'t, str>,
    /// Whether it is one after the other of what stands there.
    is_each: bool,
}

/// Stands in a condition where a definition makes something of what is asked.
pub(super) const MADE: &str = "(made)";

/// How deep names stand for names, and how long a head gets by them at most, in bytes: names can stand for names without end.
const NAMES_MAX: usize = 4;
const RESOLVED_MAX: usize = 16 << 10;

/// How much the names of one template are followed in all, in bytes.
const FOLLOWED_MAX: usize = 16 << 20;

impl<'t> TemplateNames<'t> {
    /// Returns those of a text, with what its chart defines.
    pub(super) fn of(text: &'t str, named: &'t Defined) -> Self {
        let argument = TemplateArgument::default();
        Self { variables: variables(text), named, argument, left: Cell::new(FOLLOWED_MAX) }
    }

    /// Returns those of a text whose definitions are given something.
    pub(super) fn given(self, argument: TemplateArgument) -> Self {
        Self { argument, ..self }
    }

    /// Returns what stands for the dot in a definition.
    pub(super) fn whole(&self) -> &str {
        self.argument.whole()
    }

    /// Returns a head with what its variables and definitions stand for in their places.
    pub(super) fn resolved(&self, head: &str) -> String {
        let mut head = head.to_owned();
        for _ in 0..NAMES_MAX {
            if head.len() > RESOLVED_MAX || self.left.get() == 0 {
                break;
            }
            let next = self.once(&head);
            self.left.set(self.left.get().saturating_sub(next.len()));
            if next == head {
                break;
            }
            head = next;
        }
        head
    }

    /// Returns a head with what its variables stand for, and no more.
    pub(super) fn with_variables(&self, head: &str) -> String {
        let (mut out, mut rest) = (String::new(), head);
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            rest = &rest[at + 1..];
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            match self.variables.get(&rest[..end]) {
                Some(all) if end > 0 => {
                    rest = &rest[end..];
                    for TemplateVariable { value, is_each } in all {
                        if out.len() + value.len() > RESOLVED_MAX {
                            break;
                        }
                        match (&**value, *is_each) {
                            // Another name of what a template gets.
                            ("." | "$", _) => {}
                            (value, true) => out.push_str(&format!(" ({value}).*")),
                            (value, false) => out.push_str(&format!(" ({value})")),
                        }
                    }
                }
                _ => out.push('$'),
            }
        }
        out.push_str(rest);
        out
    }

    /// Returns what a head is that asks for a definition with nothing but one value in it.
    pub(super) fn value(&self, head: &str) -> Option<&str> {
        let name = head.strip_prefix("include \"")?.split('"').next()?;
        let definition = self.named.get(name).filter(|definition| definition.count == 1)?;
        Some(definition.actions.trim())
    }

    fn once(&self, head: &str) -> String {
        let out = self.argument.filled(&self.with_variables(head));
        let mut seen: HashSet<&str> =
            out.split(MADE).skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
        let mut made = String::new();
        for (at, word) in ["include \"", "template \""].iter().flat_map(|word| out.match_indices(word)) {
            let name = out[at + word.len()..].split('"').next().unwrap_or_default();
            if let Some(ChartDefinition { actions, .. }) = self.named.get(name).filter(|_| seen.insert(name))
                && out.len() + made.len() + actions.len() <= RESOLVED_MAX
            {
                made.push_str(&format!(" {MADE} {name} {actions}"));
            }
        }
        out + &made
    }
}

/// Returns what a definition is called, of what stands behind `define`.
pub(super) fn definition_name(head: &str) -> &str {
    head.trim_matches(['"', '`']).split(['"', '`']).next().unwrap_or_default()
}

/// Returns what the variables of a template are set to.
fn variables(text: &str) -> HashMap<&str, Vec<TemplateVariable<'_>>> {
    let mut found: HashMap<&str, Vec<TemplateVariable<'_>>> = HashMap::new();
    let mut open = Vec::new();
    for WrittenAction { text: action, word, head, .. } in written_actions(text) {
        match word {
            "if" | "with" | "range" => open.push(head),
            "define" | "block" => open.push(""),
            "end" => drop(open.pop()),
            _ => {}
        }
        let is_new = action.contains(":=");
        let Some((names, value)) = action.split_once(":=").or_else(|| action.split_once("=")) else {
            continue;
        };
        let is_each = names.starts_with("range");
        // Of a key and a value, the value.
        let Some((_, name)) = names.rsplit_once('$') else { continue };
        let (name, value) = (name.trim(), value.trim());
        if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            let value = match open.last() {
                // What decides whether it is set again decides what it is.
                Some(head) if !is_new && !head.is_empty() => Cow::Owned(format!("({head}) {MADE} = {value}")),
                _ => Cow::Borrowed(value),
            };
            found.entry(name).or_default().push(TemplateVariable { value, is_each });
        }
    }
    found
}
