//! Whatever a change adds is understood completely, or said: how one reader spells, ends or hides what another one runs.

use crate::support::checkout::Scene;

use super::{Put, pinned};

mod kustomize;

/// What a case is told by: a rule's finding, or the reason why something is unread.
#[derive(Clone, Copy, Debug)]
enum Told {
    By(&'static str),
    Unread(&'static str),
}

use Told::{By, Unread};

const FLOATS: Told = By("floating-tag");
const AMBIGUOUS: Told = Unread("ambiguous");
const NOT_YAML: Told = Unread("not-yaml");

fn pod(containers: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n{containers}")
}

fn container(image: &str) -> String {
    pod(&format!("  - name: a\n    {image}\n"))
}

fn config_map(rest: &str) -> String {
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: a}}\n{rest}")
}

/// Judges a change that adds `text` at `path`.
fn judge(path: &str, text: &str) -> (i32, Vec<String>, Vec<String>, String) {
    let scene = Scene::new(&[("app.yaml", &pinned())]);
    let base = scene.head();
    scene.commit_entries(&[(path.as_bytes(), Put::Text(text))]);
    scene.check_out();
    scene.judged(&["check", "--changed-since", &base])
}

fn told(cases: &[(&str, &str, String, Told)]) {
    let mut failures = Vec::new();
    for (name, path, text, expected) in cases {
        let (code, findings, unread, err) = judge(path, text);
        let is_told = match expected {
            By(rule) => code == 1 && findings.contains(&format!("{path} {rule}")),
            Unread(reason) => {
                matches!(code, 1 | 3)
                    && unread.iter().any(|row| row.starts_with(&format!("{path} {reason} ")))
            }
        };
        if !is_told {
            failures.push(format!("{name}: {code} {findings:?} {unread:?} {err}"));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_spelling_of_a_key_is_seen() {
    told(&[
        ("an escape", "a.yaml", container("\"im\\u0061ge\": redis:6"), FLOATS),
        ("a short escape", "a.yaml", container("\"im\\x61ge\": redis:6"), FLOATS),
        ("a long escape", "a.yaml", container("\"im\\U00000061ge\": redis:6"), FLOATS),
        ("upper case hex", "a.yaml", container("\"imag\\u0065\": redis:6"), FLOATS),
        (
            "in JSON",
            "a.json",
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"name\":\"a\",\"im\\u0061ge\":\"redis:6\"}]}}"
                .to_owned(),
            FLOATS,
        ),
        ("binary", "a.yaml", container("!!binary aW1hZ2U=: redis:6"), AMBIGUOUS),
        ("binary by its whole name", "a.yaml", container("!<tag:yaml.org,2002:binary> aW1hZ2U=: redis:6"), AMBIGUOUS),
        ("a tag of its own", "a.yaml", container("!x image: redis:6"), AMBIGUOUS),
        ("an alias", "a.yaml", pod("  - name: &k image\n    *k : redis:6\n"), AMBIGUOUS),
        ("an explicit key", "a.yaml", container("? image\n    : redis:6"), FLOATS),
        ("an explicit key with an escape", "a.yaml", container("? \"im\\u0061ge\"\n    : redis:6"), FLOATS),
        ("a key that is a list", "a.yaml", container("? [image]\n    : redis:6"), AMBIGUOUS),
        ("flow", "a.yaml", pod("  - {name: a, \"im\\u0061ge\": redis:6}\n"), FLOATS),
        ("a merge", "a.yaml", pod("  - <<: {\"im\\u0061ge\": redis:6}\n    name: a\n"), FLOATS),
        (
            "a list that is spelled otherwise",
            "a.yaml",
            "apiVersion: v1\nkind: Pod\nspec:\n  \"cont\\u0061iners\":\n  - im\u{61}ge: redis:6\n".to_owned(),
            FLOATS,
        ),
        ("twice", "a.yaml", container(&format!("image: redis:6\n    image: redis:6@{}", super::PIN)), AMBIGUOUS),
        ("twice, once otherwise", "a.yaml", container(&format!("\"im\\u0061ge\": redis:6\n    image: redis:6@{}", super::PIN)), AMBIGUOUS),
    ]);
}

#[test]
fn lines_that_only_some_readers_end_are_not_passed_over() {
    let nothing = format!("redis:6@{}", super::PIN);
    told(&[
        ("U+0085", "a.yaml", container(&format!("image: {nothing} # x\u{85}    image: redis:6")), AMBIGUOUS),
        ("U+0085 alone", "a.yaml", pod("  - name: a # x\u{85}    image: redis:6\n"), AMBIGUOUS),
        ("U+2028", "a.yaml", pod("  - name: a # x\u{2028}    image: redis:6\n"), AMBIGUOUS),
        ("U+2029", "a.yaml", pod("  - name: a # x\u{2029}    image: redis:6\n"), AMBIGUOUS),
        ("a carriage return alone", "a.yaml", pod("  - name: a # x\r    image: redis:6\n"), FLOATS),
        ("a NUL", "a.yaml", format!("x: 1\n#\0\n---\n{}", container("image: redis:6")), NOT_YAML),
        ("a bell", "a.yaml", container("image: redis:6 # \u{7}"), NOT_YAML),
        (
            "a byte order mark in the middle",
            "a.yaml",
            pod("  - name: a\n\u{feff}    image: redis:6\n"),
            NOT_YAML,
        ),
        (
            "a document that only kubectl ends",
            "a.yaml",
            config_map(&format!("---#x: |\n  {}", container("image: redis:6").replace('\n', "\n  "))),
            AMBIGUOUS,
        ),
        ("a directive", "a.yaml", format!("%YAML 1.1\n---\n{}", container("image: redis:6")), FLOATS),
        (
            "another version",
            "a.yaml",
            format!("%YAML 3.0\n---\n{}", container("\"im\\u0061ge\": redis:6")),
            NOT_YAML,
        ),
        (
            "a second document",
            "a.yaml",
            format!("{}...\n{}", config_map(""), container("image: redis:6")),
            FLOATS,
        ),
        ("UTF-16", "a.yaml", format!("\u{feff}{}", container("image: redis:6")), FLOATS),
    ]);
}

#[test]
fn what_one_reader_refuses_is_not_a_template() {
    told(&[
        (
            "a comment without a blank",
            "a.yaml",
            pod("  - name: \"c\"#x {{\n    image: redis:6\n"),
            AMBIGUOUS,
        ),
        ("in a directory that is called so", "templates/a.yaml", pod("  - name: \"c\"#x {{\n    image: redis:6\n"), AMBIGUOUS),
        ("a template outside of a chart", "deploy/a.yaml", container("image: {{ .x }}"), By("looks-away")),
        ("an end that never comes", "a.yaml", format!("# {{{{\na: [\n---\n{}", container("image: redis:6")), By("looks-away")),
        ("a tab", "a.yaml", container("image:\tredis:6"), FLOATS),
        (
            "JSON with a long key",
            "a.json",
            format!(
                "{{\"{}\":1,\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{{\"containers\":[{{\"image\":\"redis:6\"}}]}}}}",
                "k".repeat(1100)
            ),
            AMBIGUOUS,
        ),
        (
            "JSON with half a letter",
            "a.json",
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"x\":\"\\ud800\",\"spec\":{\"containers\":[{\"image\":\"redis:6\"}]}}".to_owned(),
            AMBIGUOUS,
        ),
        (
            "one JSON after the other",
            "a.json",
            "{\"a\":1}{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"redis:6\"}]}}".to_owned(),
            AMBIGUOUS,
        ),
        (
            "JSON with a key twice",
            "a.json",
            format!("{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{{\"containers\":[{{\"image\":\"redis:6\",\"image\":\"redis:6@{}\"}}]}}}}", super::PIN),
            AMBIGUOUS,
        ),
        (
            "JSON with a huge number",
            "a.json",
            format!("{{\"x\":1{},\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{{\"containers\":[{{\"image\":\"redis:6\"}}]}}}}", "0".repeat(400)),
            FLOATS,
        ),
        (
            "JSON with a comma too many",
            "a.json",
            "{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"redis:6\",},],},}".to_owned(),
            FLOATS,
        ),
    ]);
}

#[test]
fn a_marker_of_another_tool_is_said() {
    let flux = " # {\"$imagepolicy\": \"flux-system:a\"}";
    told(&[
        ("behind an image", "a.yaml", container(&format!("image: redis:6{flux}")), By("looks-away")),
        (
            "behind a tag",
            "values.yaml",
            format!("image:\n  repository: redis\n  tag: \"6\"{flux}\n"),
            By("looks-away"),
        ),
        (
            "behind a name that is spelled otherwise",
            "a.yaml",
            container(&format!("\"im\\u0061ge\": redis:6{flux}")),
            By("looks-away"),
        ),
        (
            "behind a kustomization's tag",
            "kustomization.yaml",
            format!("images:\n- name: redis\n  newTag: \"6\"{flux}\n"),
            By("looks-away"),
        ),
        (
            "in a patch",
            "kustomization.yaml",
            format!(
                "patches:\n- patch: |\n    - op: replace\n      path: /spec/containers/0/image\n      value: redis:6{flux}\n"
            ),
            By("looks-away"),
        ),
        ("of ratchet", "a.yaml", container("image: redis:6 # ratchet:exclude"), By("gate-edited")),
    ]);
}

#[test]
fn silent_kinds_are_looked_into() {
    let kyverno = "apiVersion: kyverno.io/v1\n";
    let items = format!("items:\n- {}", container("image: redis:6").replace('\n', "\n  "));
    told(&[
        ("a list of theirs", "a.yaml", format!("{kyverno}kind: PolicyList\n{items}"), FLOATS),
        ("a list by its items", "a.yaml", format!("{kyverno}kind: Policy\n{items}"), FLOATS),
        (
            "a list in JSON",
            "a.json",
            "{\"apiVersion\": \"kyverno.io/v1\", \"kind\": \"PolicyList\", \"items\": [{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"spec\": {\"containers\": [{\"image\": \"redis:6\"}]}}]}".to_owned(),
            FLOATS,
        ),
        (
            "items of no kind",
            "a.yaml",
            format!("{kyverno}kind: PodList\nitems:\n- spec: {{containers: [{{image: redis:6}}]}}\n"),
            FLOATS,
        ),
        (
            "a second version",
            "a.yaml",
            format!("{kyverno}kind: Pod\nspec: {{containers: [{{image: redis:6}}]}}\napiVersion: v1\n"),
            AMBIGUOUS,
        ),
        (
            "a second kind, spelled otherwise",
            "a.yaml",
            format!(
                "{kyverno}kind: Policy\n\"k\\u0069nd\": Pod\nspec: {{containers: [{{image: redis:6}}]}}\n"
            ),
            AMBIGUOUS,
        ),
        (
            "what a policy makes",
            "a.yaml",
            format!(
                "{kyverno}kind: ClusterPolicy\nspec:\n  rules:\n  - generate:\n      data: {{spec: {{containers: [{{image: redis:6}}]}}}}\n"
            ),
            By("looks-away"),
        ),
    ]);
}

#[test]
fn values_are_classified_by_what_runs() {
    let flux = |patch: &str| {
        format!(
            "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\npatches:\n- patch: {patch}\n"
        )
    };
    let argo = |values: &str| {
        format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a}}\nspec:\n  source:\n    helm:\n      values: {values}\n"
        )
    };
    told(&[
        ("a tag of nobody", "a.yaml", container("image: !x redis:6"), FLOATS),
        ("a tag of CloudFormation in a pod", "a.yaml", container("image: !Ref redis:6"), FLOATS),
        ("binary", "a.yaml", container("image: !!binary cmVkaXM6Ng=="), FLOATS),
        ("binary over lines", "a.yaml", container("image: !!binary |\n      cmVka\n      XM6Ng=="), FLOATS),
        (
            "a tag in Compose",
            "compose.yaml",
            "services:\n  a:\n    image: !override redis:6\n".to_owned(),
            FLOATS,
        ),
        ("a tag behind an anchor", "a.yaml", container("image: &a !x redis:6"), FLOATS),
        ("a default", "compose.yaml", "services:\n  a:\n    image: ${X:-redis:6}\n".to_owned(), FLOATS),
        (
            "a default without a colon",
            "compose.yaml",
            "services:\n  a:\n    image: ${X-redis:6}\n".to_owned(),
            FLOATS,
        ),
        ("a default that is assigned", "a.yaml", container("image: ${X:=redis:6}"), FLOATS),
        (
            "a default of the tag",
            "compose.yaml",
            "services:\n  a:\n    image: \"redis:${X:-6}\"\n".to_owned(),
            FLOATS,
        ),
        (
            "a default in a default",
            "compose.yaml",
            "services:\n  a:\n    image: ${X:-${Y:-redis}}\n".to_owned(),
            By("no-tag"),
        ),
        ("a value over lines", "a.yaml", container("image:\n      >-\n      redis:6"), FLOATS),
        ("an escaped value", "a.yaml", container("image: \"r\\u0065dis:6\""), FLOATS),
        (
            "a unit's line that goes on",
            "web.container",
            "[Container]\nImage=docker.io/library/\\\nredis:6\n".to_owned(),
            FLOATS,
        ),
        (
            "a patch in JSON",
            "kustomization.yaml",
            flux("'[{\"op\": \"replace\", \"path\": \"/spec/containers/0/image\", \"value\": \"redis:6\"}]'"),
            FLOATS,
        ),
        (
            "a patch in JSON with an escape",
            "kustomization.yaml",
            flux(
                "'[{\"op\": \"replace\", \"path\": \"\\/spec\\/containers\\/0\\/im\\u0061ge\", \"value\": \"redis:6\"}]'",
            ),
            FLOATS,
        ),
        (
            "a patch in double quotes",
            "kustomization.yaml",
            flux("\"- op: replace\\n  path: /spec/containers/0/image\\n  value: redis\\n\""),
            By("no-tag"),
        ),
        (
            "a folded patch",
            "kustomization.yaml",
            flux(">\n    - op: replace\n\n      path: /spec/containers/0/image\n\n      value: redis:6\n"),
            FLOATS,
        ),
        ("quoted values", "a.yaml", argo("\"image: {repository: redis, tag: '6'}\""), FLOATS),
        (
            "quoted values with an escape",
            "a.yaml",
            argo("\"\\u0069mage: {repository: redis, tag: '6'}\""),
            FLOATS,
        ),
        (
            "values with a line end of their own",
            "a.yaml",
            argo(&format!(
                "|\n        a: b # x\u{85}        image: {{repository: redis, tag: '6'}}\n        image: {{repository: redis, tag: 6@{}}}\n",
                super::PIN
            )),
            AMBIGUOUS,
        ),
        (
            "values that are none",
            "a.yaml",
            argo("|\n        image: {repository: redis\n        tag: [6\n"),
            By("looks-away"),
        ),
        (
            "a build that is pulled",
            "compose.yaml",
            "services:\n  a:\n    build: .\n    image: redis:6\n    pull_policy: always\n".to_owned(),
            FLOATS,
        ),
    ]);
}

