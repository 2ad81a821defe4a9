//! Which actions of a template may write an image that stands nowhere: out of texts that they put together, decode or read from
//! files, or by a key that is written by one.

use std::ops::Range;

use super::action_keys::{AROUND_MAX, KeyText, is_key, key_text};
use super::action_reach::{reach, written};
use super::sources::{ChartSources, Placed};
use super::template::{Piece, Token, split};

/// What ends in one of these is a word.
const WORDS: [&str; 9] =
    ["sha256sum", "sha1sum", "sha512sum", "adler32sum", "b64enc", "b32enc", "len", "int", "int64"];

/// Functions that make another text of what nobody reads.
const DECODING: [&str; 5] = ["b64dec", "b32dec", "decryptAES", "urlJoin", "urlParse"];

impl ChartSources<'_> {
    /// Returns where the actions of a file stand that may write an image, and whether one makes something else of what a definition
    /// says; those at `known` places are judged by themselves.
    pub(in crate::manifest) fn unseen(
        &self,
        file: usize,
        known: &[Range<usize>],
    ) -> Vec<(Range<usize>, bool)> {
        let Some(placed) = &self.files[file].1 else { return Vec::new() };
        let is_known = |place: &Range<usize>| {
            known.iter().any(|known| place.start < known.end && known.start < place.end)
        };
        let is_notes = self.files[file].0.ends_with("/NOTES.txt");
        let may_write = |at: &usize| {
            let piece = &placed[*at];
            // Notes are printed and not applied.
            match &piece.piece {
                // Nothing else is read of notes.
                Piece::Text(text) => {
                    is_notes && piece.definition.is_some() && text.to_ascii_lowercase().contains("image")
                }
                Piece::Action(_) if is_notes && piece.definition.is_none() => false,
                Piece::Action(_) => !is_known(&piece.place) && writes(placed, *at),
            }
        };
        let found = (0..placed.len()).filter(may_write);
        found.map(|at| (placed[at].place.clone(), remakes(placed, at))).collect()
    }
}

/// Returns whether an action makes another text of what a value or a definition says.
fn remakes(placed: &Placed<'_>, at: usize) -> bool {
    const MAKING: [&str; 6] =
        ["replace", "regexReplaceAll", "regexReplaceAllLiteral", "trunc", "substr", "fromYaml"];
    let reach = reach(placed, at);
    let has = |words: &[&str]| {
        let mut all = reach.iter().flat_map(|tokens| tokens.iter());
        all.any(|token| matches!(token, Token::Word(word) if words.contains(word)))
    };
    has(&DECODING) || (has(&["include", "template"]) && has(&MAKING))
}

/// Returns whether the action at `at` may write an image.
fn writes(placed: &Placed<'_>, at: usize) -> bool {
    let Piece::Action(tokens) = &placed[at].piece else { return false };
    let is_output = match tokens.as_slice() {
        []
        | [Token::Word("if" | "with" | "range" | "define" | "end" | "else" | "break" | "continue"), ..] => {
            false
        }
        all => !all.iter().any(|token| matches!(token, Token::Declare | Token::Assign)),
    };
    if !is_output {
        return false;
    }
    let before = line_before(placed, at);
    let is_bare = before.chars().all(|c| c.is_whitespace() || c == '-');
    let ends_in = |words: &[&str]| {
        let last = split(tokens).pop().and_then(|command| command.first());
        matches!(last, Some(Token::Word(word)) if words.contains(word))
    };
    let is_word = ends_in(&WORDS) || (ends_in(&["quote"]) && !before.ends_with(['"', '\'']));
    let reach = reach(placed, at);
    let texts: Vec<&str> = reach.iter().flat_map(|tokens| written(tokens)).collect();
    let is_key = is_key(placed, at);
    let is_unread = !is_word && reads_elsewhere(&reach, &texts);
    if !(is_key || is_unread || (!is_word && makes_key(tokens, &reach, &texts, is_bare))) {
        return false;
    }
    // In a ConfigMap it is a text, unless it begins another document.
    let is_indented = ends_in(&["indent", "nindent"]) && !tokens.contains(&Token::Word("0"));
    let is_kept =
        is_indented || (!before.is_empty() && !is_unread && !texts.iter().any(|it| it.contains("---")));
    !(is_kept && is_in_map(placed, at))
}

