//! What is said of the images at a place: for people, and as JSON.

use serde_json::{Value, json};

use super::terminal::{Stream, TextStyle};
use crate::manifest::deploy::Reading;
use crate::manifest::examine::{CatalogueEntry, SeenValue, is_part_of_image};
use crate::manifest::site::{Skip, State};
use crate::manifest::{Located, LookAway, Unread};
use crate::plan::{Explanation, outcome_words};
use crate::report::json::VERSION;
use crate::text::one_line;

/// How wide the text is.
const WIDTH: usize = 80;
/// Where what is said begins.
const INDENT: usize = 14;

/// What is said of a place.
#[derive(Debug)]
pub struct Explained<'e> {
    /// The file, as it was asked about.
    pub file: String,
    /// The line, where one was asked about.
    pub line: Option<usize>,
    /// Why the file as a whole is not read, if so.
    pub not_read: Option<String>,
    /// The images there.
    pub images: Vec<ExplainedImage<'e>>,
    /// What stands in the line, where no image does.
    pub values: Vec<SeenValue>,
    /// What could not be read in the file.
    pub unread: Vec<&'e Unread>,
    /// Where tagpin looks away there.
    pub looks_away: Vec<&'e LookAway>,
    /// Whether the file could be read.
    pub complete: bool,
}

/// What is said of an image.
#[derive(Debug)]
pub struct ExplainedImage<'e> {
    /// The image.
    pub located: &'e Located,
    /// The entry of the catalogue that knows the place; `None` where code does.
    pub known_by: Option<CatalogueEntry>,
    /// Who reads it, and what comes out.
    pub readings: Vec<Reading>,
    /// What would become of it.
    pub explanation: Explanation,
    /// The comment that leaves it alone, by its line.
    pub ignored_on: Option<usize>,
    /// What to add to a configuration so that it is read.
    pub location: Option<String>,
}

/// Returns what is said, for people.
pub fn human(explained: &Explained<'_>, stream: &Stream) -> String {
    let mut text = String::new();
    let place = match explained.line {
        Some(line) => format!("{}:{line}", one_line(&explained.file)),
        None => one_line(&explained.file),
    };
    if let Some(reason) = &explained.not_read {
        text += &paragraph(&place, reason, stream);
    }
    for (index, image) in explained.images.iter().enumerate() {
        text += if index > 0 { "\n" } else { "" };
        text += &of_image(&explained.file, image, stream);
    }
    if explained.images.is_empty() && explained.not_read.is_none() {
        text += &nothing(explained, &place, stream);
    }
    for unread in &explained.unread {
        let document = unread.document.map(|it| format!(" (document {})", it + 1)).unwrap_or_default();
        let detail = unread.detail.as_deref().map(|detail| format!(": {detail}")).unwrap_or_default();
        text += &said("unread", &format!("{}{document}{detail}", unread.reason.as_str()), stream);
    }
    for look_away in &explained.looks_away {
        text +=
            &said("looks away", &format!("{}: {}", look_away.reason.as_str(), look_away.message()), stream);
        text += &said("", look_away.reason.hint(), stream);
    }
    text
}

