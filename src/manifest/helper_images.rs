//! Images in the helpers of a chart (`templates/_*.tpl`), and in templates that cannot be read without what is filled in: what stands
//! behind `image:` on a line, `image =`, or `FROM`.

use std::collections::BTreeMap;
use std::ops::Range;

use super::located::{Located, Looked, Scan};
use super::site::{Site, Skip, State, classify};
use super::syntax::language::Language;
use super::syntax::lines::Positions;

/// How a line of a language names an image, and the format that it is said to have.
#[derive(Clone, Copy)]
struct ImageLine {
    key: &'static str,
    /// What stands between the key and the image, beside blanks.
    mark: &'static str,
    format: &'static str,
}

/// That of the manifests that helpers are parts of.
const MANIFEST: ImageLine = ImageLine { key: "image", mark: ":", format: "kubernetes" };

/// Returns that of a language.
fn line_form(language: Language) -> ImageLine {
    match language {
        Language::Unit => ImageLine { key: "Image", mark: "=", format: "quadlet" },
        Language::Hcl => ImageLine { key: "image", mark: "=", format: "nomad" },
        Language::Terraform => ImageLine { key: "image", mark: "=", format: "terraform" },
        Language::Dockerfile => ImageLine { key: "FROM", mark: " ", format: "dockerfile" },
        _ => MANIFEST,
    }
}

/// Returns whether the file at `path` has definitions for the templates of a chart.
pub(super) fn is_helper(path: &str) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    name.starts_with('_') && name.ends_with(".tpl") && directory.split('/').any(|part| part == "templates")
}

/// Returns the images that stand behind `image:` on a line of a helper. Nothing of it is edited.
pub(super) fn scan(text: &str) -> Scan {
    Scan { sites: located(text, 0, 0..text.len(), MANIFEST, |_| true), ..Scan::of(Looked::Told) }
}

/// Returns the images of a document that is not read, at `part` of a text, which has `offset` bytes before it in its file. What
/// names no version may be anything, but for a unit's.
pub(super) fn of_unread(
    text: &str,
    offset: usize,
    document: usize,
    part: Range<usize>,
    language: Language,
) -> Vec<Located> {
    let is_one = |image: &str| match classify(image) {
        (State::Skipped(Skip::Template | Skip::Variable), _) => true,
        (_, Some(named)) => named.tag().is_some() || named.digest().is_some() || language == Language::Unit,
        _ => false,
    };
    let mut found = located(text, offset, part, line_form(language), is_one);
    found.iter_mut().for_each(|located| located.site.document = document);
    found
}

fn located(
    text: &str,
    offset: usize,
    part: Range<usize>,
    line_form: ImageLine,
    is_one: impl Fn(&str) -> bool,
) -> Vec<Located> {
    let mut positions = Positions::new(text);
    let mut sites = Vec::new();
    let spans = images_behind(&text[part.clone()], line_form).into_iter();
    for span in spans
        .map(|span| part.start + span.start..part.start + span.end)
        .filter(|span| is_one(&text[span.clone()]))
    {
        let image = text[span.clone()].to_owned();
        let (line, column) = positions.position(span.start);
        let (end_line, end_column) = positions.clone().position(span.end);
        let skip = match classify(&image).0 {
            State::Skipped(skip) => skip,
            _ => Skip::EmbeddedText,
        };
        let site = Site {
            document: 0,
            path: "/image".to_owned(),
            also_at: Vec::new(),
            format: line_form.format.into(),
            group: None,
            kind: None,
            name: None,
            owner: None,
            platform: None,
            main: 0,
            span,
            fields: BTreeMap::new(),
            inside: None,
            parent: None,
            image,
            reference: None,
            state: State::Skipped(skip),
            write: None,
            chart: false,
            digest_field: None,
            room: None,
            awaits: None,
        };
        sites.push(Located { site, line, column, end_line, end_column, offset, deployed: None });
    }
    sites
}

/// Returns where the values of `image:` stand, quotes aside; those in comments of the template are none.
pub(in crate::manifest) fn images(text: &str) -> Vec<Range<usize>> {
    images_behind(text, MANIFEST)
}

fn images_behind(text: &str, form: ImageLine) -> Vec<Range<usize>> {
    let comments = comments(text);
    let (mut found, mut start) = (Vec::new(), 0);
    for line in text.split_inclusive('\n') {
        let from = start;
        start += line.len();
        let body = line.trim_start().trim_start_matches("- ").trim_start();
        let behind = body.strip_prefix(form.key).and_then(|rest| match form.mark.trim() {
            "" => rest.strip_prefix(form.mark),
            mark => rest.trim_start().strip_prefix(mark),
        });
        let Some(value) = behind.map(str::trim).filter(|value| !value.is_empty()) else { continue };
        let value = value.split(" #").next().unwrap_or(value).trim_end();
        // `FROM --platform=linux/amd64 alpine AS build`
        let (mut value, is_from) = (value, form.mark == " ");
        while is_from
            && let Some((_, rest)) = value.split_once(' ').filter(|(flag, _)| flag.starts_with("--"))
        {
            value = rest.trim_start();
        }
        let name = [" AS ", " as "].iter().find_map(|word| value.find(word)).filter(|_| is_from);
        let value = name.map_or(value, |at| value[..at].trim_end());
        let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''));
        let unquoted =
            quote.and_then(|quote| value.strip_prefix(quote)?.strip_suffix(quote)).unwrap_or(value);
        let Some(at) = line.find(unquoted).map(|at| from + at) else { continue };
        let is_open = !unquoted.starts_with(['#', '&', '*', '|', '>', '[']);
        if is_open && !unquoted.is_empty() && !comments.iter().any(|comment| comment.contains(&at)) {
            found.push(at..at + unquoted.len());
        }
    }
    found
}

/// Returns the comments of a template: `{{/* … */}}`, `{{- /* … */ -}}`.
fn comments(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut from) = (Vec::new(), 0);
    while let Some(at) = text[from..].find("{{").map(|at| from + at) {
        from = at + 2;
        let inner = text[from..].trim_start_matches('-').trim_start();
        if inner.starts_with("/*") {
            let end = text[from..].find("*/").map_or(text.len(), |end| from + end);
            found.push(at..end);
            from = end;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_image_on_a_line_is_one() {
        let text = "{{/* of old:\n  image: a:1\n*/}}\n{{- define \"x\" -}}\n- name: a\n  image: \"alpine:latest\" # c\n\
                    - image: {{ .Values.image }}\n# image: no:1\nimage:\n  tag: x\nimage: [no:1\npicture: {image: no:1}\n\
                    image: \"{{ required \"a b\" .Values.x }}:1\"\n{{- end }}\n";
        let found = scan(text).sites.into_iter();
        let found: Vec<_> = found.map(|it| (it.line, it.column, it.site.state, it.site.image)).collect();
        let template = State::Skipped(Skip::Template);
        assert_eq!(
            found,
            [
                (6, 11, State::Skipped(Skip::EmbeddedText), "alpine:latest".to_owned()),
                (7, 10, template, "{{ .Values.image }}".to_owned()),
                (13, 9, template, "{{ required \"a b\" .Values.x }}:1".to_owned()),
            ]
        );
    }

    #[test]
    fn helpers_stand_below_templates() {
        assert!(is_helper("charts/a/templates/_helpers.tpl") && is_helper("templates/lib/_a.tpl"));
        assert!(
            !is_helper("templates/a.tpl") && !is_helper("charts/_a.tpl") && !is_helper("templates/_a.yaml")
        );
    }
}
