//! What expressions of HCL come to, as far as that follows from what is written: the only place that knows the library that
//! evaluates them.

use std::cell::Cell;
use std::collections::BTreeMap;

use hcl::eval::{Context, Evaluate as _, FuncArgs, FuncDef, ParamType};
use hcl::{Expression, Number, Value};

use super::hcl::is_bounded;

/// A value of HCL.
pub(in crate::manifest) type HclValue = Value;

/// The longest expression that is evaluated, in bytes.
const LENGTH_MAX: usize = 4_000;

/// The largest value that is kept, in texts, numbers and bytes of these.
const VALUE_MAX: usize = 4_000;

/// How many different items a set has at most: each is compared with all others.
const SET_MAX: usize = 200;

/// How much is evaluated of one tree: what expressions may copy. They can double each other without end.
const WORK_MAX: usize = 50 << 20;

/// What it costs to know something, beside what expressions copy of it: it is kept.
const KEPT: usize = 50;

/// What is evaluated of one tree.
#[derive(Debug)]
pub(in crate::manifest) struct Evaluation {
    /// How much may be evaluated yet.
    left: Cell<usize>,
}

/// What is known where an expression stands.
#[derive(Debug)]
pub(in crate::manifest) struct KnownValues {
    context: Context<'static>,
    size: usize,
}