fn of_image(file: &str, image: &ExplainedImage<'_>, stream: &Stream) -> String {
    let located = image.located;
    let site = &located.site;
    let place = format!("{}:{}:{}", one_line(file), located.line, located.column);
    let mut text = format!("{}  {}\n", stream.paint(TextStyle::Cyan, &place), one_line(&site.image));
    text += &said("stands at", &format!("{} in {}", site.path, what(image)), stream);
    if let Some(CatalogueEntry { title, path, is_own }) = &image.known_by {
        let entry = match is_own {
            true => "a `[[location]]` of the configuration".to_owned(),
            false => format!("the entry `{title}` of the catalogue"),
        };
        text += &said("known by", &format!("{entry}, {path}"), stream);
    }
    if !site.fields.is_empty() {
        let fields: Vec<&str> = site.fields.keys().copied().collect();
        text += &said("fields", &fields.join(", "), stream);
    }
    text += &said("state", &state(site.state), stream);
    for reading in &image.readings {
        for (index, line) in reading_lines(reading).into_iter().enumerate() {
            text += &said(if index == 0 { "read by" } else { "" }, &line, stream);
        }
    }
    if image.readings.is_empty() {
        text += &said("read by", "nothing in this tree changes it on its way", stream);
    }
    for (index, line) in image.explanation.policy.iter().enumerate() {
        text += &said(if index == 0 { "policy" } else { "" }, line, stream);
    }
    for (index, asked) in image.explanation.asks.iter().enumerate() {
        text += &said(if index == 0 { "asks for" } else { "" }, asked, stream);
    }
    if let Some(writes) = &image.explanation.writes {
        text += &said("becomes", writes, stream);
    }
    text += &said("outcome", &outcome_words(site.state, &image.explanation), stream);
    if let Some(detail) = image.explanation.verdict.as_ref().and_then(|verdict| verdict.detail.as_deref()) {
        text += &said("", detail, stream);
    }
    if let Some(line) = image.ignored_on {
        text += &said("", &format!("the comment is on line {line}"), stream);
    }
    if let Some(advice) = image.explanation.advice {
        text += &said("what to do", advice, stream);
    }
    if let Some(location) = &image.location {
        text += &block(location);
    }
    text
}

fn what(image: &ExplainedImage<'_>) -> String {
    let site = &image.located.site;
    let name = site.name.as_deref().or_else(|| site.owner.as_ref()?.name.as_deref());
    match (&site.kind, name) {
        (Some(kind), Some(name)) => format!("{kind}/{name} ({})", site.format),
        (Some(kind), None) => format!("{kind} ({})", site.format),
        _ => site.format.to_string(),
    }
}

fn state(state: State) -> String {
    match state {
        State::Floating => "floating: a tag, which may be something else tomorrow".to_owned(),
        State::Pinned => "pinned: a digest".to_owned(),
        State::Skipped(skip) => format!("skipped: {}", skip.reason()),
    }
}

fn reading_lines(reading: &Reading) -> Vec<String> {
    match reading {
        Reading::Kustomization { through, image, digest } => {
            let comes_out = match *digest {
                "own" => format!("comes out as {image} with the digest that stands here"),
                "given" => format!("comes out as {image} with a digest that is named on the way"),
                _ => format!("comes out as {image} without a digest"),
            };
            vec![through.join(" → "), comes_out]
        }
        Reading::Chart { by, chart, values, known, templates, says } => {
            let name = match chart {
                Some(chart) => format!("the chart {chart}, by {by}"),
                None if by.is_empty() => "the chart in the root".to_owned(),
                None => format!("the chart in {by}"),
            };
            let keys = values.trim_start_matches('/').replace('/', ".");
            let mut lines = vec![format!("{name}, as .Values.{keys}")];
            match *known {
                "unknown" => {
                    lines.push("its templates are not in the tree, and it is not in the table".to_owned());
                }
                "table" => lines.push("it is in the table of known charts".to_owned()),
                _ if templates.is_empty() => {
                    lines.push("none of its templates is seen to read it".to_owned());
                }
                _ => lines.push(format!("its templates {}", templates.join(", "))),
            }
            lines.extend(says.iter().cloned());
            lines
        }
        Reading::Build { by } => vec![format!("{by}, which builds it")],
    }
}