#[test]
fn honest_files_are_understood() {
    let image = format!("redis:6@{}", super::PIN);
    for (name, path, text) in [
        ("anchors", "compose.yaml", format!("x-a: &a\n  restart: always\nservices:\n  a:\n    <<: *a\n    image: {image}\n")),
        ("anchored values", "a.yaml", pod(&format!("  - name: &n a\n    image: {image}\n    env: [{{name: X, value: *n}}]\n"))),
        ("CloudFormation", "stack.yaml", format!("Resources:\n  T:\n    Type: AWS::ECS::TaskDefinition\n    Properties:\n      ContainerDefinitions:\n      - Image: {image}\n        Name: !Sub '${{A}}-b'\n        Value: !GetAtt [A, B]\n")),
        ("a byte order mark", "a.yaml", format!("\u{feff}{}", container(&format!("image: {image}")))),
        ("CR LF", "a.yaml", container(&format!("image: {image}")).replace('\n', "\r\n")),
        ("typed scalars", "a.yaml", container(&format!("image: {image}\n    a: [0x1F, 0o17, 1_000, .inf, -.5, 2001-01-01, ~, yes, on, 1e3, 12345678901234567890123]"))),
        ("tagged scalars", "a.yaml", container(&format!("image: !!str {image}\n    a: [!!int \"1\", !!float 1, !!null ~, !!bool \"true\", !!set {{a}}]"))),
        ("comments between documents", "a.yaml", format!("# a\n---\n# b\n---\n{}---\n# c\n", container(&format!("image: {image}")))),
        ("blocks", "a.yaml", format!("{}data:\n  a: |\n    x\n\n  b: >-\n    y\n    z\n  c: |+\n    w\n\n", container(&format!("image: {image}")))),
        ("flow over lines", "a.yaml", pod(&format!("  - {{\n      name: a,\n      image: {image},\n    }}\n"))),
        ("a template in quotes", "a.yaml", container(&format!("image: {image}\n    args: [\"{{{{ .x }}}}\"]"))),
        ("JSON", "a.json", format!("{{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"x\": \"\\u00e9\\/\\ud83d\\ude00\", \"spec\": {{\"containers\": [{{\"image\": \"{image}\"}}]}}}}\n")),
        ("a development container", ".devcontainer/devcontainer.json", format!("{{\n  // See https://a.example: b\n  \"name\": \"a\",\n  \"image\": \"{image}\", /* c */\n  // d\n}}\n")),
        ("settings with comments", ".vscode/settings.json", "{\n  // a\n  \"image\": 1, /* b */\n}\n".to_owned()),
        ("a policy", "a.yaml", "apiVersion: kyverno.io/v1\nkind: ClusterPolicy\nspec:\n  rules:\n  - validate:\n      pattern: {spec: {containers: [{image: \"!*:latest\"}]}}\n".to_owned()),
        ("keys that are numbers", "a.yaml", format!("{}data: {{8080: a, true: b, null: c}}\n", container(&format!("image: {image}")))),
    ] {
        let (code, findings, unread, err) = judge(path, &text);
        assert_eq!((code, findings), (0, vec![]), "{name}: {unread:?} {err}");
    }
    // A chart's templates are what they are.
    let scene = Scene::new(&[("app.yaml", &pinned()), ("chart/Chart.yaml", "name: a\nversion: 1.0.0\n")]);
    let base = scene.head();
    let template = container("image: {{ .Values.image }}\n    {{- if .x }}\n    a: [\n    {{ end }}");
    scene.commit_entries(&[(b"chart/templates/a.yaml", Put::Text(&template))]);
    scene.check_out();
    for args in [
        &["check", "--changed-since", &base][..],
        &["check", "chart/templates/a.yaml", "--changed-since", &base],
    ] {
        let (code, findings, unread, err) = scene.judged(args);
        assert!(
            code == 0 && !findings.iter().any(|finding| finding.ends_with("looks-away")),
            "{findings:?} {unread:?} {err}"
        );
    }
}