/// Returns whether what comes out stands elsewhere: in a file, or in what is decoded.
fn reads_elsewhere(reach: &[&[Token<'_>]], texts: &[&str]) -> bool {
    let all = || reach.iter().flat_map(|tokens| tokens.iter());
    let names = |wanted: &str| {
        all().any(|token| match token {
            Token::Field(names) | Token::Of(names) => names.contains(&wanted),
            _ => false,
        })
    };
    let has_word =
        |words: &[&str]| all().any(|token| matches!(token, Token::Word(word) if words.contains(word)));
    let is_decoded = has_word(&DECODING)
        && (names("Values") || names("Chart") || has_word(&["include"]) || !texts.is_empty());
    names("Files") || is_decoded
}

/// Returns whether the texts and maps of an action may come out as a key of an image.
fn makes_key(tokens: &[Token<'_>], reach: &[&[Token<'_>]], texts: &[&str], is_bare: bool) -> bool {
    let all = || reach.iter().flat_map(|tokens| tokens.iter());
    let has_word =
        |words: &[&str]| all().any(|token| matches!(token, Token::Word(word) if words.contains(word)));
    let is_loud_field = |token: &Token<'_>| match token {
        Token::Field(names) | Token::Of(names) => {
            names.iter().position(|name| *name == "Chart").is_some_and(|at| {
                let field = names.get(at + 1).copied().unwrap_or_default();
                !matches!(
                    field,
                    "Name" | "Version" | "AppVersion" | "Type" | "ApiVersion" | "APIVersion" | "KubeVersion"
                )
            })
        }
        _ => false,
    };
    if all().any(is_loud_field) {
        return true;
    }
    let is_image = |text: &&str| text.to_ascii_lowercase().ends_with("image");
    let makes_maps =
        has_word(&["toYaml", "toJson", "toPrettyJson", "toRawJson"]) && has_word(&["dict", "set"]);
    if makes_maps
        && (texts.iter().any(is_image) || has_word(&["print", "printf", "join", "replace", "lower"]))
    {
        return true;
    }
    let key = texts.iter().map(|text| key_text(text)).max().unwrap_or(KeyText::No);
    let is_split = texts.len() > 1 || texts.iter().any(|text| text.contains('\n'));
    texts.iter().any(|text| text.contains("%c"))
        || key == KeyText::Strong
        || (key == KeyText::Weak && (is_split || (is_bare && !starts_with_printf(tokens))))
}

