//! Files that a tool reads for what they are called.

use super::begun::leaked;
use super::led_to::{left_alone, refused};

#[test]
fn files_that_tools_read_by_their_names_are_judged() {
    for (path, text) in [
        ("Jenkinsfile", "pipeline { agent { docker { image 'acme/ci:live' } } }\n"),
        ("Makefile", "deploy:\n\tdocker run -d acme/web:live\n"),
        ("Makefile", "deploy:\n\tdocker run --rm redis:9\n"),
        ("Makefile", "deploy:\n\tkubectl run x --image=acme/x:9\n"),
        ("justfile", "deploy:\n    podman run \"evil:1\"\n"),
        ("Earthfile", "VERSION 0.8\nFROM acme/base:live\n"),
        (
            "node.bu",
            "variant: fcos\nversion: 1.5.0\nsystemd: {units: [{name: w.service, contents: \"[Service]\\nExecStart=/usr/bin/podman run acme/web:live\\n\"}]}\n",
        ),
        (
            "web.nix",
            "{ virtualisation.oci-containers.containers.web = { image = \"docker.io/acme/web:live\"; }; }\n",
        ),
        ("user-data", "#cloud-config\nruncmd: ['docker run -d acme/web:live']\n"),
        (
            "infra/main.bicep",
            "resource a 'x@1' = {\n  properties: { containers: [ { image: 'nginx:1.28' } ] }\n}\n",
        ),
        ("manifests/web.pp", "docker::run { 'web':\n  image => 'nginx:1.28',\n}\n"),
        ("main.k", "containers = [{name = \"w\", image = \"nginx:1.28\"}]\n"),
        ("app.pkl", "containers { new { image = \"nginx:1.28\" } }\n"),
        ("app.dhall", "{ image = \"nginx:1.28\" }\n"),
        ("vars/build.groovy", "def call() {\n  docker.image('nginx:1.28').inside { sh 'ls' }\n}\n"),
        ("Vagrantfile", "config.vm.provision \"docker\" do |d|\n  d.run \"nginx:1.28\"\nend\n"),
        ("crontab", "0 3 * * * docker run --rm nginx:1.28\n"),
        ("MODULE.bazel", "oci.pull(name = \"b\", image = \"docker.io/library/nginx:1.28\")\n"),
        ("build.gradle", "jib {\n  from {\n    image = \"nginx:1.28\"\n  }\n}\n"),
        ("pom.xml", "<project><from><image>nginx:1.28</image></from></project>\n"),
        ("nextflow.config", "process {\n  container = 'acme/align:1.2'\n}\n"),
        ("Snakefile", "rule a:\n  container: \"docker://acme/align:1.2\"\n"),
        (
            "align.cwl",
            "class: CommandLineTool\nrequirements:\n  DockerRequirement:\n    dockerPull: acme/align:1.2\n",
        ),
        ("align.wdl", "task a {\n  runtime {\n    docker: \"acme/align:1.2\"\n  }\n}\n"),
        ("MLproject", "name: a\ndocker_env:\n  image: acme/train:1.2\n"),
        ("Procfile", "web: docker run --rm acme/web:1.2\n"),
        ("Rakefile", "task :up do\n  sh \"docker run -d acme/web:1.2\"\nend\n"),
        ("etc/cron.d/web", "0 3 * * * root docker run --rm nginx:1.28\n"),
        ("w.service.d/10.conf", "[Service]\nExecStart=/usr/bin/docker run acme/web:live\n"),
    ] {
        refused(vec![(
            path,
            vec![("a.yaml", "a: b\n")],
            vec![(path, text)],
            leaked(format!("{path} looks-away")),
        )]);
    }
    left_alone(vec![(
        "what is built",
        vec![("a.yaml", "a: b\n")],
        vec![(
            "Makefile",
            "IMG ?= acme/web:dev\nbuild:\n\tdocker build -t $(IMG) .\n\tdocker push acme/web:dev\n",
        )],
    )]);
    for (path, text) in [
        (
            "app/BUILD.bazel",
            "load(\"@rules_oci//oci:defs.bzl\", \"oci_image\")\noci_image(\n    name = \"image\",\n    base = \"@distroless_base\",\n    tars = [\":app_layer\", \"//lib/a:layer\"],\n)\n",
        ),
        (
            "WORKSPACE",
            "http_archive(\n    name = \"rules_go\",\n    urls = [\"https://example.com/rules_go/v0.50.1/rules_go.zip\"],\n)\n",
        ),
        (
            "build.gradle",
            "plugins { id 'org.springframework.boot' version '3.3.0' }\ndependencies {\n  implementation 'com.example:lib:1.2.3'\n  testImplementation \"org.testcontainers:postgresql:1.20.1\"\n}\n",
        ),
        (
            "pom.xml",
            "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><artifactId>a</artifactId><version>1.2.3</version><dependencies><dependency><groupId>com.example</groupId><artifactId>lib</artifactId><version>1.2</version></dependency></dependencies></project>\n",
        ),
        (
            "Snakefile",
            "rule a:\n  input: \"data/a.txt\"\n  output: \"out/{sample}.bam\"\n  shell: \"samtools view -r chr1:100-200 {input}\"\n",
        ),
        (
            "align.nf",
            "process A {\n  input: path x\n  output: path 'out/*.bam', emit: bam\n  script: 'align x'\n}\n",
        ),
        ("Procfile", "web: bundle exec puma -C config/puma.rb\nworker: sidekiq -q mailers:2\n"),
    ] {
        left_alone(vec![(path, vec![("a.yaml", "a: b\n")], vec![(path, text)])]);
    }
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"nginx:1.27\"}]}\n";

#[test]
fn what_a_unit_of_podman_plays_runs_since_then() {
    let base = |unit: &'static str| {
        let pinned = leaked(POD.replace("1.27", "1.27@"));
        vec![("units/old.yaml", POD), ("units/web.yaml", pinned), ("units/web.kube", unit)]
    };
    let web = "[Kube]\nYaml=web.yaml\n";
    refused(vec![
        (
            "another manifest",
            base(web),
            vec![("units/web.kube", "[Kube]\nYaml=old.yaml\n")],
            "units/web.kube looks-away",
        ),
        (
            "one more",
            base(web),
            vec![("units/web.kube", "[Kube]\nYaml=web.yaml\nYaml=old.yaml\n")],
            "units/web.kube looks-away",
        ),
        (
            "a new unit",
            base(web),
            vec![("units/old.kube", "[Kube]\nYaml=./old.yaml\n")],
            "units/old.kube looks-away",
        ),
    ]);
    left_alone(vec![
        ("a port", base(web), vec![("units/web.kube", "[Kube]\nYaml=web.yaml\nPublishPort=80:80\n")]),
        ("a new one of what is pinned", base("[Kube]\n"), vec![("units/b.kube", "[Kube]\nYaml=web.yaml\n")]),
    ]);
}

/// What a suite of helm-unittest compares is deployed by nobody; another file is no suite for its name.
#[test]
fn a_suite_that_compares_images_is_left_alone() {
    let chart = || {
        vec![
            ("charts/w/Chart.yaml", "apiVersion: v2\nname: w\nversion: 1.0.0\n"),
            ("charts/w/values.yaml", "image: \"nginx:1.27@\"\n"),
            (
                "charts/w/templates/d.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: \"{{ .Values.image }}\"}]}\n",
            ),
        ]
    };
    let suite = "suite: d\ntemplates: [d.yaml]\ntests:\n- it: has an image\n  asserts:\n  - equal:\n      path: spec.containers[0].image\n      value: nginx:1.2.3\n  - matchRegex:\n      path: spec.template.spec.containers[0].image\n      pattern: ^nginx\n";
    left_alone(vec![("a suite", chart(), vec![("charts/w/tests/d_test.yaml", suite)])]);
    let more = leaked(format!("{suite}sidecar: {{image: \"evil:1\"}}\n"));
    refused(vec![(
        "with more in it",
        chart(),
        vec![("charts/w/tests/d_test.yaml", more)],
        "charts/w/tests/d_test.yaml looks-away",
    )]);
}
