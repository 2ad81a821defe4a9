//! Helm charts whose templates stand in the tree: do they put an image's tag anywhere but into an image?
//!
//! Many charts put `image.tag` into a label, where `@` is not allowed (argo-helm #417, grafana/loki #8260); writing
//! `tag@sha256:…` breaks them. Pure.

use std::collections::{BTreeMap, HashSet};

/// What the templates of one chart name, from one look at their text.
pub(super) struct TagUses<'t> {
    /// The values that they use, with all above them: `.Values`, `.Values.image`, `.Values.image.tag`.
    used: HashSet<&'t str>,
    /// The values that they use as a whole, so that where a tag below goes is not seen: `toYaml .Values.image`,
    /// `index .Values "image"`, `range … .Values.image`.
    whole: HashSet<&'t str>,
    /// The keys that stand where they may be no part of an image.
    elsewhere: HashSet<&'t str>,
}

impl<'t> TagUses<'t> {
    /// Looks through templates, each with its path.
    pub(super) fn of(templates: &[(&str, &'t str)]) -> Self {
        let lines: Vec<(&str, Option<&str>)> =
            templates.iter().flat_map(|(_, template)| with_definitions(template)).collect();
        let includes = includes(&lines);
        let (mut used, mut whole, mut elsewhere) = (HashSet::new(), HashSet::new(), HashSet::new());
        for (line, definition) in &lines {
            for (at, _) in line.match_indices(".Values") {
                let path = run_of(&line[at..], |byte| is_word(byte) || byte == b'.');
                used.extend(path.match_indices('.').skip(1).map(|(end, _)| &path[..end]));
                if ends_name(&line[at + path.len()..]) {
                    used.insert(path);
                    whole.insert(path);
                }
            }
            let is_image = match definition {
                None => is_image_line(line),
                // A definition that nobody is seen to include may be included in a way that is not seen.
                Some(name) => includes.get(name).copied().unwrap_or(false),
            };
            for (at, _) in line.match_indices('.').filter(|_| !is_image) {
                let key = run_of(&line[at + 1..], is_word);
                elsewhere.extend(ends_name(&line[at + 1 + key.len()..]).then_some(key));
            }
        }
        Self { used, whole, elsewhere }
    }

    /// Returns whether the templates are known to use the value at `pointer`, a tag, in images only. The answer is no
    /// wherever it is not certain.
    pub(super) fn is_only_in_images(&self, pointer: &str) -> bool {
        // A key that needs `index` in a template is not looked for.
        let plain = pointer.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_'));
        let Some(key) = pointer.rsplit('/').next().filter(|_| plain) else { return false };
        let own = format!(".Values{}", pointer.replace('/', "."));
        let mut above = own.match_indices('.').skip(1).map(|(at, _)| &own[..at]);
        self.used.contains(own.as_str())
            && !above.any(|path| self.whole.contains(path))
            && !self.elsewhere.contains(key)
    }
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Returns the bytes that `text` starts with and that are all `wanted`, which are ASCII.
fn run_of(text: &str, wanted: impl Fn(u8) -> bool) -> &str {
    let end = text.bytes().position(|byte| !wanted(byte)).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// Returns whether no name goes on with `rest`.
fn ends_name(rest: &str) -> bool {
    !rest.starts_with(char::is_alphanumeric)
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

fn is_image_line(line: &str) -> bool {
    let line = line.trim_start().trim_start_matches("- ").trim_start().trim_start_matches('"');
    line.strip_prefix("image").is_some_and(|rest| rest.starts_with([':', '"']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(template: &str) -> bool {
        TagUses::of(&[("templates/a.yaml", template)]).is_only_in_images("/image/tag")
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
            "a: {{ $.Values.image }}\n",
            "a: {{ .x.tag }}\n",
        ] {
            assert!(!answer(&format!("{image}{other}")), "{other}");
        }
        for other in
            [".Values.imagePullSecrets", ".Values.image.tags", ".Values.image.tagé", ".Values.image_x"]
        {
            assert!(answer(&format!("{image}pull: {{{{ {other} }}}}\n")), "{other}");
        }
    }

    #[test]
    fn a_tag_that_the_templates_do_not_name_is_not() {
        assert!(!answer("image: {{ include \"common.image\" .Values.image }}\n"));
        assert!(!answer("image: x:{{ .Values.image.tagSuffix }}\n"));
        assert!(!TagUses::of(&[]).is_only_in_images("/image/tag"), "a template cannot be read");
    }
}
