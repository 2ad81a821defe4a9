//! What is deployed floats because the value of a variable changes, in a `.env` or where Flux substitutes.

use super::PIN;
use super::looked_behind::{GONE, fine_all, pod, text, told_all};

fn compose(image: &str) -> (&'static str, String) {
    (
        "d/compose.yaml",
        format!(
            "services:\n  a:\n    image: \"{image}\"\n    env_file: app.env\n    environment: {{TAG: \"9\"}}\n"
        ),
    )
}

fn env(rest: &str) -> (&'static str, String) {
    ("d/.env", format!("# settings\nOTHER=1\n{rest}\n"))
}

#[test]
fn a_variable_of_compose_is_judged_by_its_env_file() {
    let before = |image: &str, value: &str| vec![compose(image), env(value)];
    let pinned = format!("TAG=7@{PIN}");
    let tag = "redis:${TAG}";
    let told = "d/compose.yaml floating-tag";
    let given = |value: &str| [before(tag, &pinned), vec![("d/prod.env", format!("{value}\n"))]].concat();
    let script = |path: &'static str, text: &str| (path, text.to_owned());
    let open = "d/compose.yaml unverifiable";
    told_all(&[
        ("another file", given(&pinned), vec![("d/prod.env", text("TAG=8\n"))], open),
        ("another file that comes", before(tag, &pinned), vec![("d/.env.prod", text("TAG=8\n"))], open),
        ("another file above", before(tag, &pinned), vec![("prod.env", text("TAG=8\n"))], open),
        ("another file below", before(tag, &pinned), vec![("d/env/prod.env", text("TAG=8\n"))], open),
        ("one tag for another in another file", given("TAG=8"), vec![("d/prod.env", text("TAG=9\n"))], open),
        (
            "another file without a default",
            vec![compose(tag), ("d/prod.env", format!("{pinned}\n"))],
            vec![("d/prod.env", text("TAG=8\n"))],
            open,
        ),
        (
            "a file that a script names",
            [
                before(tag, &pinned),
                vec![
                    script("d/up.sh", "docker compose --env-file vars.txt up\n"),
                    ("d/vars.txt", format!("{pinned}\n")),
                ],
            ]
            .concat(),
            vec![("d/vars.txt", text("TAG=8\n"))],
            open,
        ),
        (
            "a script that names a file",
            [before(tag, &pinned), vec![("d/vars.txt", text("TAG=8\n"))]].concat(),
            vec![script("Makefile", "up:\n\tdocker compose --env-file=d/vars.txt up\n")],
            open,
        ),
        (
            "a file of what is included",
            [
                before(tag, &pinned),
                vec![
                    (
                        "d/all.yaml",
                        text("include: [{path: compose.yaml, env_file: vars.txt}]\nservices: {}\n"),
                    ),
                    ("d/vars.txt", format!("{pinned}\n")),
                ],
            ]
            .concat(),
            vec![("d/vars.txt", text("TAG=8\n"))],
            open,
        ),
        ("what a container gets, too", before(tag, &pinned), vec![("d/app.env", text("TAG=8\n"))], open),
        ("a tag", before(tag, &pinned), vec![env("TAG=8")], told),
        ("in quotes", before(tag, &pinned), vec![env("TAG=\"8\" # now")], told),
        ("in other quotes", before(tag, &pinned), vec![env("TAG='8'")], told),
        ("exported", before(tag, &pinned), vec![env("export TAG=8")], told),
        ("of another one", before(tag, &pinned), vec![env("NEXT=8\nTAG=${NEXT}")], told),
        ("a second time", before(tag, &pinned), vec![env(&format!("{pinned}\nTAG=8"))], told),
        ("without braces", before("redis:$TAG", &pinned), vec![env("TAG=8")], told),
        ("a whole image", before("${IMG}", &format!("IMG=redis:7@{PIN}")), vec![env("IMG=redis:8")], told),
        (
            "a name without a tag",
            before("${IMG}", &format!("IMG=redis:7@{PIN}")),
            vec![env("IMG=redis")],
            "d/compose.yaml no-tag",
        ),
        (
            "latest",
            before("${IMG}", &format!("IMG=redis:7@{PIN}")),
            vec![env("IMG=redis:latest")],
            "d/compose.yaml latest-tag",
        ),
        ("needed", before("redis:${TAG:?no}", &pinned), vec![env("TAG=8")], told),
        ("one tag for another", before(tag, "TAG=8"), vec![env("TAG=9")], told),
        ("one that goes", before(tag, &pinned), vec![env("")], "d/compose.yaml unverifiable"),
        (
            "a file that goes",
            before(tag, &pinned),
            vec![("d/.env", text(GONE))],
            "d/compose.yaml unverifiable",
        ),
        ("a file that comes", vec![compose(tag)], vec![env("TAG=8")], told),
        ("a file above", vec![compose(tag)], vec![(".env", text("TAG=8\n"))], told),
        ("over a default", before("redis:${TAG:-7}", &pinned), vec![env("TAG=8")], told),
        (
            "what is not known",
            before(tag, &pinned),
            vec![env("TAG=${ELSEWHERE}")],
            "d/compose.yaml unverifiable",
        ),
        ("a service that is new", vec![env("TAG=8")], vec![compose(tag)], told),
    ]);
    fine_all(&[
        ("another digest", before(tag, &pinned), vec![env(&format!("TAG=8@{PIN}"))]),
        ("another variable", before(tag, "TAG=8"), vec![env("TAG=8\nMORE=2")]),
        ("a comment", before(tag, "TAG=8"), vec![env("# x\nTAG=8 # y")]),
        ("what a container gets", before(tag, &pinned), vec![("d/app.env", text("OTHER=8\n"))]),
        ("a digest in another file", given(&pinned), vec![("d/prod.env", format!("TAG=8@{PIN}\n"))]),
        (
            "another variable in another file",
            given(&pinned),
            vec![("d/prod.env", format!("{pinned}\nX=8\n"))],
        ),
        ("an example", before(tag, &pinned), vec![("d/.env.example", text("TAG=8\n"))]),
        (
            "another project below",
            before(tag, &pinned),
            vec![("d/e/.env", text("TAG=8\n")), ("d/e/compose.yaml", text("services: {}\n"))],
        ),
        ("another directory", before(tag, &pinned), vec![("e/.env", text("TAG=8\n"))]),
        ("a pinned service that is new", vec![env(&pinned)], vec![compose(tag)]),
        ("an image without variables", before(&format!("redis:7@{PIN}"), &pinned), vec![env("TAG=8")]),
    ]);
}

