//! How a digest has to be written in the values of a chart.

use std::collections::{BTreeSet, HashMap};

use serde::{Deserialize, Serialize};

use super::flow::{ChartTemplate, Preceding, ValueFlow, follow};
use super::template;
use super::terms::Path;

/// How the templates of a chart want a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DigestForm {
    /// With its algorithm: they write `@` before it.
    Prefixed,
    /// The hex digits alone: they write `@sha256:` before them.
    Bare,
    /// They take both.
    Either,
    /// None of them reads it.
    Unread,
    /// It is not seen.
    Unknown,
}

/// The values of one chart, as far as its templates tell.
#[derive(Debug)]
pub(super) struct ChartFlow(Option<ValueFlow>);

impl ChartFlow {
    /// Runs the templates of a chart, each with its path below it.
    pub(super) fn of(texts: &[(&str, &str)]) -> Self {
        let (mut templates, mut definitions) = (Vec::new(), HashMap::new());
        for (path, text) in texts {
            let Some((parts, defined)) = template::parse(text) else { return Self(None) };
            // The definitions of the chart itself win over those of the charts inside it.
            let is_own = path.starts_with("templates/");
            for (name, parts) in defined {
                if is_own || !definitions.contains_key(&name) {
                    definitions.insert(name, parts);
                }
            }
            let name = path.rsplit('/').next().unwrap_or(path);
            if !name.starts_with('_') && !path.contains("templates/tests/") && name != "NOTES.txt" {
                templates.push(ChartTemplate { base: base(path), parts });
            }
        }
        Self(Some(follow(&templates, &definitions)))
    }

    /// Returns the paths of the templates that put a value into their output whose JSON pointer is `wanted`.
    pub(super) fn reading(texts: &[(&str, &str)], wanted: impl Fn(&str) -> bool) -> Vec<String> {
        let is_definition = |path: &str| path.rsplit('/').next().is_some_and(|name| name.starts_with('_'));
        let definitions: Vec<_> = texts.iter().filter(|(path, _)| is_definition(path)).copied().collect();
        let reads = |template: &(&str, &str)| {
            let Self(Some(flow)) = Self::of(&[definitions.as_slice(), &[*template]].concat()) else {
                return false;
            };
            flow.uses.keys().any(|path| wanted(&format!("/{}", path.join("/"))))
        };
        let templates = texts.iter().filter(|(path, _)| !is_definition(path));
        templates.filter(|template| reads(template)).map(|(path, _)| (*path).to_owned()).collect()
    }

    /// Returns how the digest at a JSON pointer has to be written.
    pub(super) fn form(&self, pointer: &str) -> DigestForm {
        let Some(flow) = self.0.as_ref().filter(|flow| flow.is_complete) else { return DigestForm::Unknown };
        let target = keys(pointer);
        let uses = flow.uses.iter().filter(|(path, _)| matches(path, &target));
        let uses: BTreeSet<Preceding> = uses.flat_map(|(_, uses)| uses).copied().collect();
        let has = |before| uses.contains(&before);
        match (has(Preceding::At), has(Preceding::Algorithm)) {
            _ if has(Preceding::Stripped) => DigestForm::Either,
            (true, true) if flow.asks_for_algorithm => DigestForm::Either,
            (true, true) => DigestForm::Unknown,
            (true, false) => DigestForm::Prefixed,
            (false, true) => DigestForm::Bare,
            (false, false) if uses.is_empty() && is_seen(flow, &target) => DigestForm::Unread,
            (false, false) => DigestForm::Unknown,
        }
    }
}

impl ChartFlow {
    /// Returns the values that come out together in each image that the templates write; none where not all of them are
    /// understood.
    pub(super) fn images(&self) -> impl Iterator<Item = &BTreeSet<Path>> {
        self.0.iter().filter(|flow| flow.is_complete).flat_map(|flow| &flow.images)
    }

    /// Returns whether the value at a JSON pointer, a tag or a digest, comes out in an image whose name is not beside it: what
    /// is right for one is wrong for the other.
    pub(super) fn is_shared(&self, pointer: &str) -> bool {
        let target = keys(pointer);
        let is_name = |path: &Path| {
            const OTHERS: [&str; 6] = ["tag", "digest", "sha", "registry", "hub", "version"];
            let last = path.last().map(|key| key.to_ascii_lowercase()).unwrap_or_default();
            let above = &target[..target.len().saturating_sub(1)];
            path.len() == target.len()
                && path.iter().zip(above).all(|(key, wanted)| key == "*" || key == wanted)
                && !OTHERS.iter().any(|other| last.contains(other))
        };
        let above = &target[..target.len().saturating_sub(1)];
        // What else comes out in the image is a part of its name, unless its key says that it is none.
        let is_more = |path: &Path| {
            const NO_NAMES: [&str; 7] = ["tag", "digest", "sha", "registry", "hub", "version", "global"];
            let is_beside =
                path.len() == target.len() && path.iter().zip(above).all(|(a, b)| a == "*" || a == b);
            let says = |word: &str| path.iter().any(|key| key.to_ascii_lowercase().contains(word));
            !is_beside && !NO_NAMES.iter().any(|word| says(word))
        };
        self.images().any(|image| {
            image.iter().any(|path| matches(path, &target))
                && (!image.iter().any(is_name) || image.iter().any(is_more))
        }) || self.0.as_ref().is_some_and(|flow| flow.extended.iter().any(|path| matches(path, &target)))
    }
}

