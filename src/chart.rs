//! Helm charts whose templates stand in the tree: do they put an image's tag anywhere but into an image?
//!
//! Many charts put `image.tag` into a label, where `@` is not allowed (argo-helm #417, grafana/loki #8260); writing
//! `tag@sha256:…` breaks them. Pure.

use std::collections::BTreeMap;

/// The charts of a tree, by directory: the texts of their templates, `None` for one that cannot be read.
#[derive(Clone, Debug, Default)]
pub struct Charts(BTreeMap<String, Vec<Option<String>>>);

impl Charts {
    /// Adds the text of one template of the chart in `directory`.
    pub fn add(&mut self, directory: &str, template: Option<String>) {
        self.0.entry(directory.to_owned()).or_default().push(template);
    }

    /// Tells whether the chart of the values file at `path` is known to use the value at `pointer`, a tag, in images
    /// only. The answer is no wherever it is not certain.
    pub fn tag_is_only_in_images(&self, path: &str, pointer: &str) -> bool {
        let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
        let templates: Option<Vec<&str>> =
            self.0.get(directory).and_then(|templates| templates.iter().map(Option::as_deref).collect());
        // What an unread template does with the tag is not known.
        let Some(templates) = templates else { return false };
        // A key that needs `index` in a template is not looked for.
        let plain = pointer.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_'));
        let Some(key) = pointer.rsplit('/').next().filter(|_| plain) else { return false };
        let own = format!(".Values{}", pointer.replace('/', "."));
        let lines = || templates.iter().flat_map(|template| with_definitions(template));
        lines().any(|(line, _)| uses(line, &own))
            && lines().filter(|(line, _)| uses(line, &format!(".{key}"))).all(|(line, definition)| {
                match definition {
                    None => is_image_line(line),
                    Some(name) => {
                        lines().filter(|(line, _)| includes(line, name)).all(|(line, _)| is_image_line(line))
                    }
                }
            })
    }
}

/// Returns the lines of a template, each with the name of the `define` that it stands in.
fn with_definitions(template: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let mut definition = None;
    // How many blocks are open inside the definition.
    let mut depth = 0_usize;
    template.lines().map(move |line| {
        for action in line.split("{{").skip(1) {
            let action = action.trim_start_matches('-').trim_start();
            let word = action.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
            match word {
                "define" => {
                    definition = action.split('"').nth(1);
                    depth = 0;
                }
                "if" | "range" | "with" | "block" => depth += 1,
                "end" if depth == 0 => definition = None,
                "end" => depth -= 1,
                _ => {}
            }
        }
        (line, definition)
    })
}

/// Tells whether a line uses the dotted path `path`, not a longer one.
fn uses(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let next = line[at + path.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

fn includes(line: &str, definition: &str) -> bool {
    (line.contains("include") || line.contains("template")) && line.contains(&format!("\"{definition}\""))
}

fn is_image_line(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start().trim_start_matches('"');
    line.strip_prefix("image").is_some_and(|rest| rest.starts_with([':', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(template: &str) -> bool {
        let mut charts = Charts::default();
        charts.add("chart", Some(template.to_owned()));
        charts.tag_is_only_in_images("chart/values.yaml", "/image/tag")
    }

    #[test]
    fn a_tag_in_images_only_is_safe() {
        assert!(answer("containers:\n- image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n"));
        assert!(answer(
            "{{- define \"app.image\" -}}\n{{- if .x }}a{{ end }}\n{{ .Values.image.repository }}:{{ .Values.image.tag }}\n{{- end }}\n\
             spec:\n  image: {{ include \"app.image\" . }}\n"
        ));
    }

    #[test]
    fn a_tag_anywhere_else_is_not() {
        assert!(!answer(
            "image: \"x:{{ .Values.image.tag }}\"\nlabels:\n  version: {{ .Values.image.tag | quote }}\n"
        ));
        assert!(!answer(
            "image: x:{{ .Values.image.tag }}\n{{ with .Values.image }}\nversion: {{ .tag }}{{ end }}\n"
        ));
        assert!(!answer(
            "{{- define \"app.tag\" -}}{{ .Values.image.tag }}{{- end }}\nimage: x:{{ include \"app.tag\" . }}\n\
             version: {{ include \"app.tag\" . }}\n"
        ));
    }

    #[test]
    fn a_tag_that_the_templates_do_not_name_is_not() {
        assert!(!answer("image: {{ include \"common.image\" .Values.image }}\n"));
        assert!(!answer("image: x:{{ .Values.image.tagSuffix }}\n"));
        let mut charts = Charts::default();
        charts.add("", Some("image: x:{{ .Values.image.tag }}\n".to_owned()));
        assert!(charts.tag_is_only_in_images("values.yaml", "/image/tag"));
        charts.add("", None);
        assert!(!charts.tag_is_only_in_images("values.yaml", "/image/tag"), "a template cannot be read");
        assert!(!Charts::default().tag_is_only_in_images("values.yaml", "/image/tag"));
    }
}