/// Returns what is said of a line without an image.
fn nothing(explained: &Explained<'_>, place: &str, stream: &Stream) -> String {
    let mut text = paragraph(place, "no image that tagpin knows of stands here", stream);
    for value in &explained.values {
        let kind = value.kind.as_deref().map(|kind| format!(" in {kind}")).unwrap_or_default();
        let shown =
            value.text.as_deref().map_or("more below it".to_owned(), |text| format!("`{}`", one_line(text)));
        text += &said("seen", &format!("{}{kind}: {shown}", value.path), stream);
        match &value.location {
            Some(location) => {
                let advice = "it reads like an image: if something runs it, add this to the configuration that --config names";
                text += &said("what to do", advice, stream);
                text += &block(location);
            }
            None if value.is_like_image => {
                let advice = "it reads like an image, and no `[[location]]` can say where it stands: if something runs it, write its digest by hand";
                text += &said("what to do", advice, stream);
            }
            None if is_part_of_image(&value.path)
                && value.text.as_deref().is_some_and(|text| !text.is_empty()) =>
            {
                let advice = "it may be a part of an image, whose rest stands elsewhere: `tagpin check` says what it makes";
                text += &said("", advice, stream);
            }
            None if value.text.is_some() => {
                text += &said("", "it does not read like an image with a tag or digest", stream);
            }
            None => {}
        }
    }
    if explained.values.is_empty() && explained.line.is_some() {
        text += &said("seen", "a comment, or nothing that a parser reads", stream);
    }
    text
}

fn block(text: &str) -> String {
    text.lines().map(|line| format!("{:INDENT$}{}\n", "", one_line(line))).collect()
}

fn paragraph(head: &str, text: &str, stream: &Stream) -> String {
    format!("{}: {}\n", stream.paint(TextStyle::Cyan, head), one_line(text))
}

/// Returns a line with its word, wrapped where it is longer than the width; what has no spaces stays whole.
fn said(word: &str, text: &str, stream: &Stream) -> String {
    let (mut lines, mut line) = (Vec::new(), String::new());
    for part in one_line(text).split(' ') {
        if !line.is_empty() && INDENT + line.chars().count() + 1 + part.chars().count() > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(part);
    }
    lines.push(line);
    let word = format!("  {word:width$}", width = INDENT - 2);
    let mut head = stream.paint(TextStyle::Dim, &word).to_string();
    let mut out = String::new();
    for line in lines {
        out += &format!("{head}{line}\n");
        head = " ".repeat(INDENT);
    }
    out
}

/// Returns the JSON document.
pub fn json(explained: &Explained<'_>) -> Value {
    let image = |image: &ExplainedImage<'_>| {
        let Explanation { verdict, asks, writes, policy, advice } = &image.explanation;
        let site = &image.located.site;
        let reason = match site.state {
            State::Skipped(skip) => Some(Skip::reason(skip)),
            State::Floating | State::Pinned => None,
        };
        json!({
            "line": image.located.line,
            "column": image.located.column,
            "document": site.document,
            "path": site.path,
            "format": site.format,
            "kind": site.kind,
            "image": site.image,
            "state": match site.state {
                State::Floating => "floating",
                State::Pinned => "pinned",
                State::Skipped(_) => "skipped",
            },
            "reason": verdict.as_ref().and_then(|it| it.reason).map(|it| it.as_str()).or(reason),
            "outcome": verdict.as_ref().map(|verdict| verdict.outcome.as_str()),
            "detail": verdict.as_ref().and_then(|verdict| verdict.detail.as_deref()),
            "known_by": image.known_by,
            "read_by": image.readings,
            "asks": asks,
            "writes": writes,
            "policy": policy,
            "ignored_on": image.ignored_on,
            "advice": advice,
            "location": image.location,
        })
    };
    let unread = explained.unread.iter().map(|unread| {
        json!({"document": unread.document, "reason": unread.reason.as_str(), "detail": unread.detail})
    });
    let looks_away = explained
        .looks_away
        .iter()
        .map(|it| json!({"reason": it.reason.as_str(), "message": it.message(), "advice": it.reason.hint()}));
    json!({
        "version": VERSION,
        "file": explained.file,
        "line": explained.line,
        "not_read": explained.not_read,
        "references": explained.images.iter().map(image).collect::<Vec<_>>(),
        "seen": explained.values,
        "unread": unread.collect::<Vec<_>>(),
        "looks_away": looks_away.collect::<Vec<_>>(),
        "complete": explained.complete,
    })
}
