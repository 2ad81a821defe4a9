//! A floating image that was there, and that a change only now has a deployer deploy, is one that the change adds.

use super::{Change, GONE, PIN};

pub(super) fn pod(name: &str, image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}}}\nspec:\n  containers:\n  - name: a\n    image: {image}\n"
    )
}

pub(super) fn floating() -> String {
    pod("web", "redis:6")
}

pub(super) fn pinned() -> String {
    pod("web", &format!("redis:6@{PIN}"))
}

pub(super) fn kustomization(rest: &str) -> String {
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n{rest}\n")
}

fn component(rest: &str) -> String {
    format!("apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n{rest}\n")
}

pub(super) fn flux(path: &str, rest: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: apps}}\nspec:\n  interval: 5m\n  path: {path}\n  prune: true\n  sourceRef: {{kind: GitRepository, name: self}}\n{rest}"
    )
}

pub(super) fn argo(source: &str) -> String {
    format!(
        "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: apps}}\nspec:\n  source:\n    repoURL: https://git.example/a\n{source}"
    )
}

pub(super) type Files = Vec<(&'static str, String)>;

/// A name, the files that were there, those that the change writes, the finding, and who deploys it now.
pub(super) type Case = (&'static str, Files, Files, &'static str, &'static str);

pub(super) fn told(cases: &[Case]) {
    let mut failures = Vec::new();
    for (name, before, after, found, by) in cases {
        for (how, judged) in Change::of(before, after).judged() {
            let is_told = judged.findings.iter().any(|(file, rule, message)| {
                format!("{file} {rule}") == *found
                    && message.contains(&format!("was not deployed before: `{by}` now names"))
            });
            if judged.code != 1 || !is_told {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

pub(super) fn fine(cases: &[(&'static str, Files, Files)]) {
    let mut failures = Vec::new();
    for (name, before, after) in cases {
        for (how, judged) in Change::of(before, after).judged() {
            if judged.code != 0 || !judged.findings.is_empty() {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn what_a_kustomization_names_since_the_change_is_new() {
    let (at, pod_at, found) = ("apps/kustomization.yaml", "lib/pod.yaml", "lib/pod.yaml floating-tag");
    let named = |list: &str| kustomization(&format!("resources: [ok.yaml]\n{list}"));
    let before = || {
        vec![
            (at, named("")),
            ("apps/ok.yaml", pod("ok", "a/b@IMAGE").replace("IMAGE", PIN)),
            (pod_at, floating()),
        ]
    };
    let with = |more: Files| [before(), more].concat();
    let patch = "- {op: add, path: /spec/containers/0/image, value: \"redis:6\"}\n";
    let base = || with(vec![("lib/kustomization.yaml", kustomization("resources: [pod.yaml]"))]);
    let alike =
        |target: &str| named(&format!("patches: [{{path: p.yaml, target: {{kind: Pod, name: {target}}}}}]"));
    told(&[
        (
            "a resource",
            before(),
            vec![(at, named("").replace("ok.yaml", "ok.yaml, ../lib/pod.yaml"))],
            found,
            at,
        ),
        ("a base", base(), vec![(at, named("bases: [../lib]"))], found, at),
        (
            "a directory with a kustomization",
            base(),
            vec![(at, named("").replace("ok.yaml", "ok.yaml, ../lib"))],
            found,
            at,
        ),
        (
            "a component",
            with(vec![("lib/kustomization.yaml", component("resources: [pod.yaml]"))]),
            vec![(at, named("components: [../lib]"))],
            found,
            at,
        ),
        (
            "a component that another one takes already",
            with(vec![
                ("lib/kustomization.yaml", component("resources: [pod.yaml]")),
                ("dev/kustomization.yaml", kustomization("components: [../lib]")),
            ]),
            vec![(at, named("components: [../lib]"))],
            found,
            at,
        ),
        ("a patch", before(), vec![(at, named("patches: [{path: ../lib/pod.yaml}]"))], found, at),
        ("a merge", before(), vec![(at, named("patchesStrategicMerge: [../lib/pod.yaml]"))], found, at),
        (
            "a patch of operations",
            with(vec![("lib/p.yaml", patch.to_owned())]),
            vec![(
                at,
                named("patchesJson6902: [{path: ../lib/p.yaml, target: {version: v1, kind: Pod, name: ok}}]"),
            )],
            "lib/p.yaml floating-tag",
            at,
        ),
        (
            "a new kustomization",
            before(),
            vec![("new/kustomization.yaml", kustomization("resources: [../lib/pod.yaml]"))],
            found,
            "new/kustomization.yaml",
        ),
        (
            "by way of another one",
            with(vec![("mid/kustomization.yaml", component("resources: [../lib/pod.yaml]"))]),
            vec![(at, named("components: [../mid]"))],
            found,
            at,
        ),
        (
            "a kustomization that had another name",
            with(vec![(
                "lib/k.yaml",
                kustomization("resources: [pod.yaml]\nimages: [{name: a, newTag: b, digest: IMAGE}]")
                    .replace("IMAGE", PIN),
            )]),
            vec![
                ("lib/k.yaml", GONE.to_owned()),
                (
                    "lib/kustomization.yaml",
                    kustomization("resources: [pod.yaml]\nimages: [{name: a, newTag: b, digest: IMAGE}]")
                        .replace("IMAGE", PIN),
                ),
            ],
            found,
            "lib/kustomization.yaml",
        ),
        (
            "renamed to what is named",
            with(vec![
                ("apps/more/kustomization.yaml", kustomization("resources: [ok.yaml]")),
                ("apps/more/ok.yaml", pinned()),
            ]),
            vec![
                (pod_at, GONE.to_owned()),
                ("apps/more/pod.yaml", floating()),
                ("apps/more/kustomization.yaml", kustomization("resources: [ok.yaml, pod.yaml]")),
            ],
            "apps/more/pod.yaml floating-tag",
            "apps/more/kustomization.yaml",
        ),
        (
            "a patch of another target",
            with(vec![("apps/p.yaml", patch.to_owned()), (at, alike("nobody"))]),
            vec![(at, alike("ok"))],
            "apps/p.yaml floating-tag",
            at,
        ),
    ]);
}

#[test]
fn what_flux_argo_and_charts_take_since_the_change_is_new() {
    let (pod_at, found) = ("lib/pod.yaml", "lib/pod.yaml floating-tag");
    let ok = || ("apps/ok.yaml", pinned());
    let moved = |to: &'static str| vec![(pod_at, GONE.to_owned()), (to, floating())];
    let part = || {
        vec![
            ("lib/kustomization.yaml", component("resources: [pod.yaml]")),
            (pod_at, floating()),
            ("apps/ok.yaml", pinned()),
        ]
    };
    told(&[
        (
            "a component of Flux",
            [part(), vec![("f.yaml", flux("./apps", ""))]].concat(),
            vec![("f.yaml", flux("./apps", "  components: [../lib]\n"))],
            found,
            "f.yaml",
        ),
        (
            "a component of Argo CD",
            [part(), vec![("a.yaml", argo("    path: apps\n"))]].concat(),
            vec![("a.yaml", argo("    path: apps\n    kustomize: {components: [../lib]}\n"))],
            found,
            "a.yaml",
        ),
        (
            "a path of Flux",
            vec![ok(), ("f.yaml", flux("./apps", "")), (pod_at, floating())],
            vec![("f.yaml", flux("./lib", ""))],
            found,
            "f.yaml",
        ),
        (
            "moved into a path of Flux",
            vec![ok(), ("f.yaml", flux("./apps", "")), (pod_at, floating())],
            moved("apps/pod.yaml"),
            "apps/pod.yaml floating-tag",
            "f.yaml",
        ),
        (
            "Flux is no longer suspended",
            vec![("f.yaml", flux("./lib", "  suspend: true\n")), (pod_at, floating())],
            vec![("f.yaml", flux("./lib", "  suspend: false\n"))],
            found,
            "f.yaml",
        ),
        (
            "another repository of Flux",
            vec![("f.yaml", flux("./lib", "").replace("self", "other")), (pod_at, floating())],
            vec![("f.yaml", flux("./lib", ""))],
            found,
            "f.yaml",
        ),
        (
            "a path of Argo CD",
            vec![ok(), ("a.yaml", argo("    path: apps\n")), (pod_at, floating())],
            vec![("a.yaml", argo("    path: lib\n"))],
            found,
            "a.yaml",
        ),
        (
            "moved into a path of Argo CD",
            vec![ok(), ("a.yaml", argo("    path: apps\n")), (pod_at, floating())],
            moved("apps/pod.yaml"),
            "apps/pod.yaml floating-tag",
            "a.yaml",
        ),
        (
            "what Argo CD left out",
            vec![
                ("a.yaml", argo("    path: lib\n    directory: {exclude: pod.yaml}\n")),
                (pod_at, floating()),
            ],
            vec![("a.yaml", argo("    path: lib\n"))],
            found,
            "a.yaml",
        ),
        (
            "a second source",
            vec![("a.yaml", argo("    path: apps\n")), ok(), (pod_at, floating())],
            vec![(
                "a.yaml",
                argo("    path: apps\n").replace(
                    "  source:\n",
                    "  sources:\n  - {repoURL: https://git.example/a, path: lib}\n  source:\n",
                ),
            )],
            found,
            "a.yaml",
        ),
        (
            "an object that is new",
            vec![(pod_at, floating())],
            vec![("a.yaml", argo("    path: lib\n"))],
            found,
            "a.yaml",
        ),
    ]);
}

#[test]
fn what_the_change_has_an_old_entry_do_is_new() {
    let at = "kustomization.yaml";
    let ok = || ("pod.yaml", pinned());
    let inline = |target: &str| {
        kustomization(&format!(
            "resources: [pod.yaml]\npatches:\n- target: {{kind: Pod, name: {target}}}\n  patch: |-\n    - {{op: replace, path: /spec/containers/0/image, value: \"redis:6\"}}"
        ))
    };
    let entry = |name: &str| {
        kustomization(&format!(
            "resources: [pod.yaml]\nimages:\n- {{name: {name}, newName: acme/redis, newTag: \"6\"}}"
        ))
    };
    let replaced = |digest: &str| {
        kustomization(&format!("resources: [pod.yaml]\nimages:\n- {{name: redis, newTag: \"6\"{digest}}}"))
    };
    let mut failures = Vec::new();
    for (name, before, after, found) in [
        (
            "another target",
            vec![ok(), (at, inline("nobody"))],
            (at, inline("web")),
            "kustomization.yaml floating-tag",
        ),
        (
            "another name",
            vec![("pod.yaml", pod("web", "app")), (at, entry("nobody"))],
            (at, entry("app")),
            "kustomization.yaml floating-tag",
        ),
        (
            "an entry that pinned goes",
            vec![("pod.yaml", floating()), (at, replaced(&format!(", digest: \"{PIN}\"")))],
            (at, kustomization("resources: [pod.yaml]")),
            "pod.yaml floating-tag",
        ),
        (
            "a patch that pinned goes",
            vec![
                ("pod.yaml", floating()),
                ("p.yaml", pinned()),
                (at, kustomization("resources: [pod.yaml]\npatches: [{path: p.yaml}]")),
            ],
            (at, kustomization("resources: [pod.yaml]")),
            "pod.yaml floating-tag",
        ),
    ] {
        for (how, judged) in Change::of(&before, std::slice::from_ref(&after)).judged() {
            let is_told = judged.findings.iter().any(|(file, rule, _)| format!("{file} {rule}") == found);
            if judged.code != 1 || !is_told {
                failures.push(format!("{name} {how}: {judged:?}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Whoever deploys it decides how much it counts, and not where it lies.
#[test]
fn what_is_deployed_counts_as_it_does_there() {
    let at = "prod/kustomization.yaml";
    for settings in [
        "[[check.rule]]\npaths = [\"lib/**\"]\nlevel = \"off\"\n",
        "[[check.rule]]\npaths = [\"lib/**\"]\nlevel = \"warning\"\n",
        "[[check.allow]]\npaths = [\"lib/**\"]\nreason = \"examples\"\n",
        "[policy]\nexclude = [\"lib/**\"]\n",
    ] {
        let before = [
            ("gate.toml", settings.to_owned()),
            (at, kustomization("resources: []")),
            ("lib/pod.yaml", floating()),
            ("lib/sub/pod.yaml", floating()),
        ];
        for resource in ["../lib/pod.yaml", "../lib/sub"] {
            let after = [
                (at, kustomization(&format!("resources: [{resource}]"))),
                ("lib/sub/kustomization.yaml", kustomization("resources: [pod.yaml]")),
            ];
            let change = Change::of(&before, &after);
            for how in [&["--changed-since", &change.base][..], &["--diff", "-"]] {
                let args = [&["check", "--config", "gate.toml", "--format", "json"], how].concat();
                let judged = change.judged_by(&args, &change.patch());
                assert_eq!(judged.code, 1, "{settings} {resource} {how:?}: {judged:?}");
            }
        }
    }
}

#[test]
fn honest_moves_are_no_findings() {
    let at = "apps/kustomization.yaml";
    let of = |list: &str| kustomization(&format!("resources: [{list}]"));
    let gone = || GONE.to_owned();
    let based = || {
        vec![
            ("base/kustomization.yaml", of("pod.yaml")),
            ("base/pod.yaml", floating()),
            ("staging/kustomization.yaml", of("../base")),
        ]
    };
    fine(&[
        ("another overlay of a base", based(), vec![("prod/kustomization.yaml", of("../base"))]),
        (
            "another order",
            vec![(at, of("a.yaml, b.yaml")), ("apps/a.yaml", floating()), ("apps/b.yaml", pinned())],
            vec![(at, of("b.yaml, a.yaml"))],
        ),
        (
            "something new beside it",
            vec![(at, of("a.yaml")), ("apps/a.yaml", floating())],
            vec![(at, of("a.yaml, b.yaml")), ("apps/b.yaml", pinned())],
        ),
        (
            "a directory is renamed",
            based(),
            vec![
                ("base/kustomization.yaml", gone()),
                ("base/pod.yaml", gone()),
                ("common/kustomization.yaml", of("pod.yaml")),
                ("common/pod.yaml", floating()),
                ("staging/kustomization.yaml", of("../common")),
            ],
        ),
        (
            "a file is renamed",
            vec![(at, of("a.yaml")), ("apps/a.yaml", floating())],
            vec![("apps/a.yaml", gone()), ("apps/b.yaml", floating()), (at, of("b.yaml"))],
        ),
        (
            "a kustomization between",
            based(),
            vec![("mid/kustomization.yaml", of("../base")), ("staging/kustomization.yaml", of("../mid"))],
        ),
        (
            "an interval of Flux",
            vec![("f.yaml", flux("./lib", "")), ("lib/pod.yaml", floating())],
            vec![("f.yaml", flux("./lib", "").replace("5m", "10m"))],
        ),
        (
            "a file that nobody deploys is renamed",
            vec![("docs/a.yaml", floating())],
            vec![("docs/a.yaml", gone()), ("docs/b.yaml", floating())],
        ),
        (
            "a chart is renamed",
            vec![
                ("a/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned()),
                ("a/templates/p.yaml", floating()),
            ],
            vec![
                ("a/Chart.yaml", gone()),
                ("a/templates/p.yaml", gone()),
                ("b/Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n".to_owned()),
                ("b/templates/p.yaml", floating()),
            ],
        ),
        ("a comment", based(), vec![("staging/kustomization.yaml", format!("# x\n{}", of("../base")))]),
    ]);
}