/// A helper that puts an address together has nothing but values in it.
fn starts_with_printf(tokens: &[Token<'_>]) -> bool {
    tokens.contains(&Token::Word("printf"))
}

/// Returns what stands on the line before an action, actions aside.
fn line_before(placed: &Placed<'_>, at: usize) -> String {
    let mut before = String::new();
    for piece in placed[..at].iter().rev().take(AROUND_MAX) {
        if let Piece::Text(text) = &piece.piece {
            let line = text.rsplit('\n').next().unwrap_or(text);
            before.insert_str(0, line);
            if line.len() < text.len() || before.len() > 4096 {
                break;
            }
        } else if before.len() > 4096 {
            break;
        }
    }
    before
}

/// Returns whether an action stands in a document that is a ConfigMap or a Secret, whatever it writes.
fn is_in_map(placed: &Placed<'_>, at: usize) -> bool {
    let mut before = String::new();
    for piece in &placed[..at] {
        match &piece.piece {
            Piece::Text(text) => before.push_str(text),
            Piece::Action(_) => before.push(' '),
        }
    }
    let document = before.rfind("\n---").map_or(before.as_str(), |at| &before[at + 4..]);
    let mut kinds = document.lines().filter_map(|line| line.strip_prefix("kind:"));
    placed[at].definition.is_none()
        && matches!(kinds.next().map(str::trim), Some("ConfigMap" | "Secret"))
        && kinds.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_write_an_image_is_told() {
        let unseen = |text: &str| {
            let texts = [("c/templates/a.yaml".to_owned(), text.to_owned())];
            !ChartSources::of(&texts).unseen(0, &[]).is_empty()
        };
        for text in [
            "{{ \"im\" }}age: a",
            "{{ \"image\" }}: a",
            "{{ \"im\" }}{{ \"age\" }}: a",
            "{ {{ \"image\" }}: a }",
            "? {{ \"image\" }}\n: a",
            "{{ $k := \"image\" }}{{ $k }}: a",
            "{{ .Values.k }}: a",
            "{{ range $k, $v := .Values.x }}{{ $k }}: redis{{ end }}",
            "{{ range $k, $v := dict \"image\" \"a\" }}{{ $k }}: {{ $v }}{{ end }}",
            "{{ printf \"%s: a\" \"image\" }}",
            "{{ printf \"- {name: b, %s: a}\" \"image\" }}",
            "{{ print \"image\" \":\" \" a\" }}",
            "{{ print \"image\\x3a a\" }}",
            "{{ printf \"image%c a\" 58 }}",
            "{{ list \"image\" \" a\" | join \":\" }}",
            "{{ \"aW1hZ2U6IGE=\" | b64dec }}",
            "{{ .Values.x | b64dec }}",
            "{{ .Files.Get \"a\" }}",
            "{{ range $p, $_ := .Files.Glob \"*\" }}{{ $.Files.Get $p }}{{ end }}",
            "{{ .Chart.Description }}",
            "{{ include \"a\" . | b64dec }}",
            "{{ dict \"image\" \"a\" | toYaml }}",
            "{{ $d := dict }}{{ $_ := set $d \"image\" \"a\" }}{{ toYaml $d }}",
            "{{ range list \"image: a\" }}{{ . }}{{ end }}",
            "{{ with \"image: a\" }}{{ . }}{{ end }}",
            "{{ replace \"Q\" \":\" \"imageQ a\" }}",
            "name: {{ \"x\\nimage:y\" | trunc 8 }} a",
            "{{ \"image:x\" | trunc 6 }} a",
            "kind: ConfigMap\ndata:\n  a: {{ .Files.Get \"a\" }}",
        ] {
            assert!(unseen(text), "{text}");
        }
        let notes =
            [("c/templates/NOTES.txt".to_owned(), "image: a{{ define \"a\" }}image: b{{ end }}".to_owned())];
        assert_eq!(ChartSources::of(&notes).unseen(0, &[]), [(24..32, false)]);
        for text in [
            "name: {{ .Values.name }}",
            "name: {{ printf \"%s-%s\" .Release.Name .Chart.Name | trunc 63 | trimSuffix \"-\" }}",
            "{{ printf \"%s-%s\" .Release.Name $name }}",
            "value: {{ printf \"http://%s:%d\" .Values.host .Values.port }}",
            "{{ printf \"http://%s:%s\" .Values.host .Values.port }}",
            "{{ .Values.host }}:{{ .Values.port }}",
            "value: \"{{ .Values.host }}:{{ .Values.port }}\"",
            "{{- toYaml .Values.resources | nindent 4 }}",
            "{{- include \"a.labels\" . | nindent 4 }}",
            "{{- range $k, $v := .Values.env }}\n- name: {{ $k }}\n  value: {{ $v | quote }}\n{{ end }}",
            "{{- range $k, $v := .Values.env }}\n{{ $k }}: {{ $v | quote }}\n{{ end }}",
            "{{ .Release.Name }}-config: a",
            "checksum: {{ include (print $.Template.BasePath \"/a.yaml\") . | sha256sum }}",
            "app: {{ .Chart.Name }}\nversion: {{ .Chart.AppVersion | quote }}",
            "kind: ConfigMap\ndata:\n{{ (.Files.Glob \"a/*\").AsConfig | indent 2 }}",
            "kind: ConfigMap\ndata:\n  a: |\n    {{ .Values.k }}: {{ .Values.v }}",
            "kind: Secret\ndata:\n  a: {{ .Values.a | b64enc | quote }}",
            "expr: {{`{{ $labels.pod }}`}} {{ \"{{\" }} $value {{ \"}}\" }}",
            "{{ include \"a.tpl\" (dict \"value\" .Values.affinity \"context\" $) | nindent 4 }}",
            "{{- if eq .Values.x \"image: a\" }}a: b{{ end }}",
            "{{ join \",\" .Values.list }}",
            "{{ regexReplaceAll \"[^a-z:]\" .Values.x \"-\" }}",
        ] {
            assert!(!unseen(text), "{text}");
        }
    }
}
