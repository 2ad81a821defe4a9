//! The values of a chart that its templates write as a whole, with whatever images are in them.

use std::ops::Range;

use crate::manifest::deploy::written_actions;

/// What writes a value as it is, or takes each part of one.
const WHOLE: [&str; 6] = ["range", "toJson", "toPrettyJson", "toYaml", "tpl", "with"];

/// Returns such values of the template at `path`, each as a part of the chart's own values, as seen from there, with the place of the
/// action; nothing where it is no template of a chart.
pub(super) fn written_values(path: &str, text: &str) -> Vec<(Range<usize>, String)> {
    let below = path.rsplit_once("/templates/").map(|(_, below)| below);
    let Some(below) = below.or_else(|| path.strip_prefix("templates/")) else { return Vec::new() };
    let up = "../".repeat(below.matches('/').count() + 1);
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let actions = written_actions(text)
        .into_iter()
        .filter(|action| action.text.split(|c: char| !is_word(c)).any(|word| WHOLE.contains(&word)));
    let values = actions.flat_map(|action| {
        let keys = action.text.split(".Values.").skip(1).filter_map(|rest| {
            let keys = rest.split(|c: char| !is_word(c) && c != '.').next()?;
            keys.trim_end_matches('.').rsplit('.').next().filter(|key| !key.is_empty())
        });
        keys.map(|key| (action.place.clone(), format!("{up}values.yaml#{key}"))).collect::<Vec<_>>()
    });
    values.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_as_a_whole_is_told() {
        let words = |path: &str, text: &str| -> Vec<String> {
            written_values(path, text).into_iter().map(|(_, word)| word).collect()
        };
        for text in [
            "{{ toYaml .Values.a.extra | nindent 2 }}",
            "{{- with .Values.extra }}{{ toYaml . }}{{ end }}",
            "{{ tpl (.Values.extra | toYaml) $ }}",
            "{{ range $k, $v := $.Values.extra }}{{ end }}",
        ] {
            assert_eq!(words("c/templates/a.yaml", text), ["../values.yaml#extra"], "{text}");
        }
        assert_eq!(words("templates/a/b.tpl", "{{ tpl .Values.x . }}"), ["../../values.yaml#x"]);
        assert!(
            words("c/templates/a.yaml", "{{ .Values.image.tag }}{{ if .Values.extra }}{{ end }}").is_empty()
        );
        assert!(words("c/a.yaml", "{{ toYaml .Values.a }}").is_empty());
    }
}
