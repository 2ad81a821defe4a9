use std::path::Path;

use serde_json::{Map, Value, json};
use toml_edit::{DocumentMut, Item};

use super::SCHEMA;
use super::shape::{self, SchemaShape};
use crate::config::Config;
use crate::config::raw::Raw;

const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// Returns the example with the settings that name a file of one's own, which stand there as `#name = …`.
fn whole_example() -> String {
    let line = |line: &str| match line.strip_prefix('#') {
        Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting.to_owned(),
        _ => line.to_owned(),
    };
    EXAMPLE.split_inclusive('\n').map(line).collect()
}

/// A word that nothing is called, and that nothing is near to.
const NONSENSE: &str = "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqq";

#[test]
fn the_schema_is_what_the_parser_knows() {
    let made = format!("{:#}\n", made());
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema/config.schema.json");
    if std::env::var_os("TAGPIN_BLESS").is_some() {
        fs_err::write(&file, &made).unwrap();
        return;
    }
    assert!(
        made == SCHEMA,
        "schema/config.schema.json is not up to date: TAGPIN_BLESS=1 cargo test --lib schema"
    );
}

#[test]
fn the_schema_takes_what_the_parser_takes_and_refuses_other_keys_and_types() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let validator = jsonschema::draft7::new(&schema).unwrap();
    let takes = |table: &toml::Table| validator.is_valid(&json_of(table.clone().into()));
    let example = example();
    let problems: Vec<_> =
        validator.iter_errors(&json_of(example.clone().into())).map(|it| it.to_string()).collect();
    assert!(problems.is_empty(), "{problems:?}");
    for config in [Config::default(), Config::parse("x", Path::new("/"), whole_example().as_bytes()).unwrap()]
    {
        assert!(takes(&config.to_toml().parse().unwrap()), "what is shown");
    }
    let mut leaves = 0;
    for path in leaves_of(&shape::of::<Raw>(), &[]) {
        leaves += 1;
        let path: Vec<&str> = path.iter().map(String::as_str).collect();
        let wrong = changed(&example, &path, &|table, key| {
            // No setting is a table with this key, or a number with a fraction.
            table.insert(key.to_owned(), toml::Value::Float(0.5));
        });
        assert!(!takes(&wrong), "{path:?} of another type");
        let misspelled = changed(&example, &path, &|table, key| {
            let value = table.remove(key).unwrap();
            table.insert(format!("{key}-{NONSENSE}"), value);
        });
        assert!(!takes(&misspelled), "{path:?} misspelled");
    }
    assert!(leaves > 100, "{leaves}");
}

fn example() -> toml::Table {
    whole_example().parse().unwrap()
}

/// Returns what an editor would have for a value: days are text.
fn json_of(value: toml::Value) -> Value {
    match value {
        toml::Value::Datetime(day) => day.to_string().into(),
        toml::Value::Array(list) => list.into_iter().map(json_of).collect(),
        toml::Value::Table(table) => table.into_iter().map(|(key, value)| (key, json_of(value))).collect(),
        other => serde_json::to_value(other).unwrap(),
    }
}

/// Returns the schema as the parser, the checks and the example have it.
fn made() -> Value {
    let document: DocumentMut = whole_example().parse().unwrap();
    let mut schema = schema_of(&shape::of::<Raw>(), &[], Some(document.as_item()), &[]);
    let about = json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "The configuration of tagpin",
        "description": "The file for --config. A repository's own file knows a part of these keys.",
    });
    let (Value::Object(about), Value::Object(schema)) = (about, &mut schema) else { panic!("no table") };
    Value::Object(about.into_iter().chain(std::mem::take(schema)).collect())
}

/// `above` has the comments of the table around: what a table in it says of the same key, it overrides.
fn schema_of(shape: &SchemaShape, path: &[&str], item: Option<&Item>, above: &[(String, String)]) -> Value {
    match shape {
        SchemaShape::Boolean => json!({"type": "boolean"}),
        SchemaShape::Integer => json!({"type": "integer"}),
        SchemaShape::Day => json!({"type": "string"}),
        SchemaShape::Text => text(path),
        SchemaShape::Words => json!({"anyOf": [text(path), {"type": "array", "items": text(path)}]}),
        SchemaShape::List(inner) => json!({"type": "array", "items": schema_of(inner, path, item, above)}),
        SchemaShape::Table(keys) => {
            let mut properties = Map::new();
            let mut required = Vec::new();
            let comments = comments(item);
            for (key, shape) in keys {
                let path: Vec<&str> = path.iter().copied().chain([*key]).collect();
                let inner = item.and_then(|item| inner(item, key));
                let mut schema = schema_of(shape, &path, inner.as_ref(), &comments);
                let said = comments.iter().chain(above).find(|(other, _)| other == key);
                if let Some((_, comment)) = said {
                    schema["description"] = comment.as_str().into();
                }
                properties.insert((*key).to_owned(), schema);
                if is_required(&path) {
                    required.push(*key);
                }
            }
            let mut schema =
                json!({"type": "object", "additionalProperties": false, "properties": properties});
            if !required.is_empty() {
                schema["required"] = json!(required);
            }
            schema
        }
    }
}

