//! What stood in the tree and was kept off by another file: by a patch of an overlay, by the values of an environment or of a deployer, by
//! what a chart's condition asks through names. As rows of [`super::led_to`].

use super::begun::leaked;
use super::led_to::{Files, left_alone, refused};
use super::looked_behind::GONE;

const OLD: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\nspec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}\n";
const OVERLAY: &str = "o/kustomization.yaml";

/// An overlay over a base with an object that floats, and what the overlay says besides.
fn overlay(said: &'static str) -> (Files, &'static str) {
    let text = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [../b]\n{said}"
    );
    let base = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [d.yaml]\n";
    let text: &str = Box::leak(text.into_boxed_str());
    let delete = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\n$patch: delete\n";
    let files = vec![
        (OVERLAY, text),
        ("o/delete.yaml", delete),
        (
            "o/delete-all.yaml",
            "apiVersion: builtin\nkind: PatchTransformer\nmetadata: {name: t}\ntarget: {name: old}\npatch: '{kind: A, metadata: {name: b}, $patch: delete}'\n",
        ),
        ("b/kustomization.yaml", base),
        ("b/d.yaml", OLD),
        (
            "c/kustomization.yaml",
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches: [{path: ../o/delete.yaml}]\n",
        ),
    ];
    (files, text)
}

#[test]
fn what_an_overlay_no_longer_keeps_off_is_judged() {
    let delete = "patches: [{path: delete.yaml}]\n";
    for (before, after) in [
        (delete, ""),
        (delete, "patches: [{path: delete.yaml, target: {kind: Deployment, name: other}}]\n"),
        ("patchesStrategicMerge: [delete.yaml]\n", ""),
        ("components: [../c]\n", ""),
        ("replicas: [{name: old, count: 0}]\n", "replicas: [{name: old, count: 1}]\n"),
        (
            "patches: [{target: {kind: Deployment, name: old}, patch: '[{op: add, path: /spec/replicas, value: 0}]'}]\n",
            "patches: [{target: {kind: Deployment, name: old}, patch: '[{op: add, path: /spec/replicas, value: 3}]'}]\n",
        ),
        (
            "patches: [{target: {name: old}, patch: '[{op: remove, path: /spec/template/spec/containers/0}]'}]\n",
            "",
        ),
        (
            "patches: [{target: {labelSelector: a=old}, patch: '{kind: A, metadata: {name: b}, $patch: delete}'}]\n",
            "patches: [{target: {labelSelector: a=new}, patch: '{kind: A, metadata: {name: b}, $patch: delete}'}]\n",
        ),
        ("namePrefix: eu-\nreplicas: [{name: eu-old, count: 0}]\n", "namePrefix: eu-\n"),
        ("transformers: [delete-all.yaml]\n", ""),
        (
            "transformers: ['{apiVersion: builtin, kind: ReplicaCountTransformer, metadata: {name: t}, replica: {name: old, count: 0}}']\n",
            "",
        ),
        (
            "patches: [{target: {name: old}, patch: '[{op: replace, path: /spec/template/spec, value: {containers: []}}]'}]\n",
            "patches: [{target: {name: old}, patch: '[{op: replace, path: /spec/template/spec/volumes, value: []}]'}]\n",
        ),
        (
            "patches: [{target: {name: old}, patch: '{kind: A, metadata: {name: b}, spec: {template: {spec: {containers: null}}}}'}]\n",
            "",
        ),
        (
            "patches: [{target: {name: old}, patch: '{kind: A, metadata: {name: b}, spec: {template: {spec: {$patch: replace, nodeName: c}}}}'}]\n",
            "",
        ),
        ("commonAnnotations: {kustomize.toolkit.fluxcd.io/reconcile: disabled}\n", ""),
    ] {
        let after = overlay(after).1;
        refused(vec![(before, overlay(before).0, vec![(OVERLAY, after)], "b/d.yaml floating-tag")]);
    }
    for (before, after) in [
        ("", delete),
        (delete, "# why\npatches: [{path: delete.yaml}]\n"),
        ("", "replicas: [{name: old, count: 3}]\n"),
        ("patches: [{target: {name: old}, patch: '[{op: remove, path: /spec/strategy}]'}]\n", ""),
    ] {
        let after = overlay(after).1;
        left_alone(vec![(before, overlay(before).0, vec![(OVERLAY, after)])]);
    }
    let gone = vec![(OVERLAY, GONE), ("o/delete.yaml", GONE), ("c/kustomization.yaml", GONE)];
    left_alone(vec![("an environment that goes with what it kept off", overlay(delete).0, gone)]);
}

