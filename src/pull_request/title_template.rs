//! Titles and commit messages that the user words (minijinja). Pure.

use std::collections::BTreeSet;

use minijinja::{Environment, UndefinedBehavior};
use serde::Serialize;

use super::Proposal;
use super::title::{general, summary};
use crate::markdown::plain;

/// How many steps a template may take: a loop over a thousand images takes a tenth of them.
const FUEL: u64 = 1_000_000;

/// The longest commit message that is made, in bytes.
const MESSAGE_MAX: usize = 64 * 1024;

/// A template that was tried out when the configuration was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wording(String);

#[derive(Serialize)]
struct Values<'p> {
    /// What happens, in a few words, as the built-in title says it.
    summary: String,
    general: String,
    pinned: usize,
    updated: usize,
    /// The group, empty where there is but one.
    group: &'p str,
    base: &'p str,
    /// The title; empty while it is being made.
    title: &'p str,
    images: Vec<TemplateImage>,
}

#[derive(Serialize)]
struct TemplateImage {
    name: String,
    tag: String,
    old: Option<String>,
    new: String,
    short: String,
}

/// Where a proposal stands: what the words of a title may need beside its images.
#[derive(Clone, Copy, Debug, Default)]
pub struct TemplateContext<'p> {
    /// The group's name; `None` where it is everything.
    pub group: Option<&'p str>,
    /// The branch that the pull request is for.
    pub base: &'p str,
}

impl Wording {
    /// Returns the template `text`, which renders.
    ///
    /// # Errors
    /// Says what is wrong with it, and in which of its lines.
    pub fn new(text: &str) -> Result<Self, String> {
        let template = Self(text.to_owned());
        let digest = crate::reference::Digest::sha256(b"a sample");
        let image = TemplateImage {
            name: "nginx".to_owned(),
            tag: "1.27".to_owned(),
            old: Some(digest.to_string()),
            new: digest.to_string(),
            short: digest.short().to_owned(),
        };
        let sample = Values {
            summary: "update nginx 1.27".to_owned(),
            general: "update 1 image digest".to_owned(),
            pinned: 0,
            updated: 1,
            group: "group",
            base: "main",
            title: "title",
            images: vec![image],
        };
        let rendered = template.fill(&sample)?;
        if rendered.trim().is_empty() { Err("it says nothing".to_owned()) } else { Ok(template) }
    }

    /// Returns the text of the template.
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Returns the title for `proposal`: one line of at most `longest` characters.
    ///
    /// # Errors
    /// The template fails on these values, says nothing, or takes too long.
    pub fn title(
        &self,
        proposal: &Proposal,
        place: TemplateContext<'_>,
        longest: usize,
    ) -> Result<String, String> {
        let text = self.render(proposal, place, "")?;
        let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        match line.char_indices().nth(longest.saturating_sub(1)) {
            _ if line.is_empty() => Err("it says nothing".to_owned()),
            Some((end, _)) if line.chars().count() > longest => Ok(format!("{}…", &line[..end])),
            _ => Ok(line),
        }
    }

    /// Returns the commit message for `proposal`, whose pull request has this title.
    ///
    /// # Errors
    /// As for [`Wording::title`].
    pub fn message(
        &self,
        proposal: &Proposal,
        place: TemplateContext<'_>,
        title: &str,
    ) -> Result<String, String> {
        let text = self.render(proposal, place, title)?;
        match text.trim() {
            "" => Err("it says nothing".to_owned()),
            text if text.len() > MESSAGE_MAX => Err(format!("it says more than {MESSAGE_MAX} bytes")),
            text => Ok(format!("{text}\n")),
        }
    }

    fn render(&self, proposal: &Proposal, place: TemplateContext<'_>, title: &str) -> Result<String, String> {
        let count = |first: bool| {
            let rows = proposal.images.iter().filter(|image| image.old.is_none() == first);
            rows.map(|image| (&image.name, &image.tag)).collect::<BTreeSet<_>>().len()
        };
        let images = proposal.images.iter().map(|image| TemplateImage {
            name: plain(&image.name),
            tag: plain(&image.tag),
            old: image.old.as_ref().map(ToString::to_string),
            new: image.new.to_string(),
            short: image.new.short().to_owned(),
        });
        let group = place.group.map(plain).unwrap_or_default();
        let values = Values {
            summary: summary(proposal),
            general: general(proposal),
            pinned: count(true),
            updated: count(false),
            group: &group,
            base: place.base,
            title,
            images: images.collect(),
        };
        self.fill(&values)
    }

    fn fill(&self, values: &Values<'_>) -> Result<String, String> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_fuel(Some(FUEL));
        let rendered = environment
            .template_from_str(&self.0)
            .and_then(|template| template.render(minijinja::value::Serde(values)));
        rendered.map_err(|error| {
            let line = error.line().map(|line| format!(" (line {line})")).unwrap_or_default();
            format!("{}{line}", error.detail().map_or_else(|| error.kind().to_string(), str::to_owned))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pull_request::tests::{change, proposal};

    const PLACE: TemplateContext<'_> = TemplateContext { group: Some("production"), base: "main" };

    #[test]
    fn a_template_words_title_and_message() {
        let two = proposal(vec![change("nginx", "1.27", Some(1), 2), change("redis", "7", None, 3)]);
        for (text, expected) in [
            ("build: {{ summary }}", "build: pin 1 image and update 1 digest"),
            ("{{ pinned }} new, {{ updated }} moved in {{ group }}", "1 new, 1 moved in production"),
            ("{% for i in images %}{{ i.name }}:{{ i.tag }} {% endfor %}", "nginx:1.27 redis:7"),
            ("a\n  b", "a b"),
        ] {
            assert_eq!(Wording::new(text).unwrap().title(&two, PLACE, 256).unwrap(), expected);
        }
        let message = Wording::new("{{ title }}\n\nfor {{ base }}\n\n").unwrap();
        assert_eq!(message.message(&two, PLACE, "t: x").unwrap(), "t: x\n\nfor main\n");
        let long = Wording::new("{% for i in range(400) %}é{% endfor %}").unwrap();
        assert_eq!(long.title(&two, PLACE, 256).unwrap().chars().count(), 256);
    }

    #[test]
    fn a_template_that_cannot_work_is_refused_when_it_is_read() {
        for (text, part) in [
            ("{{ sumary }}", "undefined"),
            ("{{ summary", "line 1"),
            ("a\n{% if %}", "line 2"),
            ("  ", "says nothing"),
            ("{% for i in range(9999) %}{% for j in range(9999) %}x{% endfor %}{% endfor %}", "fuel"),
        ] {
            let error = Wording::new(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }

    #[test]
    fn a_hostile_name_stays_a_word() {
        let hostile = proposal(vec![change("x\n\nSigned-off-by: @a #1 <b>", "1", None, 1)]);
        let template = Wording::new("{% for i in images %}{{ i.name }}{% endfor %}").unwrap();
        let title = template.title(&hostile, PLACE, 256).unwrap();
        assert!(!title.contains(['\n', '@', '#', '<', ' ']), "{title}");
    }
}
