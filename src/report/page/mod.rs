//! What the pages share: layout, style and script. A page is one file that needs nothing else, has a section `images`, and
//! escapes whatever comes from a repository. Pure.
//!
//! Its Content-Security-Policy names the hashes of its own style and script: whatever a file is called, nothing else runs.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::{Serde, Value};
use minijinja::{Environment as Templates, HtmlEscape, UndefinedBehavior};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

const LAYOUT: &str = include_str!("layout.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// What stands at the top of a page.
pub(super) struct PageHead {
    /// What the browser's tab says.
    pub(super) title: String,
    pub(super) heading: String,
    /// What it shows, in a sentence.
    pub(super) lead: String,
}

#[derive(Serialize)]
struct Layout<'l> {
    title: &'l str,
    heading: &'l str,
    lead: &'l str,
    style: &'static str,
    style_hash: String,
    script: &'static str,
    script_hash: String,
    version: &'static str,
    body: &'l str,
}

/// Returns the page whose body is the template `body` with these `values`, which are escaped.
///
/// # Errors
/// Never in practice: the templates are part of tagpin.
pub(super) fn render(
    body: &str,
    values: &impl Serialize,
    head: &PageHead,
) -> Result<String, minijinja::Error> {
    let mut templates = Templates::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_filter("coded", coded);
    // The names' end switches escaping on.
    templates.add_template("body.html", body)?;
    templates.add_template("layout.html", LAYOUT)?;
    let body = templates.get_template("body.html")?.render(Serde(values))?;
    let PageHead { title, heading, lead } = head;
    let layout = Layout {
        title,
        heading,
        lead,
        style: STYLE,
        style_hash: hash(STYLE),
        script: SCRIPT,
        script_hash: hash(SCRIPT),
        version: env!("CARGO_PKG_VERSION"),
        body: &body,
    };
    templates.get_template("layout.html")?.render(Serde(&layout))
}

/// Returns a text as HTML, what stands in backquotes as code.
fn coded(text: &str) -> Value {
    let parts: Vec<&str> = text.split('`').collect();
    let last = parts.len() - 1;
    let shown = parts.iter().enumerate().map(|(index, part)| {
        let part = HtmlEscape(part);
        match index % 2 {
            // A backquote that nothing closes is one.
            1 if index == last => format!("`{part}"),
            1 => format!("<code>{part}</code>"),
            _ => part.to_string(),
        }
    });
    Value::from_safe_string(shown.collect())
}

/// Returns the hash as a Content-Security-Policy names it.
fn hash(text: &str) -> String {
    STANDARD.encode(Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn the_style_and_the_script_end_where_they_should() {
        for text in [STYLE, SCRIPT] {
            assert!(!text.contains("</") && !text.contains("<!--"), "the page would end them too early");
        }
        let is_handler = |word: &str| word.starts_with("on") && word.contains('=');
        let bodies = [LAYOUT, super::super::audit::BODY, super::super::timeline::BODY];
        for template in bodies {
            assert!(
                !template.contains("style=") && !template.split_whitespace().any(is_handler),
                "the policy allows neither"
            );
        }
        for body in bodies.iter().skip(1) {
            assert!(!body.contains("safe") && body.contains("id=\"images\""), "nothing goes in as it is");
        }
    }

    /// Returns the colours of one scheme, by their names.
    fn colours(block: &str) -> BTreeMap<&str, &str> {
        let values = block.split(';').filter_map(|entry| entry.trim().strip_prefix("--")?.split_once(": "));
        values.collect()
    }

    /// Returns the contrast of two colours, as WCAG 2.2 defines it.
    fn contrast(one: &str, other: &str) -> f64 {
        let luminance = |colour: &str| {
            let part = |at: usize| f64::from(u8::from_str_radix(&colour[at..at + 2], 16).unwrap()) / 255.0;
            let linear = |part: f64| {
                if part <= 0.040_45 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
            };
            0.2126 * linear(part(1)) + 0.7152 * linear(part(3)) + 0.0722 * linear(part(5))
        };
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    #[test]
    fn light_and_dark_have_the_same_colours_and_both_can_be_read() {
        let blocks: Vec<&str> =
            STYLE.split(":root {").skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let [light, dark] = blocks[..] else { panic!("{STYLE}") };
        let (light, dark) = (colours(light), colours(dark));
        assert!(light.len() > 10 && light.keys().eq(dark.keys()), "{light:?}\n{dark:?}");
        let bodies = [LAYOUT, super::super::audit::BODY, super::super::timeline::BODY, SCRIPT, STYLE];
        for name in bodies.iter().flat_map(|text| text.split("var(--").skip(1)) {
            let name = name.split(')').next().unwrap();
            assert!(light.contains_key(name), "`--{name}` has no colour");
        }
        let written = STYLE.split([':', ';']).filter(|part| part.contains('#') && !part.contains('{'));
        assert_eq!(written.count(), light.len() + dark.len(), "a colour has a name");
        for scheme in [&light, &dark] {
            for (name, colour) in scheme {
                let enough = match *name {
                    "text" | "soft" | "good" | "warn" | "bad" | "link" => 4.5,
                    "page" | "card" | "line" => continue,
                    // What is drawn.
                    _ => 3.0,
                };
                assert!(contrast(colour, scheme["page"]) >= enough, "{name} {colour} {scheme:?}");
                assert!(enough < 4.0 || contrast(colour, scheme["card"]) >= enough, "{name} {colour}");
            }
        }
    }

    #[test]
    fn what_comes_from_a_repository_is_text() {
        let head = PageHead { title: "<b>".to_owned(), heading: "<i>".to_owned(), lead: "<u>".to_owned() };
        let page = render("<p>{{ name }}</p>", &serde_json::json!({"name": "<img src=x>"}), &head).unwrap();
        assert!(page.contains("<p>&lt;img src=x&gt;</p>"), "{page}");
        assert!(!page.contains("<b>") && !page.contains("<i>") && !page.contains("<u>"), "{page}");
        let said = serde_json::json!({"said": "`<b>` and `a` or `"});
        let page = render("<p>{{ said | coded }}</p>", &said, &head).unwrap();
        assert!(page.contains("<p><code>&lt;b&gt;</code> and <code>a</code> or `</p>"), "{page}");
    }
}
