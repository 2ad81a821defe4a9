//! What kustomize reads, and tagpin has to read or to say.

use super::*;

/// What a file has in it that was there, and was no reason before, is none now.
fn kustomization(rest: &str) -> String {
    format!("resources: [app.yaml]\n{rest}")
}

#[test]
fn a_kustomization_is_read_as_kustomize_reads_it() {
    let entry = "name: redis, newTag: \"8\"";
    let digest = format!("digest: \"sha256:{}\"", "a".repeat(64));
    let at = "kustomization.yaml";
    let pinned = |rest: &str| kustomization(&format!("images: [{{{entry}, {digest}{rest}}}]\n"));
    told(&[
        ("images in capitals", at, kustomization(&format!("IMAGES: [{{{entry}}}]\n")), AMBIGUOUS),
        ("a tag in small letters", at, kustomization("images: [{name: redis, newtag: \"8\"}]\n"), AMBIGUOUS),
        ("patches", at, kustomization("Patches:\n- path: p.txt\n"), AMBIGUOUS),
        ("resources", at, "Resources: [q.txt]\n".to_owned(), AMBIGUOUS),
        ("transformers", at, kustomization("Transformers: [t.txt]\n"), AMBIGUOUS),
        ("a long s", at, kustomization("patche\u{17f}:\n- path: p.txt\n"), AMBIGUOUS),
        ("a second digest", at, pinned(", \"dige\u{17f}t\": \"\""), AMBIGUOUS),
        ("second images", at, pinned("") + "image\u{17f}: []\n", AMBIGUOUS),
        ("a second kind", at, kustomization("kind: ConfigMap\nKind: Kustomization\n"), AMBIGUOUS),
        ("a merge that comes last", at, pinned(", <<: {digest: \"\"}"), AMBIGUOUS),
        ("an empty kind", at, kustomization(&format!("kind: \"\"\nimages: [{{{entry}}}]\n")), FLOATS),
        (
            "an empty version",
            at,
            kustomization(&format!("kind: Kustomization\napiVersion: \"\"\nimages: [{{{entry}}}]\n")),
            FLOATS,
        ),
        (
            "no version",
            at,
            kustomization(&format!("kind: Kustomization\napiVersion: ~\nimages: [{{{entry}}}]\n")),
            FLOATS,
        ),
    ]);
    assert_eq!(judge(at, &pinned("")).0, 0);
}

#[test]
fn what_a_patch_writes_is_seen_or_said() {
    let at = "kustomization.yaml";
    let patch = |lines: &[&str]| {
        let text = lines.join("\n    ");
        kustomization(&format!("patches:\n- target: {{kind: Any}}\n  patch: |-\n    {text}\n"))
    };
    let operation =
        |path: &str, value: &str| patch(&[&format!("- {{op: add, path: \"{path}\", value: {value}}}")]);
    let replacement = |path: &str| {
        let source = "{kind: ConfigMap, fieldPath: data.x}";
        let targets = format!("[{{select: {{kind: Any}}, fieldPaths: [\"{path}\"]}}]");
        kustomization(&format!("replacements:\n- source: {source}\n  targets: {targets}\n"))
    };
    let said = By("looks-away");
    told(&[
        (
            "an object",
            at,
            operation("", "{apiVersion: v1, kind: Pod, spec: {containers: [{image: \"a:1\"}]}}"),
            FLOATS,
        ),
        ("a volume", at, operation("/spec/volumes/-", "{name: v, image: {reference: \"a:1\"}}"), FLOATS),
        ("volumes", at, operation("/spec/volumes", "[{name: v, image: {reference: \"a:1\"}}]"), FLOATS),
        ("the image of a volume", at, operation("/spec/volumes/0/image", "{reference: \"a:1\"}"), FLOATS),
        ("its reference", at, operation("/spec/volumes/0/image/reference", "\"a:1\""), FLOATS),
        ("an image without a tag", at, operation("/spec/image", "evil/x"), said),
        ("a tag in values", at, operation("/spec/values/image/tag", "\"8\""), said),
        (
            "an image in values",
            at,
            operation("/spec/values/a", "{image: {repository: a, tag: \"1\"}}"),
            FLOATS,
        ),
        ("a digest", at, patch(&["- {op: remove, path: /spec/values/image/digest}"]), said),
        ("a copy", at, patch(&["- {op: copy, from: /a, path: /spec/volumes/0/image/reference}"]), said),
        ("an image of Argo CD", at, operation("/spec/source/kustomize/images/0", "\"a:1\""), FLOATS),
        ("images of Argo CD", at, operation("/spec/source/kustomize/images", "[\"a:1\"]"), FLOATS),
        ("values in a text", at, operation("/spec/source/helm/values", "\"image: {tag: 8}\""), said),
        (
            "a patch without a version",
            at,
            patch(&["kind: Pod", "metadata: {name: p}", "spec: {containers: [{name: c, image: \"a:1\"}]}"]),
            FLOATS,
        ),
        ("a tag that is replaced", at, replacement("spec.values.image.tag"), said),
        ("a reference", at, replacement("spec.volumes.0.image.reference"), said),
        ("an entry of images", at, replacement("spec.source.kustomize.images.0"), said),
        ("a parameter", at, replacement("spec.source.helm.parameters.0.value"), said),
    ]);
    let mut punished = Vec::new();
    for honest in [
        operation("/spec/values/replicas", "3"),
        operation("/spec/values", "{replicas: 3}"),
        operation("/spec/replicas", "3"),
        operation("/spec/values/image/tag", &format!("\"8@sha256:{}\"", "a".repeat(64))),
        patch(&["- {op: remove, path: /spec/containers/0}"]),
        replacement("metadata.labels.a"),
    ] {
        let judged = judge(at, &honest);
        if judged.0 != 0 {
            punished.push(format!("{honest}: {judged:?}"));
        }
    }
    assert!(punished.is_empty(), "{}", punished.join("\n"));
    assert_eq!(judge("tests/00-assert.yaml", &pinned()).0, 0, "what a test expects is pinned");
}

#[test]
fn what_was_looked_away_from_before_is_said_where_it_is_edited() {
    let transformer = |rest: &str| {
        format!("apiVersion: builtin\nkind: ImageTagTransformer\nimageTag: {{name: redis, {rest}}}\n")
    };
    let inline = |rest: &str| {
        let text = transformer(rest).trim_end().replace('\n', "\n  ");
        kustomization(&format!("transformers:\n- |-\n  {text}\n"))
    };
    let (named, of_a_file) = (kustomization("transformers: [t/t.yaml]\n"), "t/t.yaml");
    let at = "kustomization.yaml";
    for (before, after) in [
        ([(at, named.clone()), (of_a_file, transformer("newTag: a"))], (of_a_file, transformer("newTag: b"))),
        ([(at, inline("newTag: a")), ("x", String::new())], (at, inline("newTag: b"))),
    ] {
        let mut files = vec![("app.yaml", pinned())];
        files.extend(before);
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
        let scene = Scene::new(&files);
        let base = scene.head();
        scene.commit_entries(&[(after.0.as_bytes(), Put::Text(&after.1))]);
        scene.check_out();
        let (code, findings, ..) = scene.judged(&["check", "--changed-since", &base]);
        assert_eq!((code, findings.contains(&format!("{at} looks-away"))), (1, true), "{findings:?}");
    }
}
