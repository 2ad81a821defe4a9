//! Images that commands and settings ask for without a digest, by words that look like none. As rows of [`super::led_to`].

use super::begun::{OLD, WORKFLOW, leaked, steps};
use super::led_to::{left_alone, refused};
use super::steps::{FOUND, is_left_alone, is_refused};

#[test]
fn images_of_commands_are_seen_however_they_are_given() {
    for run in [
        "docker run --rm debian:sid apt list",
        "docker run --rm node:jod-slim npm ci",
        "echo 'image: {repository: acme/web, tag: live}' | helm upgrade web acme/web -f -",
        "for i in acme/web acme/api; do docker pull $i; done",
        "echo acme/web | xargs docker pull",
        "singularity pull a.sif docker://quay.io/biocontainers/samtools",
        "cilium install --set image.tag=v1.16.0",
        "helm upgrade web acme/web -f https://example.com/values.yaml",
        "yq -i '.image.tag = \"live\"' values.yaml",
        "yq -i 'del(.image.digest)' values.yaml",
        "docker run acme/web:${TAG:-live}",
        "docker run --rm gcc:latest gcc a.c",
        "printf '%s' acme/web acme/api | xargs -n1 docker pull",
        "parallel docker pull ::: acme/web",
        "helm upgrade web acme/web --set image.repository=evil/web",
        "TF_VAR_image=acme/web terraform apply",
        "argo submit wf.yaml -p image=acme/web",
        "kubectl annotate deploy web keel.sh/policy=all",
        "cd k && kustomize edit set image ghcr.io/acme/web:$TAG && kustomize build . | kubectl apply -f -",
    ] {
        // As one line, and among others.
        let line = run.replace('"', "\\\"");
        for step in [format!("[{{run: \"{line}\"}}]"), format!("[{{run: \"echo a\\n{line}\\necho b\"}}]")] {
            is_refused(WORKFLOW, steps("[{run: make}]"), &[steps(&step)]);
        }
    }
    is_left_alone(
        WORKFLOW,
        steps("[{run: make}]"),
        &[
            steps("[{run: \"docker build -t web:dev . && docker run --rm web:dev\"}]"),
            steps("[{run: \"yq -i '.version = \\\"2\\\"' values.yaml\"}]"),
            steps("[{run: \"for i in a b; do echo $i; done\"}]"),
        ],
    );
    for text in [
        "helm upgrade web acme/web -f - <<END\nimage:\n  repository: acme/web\n  tag: live\nEND",
        "cat > v.yaml <<'END'\nimage:\n  repository: acme/web\n  tag: live\nEND\nhelm upgrade web acme/web -f v.yaml",
        "IMAGES=(acme/web acme/api)\nfor i in \"${IMAGES[*]}\"; do docker pull $i; done",
    ] {
        let text = leaked(format!(
            "on: push\njobs:\n  d:\n    runs-on: x\n    steps:\n    - run: |\n        {}\n",
            text.replace('\n', "\n        ")
        ));
        is_refused(WORKFLOW, steps("[{run: make}]"), &[text]);
    }
    let compose = "services:\n  a: {image: \"nginx:1@\"}\n  d: {image: \"redis:7\"}\n";
    let scaled = |count: usize| steps(&format!("[{{run: docker compose up -d --scale d={count}}}]"));
    refused(vec![(
        "a service that is scaled up",
        vec![(WORKFLOW, scaled(0)), ("compose.yaml", compose)],
        vec![(WORKFLOW, scaled(1))],
        ".github/workflows/d.yml looks-away",
    )]);
    let up = |file: &str| steps(&format!("[{{run: docker compose{file} up -d}}]"));
    refused(vec![(
        "an override that is read without `-f`",
        vec![
            (WORKFLOW, up(" -f compose.yaml")),
            ("compose.yaml", "services: {a: {image: \"nginx:1@\"}}\n"),
            ("compose.override.yaml", "services: {a: {image: \"nginx:1\"}}\n"),
        ],
        vec![(WORKFLOW, up(""))],
        ".github/workflows/d.yml looks-away",
    )]);
}