fn flux(name: &str, path: &str, build: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}}}\nspec:\n  path: {path}\n  postBuild: {build}\n"
    )
}

fn data(kind: &str, rest: &str) -> String {
    format!("apiVersion: v1\nkind: {kind}\nmetadata: {{name: vars}}\n{rest}\n")
}

#[test]
fn a_variable_of_flux_is_judged_by_what_it_substitutes() {
    let app = |image: &str| ("apps/a/a.yaml", pod(&format!("\"{image}\"")));
    let own =
        |values: &str| ("clusters/a.yaml", flux("a", "./apps/a", &format!("{{substitute: {{{values}}}}}")));
    let from =
        || ("clusters/a.yaml", flux("a", "./apps", "{substituteFrom: [{kind: ConfigMap, name: vars}]}"));
    let map = |value: &str| ("clusters/vars.yaml", data("ConfigMap", &format!("data: {{TAG: \"{value}\"}}")));
    let (tag, seven) = ("redis:${TAG}", format!("7@{PIN}"));
    let seven_own = format!("TAG: \"{seven}\"");
    let release = "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {name: a}\nspec:\n  values: {image: {tag: \"${TAG}\"}}\n";
    let told = "apps/a/a.yaml floating-tag";
    told_all(&[
        ("a tag", vec![app(tag), own(&seven_own)], vec![own("TAG: \"8\"")], told),
        ("one that goes", vec![app(tag), own(&seven_own)], vec![own("X: y")], "apps/a/a.yaml unverifiable"),
        (
            "a whole image",
            vec![app("${IMG}"), own(&format!("IMG: \"redis:{seven}\""))],
            vec![own("IMG: \"redis:8\"")],
            told,
        ),
        ("over a default", vec![app("redis:${TAG:=7}"), own(&seven_own)], vec![own("TAG: \"8\"")], told),
        (
            "a default instead",
            vec![app(&format!("redis:${{TAG:-{seven}}}")), own(&seven_own)],
            vec![own("TAG: \"8\"")],
            told,
        ),
        (
            "another path",
            vec![app(tag), own(&seven_own), ("apps/b/b.yaml", pod(&format!("redis:{seven}")))],
            vec![("clusters/b.yaml", flux("b", "apps/a", "{substitute: {TAG: \"8\"}}"))],
            told,
        ),
        ("from a map", vec![app(tag), from(), map(&seven)], vec![map("8")], told),
        (
            "from a secret",
            vec![
                app(tag),
                ("clusters/a.yaml", flux("a", "./", "{substituteFrom: [{kind: Secret, name: vars}]}")),
                ("s.yaml", data("Secret", &format!("stringData: {{TAG: \"{seven}\"}}"))),
            ],
            vec![("s.yaml", data("Secret", "stringData: {TAG: \"8\"}"))],
            told,
        ),
        (
            "from a map that is made",
            vec![
                app(tag),
                from(),
                (
                    "clusters/kustomization.yaml",
                    format!("configMapGenerator: [{{name: vars, literals: [\"TAG={seven}\"]}}]\n"),
                ),
            ],
            vec![(
                "clusters/kustomization.yaml",
                text("configMapGenerator: [{name: vars, literals: [TAG=8]}]\n"),
            )],
            told,
        ),
        (
            "from a file of a map that is made",
            vec![
                app(tag),
                from(),
                (
                    "clusters/kustomization.yaml",
                    text("configMapGenerator: [{name: vars, envs: [vars.env]}]\n"),
                ),
                ("clusters/vars.env", format!("TAG={seven}\n")),
            ],
            vec![("clusters/vars.env", text("TAG=8\n"))],
            told,
        ),
        (
            "beside a map",
            vec![app(tag), from(), map(&seven)],
            vec![(
                "clusters/a.yaml",
                flux(
                    "a",
                    "./apps",
                    "{substituteFrom: [{kind: ConfigMap, name: vars}], substitute: {TAG: \"8\"}}",
                ),
            )],
            told,
        ),
        (
            "through a kustomization",
            vec![
                ("base/a.yaml", pod(tag)),
                ("apps/a/kustomization.yaml", text("resources: [../../base]\n")),
                own(&seven_own),
            ],
            vec![own("TAG: \"8\"")],
            "base/a.yaml floating-tag",
        ),
        (
            "in an entry of a kustomization",
            vec![
                app(&format!("redis:{seven}")),
                (
                    "apps/a/kustomization.yaml",
                    "resources: [a.yaml]\nimages: [{name: redis, newTag: \"${TAG}\"}]\n".to_owned(),
                ),
                own(&seven_own),
            ],
            vec![own("TAG: \"8\"")],
            "apps/a/kustomization.yaml floating-tag",
        ),
        (
            "in the values of a release",
            vec![("apps/a/a.yaml", text(release)), own(&seven_own)],
            vec![own("TAG: \"8\"")],
            "apps/a/a.yaml unverifiable",
        ),
        (
            "spelled otherwise",
            vec![app(tag), own(&seven_own)],
            vec![("clusters/a.yaml", own("TAG: \"8\"").1.replace("substitute", "\"sub\\u0073titute\""))],
            told,
        ),
    ]);
    fine_all(&[
        ("another digest", vec![app(tag), own(&seven_own)], vec![own(&format!("TAG: \"8@{PIN}\""))]),
        ("another variable", vec![app(tag), own("TAG: \"8\", X: a")], vec![own("TAG: \"8\", X: b")]),
        (
            "another path",
            vec![app(tag), own(&seven_own)],
            vec![("clusters/b.yaml", flux("b", "./apps/ab", "{substitute: {TAG: \"8\"}}"))],
        ),
        (
            "another map",
            vec![app(tag), from(), map(&seven)],
            vec![("c.yaml", data("ConfigMap", "data: {TAG: \"8\"}").replace("vars", "other"))],
        ),
        (
            "a release with a digest",
            vec![("apps/a/a.yaml", text(release)), own(&seven_own)],
            vec![own(&format!("TAG: \"8@{PIN}\""))],
        ),
    ]);
}
