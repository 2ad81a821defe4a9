//! Helm charts whose templates stand in the tree: do they put an image's tag anywhere but into an image?
//!
//! Many charts put `image.tag` into a label, where `@` is not allowed (argo-helm #417, grafana/loki #8260); writing
//! `tag@sha256:…` breaks them. Pure.

use std::collections::BTreeMap;

/// Returns whether templates, each with its path, are known to use the value at `pointer`, a tag, in images only. The answer
/// is no wherever it is not certain.
pub(super) fn tag_is_only_in_images(templates: &[(&str, &str)], pointer: &str) -> bool {
    // A key that needs `index` in a template is not looked for.
    let plain = pointer.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_'));
    let Some(key) = pointer.rsplit('/').next().filter(|_| plain) else { return false };
    let lines: Vec<(&str, Option<&str>)> =
        templates.iter().flat_map(|(_, template)| with_definitions(template)).collect();
    let own = format!(".Values{}", pointer.replace('/', "."));
    let uses_of_own = lines.iter().any(|(line, _)| uses(line, &own));
    // `toYaml .Values.image`, `index .Values "image"`, `range … .Values.image`: where the tag goes is not seen.
    let parents: Vec<&str> = own.match_indices('.').skip(1).map(|(at, _)| &own[..at]).collect();
    let whole = |line: &str| parents.iter().any(|parent| uses_whole(line, parent));
    if !uses_of_own || lines.iter().any(|(line, _)| whole(line)) {
        return false;
    }
    let includes = includes(&lines);
    let used = format!(".{key}");
    lines.iter().filter(|(line, _)| uses(line, &used)).all(|(line, definition)| match definition {
        None => is_image_line(line),
        // A definition that nobody is seen to include may be included in a way that is not seen.
        Some(name) => includes.get(name).copied().unwrap_or(false),
    })
}

/// Returns the names in quotes on lines that include a definition, each with whether all these lines are images.
fn includes<'l>(lines: &[(&'l str, Option<&'l str>)]) -> BTreeMap<&'l str, bool> {
    let mut includes = BTreeMap::new();
    for (line, _) in lines.iter().filter(|(line, _)| line.contains("include") || line.contains("template")) {
        for name in line.split(['"', '`']).skip(1).step_by(2) {
            *includes.entry(name).or_insert(true) &= is_image_line(line);
        }
    }
    includes
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

fn uses(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let next = line[at + path.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_')
    })
}

/// Returns whether a line uses what stands at `path` as a whole: neither a longer name nor something below it.
fn uses_whole(line: &str, path: &str) -> bool {
    line.match_indices(path).any(|(at, _)| {
        let next = line[at + path.len()..].chars().next();
        !next.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '.')
    })
}

fn is_image_line(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start().trim_start_matches('"');
    line.strip_prefix("image").is_some_and(|rest| rest.starts_with([':', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(template: &str) -> bool {
        tag_is_only_in_images(&[("templates/a.yaml", template)], "/image/tag")
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
    fn a_tag_whose_way_is_not_seen_is_not() {
        let image = "image: x:{{ .Values.image.tag }}\n";
        for other in [
            "a: {{ toYaml .Values.image | nindent 2 }}\n",
            "a: {{ index .Values \"image\" \"tag\" }}\n",
            "{{ range $k, $v := .Values.image }}\na: {{ $v }}\n{{ end }}\n",
            "{{ include \"common.labels\" (dict \"values\" .Values) }}\n",
            "{{ define \"app.version\" }}{{ .Values.image.tag }}{{ end }}\nversion: {{ include `app.version` . }}\n",
            "{{ define \"app.version\" }}{{ .Values.image.tag }}{{ end }}\n",
        ] {
            assert!(!answer(&format!("{image}{other}")), "{other}");
        }
        assert!(answer(&format!("{image}pull: {{{{ .Values.imagePullSecrets }}}}\n")));
    }

    #[test]
    fn a_tag_that_the_templates_do_not_name_is_not() {
        assert!(!answer("image: {{ include \"common.image\" .Values.image }}\n"));
        assert!(!answer("image: x:{{ .Values.image.tagSuffix }}\n"));
        assert!(!tag_is_only_in_images(&[], "/image/tag"), "a template cannot be read");
    }
}