#[test]
fn images_that_other_words_ask_for_are_seen() {
    let unit = "[Service]\nEnvironment=IMAGE=nginx:1@\nExecStart=/usr/bin/docker run --rm ${IMAGE}\n";
    refused(vec![(
        "what is added to a unit",
        vec![("web.service", unit)],
        vec![("web.service.d/10.conf", "[Service]\nEnvironment=IMAGE=nginx\n")],
        "web.service.d/10.conf looks-away",
    )]);
    for (path, text, rule) in [
        ("render.yaml", "services:\n- {type: web, name: w, image: {url: docker.io/library/nginx}}\n", FOUND),
        ("captain-definition", "{\"schemaVersion\": 2, \"imageName\": \"nginx\"}\n", FOUND),
        ("conf/spark-defaults.conf", "spark.kubernetes.container.image apache/spark\n", FOUND),
        (".actrc", "-P ubuntu-latest=catthehacker/ubuntu:act-latest\n", FOUND),
        (".ko.yaml", "baseImageOverrides:\n  a/b: cgr.dev/chainguard/glibc-dynamic\n", FOUND),
        ("cluster.yml", "nodes: []\nsystem_images: {pod_infra_container: rancher/mirrored-pause}\n", FOUND),
        (
            "nomad/client.hcl",
            "client {\n  meta {\n    \"connect.sidecar_image\" = \"envoyproxy/envoy:v1.30.1\"\n  }\n}\n",
            FOUND,
        ),
        (
            "p/templates/web.nomad.tpl",
            "job [[ .name ]] {\n  config {\n    image = \"nginx\"\n  }\n}\n",
            FOUND,
        ),
        (".teamcity/settings.kts", "script {\n  dockerImage = \"node\"\n}\n", FOUND),
        ("Jenkinsfile", "pipeline {\n  agent { docker 'acme/ci' }\n}\n", FOUND),
        ("Jenkinsfile", "node {\n  docker.image('debian:sid').inside { sh 'make' }\n}\n", FOUND),
        ("w.sls", "w:\n  docker_container.running:\n  - image: acme/web\n", FOUND),
        (
            "b.bu",
            "storage:\n  files:\n  - path: /etc/containers/systemd/w.container\n    contents:\n      inline: |\n        [Container]\n        Image=quay.io/acme/web\n",
            FOUND,
        ),
        ("compose.override.yaml", "services:\n  r: {profiles: !reset []}\n", FOUND),
        (
            "compose.yaml",
            "services:\n  w:\n    image: nginx:1@\n    environment: [RUNNER_IMAGE=docker.example.org/acme/runtime]\n",
            FOUND,
        ),
        (
            "compose.yaml",
            "services:\n  w:\n    image: nginx:1@\n    labels: [com.centurylinklabs.watchtower.enable=true]\n",
            FOUND,
        ),
        ("web.pod", "[Pod]\nPodmanArgs=--infra-image redis\n", FOUND),
        (
            "i.yaml",
            "apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {hub: docker.io/istio, tag: 1.22.1}\n",
            FOUND,
        ),
        (
            "v.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {velero.io/change-image-name: RestoreItemAction}}\ndata: {a: \"b/c,b/d\"}\n",
            FOUND,
        ),
        (
            "k/Kptfile",
            "apiVersion: kpt.dev/v1\nkind: Kptfile\npipeline: {mutators: [{image: \"gcr.io/kpt-fn/set-image:v0.1.1\"}]}\n",
            "floating-tag",
        ),
    ] {
        refused(vec![(
            path,
            vec![("a.yaml", "a: b\n")],
            vec![(path, text)],
            leaked(format!("{path} {rule}")),
        )]);
    }
    refused(vec![(
        "beside images with digests",
        vec![("images.yaml", "web: nginx:1@\n")],
        vec![("images.yaml", "web: nginx:1@\napi: busybox\n")],
        "images.yaml looks-away",
    )]);
    left_alone(vec![
        (
            "words beside an image",
            vec![("compose.yaml", "services: {w: {image: \"nginx:1@\"}}\n")],
            vec![("compose.yaml", "services: {w: {image: \"nginx:1@\", platform: linux/amd64}}\n")],
        ),
        (
            "a picture",
            vec![("a.yaml", "a: b\n")],
            vec![("app.gradle", "ext.logoImage = \"img/logo.png\"\next.image = \"hero\"\n")],
        ),
    ]);
}

#[test]
fn what_stands_behind_much_is_seen() {
    let many = |count: usize, part: fn(usize) -> String| (0..count).map(part).collect::<String>();
    let run = |text: String| {
        let text = text.replace('\n', "\n        ");
        leaked(format!("on: push\njobs:\n  d:\n    runs-on: x\n    steps:\n    - run: |\n        {text}\n"))
    };
    let loops = format!("for i in {} acme/web; do docker pull $i; done", many(300, |at| format!("a{at} ")));
    let values = many(800, |at| format!("a{at}: {}\n", "b".repeat(40)));
    let values = format!(
        "cat > v.yaml <<'END'\n{values}image: {{repository: acme/web, tag: live}}\nEND\nhelm upgrade web acme/web -f v.yaml"
    );
    let far = format!("true {}; docker run acme/web", "x".repeat(40_000));
    let words = format!("echo {}; docker run acme/web", "a ".repeat(3_000));
    is_refused(WORKFLOW, steps("[{run: make}]"), &[run(loops), run(values), run(far), run(words)]);
    let matrix = leaked(format!(
        "on: push\njobs:\n  d:\n    strategy: {{matrix: {{e: [{}old]}}}}\n    runs-on: x\n    steps: [{{run: 'kubectl apply -k o/${{{{ matrix.e }}}}'}}]\n",
        many(250, |at| format!("a{at}, "))
    ));
    refused(vec![(
        "a value of a large matrix",
        vec![
            (WORKFLOW, steps("[{run: make}]")),
            ("o/old/kustomization.yaml", "resources: [d.yaml]\n"),
            ("o/old/d.yaml", OLD),
        ],
        vec![(WORKFLOW, matrix)],
        leaked(format!("{WORKFLOW} {FOUND}")),
    )]);
}