#[test]
fn what_an_overlay_lets_run_though_its_object_says_no_is_judged() {
    let local = OLD.replace(
        "metadata: {name: old}",
        "metadata: {name: old, annotations: {config.kubernetes.io/local-config: 'true'}}",
    );
    let waits = OLD.replace("spec: {template", "spec: {replicas: 0, paused: true, template");
    for (own, said) in [
        (&waits, "replicas: [{name: old, count: 2}]\n"),
        (
            &waits,
            "patches: [{target: {kind: Deployment}, patch: '[{op: replace, path: /spec/replicas, value: 1}]'}]\n",
        ),
        (&waits, "patches: [{target: {name: o.*}, patch: '[{op: remove, path: /spec/paused}]'}]\n"),
        (&local, "commonAnnotations: {config.kubernetes.io/local-config: 'false'}\n"),
        (&local, "patches: [{target: {name: old}, patch: '[{op: remove, path: /metadata/annotations}]'}]\n"),
        (
            &local,
            "patches: ['{apiVersion: apps/v1, kind: Deployment, metadata: {name: old, annotations: {config.kubernetes.io/local-config: null}}}']\n",
        ),
    ] {
        let tree = || {
            let mut files = overlay("").0;
            files.retain(|(path, _)| *path != "b/d.yaml");
            files.push(("b/d.yaml", Box::leak(own.clone().into_boxed_str())));
            files
        };
        refused(vec![(said, tree(), vec![(OVERLAY, overlay(said).1)], "b/d.yaml floating-tag")]);
    }
    let mut files = overlay("").0;
    files.push(("b/d.yaml", Box::leak(waits.into_boxed_str())));
    for said in [
        "replicas: [{name: web, count: 2}]\n",
        "patches: [{target: {kind: Job}, patch: '[{op: remove, path: /spec/paused}]'}]\n",
        "commonAnnotations: {team: a}\n",
    ] {
        left_alone(vec![(said, files.clone(), vec![(OVERLAY, overlay(said).1)])]);
    }
}

/// A chart whose template has `head` around an image that floats.
fn chart(head: &str, values: &'static str, more: &[(&'static str, &'static str)]) -> Files {
    let template = format!("{head}\n{OLD}{{{{- end }}}}\n");
    let helpers = "{{- define \"c.isOn\" -}}\n{{- if .Values.old.enabled }}true{{ end }}\n{{- end }}\n";
    let mut files = vec![
        ("c/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n"),
        ("c/values.yaml", values),
        ("c/templates/_helpers.tpl", helpers),
        ("c/templates/d.yaml", &*Box::leak(template.into_boxed_str())),
    ];
    files.extend(more);
    files
}

#[test]
fn what_the_names_of_a_condition_stand_for_is_followed() {
    let (off, on) = ("old: {enabled: false}\n", "old: {enabled: true}\n");
    for (head, before, after) in [
        ("{{- $old := .Values.old }}{{- if $old.enabled }}", off, on),
        ("{{- $root := . }}{{- if $root.Values.old.enabled }}", off, on),
        ("{{- if include \"c.isOn\" . }}", off, on),
        ("{{- if eq (include \"c.isOn\" .) \"true\" }}", off, on),
        ("{{- if dig \"old\" \"enabled\" false .Values }}", off, on),
        ("{{- if has \"old\" .Values.parts }}", "parts: [web]\n", "parts: [web, old]\n"),
        ("{{- if hasKey .Values \"old\" }}", "web: {}\n", "web: {}\nold: {}\n"),
        (
            "{{- range $name, $one := .Values.all }}{{- if $one.enabled }}",
            "all: {a: {enabled: false}}\n",
            "all: {a: {enabled: true}}\n",
        ),
        (
            "{{- range .Values.all }}{{- if .enabled }}",
            "all: [{enabled: false}]\n",
            "all: [{enabled: true}]\n",
        ),
    ] {
        let before = chart(head, before, &[]);
        refused(vec![(head, before, vec![("c/values.yaml", after)], "c/templates/d.yaml floating-tag")]);
        left_alone(vec![(
            head,
            chart(head, off, &[]),
            vec![("c/values.yaml", "old: {enabled: false}\nweb: {a: 1}\n")],
        )]);
    }
    let before = chart("{{- if and .Values.a .Values.b }}", "a: false\nb: true\n", &[]);
    let after = chart("{{- if or .Values.a .Values.b }}", "", &[])[3];
    refused(vec![("both, and one", before, vec![after], "c/templates/d.yaml floating-tag")]);
}