/// Returns the keys of a JSON pointer.
fn keys(pointer: &str) -> Path {
    pointer.split('/').skip(1).map(|key| key.replace("~1", "/").replace("~0", "~")).collect()
}

/// Returns whether the values around the target do not go where nobody sees them.
fn is_seen(flow: &ValueFlow, target: &Path) -> bool {
    // What the templates never ask for may be of a chart that is not in the tree.
    let is_own = target.first().is_some_and(|key| flow.keys.contains(key));
    let above = |path: &Path| path.len() <= target.len() && matches(path, &target[..path.len()].to_vec());
    is_own && !flow.escapes.iter().chain(flow.uses.keys()).any(above)
}

fn matches(path: &Path, target: &Path) -> bool {
    path.len() == target.len() && path.iter().zip(target).all(|(key, wanted)| key == "*" || key == wanted)
}

/// Returns under which keys the values of the chart of a template stand: `charts/NAME/templates/…` has its own.
fn base(path: &str) -> Path {
    let directories: Vec<&str> = path.split('/').collect();
    let charts = directories.chunks(2).take_while(|pair| pair.first() == Some(&"charts"));
    charts.filter_map(|pair| pair.get(1)).map(|name| (*name).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(template: &str) -> DigestForm {
        ChartFlow::of(&[("templates/a.yaml", template)]).form("/image/digest")
    }

    #[test]
    fn what_stands_before_a_digest_tells_its_form() {
        for (template, expected) in [
            ("image: r@{{ .Values.image.digest }}", DigestForm::Prefixed),
            ("image: \"r:{{ .Values.image.tag }}@sha256:{{ .Values.image.digest }}\"", DigestForm::Bare),
            (
                "{{ with .Values.image }}r{{ if .digest }}@{{ .digest }}{{ else }}:{{ .tag }}{{ end }}{{ end }}",
                DigestForm::Prefixed,
            ),
            ("{{ $d := .Values.image.digest | default \"\" }}image: r@sha256:{{- $d }}", DigestForm::Bare),
            (
                "image: {{ printf \"%s@%s\" .Values.image.repository .Values.image.digest | quote }}",
                DigestForm::Prefixed,
            ),
            (
                "image: {{ printf \"%s:%s@sha256:%s\" $.Values.image.name $.Values.image.tag $.Values.image.digest }}",
                DigestForm::Bare,
            ),
            ("image: r@{{ index .Values \"image\" \"digest\" }}", DigestForm::Prefixed),
            ("image: r@{{ (index .Values \"image\").digest }}", DigestForm::Prefixed),
            ("image: r@{{ get .Values.image \"digest\" }}", DigestForm::Prefixed),
            ("image: r@sha256:{{ .Values.image.digest | trimPrefix \"sha256:\" }}", DigestForm::Either),
            ("image: {{ tpl .Values.image.digest . }}", DigestForm::Unknown),
            ("image: r@{{ tpl .Values.image.digest . }}", DigestForm::Prefixed),
            ("image: r:{{ .Values.image.tag }}", DigestForm::Unread),
            ("image: {{ toYaml .Values.image }}", DigestForm::Unknown),
            ("image: {{ include \"elsewhere.image\" .Values.image }}", DigestForm::Unknown),
            ("image: r:{{ .Values.image.tag }}\n{{ include \"elsewhere.labels\" . }}", DigestForm::Unknown),
            (
                "image: {{ include \"common.images.image\" (dict \"imageRoot\" .Values.image \"global\" .Values.global) }}",
                DigestForm::Prefixed,
            ),
            (
                "{{ if hasPrefix \"sha256:\" .Values.image.digest }}a@{{ .Values.image.digest }}{{ else }}a@sha256:{{ .Values.image.digest }}{{ end }}",
                DigestForm::Either,
            ),
            ("a@{{ .Values.image.digest }}\nb@sha256:{{ .Values.image.digest }}", DigestForm::Unknown),
            ("other: {{ .Values.other }}", DigestForm::Unknown),
            ("{{ .Values.image.tag", DigestForm::Unknown),
            (
                "{{ $sep := \":\" }}{{ $end := .Values.image.tag }}{{ if .Values.image.digest }}{{ $sep = \"@\" }}{{ $end = .Values.image.digest }}{{ end }}{{ printf \"%s%s%s\" .Values.image.repository $sep $end }}",
                DigestForm::Prefixed,
            ),
        ] {
            assert_eq!(form(template), expected, "{template}");
        }
    }

    #[test]
    fn a_tag_of_an_image_with_another_name_is_told() {
        let shared =
            |template: &str| ChartFlow::of(&[("templates/a.yaml", template)]).is_shared("/image/tag");
        for (template, expected) in [
            ("image: {{ .Values.image.repository }}:{{ .Values.image.tag }}", false),
            (
                "image: \"{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}\"",
                false,
            ),
            (
                "image: {{ .Values.global.imageRegistry }}/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
                false,
            ),
            (
                "image: {{ .Values.image.repository }}:{{ .Values.image.tag }}@sha256:{{ .Values.image.digest }}",
                false,
            ),
            (
                "image: {{ .Values.image.repository }}:{{ .Values.image.tag }}\npullPolicy: {{ .Values.pull }}",
                false,
            ),
            (
                "args: [--image={{ .Values.image.repository }}:{{ .Values.image.tag }}, --x={{ .Values.x }}]",
                false,
            ),
            ("image: {{ .Values.image.repository }}/{{ .Values.web.name }}:{{ .Values.image.tag }}", true),
            ("image: {{ .Values.image.repository }}/web:{{ .Values.image.tag }}", true),
            ("image: {{ .Values.image.repository }}:v{{ .Values.image.tag }}", true),
            (
                "image: {{ .Values.image.registry }}/library/{{ .Values.image.repository }}:{{ .Values.image.tag }}",
                true,
            ),
            ("image: {{ .Values.prefix }}{{ .Values.image.repository }}:{{ .Values.image.tag }}", true),
            ("image: web:{{ .Values.image.tag }}", true),
        ] {
            assert_eq!(shared(template), expected, "{template}");
        }
    }

    #[test]
    fn definitions_are_followed_with_what_they_are_given() {
        let helpers = "{{- define \"app.image\" -}}\n{{- $image := .image -}}\n{{ $image.repository }}\n{{- with $image.digest }}@sha256:{{ . }}{{ end }}\n{{- end -}}";
        let texts = [
            ("templates/_helpers.tpl", helpers),
            (
                "templates/a.yaml",
                "image: {{ include \"app.image\" (dict \"image\" .Values.image \"root\" $) }}",
            ),
            (
                "charts/db/templates/b.yaml",
                "image: {{ template \"app.image\" (dict \"image\" .Values.image) }}",
            ),
            ("charts/db/templates/c.yaml", "image: x@{{ .Values.global.image.digest }}"),
            (
                "templates/d.yaml",
                "{{ range $name, $job := .Values.jobs }}image: x@{{ $job.image.digest }}{{ end }}",
            ),
        ];
        let flow = ChartFlow::of(&texts);
        assert_eq!(flow.form("/image/digest"), DigestForm::Bare);
        assert_eq!(flow.form("/db/image/digest"), DigestForm::Bare);
        assert_eq!(flow.form("/global/image/digest"), DigestForm::Prefixed);
        assert_eq!(flow.form("/jobs/clean/image/digest"), DigestForm::Prefixed);
        assert_eq!(flow.form("/elsewhere/image/digest"), DigestForm::Unknown);
    }

    #[test]
    fn a_value_of_two_images_is_shared() {
        let shared = |template: &str, pointer: &str| {
            ChartFlow::of(&[("templates/a.yaml", template)]).is_shared(pointer)
        };
        let own = "image: \"{{ .Values.image.repository }}:{{ .Values.image.tag }}\"\n";
        for (template, expected) in [
            ("", false),
            ("image: \"exporter:{{ .Values.image.tag }}\"\n", true),
            ("image: {{ .Values.exporter.name }}:{{ .Values.image.tag }}\n", true),
            (
                "image: {{ printf \"%s:%s\" .Values.exporter (.Values.tag | default .Values.image.tag) }}\n",
                true,
            ),
            ("version: {{ .Values.image.tag }}\n", false),
            ("image: {{ .Values.image.repository }}@{{ .Values.image.tag }}\n", false),
            ("image: {{ with .Values.image }}{{ .registry }}/{{ .repository }}:{{ .tag }}{{ end }}\n", false),
            ("- --sidecar-image=sidecar:{{ .Values.image.tag }}\n", true),
        ] {
            assert_eq!(shared(&format!("{own}{template}"), "/image/tag"), expected, "{template}");
        }
        let helpers = "{{- define \"a.image\" -}}\n{{ .image.repository }}:\n{{- .image.tag }}\n{{- end }}\n";
        let used =
            format!("{helpers}image: {{{{ include \"a.image\" (dict \"image\" .Values.image) }}}}\nb: c\n");
        assert!(!shared(&used, "/image/tag"));
        let images: Vec<_> = ChartFlow::of(&[("templates/a.yaml", &used)]).images().cloned().collect();
        assert_eq!(images, [[keys("/image/repository"), keys("/image/tag")].into_iter().collect()]);
    }

    #[test]
    fn definitions_that_include_each_other_end() {
        let circle = "{{ define \"a\" }}{{ include \"b\" . }}{{ include \"b\" . }}{{ end }}{{ define \"b\" }}{{ include \"a\" . }}{{ include \"a\" . }}{{ end }}x@{{ .Values.image.digest }}{{ include \"a\" . }}";
        assert_eq!(form(circle), DigestForm::Unknown);
    }
}
