//! Checks requests against GitHub's own OpenAPI description, so that our forge cannot bless what GitHub would refuse.
//!
//! The description is in the npm package `@octokit/openapi`; `.ci/run` installs the version of `.ci/npm`.
#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    reason = "a test fails by panicking, and says what it skips"
)]

use std::path::PathBuf;

use serde_json::{Map, Value, json};

use super::forge::Logged;

const FILE: &str = "target/npm/node_modules/@octokit/openapi/generated/api.github.com.json";

/// GitHub's description of its REST API.
pub(crate) struct OpenApi(Value);

impl OpenApi {
    /// Reads the file that `TAGPIN_OPENAPI` names, or the one below `target`; says so where there is none.
    pub(crate) fn load() -> Option<Self> {
        let file = std::env::var_os("TAGPIN_OPENAPI").map_or_else(|| PathBuf::from(FILE), PathBuf::from);
        match fs_err::read(&file) {
            Ok(bytes) => Some(Self(serde_json::from_slice(&bytes).expect("the OpenAPI description is JSON"))),
            Err(error) => {
                eprintln!("skipped: GitHub's OpenAPI description is not installed: {error}");
                None
            }
        }
    }

    /// Tells what GitHub's description does not allow in `request`: path, method, query, media type or body.
    pub(crate) fn check(&self, request: &Logged) -> Result<(), String> {
        let Logged { method, path, .. } = request;
        if path == "/graphql" {
            // That API is not described here; the forge takes the few queries that it knows, word by word.
            return if method == "POST" { Ok(()) } else { Err("GraphQL is posted".to_owned()) };
        }
        let (template, item) = self.path_item(path).ok_or_else(|| format!("no path is like `{path}`"))?;
        let operation = item
            .get(method.to_ascii_lowercase())
            .ok_or_else(|| format!("`{template}` has no method `{method}`"))?;
        let refused = |why: String| format!("{method} {template}: {why}");
        self.check_query(request, item, operation).map_err(refused)?;
        self.check_body(request, operation).map_err(refused)
    }

    /// Returns the template that `path` fits, the one with the most literal segments first.
    fn path_item(&self, path: &str) -> Option<(&str, &Value)> {
        let given = path.split('/').collect::<Vec<_>>();
        let fits = |template: &str| {
            let wanted = template.split('/').collect::<Vec<_>>();
            let same = |(wanted, given): (&&str, &&str)| {
                if wanted.starts_with('{') { !given.is_empty() } else { wanted == given }
            };
            wanted.len() == given.len() && wanted.iter().zip(&given).all(same)
        };
        let paths = self.0["paths"].as_object()?;
        let fitting = paths.iter().filter(|(template, _)| fits(template));
        fitting
            .min_by_key(|(template, _)| template.matches('{').count())
            .map(|(template, item)| (template.as_str(), item))
    }

    fn check_query(&self, request: &Logged, item: &Value, operation: &Value) -> Result<(), String> {
        let lists = [&item["parameters"], &operation["parameters"]];
        let declared =
            lists.into_iter().filter_map(Value::as_array).flatten().map(|parameter| self.resolved(parameter));
        let declared = declared.filter(|parameter| parameter["in"] == "query").collect::<Vec<_>>();
        for (name, value) in &request.query {
            let parameter = declared.iter().find(|parameter| parameter["name"] == name.as_str());
            let parameter = parameter.ok_or_else(|| format!("no query parameter `{name}`"))?;
            let schema = self.strict(&parameter["schema"], false);
            let typed = match schema["type"].as_str() {
                Some("integer" | "number" | "boolean") => {
                    serde_json::from_str(value).unwrap_or_else(|_| json!(value))
                }
                _ => json!(value),
            };
            validate(&schema, &typed).map_err(|why| format!("query parameter `{name}`: {why}"))?;
        }
        for parameter in declared.iter().filter(|parameter| parameter["required"] == true) {
            if !request.query.iter().any(|(name, _)| parameter["name"] == name.as_str()) {
                return Err(format!("query parameter {} is missing", parameter["name"]));
            }
        }
        Ok(())
    }

    fn check_body(&self, request: &Logged, operation: &Value) -> Result<(), String> {
        let description = self.resolved(&operation["requestBody"]);
        let Some(body) = &request.body else {
            return if description["required"] == true {
                Err("the body is missing".to_owned())
            } else {
                Ok(())
            };
        };
        let media_type = request.headers.get("content-type").map_or("", String::as_str);
        let schema = &description["content"][media_type.split(';').next().unwrap_or_default()]["schema"];
        if schema.is_null() {
            return Err(format!("no body of type `{media_type}`"));
        }
        validate(&self.strict(schema, true), body)
    }

    /// Follows `$ref`, which in this description always points into the same document.
    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let mut value = value;
        while let Some(pointer) = value["$ref"].as_str() {
            value = self.0.pointer(pointer.trim_start_matches('#')).expect("a reference points to something");
        }
        value
    }

    /// Returns an OpenAPI 3.0 schema as JSON Schema, in which objects have no other than their declared properties.
    ///
    /// `closed` is false inside `allOf` and the like, where a branch sees the properties of the others.
    fn strict(&self, schema: &Value, closed: bool) -> Value {
        let Value::Object(given) = self.resolved(schema) else { return schema.clone() };
        let mut made = Map::new();
        for (key, value) in given {
            let value = match (key.as_str(), value) {
                ("properties", Value::Object(fields)) => {
                    fields.iter().map(|(name, field)| (name.clone(), self.strict(field, true))).collect()
                }
                ("items" | "additionalProperties", Value::Object(_)) => self.strict(value, true),
                ("allOf" | "anyOf" | "oneOf", Value::Array(branches)) => {
                    branches.iter().map(|branch| self.strict(branch, false)).collect()
                }
                ("not", _) => self.strict(value, false),
                ("example" | "examples" | "nullable" | "discriminator" | "xml" | "format", _) => continue,
                _ => value.clone(),
            };
            made.insert(key.clone(), value);
        }
        if given.get("nullable") == Some(&Value::Bool(true)) {
            if let Some(one) = made.get("type").filter(|one| one.is_string()).cloned() {
                made.insert("type".to_owned(), json!([one, "null"]));
            }
            if let Some(Value::Array(values)) = made.get_mut("enum") {
                values.push(Value::Null);
            }
        }
        if closed && given.contains_key("properties") && !given.contains_key("additionalProperties") {
            made.insert("unevaluatedProperties".to_owned(), Value::Bool(false));
        }
        Value::Object(made)
    }
}

fn validate(schema: &Value, instance: &Value) -> Result<(), String> {
    let validator = jsonschema::draft202012::new(schema).expect("GitHub's schema is a schema");
    let errors = validator.iter_errors(instance).map(|error| error.to_string()).collect::<Vec<_>>();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}