#[test]
fn what_another_file_says_of_a_value_counts() {
    let head = "{{- if .Values.old.enabled }}";
    let (off, on) = ("old: {enabled: false}\n", "old: {enabled: true}\n");
    let application = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: c}\nspec: {source: {repoURL: 'https://example.com/a/b', path: c, helm: {parameters: [{name: old.enabled, value: \"false\"}]}}}\n";
    let no_parameter = "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: c}\nspec: {source: {repoURL: 'https://example.com/a/b', path: c}}\n";
    let parent = "apiVersion: v2\nname: p\nversion: 1.0.0\ndependencies: [{name: c, version: 1.0.0, repository: 'file://../c', condition: c.enabled}]\n";
    let set = "resource \"helm_release\" \"c\" {\n  name = \"c\"\n  chart = \"./c\"\n  set {\n    name = \"old.enabled\"\n    value = \"true\"\n  }\n}\n";
    for (name, head, default, file, before, after) in [
        ("an environment turns it on", head, on, "c/values-prod.yaml", off, on),
        ("a deployer no longer turns it off", head, on, "a.yaml", application, no_parameter),
        ("a module of Terraform turns it on", head, off, "m.tf", "locals {}\n", set),
        (
            "a task turns it on",
            head,
            off,
            "t.yaml",
            "- hosts: all\n",
            "- hosts: all\n  tasks: [{kubernetes.core.helm: {name: c, chart_ref: c, values: {old: {enabled: true}}}}]\n",
        ),
    ] {
        let tree = chart(head, default, &[(file, before)]);
        refused(vec![(name, tree, vec![(file, after)], "c/templates/d.yaml floating-tag")]);
    }
    let step = |run: &str| -> &'static str {
        Box::leak(
            format!("on: push\njobs: {{d: {{runs-on: x, steps: [{{run: '{run}'}}]}}}}\n").into_boxed_str(),
        )
    };
    let workflow = ".github/workflows/d.yml";
    let tree = chart(head, off, &[(workflow, step("helm upgrade c ./c"))]);
    let after = vec![(workflow, step("helm upgrade c ./c --set a=b,old.enabled=true"))];
    refused(vec![("a command turns it on", tree, after, "c/templates/d.yaml floating-tag")]);
    let tree = chart(
        "{{- if true }}",
        "{}\n",
        &[("p/Chart.yaml", parent), ("p/values.yaml", "c: {enabled: false}\n")],
    );
    let after = vec![("p/values.yaml", "c: {enabled: true}\n")];
    refused(vec![(
        "the condition of a chart that takes it by its directory",
        tree,
        after,
        "c/templates/d.yaml floating-tag",
    )]);
    let values = "old: {enabled: true, image: {repository: nginx, tag: \"1.27\"}}\n";
    let tree = chart("{{- if true }}", values, &[("c/values-prod.yaml", off)]);
    refused(vec![(
        "a value that an environment keeps off",
        tree,
        vec![("c/values-prod.yaml", on)],
        "c/values.yaml floating-tag",
    )]);
    let tree = chart(head, on, &[("c/values-prod.yaml", off), ("c/values-dev.yaml", off)]);
    left_alone(vec![("an environment that goes", tree, vec![("c/values-dev.yaml", GONE)])]);
}

#[test]
fn a_patch_that_pins_is_missed_where_its_target_is_another() {
    const BASE: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\nspec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27\"}]}}}\n";
    const PATCH: &str = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: old}\nspec: {template: {spec: {containers: [{name: a, image: \"nginx:1.27@\"}]}}}\n";
    let files = || -> Files {
        vec![
            ("base/kustomization.yaml", "resources: [old.yaml]\n"),
            ("base/old.yaml", BASE),
            ("prod/kustomization.yaml", "resources: [../base]\npatches: [{path: pin.yaml}]\n"),
            ("prod/pin.yaml", PATCH),
        ]
    };
    for target in [
        "{kind: Deployment, name: older}",
        "{labelSelector: a=b}",
        "{namespace: x}",
        "{kind: Deployment, name: \"ol\"}",
    ] {
        let now = format!("resources: [../base]\npatches: [{{path: pin.yaml, target: {target}}}]\n");
        let after = vec![("prod/kustomization.yaml", leaked(now))];
        refused(vec![(target, files(), after, "prod/kustomization.yaml looks-away")]);
    }
}

#[test]
fn a_file_of_a_base_may_become_a_directory() {
    let base = |resources: &'static str| ("base/kustomization.yaml", resources);
    let before = || {
        vec![
            base("resources: [old.yaml]\n"),
            ("base/old.yaml", OLD),
            ("o/kustomization.yaml", "resources: [../base]\n"),
        ]
    };
    let into = |more: (&'static str, &'static str)| -> Files {
        vec![
            base("resources: [old]\n"),
            ("base/old.yaml", GONE),
            ("base/old/deployment.yaml", OLD),
            ("base/old/kustomization.yaml", "resources: [deployment.yaml]\n"),
            more,
        ]
    };
    left_alone(vec![("a directory", before(), into(("x.txt", "a")))]);
    let twice = "resources: [../base, ../base/old]\n";
    refused(vec![(
        "another that names it",
        before(),
        into(("a/kustomization.yaml", twice)),
        "base/old/kustomization.yaml looks-away",
    )]);
}
