//! What stands behind the names in a chart's template: its variables, and what the chart defines.

use std::borrow::Cow;
use std::cell::Cell;
use std::collections::{HashMap, HashSet};

use crate::manifest::deploy::{WrittenAction, written_actions};

/// What a chart defines: the actions between `define` and `end`, by their names, where they are no more than is followed.
pub(super) type Defined = HashMap<String, String>;

/// Returns what a text of a chart defines.
pub(super) fn defined_in(text: &str) -> Defined {
    let mut found = Defined::new();
    let (mut name, mut length) = ("", 0);
    for WrittenAction { text, word, head, .. } in written_actions(text) {
        if matches!(word, "define" | "block") {
            name = definition_name(head);
            length = 0;
            found.insert(name.to_owned(), String::new());
            continue;
        }
        length += text.len() + 1;
        match found.get_mut(name) {
            Some(actions) if length <= RESOLVED_MAX => actions.extend([text, " "]),
            Some(actions) => actions.clear(),
            None => {}
        }
    }
    found
}

/// What stands behind the names in a template.
pub(super) struct TemplateNames<'t> {
    variables: HashMap<&'t str, Vec<TemplateVariable<'t>>>,
    named: &'t Defined,
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
        Self { variables: variables(text), named, left: Cell::new(FOLLOWED_MAX) }
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

    fn once(&self, head: &str) -> String {
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
        let mut seen: HashSet<&str> =
            out.split(MADE).skip(1).filter_map(|rest| rest.split_whitespace().next()).collect();
        let mut made = String::new();
        for (at, word) in ["include \"", "template \""].iter().flat_map(|word| out.match_indices(word)) {
            let name = out[at + word.len()..].split('"').next().unwrap_or_default();
            if let Some(actions) = self.named.get(name).filter(|_| seen.insert(name))
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
