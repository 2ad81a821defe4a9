//! Values of switches that are variables: what they are called, and which of their values let things run.

use super::switch_words::{AWAY, Sense, is_off};
use crate::manifest::syntax::build::TEMPLATE;

/// The value of a switch, as far as it is a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VariableValue {
    /// Who gives the variable its value.
    pub(super) scope: VariableScope,
    /// The name, in lower case; of a module of Terraform the whole expression.
    pub(super) name: String,
    /// What stands for it where nobody says.
    pub(super) default: Option<String>,
    pub(super) lets_run: LetsRun,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum VariableScope {
    /// The files of a module of Terraform, files of variables, and who calls the module.
    Module,
    /// Any file of the tree.
    Tree,
}

/// Which values let things run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum LetsRun {
    /// Those that do not switch off.
    On(Sense),
    /// This one alone.
    Is(String),
    /// All but this one.
    IsNot(String),
    /// All but those that take something away.
    IsNotAway,
    /// Any but none.
    IsSaid,
}

impl VariableValue {
    /// Returns that of a switch which is set so; `None` where that is no variable, or more than one. `sense` is that of the key, if it
    /// has one.
    pub(super) fn of(key: &str, sense: Option<Sense>, literal: &str) -> Option<Self> {
        if let Some(name) = literal.strip_prefix("!Ref").map(|rest| rest.trim().trim_matches('"')) {
            return Some(Self::new(VariableScope::Tree, (name, None), LetsRun::On(sense?)))
                .filter(|it| is_name(&it.name));
        }
        let text = literal.strip_prefix(TEMPLATE).unwrap_or(literal).trim().trim_matches('"').trim();
        if let Some(expression) = of_module(text) {
            let lets_run =
                if key == "for_each" { LetsRun::IsNot("[]".to_owned()) } else { LetsRun::On(sense?) };
            let name = expression.to_owned();
            return Some(Self { scope: VariableScope::Module, name, default: None, lets_run });
        }
        if key == "if" {
            let inner = text.strip_prefix("${{").and_then(|rest| rest.strip_suffix("}}")).unwrap_or(text);
            return compared(inner);
        }
        let (name, default) = substituted(text)?;
        Some(Self::new(VariableScope::Tree, (name, default), LetsRun::On(sense?)))
    }

    /// Returns that of a condition of a task of Ansible which asks for one variable (Ansible, "Conditionals").
    pub(super) fn of_task(condition: &str) -> Option<Self> {
        let (wanted, condition) = match condition.trim().strip_prefix("not ") {
            Some(rest) => (Sense::Off, rest),
            None => (Sense::On, condition),
        };
        let (name, default) = filtered(condition)?;
        // Words of other tools for when something runs.
        const WHENS: [&str; 5] = ["always", "manual", "never", "on_failure", "on_success"];
        let is_one = !WHENS.contains(&name) && name.contains('_');
        is_one.then(|| Self::new(VariableScope::Tree, (name, default), LetsRun::On(wanted)))
    }

    /// Returns that of a state which is set to a variable of Ansible.
    pub(super) fn of_state(state: &str) -> Option<Self> {
        let (name, default) = filtered(state.trim().strip_prefix("{{")?.strip_suffix("}}")?)?;
        Some(Self::new(VariableScope::Tree, (name, default), LetsRun::IsNotAway))
    }

    fn new(scope: VariableScope, (name, default): (&str, Option<&str>), lets_run: LetsRun) -> Self {
        Self { scope, name: name.to_ascii_lowercase(), default: default.map(str::to_owned), lets_run }
    }

    /// Returns what tells the switch from others: with another default it is the same one.
    pub(super) fn written(&self, literal: &str) -> String {
        if self.scope == VariableScope::Module {
            // However it is formatted, and however the empty set is written.
            let squeezed = self.name.replace(char::is_whitespace, "");
            return squeezed.replace("toset([])", "[]").replace("tomap({})", "{}");
        }
        if self.default.is_some() { format!("${{{}}}", self.name) } else { literal.to_owned() }
    }

    /// Returns whether it is an expression of a module of Terraform.
    pub(super) fn is_of_module(&self) -> bool {
        self.scope == VariableScope::Module
    }

    /// Returns whether what is set to it does not run where nobody is known to say what it is.
    pub(super) fn is_off_unless_said(&self) -> bool {
        self.default.is_none() && matches!(self.lets_run, LetsRun::On(Sense::Off) | LetsRun::IsSaid)
    }