/// Returns the schema of a text, with the words that it may be where the checks know them all.
fn text(path: &[&str]) -> Value {
    match words(path) {
        Some(words) => json!({"type": "string", "enum": words}),
        None => json!({"type": "string"}),
    }
}

/// Returns the words that the checks name where something else stands.
fn words(path: &[&str]) -> Option<Vec<String>> {
    let nonsense = changed(&example(), path, &|table, key| {
        let word = toml::Value::String(NONSENSE.to_owned());
        let is_list = table[key].is_array() && path != ["policy", "require"];
        table.insert(key.to_owned(), if is_list { toml::Value::Array(vec![word]) } else { word });
    });
    let error = Config::parse("x", Path::new("/"), nonsense.to_string().as_bytes()).err()?;
    let said = error.problems().iter().find(|problem| problem.message.contains(NONSENSE))?;
    let known = said.hint.as_deref()?.strip_prefix("known are ")?;
    Some(known.split('`').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Returns whether the parser misses a key.
fn is_required(path: &[&str]) -> bool {
    let without = changed(&example(), path, &|table, key| {
        table.remove(key);
    });
    let missing = format!("missing field `{}`", path.last().unwrap());
    toml::from_str::<Raw>(&without.to_string()).is_err_and(|error| error.message().contains(&missing))
}

/// Returns the table with a change at `path`: in each table of a list that has the key.
fn changed(table: &toml::Table, path: &[&str], change: &dyn Fn(&mut toml::Table, &str)) -> toml::Table {
    let mut table = table.clone();
    let (key, rest) = path.split_first().unwrap();
    if rest.is_empty() {
        if table.contains_key(*key) {
            change(&mut table, key);
        }
        return table;
    }
    match table.get_mut(*key) {
        Some(toml::Value::Table(inner)) => *inner = changed(inner, rest, change),
        Some(toml::Value::Array(list)) => {
            for inner in list.iter_mut().filter_map(toml::Value::as_table_mut) {
                *inner = changed(inner, rest, change);
            }
        }
        _ => panic!("the example has no {path:?}"),
    }
    table
}

/// Returns the paths to everything that is not a table.
fn leaves_of(shape: &SchemaShape, path: &[String]) -> Vec<Vec<String>> {
    match shape {
        SchemaShape::Table(keys) => {
            let below = keys.iter().flat_map(|(key, shape)| {
                let path: Vec<String> = path.iter().cloned().chain([(*key).to_owned()]).collect();
                leaves_of(shape, &path)
            });
            below.collect()
        }
        SchemaShape::List(inner) if matches!(**inner, SchemaShape::Table(_)) => leaves_of(inner, path),
        _ => vec![path.to_vec()],
    }
}

/// Returns what stands under `key` in a table, or in the tables of a list together.
fn inner(item: &Item, key: &str) -> Option<Item> {
    match item {
        Item::Table(table) => table.get(key).cloned(),
        Item::ArrayOfTables(list) => list.iter().find_map(|table| table.get(key)).cloned(),
        _ => None,
    }
}

/// Returns the comment above each key of a table, or of the tables in a list.
fn comments(item: Option<&Item>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    let tables: Vec<&toml_edit::Table> = match item {
        Some(Item::Table(table)) => vec![table],
        Some(Item::ArrayOfTables(list)) => list.iter().collect(),
        _ => Vec::new(),
    };
    for table in tables {
        for (key, value) in table.iter() {
            let above = match value {
                Item::Table(table) => table.decor().prefix(),
                Item::ArrayOfTables(list) => list.iter().next().and_then(|table| table.decor().prefix()),
                _ => table.key(key).and_then(|key| key.leaf_decor().prefix()),
            };
            let text = comment(above.and_then(|above| above.as_str()).unwrap_or_default());
            if !text.is_empty() {
                all.push((key.to_owned(), text));
            }
        }
    }
    all
}

/// Returns the last paragraph of a comment, in which lists keep their lines.
fn comment(text: &str) -> String {
    let paragraph = text.trim_end_matches([' ', '\t']).rsplit("\n\n").next().unwrap_or_default();
    let (mut said, mut was_item) = (String::new(), false);
    for line in paragraph.lines().filter_map(|line| line.trim().strip_prefix('#')) {
        let is_item = line.starts_with("   ");
        if !said.is_empty() {
            said.push(if is_item || was_item { '\n' } else { ' ' });
        }
        was_item = is_item;
        said.push_str(line.trim());
    }
    said
}
