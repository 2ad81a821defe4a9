//! The body by a template of the user's own, in the language of Jinja.
//!
//! What comes from repositories and registries is written as a code span, whatever the template does with it.

use std::collections::BTreeMap;
use std::fmt;

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::parts::Sections;
use super::{ImageChange, Proposal};
use crate::markdown::{cell, code};
use crate::policy::looks_immutable;
use crate::reference::Digest;

/// How many steps a template may take: a thousand images with a hundred steps each, ten times over.
const FUEL: u64 = 1_000_000;

const NAME: &str = "template";

/// A template for the body, which was tried.
#[derive(Clone, PartialEq, Eq)]
pub struct Template {
    text: String,
}

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
    /// The 1-based line, where it is known.
    pub line: Option<usize>,
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Template({} bytes)", self.text.len())
    }
}

impl Template {
    /// Returns the template that `text` spells, tried with a proposal that has something of everything.
    ///
    /// # Errors
    /// It is not a template, or uses something that does not exist.
    pub fn parse(text: &str) -> Result<Self, TemplateError> {
        let template = Self { text: text.to_owned() };
        for proposal in [sample(), Proposal::default()] {
            template.render(&proposal, &Sections::sample())?;
        }
        Ok(template)
    }

    /// Returns the body without its marker.
    pub(super) fn render(&self, proposal: &Proposal, sections: &Sections) -> Result<String, TemplateError> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
            environment.set_syntax(syntax);
        }
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("markdown".into()));
        environment.set_formatter(write);
        // Nobody turns the escaping off by accident.
        environment.remove_filter("safe");
        environment.add_filter("cell", |value: String| Value::from_safe_string(cell(&value)));
        let rendered = environment
            .template_from_named_str(NAME, &self.text)
            .and_then(|template| template.render(context(proposal, sections)));
        rendered.map_err(|error| TemplateError::new(&error))
    }
}

impl TemplateError {
    fn new(error: &Error) -> Self {
        let mut message = error.kind().to_string();
        if let Some(detail) = error.detail() {
            message = format!("{message}: {detail}");
        }
        if error.kind() == ErrorKind::UndefinedError {
            message.push_str("; docs/pull-request-body.md lists what a template may use");
        }
        Self { message, line: error.line() }
    }
}

/// Writes sections as they are, numbers as digits and everything else as a code span.
fn write(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let text = match value.kind() {
        ValueKind::Undefined => return minijinja::escape_formatter(out, state, value),
        ValueKind::None => return Ok(()),
        ValueKind::Bool | ValueKind::Number => value.to_string(),
        _ if value.is_safe() => value.to_string(),
        _ => code(&value.to_string()),
    };
    out.write_str(&text).map_err(Error::from)
}

fn context(proposal: &Proposal, sections: &Sections) -> Value {
    let safe = |text: &String| Value::from_safe_string(text.clone());
    let map = BTreeMap::from([
        ("why", safe(&sections.why)),
        ("releases", safe(&sections.releases)),
        ("moves", safe(&sections.moves)),
        ("table", safe(&sections.table)),
        ("details", safe(&sections.details)),
        ("left_out", safe(&sections.left_out)),
        ("consequences", safe(&sections.consequences)),
        ("proof", safe(&sections.proof)),
        ("requests", safe(&sections.requests)),
        ("unwanted", safe(&sections.unwanted)),
        ("rebuild", safe(&sections.rebuild)),
        ("footer", safe(&sections.footer)),
        ("images", proposal.images.iter().map(image).collect()),
        ("spans", Value::from(proposal.spans)),
        ("files", Value::from(proposal.files)),
        ("left_out_count", Value::from(proposal.left_out.len())),
    ]);
    Value::from(map)
}

fn image(image: &ImageChange) -> Value {
    let digest = |digest: Option<&Digest>| digest.map(|digest| Value::from(digest.as_str()));
    let map = BTreeMap::from([
        ("name", Value::from(image.name.as_str())),
        ("tag", Value::from(image.tag.as_str())),
        ("old", Value::from(digest(image.old.as_ref()))),
        ("new", Value::from(image.new.as_str())),
        ("first_pin", Value::from(image.old.is_none())),
        ("release", Value::from(looks_immutable(&image.tag))),
        ("platforms", Value::from(image.platforms.as_str())),
        ("files", image.files.iter().map(|file| Value::from(file.as_str())).collect()),
    ]);
    Value::from(map)
}

fn sample() -> Proposal {
    let image = |name: &str, old: Option<Digest>| ImageChange {
        name: name.to_owned(),
        tag: "1.27.3".to_owned(),
        old,
        new: Digest::sha256(name.as_bytes()),
        platforms: "index".to_owned(),
        index: None,
        files: vec!["app/deploy.yaml".to_owned()],
        objects: Vec::new(),
        proofs: Vec::new(),
        details: None,
        moves: None,
        unconfirmed: None,
    };
    Proposal {
        images: vec![image("nginx", None), image("redis", Some(Digest::sha256(b"old")))],
        spans: 2,
        files: 1,
        head: "0".repeat(40),
        ..Proposal::default()
    }
}

impl Sections {
    fn sample() -> Self {
        let text = || "text".to_owned();
        Self {
            why: text(),
            releases: text(),
            moves: text(),
            table: text(),
            details: text(),
            left_out: text(),
            consequences: text(),
            proof: text(),
            requests: text(),
            unwanted: text(),
            rebuild: text(),
            footer: text(),
        }
    }
}