impl KnownValues {
    /// Returns what knows these, each a mapping by its name: `var`, `local`.
    pub(in crate::manifest) fn of(all: &[(&'static str, &BTreeMap<String, HclValue>)]) -> Self {
        let mut known = Self { context: Context::new(), size: 1 };
        for (name, values) in all {
            let object: Value = values.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
            known.size += size(&object);
            known.context.declare_var(*name, object);
        }
        for (name, function) in FUNCTIONS {
            known
                .context
                .declare_func(name, FuncDef::builder().variadic_param(ParamType::Any).build(function));
        }
        known
    }
}

impl Evaluation {
    /// Returns one that has evaluated nothing.
    pub(in crate::manifest) fn new() -> Self {
        Self { left: Cell::new(WORK_MAX) }
    }

    /// Returns whether something may be known yet, and counts what it takes.
    pub(in crate::manifest) fn affords(&self, known: &KnownValues) -> bool {
        let left = self.left.get().checked_sub(known.size.saturating_mul(KEPT));
        self.left.set(left.unwrap_or_default());
        left.is_some()
    }

    /// Returns what an expression comes to; nothing where that does not follow from what is known, or would take too much.
    pub(in crate::manifest) fn value(&self, expression: &str, known: &KnownValues) -> Option<HclValue> {
        if expression.len() > LENGTH_MAX || !is_bounded(expression) {
            return None;
        }
        let count = |words: &[&str]| words.iter().map(|word| expression.matches(word).count()).sum::<usize>();
        let loops = count(&["for ", "%{", "[*]", ".*"]);
        let each = if loops > 0 { known.size.min(VALUE_MAX) } else { 1 };
        // Each name is a copy of all that it stands in.
        let work = (expression.len() + (count(&["var", "local"]) + 1) * known.size).saturating_mul(each);
        let left = self.left.get().checked_sub(work).filter(|_| loops <= 1)?;
        self.left.set(left);
        let value = expression.parse::<Expression>().ok()?.evaluate(&known.context).ok()?;
        (size(&value) <= VALUE_MAX).then_some(value)
    }
}

fn size(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(entries) => {
            1 + entries.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>()
        }
        Value::String(text) => 1 + text.len(),
        _ => 1,
    }
}

type Function = fn(FuncArgs) -> Result<Value, String>;

/// The functions that decide how often something is made (Terraform language, "Functions"). What asks for others is not evaluated.
const FUNCTIONS: [(&str, Function); 37] = [
    ("alltrue", |args| Ok(items(&args, 0)?.iter().all(is_true).into())),
    ("anytrue", |args| Ok(items(&args, 0)?.iter().any(is_true).into())),
    ("ceil", |args| Ok(number(at(&args, 0)?)?.ceil().into())),
    ("coalesce", |args| {
        let is_there = |value: &&Value| !value.is_null() && value.as_str() != Some("");
        args.iter().find(is_there).cloned().ok_or_else(missing)
    }),
    ("compact", |args| {
        let all = items(&args, 0)?.into_iter();
        Ok(Value::Array(all.filter(|it| !it.is_null() && it.as_str() != Some("")).collect()))
    }),
    ("concat", |args| Ok(Value::Array(lists(&args)?.concat()))),
    ("contains", |args| Ok(items(&args, 0)?.contains(at(&args, 1)?).into())),
    ("distinct", |args| Ok(Value::Array(set(items(&args, 0)?)?))),
    ("element", |args| {
        let (all, index) = (items(&args, 0)?, number(at(&args, 1)?)?);
        let index = (index >= 0.0).then_some(index as usize).ok_or_else(missing)?;
        index.checked_rem(all.len()).and_then(|index| all.get(index)).cloned().ok_or_else(missing)
    }),
    ("endswith", |args| Ok(text(&args, 0)?.ends_with(text(&args, 1)?).into())),
    ("flatten", |args| {
        let each = |item: Value| match item {
            Value::Array(inner) => inner,
            other => vec![other],
        };
        Ok(Value::Array(items(&args, 0)?.into_iter().flat_map(each).collect()))
    }),
    ("floor", |args| Ok(number(at(&args, 0)?)?.floor().into())),
    ("join", |args| {
        let all = items(&args, 1)?;
        let all: Option<Vec<&str>> = all.iter().map(Value::as_str).collect();
        Ok(all.ok_or_else(missing)?.join(text(&args, 0)?).into())
    }),
    ("keys", |args| {
        let Value::Object(entries) = at(&args, 0)? else { return Err(missing()) };
        Ok(entries.keys().map(|key| Value::from(key.as_str())).collect())
    }),
    ("length", |args| match at(&args, 0)? {
        Value::Array(items) => Ok(items.len().into()),
        Value::Object(entries) => Ok(entries.len().into()),
        Value::String(text) => Ok(text.chars().count().into()),
        _ => Err(missing()),
    }),
    ("lookup", |args| {
        let found = at(&args, 0)?.as_object().zip(at(&args, 1)?.as_str());
        let found = found.and_then(|(entries, key)| entries.get(key));
        found.or(args.get(2)).cloned().ok_or_else(missing)
    }),
    ("lower", |args| Ok(text(&args, 0)?.to_lowercase().into())),
    ("max", |args| Ok(numbers(&args)?.into_iter().fold(f64::MIN, f64::max).into())),
    ("merge", |args| {
        let all = args.iter().map(|value| value.as_object().ok_or_else(missing));
        let all = all.collect::<Result<Vec<_>, _>>()?.into_iter().flatten();
        Ok(all.map(|(key, value)| (key.clone(), value.clone())).collect())
    }),
    ("min", |args| Ok(numbers(&args)?.into_iter().fold(f64::MAX, f64::min).into())),
    ("nonsensitive", same),
    ("one", |args| match &items(&args, 0)?[..] {
        [] => Ok(Value::Null),
        [only] => Ok(only.clone()),
        _ => Err(missing()),
    }),
    ("setintersection", |args| {
        let sets = lists(&args)?.into_iter().map(set).collect::<Result<Vec<_>, _>>()?;
        let (first, others) = sets.split_first().ok_or_else(missing)?;
        let in_all = |item: &&Value| others.iter().all(|set| set.contains(item));
        Ok(first.iter().filter(in_all).cloned().collect())
    }),
    ("setsubtract", |args| {
        let (all, less) = (set(items(&args, 0)?)?, set(items(&args, 1)?)?);
        Ok(all.into_iter().filter(|item| !less.contains(item)).collect())
    }),
    ("split", |args| Ok(text(&args, 1)?.split(text(&args, 0)?).collect())),
    ("startswith", |args| Ok(text(&args, 0)?.starts_with(text(&args, 1)?).into())),
    ("strcontains", |args| Ok(text(&args, 0)?.contains(text(&args, 1)?).into())),
    ("tobool", |args| Ok(is_true(at(&args, 0)?).into())),
    ("tolist", same),
    ("tomap", same),
    ("tonumber", |args| Ok(number(at(&args, 0)?)?.into())),
    ("toset", |args| Ok(Value::Array(set(items(&args, 0)?)?))),
    ("tostring", |args| match at(&args, 0)? {
        Value::String(text) => Ok(text.as_str().into()),
        other => Ok(other.to_string().into()),
    }),
    ("trimspace", |args| Ok(text(&args, 0)?.trim().into())),
    ("upper", |args| Ok(text(&args, 0)?.to_uppercase().into())),
    ("values", |args| {
        let Value::Object(entries) = at(&args, 0)? else { return Err(missing()) };
        Ok(entries.values().cloned().collect())
    }),
    ("zipmap", |args| {
        let keys = items(&args, 0)?.into_iter().zip(items(&args, 1)?);
        Ok(keys.filter_map(|(key, value)| Some((key.as_str()?.to_owned(), value))).collect())
    }),
];

fn missing() -> String {
    "an argument is missing, or of another type".to_owned()
}

fn at(args: &FuncArgs, index: usize) -> Result<&Value, String> {
    args.get(index).ok_or_else(missing)
}

fn text(args: &FuncArgs, index: usize) -> Result<&str, String> {
    at(args, index)?.as_str().ok_or_else(missing)
}

fn items(args: &FuncArgs, index: usize) -> Result<Vec<Value>, String> {
    at(args, index)?.as_array().cloned().ok_or_else(missing)
}

fn lists(args: &FuncArgs) -> Result<Vec<Vec<Value>>, String> {
    (0..args.len()).map(|index| items(args, index)).collect()
}

fn numbers(args: &FuncArgs) -> Result<Vec<f64>, String> {
    args.iter().map(number).collect()
}

fn number(value: &Value) -> Result<f64, String> {
    let written = || value.as_str().and_then(|text| text.parse().ok());
    value.as_number().and_then(Number::as_f64).or_else(written).ok_or_else(missing)
}

fn is_true(value: &Value) -> bool {
    value.as_bool().unwrap_or(value.as_str() == Some("true"))
}

fn same(args: FuncArgs) -> Result<Value, String> {
    at(&args, 0).cloned()
}

fn set(items: Vec<Value>) -> Result<Vec<Value>, String> {
    let mut found: Vec<Value> = Vec::new();
    for item in items {
        if found.len() > SET_MAX {
            return Err("too many different ones".to_owned());
        }
        if !found.contains(&item) {
            found.push(item);
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_is_evaluated_within_bounds() {
        let evaluation = Evaluation::new();
        let nothing = KnownValues::of(&[]);
        let read = |text: &str| evaluation.value(text, &nothing);
        let web = read("{ enabled = false, names = [\"a\", \"b\"] }").unwrap();
        let vars = BTreeMap::from([("web".to_owned(), web), ("n".to_owned(), Value::from(0))]);
        let known = KnownValues::of(&[("var", &vars)]);
        for (text, expected) in [
            ("var.web.enabled ? 1 : 0", "0"),
            ("var.n == 0 && !var.web.enabled ? 1 : 0", "1"),
            ("length(var.web.names)", "2"),
            ("contains(var.web.names, \"b\") ? 1 : 0", "1"),
            ("min(var.n, 1)", "0"),
            ("{ for k in var.web.names : k => 1 if k != \"a\" }", "{\"b\" = 1}"),
            ("toset(concat(var.web.names, [\"a\"]))", "[\"a\", \"b\"]"),
            ("lookup({ a = 1 }, \"b\", 2)", "2"),
            ("\"${var.n}\"", "0"),
            ("startswith(upper(join(\"-\", var.web.names)), \"A-\") ? 1 : 0", "1"),
            ("element(split(\",\", trimspace(\" x,y \")), 3)", "\"y\""),
            ("strcontains(\"old\", \"l\") && endswith(\"old\", \"d\")", "true"),
            ("one(setsubtract(var.web.names, setintersection(var.web.names, [\"b\"])))", "\"a\""),
            ("ceil(0.5) + floor(0.5)", "1"),
        ] {
            let value = evaluation.value(text, &known).map(|it| it.to_string().replace(['\n', ' '], ""));
            assert_eq!(value, Some(expected.replace(' ', "")), "{text}");
        }
        for text in [
            "var.other",
            "data.a.b.c ? 1 : 0",
            "file(\"a\")",
            "element([], 0)",
            "one([1, 2])",
            "{",
            "[for a in b : [for c in d : c]]",
        ] {
            assert_eq!(evaluation.value(text, &known), None, "{text}");
        }
        assert_eq!(evaluation.value(&format!("[{}]", "1,".repeat(5_000)), &known), None);
        assert_eq!(evaluation.value(&"(".repeat(2_000), &known), None);
        evaluation.left.set(10);
        assert_eq!(evaluation.value("var.web.enabled", &known), None);
    }
}