    /// Returns whether the variable lets things run with this value.
    pub(super) fn lets_run(&self, literal: &str) -> bool {
        let written = literal.trim_matches('"');
        match &self.lets_run {
            LetsRun::On(sense) => !is_off(*sense, literal),
            LetsRun::Is(wanted) => written == wanted,
            LetsRun::IsNot(unwanted) => written != unwanted,
            LetsRun::IsSaid => !written.is_empty(),
            LetsRun::IsNotAway => !AWAY.contains(&written.to_ascii_lowercase().as_str()),
        }
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Returns the expression of Terraform that a text is, if it asks for what its module is given or says itself.
fn of_module(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}')).unwrap_or(text).trim();
    let asks = |word: &str| {
        let is_start =
            |at: usize| !inner[..at].ends_with(|c: char| c.is_alphanumeric() || "._-$\"'".contains(c));
        inner.match_indices(word).any(|(at, _)| is_start(at))
    };
    (!text.contains("${{") && !inner.contains("{{") && (asks("var.") || asks("local."))).then_some(inner)
}

/// Returns the variable that somebody substitutes in a text which is nothing else, and what stands for it where nobody says.
fn substituted(text: &str) -> Option<(&str, Option<&str>)> {
    let braced = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let called = || text.strip_prefix("$(").and_then(|rest| rest.strip_suffix(')'));
    let inner = braced.or_else(called).or_else(|| text.strip_prefix('$'))?;
    let (name, default) = match inner.find([':', '-', '=']) {
        Some(at) => (&inner[..at], Some(inner[at..].trim_start_matches(':').trim_start_matches(['-', '=']))),
        None => (inner, None),
    };
    is_name(name).then_some((name, default))
}

/// Returns the variable at the start of an expression of Ansible, and what `default` gives it.
fn filtered(expression: &str) -> Option<(&str, Option<&str>)> {
    let mut parts = expression.split('|').map(str::trim);
    let name =
        parts.next().filter(|name| is_name(name) && !name.starts_with(|c: char| c.is_ascii_digit()))?;
    let mut default = None;
    for filter in parts {
        let given = filter.strip_prefix("default(").or_else(|| filter.strip_prefix("d("));
        match given {
            Some(given) => default = Some(given.trim_end_matches(')').trim_matches(['"', '\''])),
            None if filter == "bool" => {}
            None => return None,
        }
    }
    Some((name, default))
}

/// Returns the variable that a condition of a pipeline asks for.
fn compared(condition: &str) -> Option<VariableValue> {
    let condition = condition.trim();
    let named = |text: &str| -> Option<String> {
        let text = text.trim();
        let pipeline = text.strip_prefix("env.").or_else(|| text.strip_prefix("variables."));
        let name = pipeline.or_else(|| text.strip_prefix('$'))?;
        is_name(name).then(|| name.to_owned())
    };
    let of = |name: String, lets_run| VariableValue::new(VariableScope::Tree, (&name, None), lets_run);
    for (sign, is_not) in [("==", false), ("!=", true)] {
        if let Some((left, right)) = condition.split_once(sign) {
            let word = right.trim();
            let bare = word.trim_matches(['"', '\'']);
            let is_word = !bare.contains(['"', '\'']) && (bare.len() + 2 == word.len() || is_name(bare));
            let lets_run =
                if is_not { LetsRun::IsNot(bare.to_owned()) } else { LetsRun::Is(bare.to_owned()) };
            return named(left).filter(|_| is_word).map(|named| of(named, lets_run));
        }
    }
    // Whether it is set at all (GitLab, "CI/CD job variables in `rules`").
    let name = condition.strip_prefix('$').filter(|name| is_name(name))?;
    // Those of a pipeline itself are set by what starts it.
    if ["CI_", "GITLAB_", "TRIGGER_"].iter().any(|start| name.starts_with(start)) {
        return None;
    }
    Some(of(name.to_owned(), LetsRun::IsSaid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_told_with_the_values_that_let_things_run() {
        for (key, sense, literal, name, on, off) in [
            ("replicas", Some(Sense::Count), "${n}", "n", "1", "0"),
            ("replicas", Some(Sense::Count), "\"${N:-0}\"", "n", "\"2\"", "\"0\""),
            ("suspend", Some(Sense::Off), "$(off)", "off", "false", "true"),
            ("count", Some(Sense::Count), "var.n", "var.n", "1", "0"),
            ("count", Some(Sense::Count), "!template \"${var.on ? 1 : 0}\"", "var.on ? 1 : 0", "1", "0"),
            ("for_each", None, "local.on ? toset([\"a\"]) : []", "local.on ? toset([\"a\"]) : []", "…", "[]"),
            ("if", Some(Sense::On), "${{ env.A == 'b' }}", "a", "b", "c"),
            ("if", Some(Sense::On), "$A != \"b\"", "a", "c", "b"),
            ("DesiredCount", Some(Sense::Count), "!Ref Count", "count", "1", "0"),
        ] {
            let value = VariableValue::of(key, sense, literal).unwrap_or_else(|| panic!("{literal}"));
            assert_eq!(
                (&*value.name, value.lets_run(on), value.lets_run(off)),
                (name, true, false),
                "{literal}"
            );
        }
        for (key, sense, literal) in [
            ("replicas", Some(Sense::Count), "2"),
            ("replicas", Some(Sense::Count), "${a}${b}"),
            ("replicas", Some(Sense::Count), "x-${a}"),
            ("count", Some(Sense::Count), "length(data.a)"),
            ("count", Some(Sense::Count), "my.var.a"),
            ("if", Some(Sense::On), "$A == \"x\" && $B == \"y\""),
            ("if", Some(Sense::On), "github.ref == 'main'"),
            ("if", Some(Sense::On), "success()"),
        ] {
            assert_eq!(VariableValue::of(key, sense, literal), None, "{literal}");
        }
    }
}
