//! What charts are given since a change, and switches that speak of more than what stands beside them.

use super::led_to::{Files, GOOD, left_alone, refused};

const CHART: (&str, &str) = ("charts/web/Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n");
const VALUES: (&str, &str) = ("charts/web/values.yaml", "exporter: {enabled: false}\n");
const TEMPLATE: (&str, &str) = (
    "charts/web/templates/exp.yaml",
    "{{- if .Values.exporter.enabled }}\napiVersion: v1\nkind: Pod\nmetadata: {name: exp}\nspec:\n  containers:\n  - name: exp\n    \
     image: nginx:1.27\n{{- end }}\n",
);
const ON: &str = "exporter: {enabled: true}\n";
const FOUND: &str = "charts/web/templates/exp.yaml floating-tag";

fn chart(more: &[(&'static str, &'static str)]) -> Files {
    [&[CHART, VALUES, TEMPLATE], more].concat()
}

#[test]
fn values_that_a_chart_is_given_since_the_change_count_though_they_were_there() {
    let application = |files: &str| {
        let text = format!(
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: web}}\nspec:\n  source:\n    repoURL: \
             https://git.example/a\n    path: charts/web\n    helm: {{valueFiles: [values.yaml{files}]}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let workflow = |rest: &str| {
        let text = format!(
            "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    steps:\n    - run: helm upgrade --install web charts/web{rest}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let (app, ci) = ("argo/web.yaml", ".github/workflows/deploy.yaml");
    let dormant = ("charts/web/values-dev.yaml", ON);
    let elsewhere = ("values/debug.yaml", ON);
    let terraform = "resource \"helm_release\" \"web\" {\n  name = \"web\"\n  chart = \"./charts/web\"\n  values = [file(\"values/debug.yaml\")]\n}\n";
    let empty = "resource \"helm_release\" \"web\" {\n  name = \"web\"\n  chart = \"./charts/web\"\n}\n";
    refused(vec![
        (
            "a file beside the chart's own",
            chart(&[dormant, (app, application(""))]),
            vec![(app, application(", values-dev.yaml"))],
            FOUND,
        ),
        (
            "a file from the root",
            chart(&[elsewhere, (app, application(""))]),
            vec![(app, application(", /values/debug.yaml"))],
            FOUND,
        ),
        (
            "behind a flag",
            chart(&[elsewhere, (ci, workflow(""))]),
            vec![(ci, workflow(" -f values/debug.yaml"))],
            FOUND,
        ),
        (
            "a value, though a file that nobody takes has it",
            chart(&[dormant, (ci, workflow(""))]),
            vec![(ci, workflow(" --set exporter.enabled=true"))],
            FOUND,
        ),
        ("in a module", chart(&[elsewhere, ("main.tf", empty)]), vec![("main.tf", terraform)], FOUND),
        (
            "in one more file, whose name is made of those of others",
            chart(&[("ci/a.yaml", ON), ("ci/b.yaml", ON)]),
            vec![("ci/a.yaml ci/b.yaml", ON)],
            FOUND,
        ),
    ]);
    left_alone(vec![
        ("an example", chart(&[(app, application(""))]), vec![("docs/values-example.yaml", ON)]),
        (
            "what is off since then",
            chart(&[dormant, (app, application(""))]),
            vec![(dormant.0, "exporter: {enabled: false}\n")],
        ),
        (
            "another name",
            chart(&[dormant, (app, application(""))]),
            vec![
                (app, application(", values-other.yaml")),
                ("charts/web/values-other.yaml", "replicas: 2\n"),
            ],
        ),
        (
            "what was taken already",
            chart(&[dormant, (app, application(", values-dev.yaml"))]),
            vec![(app, application(", values-dev.yaml, values-dev.yaml"))],
        ),
    ]);
}

#[test]
fn what_a_helmfile_or_a_module_installs_since_the_change_is_new() {
    let files = |at: &'static str, rest: &'static str| {
        vec![
            ("charts/dbg/Chart.yaml", "apiVersion: v2\nname: dbg\nversion: 1.0.0\n"),
            (
                "charts/dbg/templates/x.yaml",
                "apiVersion: v1\nkind: Pod\nmetadata: {name: dbg}\nspec: {containers: [{name: dbg, image: \"busybox:1\"}]}\n",
            ),
            (at, rest),
        ]
    };
    let found = "charts/dbg/templates/x.yaml floating-tag";
    let module = "resource \"helm_release\" \"dbg\" {\n  name = \"dbg\"\n  chart = \"./charts/dbg\"\n}\n";
    let module_of_another = "resource \"helm_release\" \"web\" {\n  name = \"web\"\n  repository = \"https://charts.example\"\n  chart = \"web\"\n}\n";
    let release = "releases:\n- name: dbg\n  chart: ./charts/dbg\n";
    refused(vec![
        ("a release", files("helmfile.yaml", "releases: []\n"), vec![("helmfile.yaml", release)], found),
        (
            "one that is installed since then",
            files("helmfile.yaml", "releases:\n- name: dbg\n  chart: ./charts/dbg\n  installed: false\n"),
            vec![("helmfile.yaml", release)],
            found,
        ),
        ("of Terraform", files("main.tf", "terraform {}\n"), vec![("main.tf", module)], found),
        (
            "of Terraform, from the module",
            files("main.tf", "terraform {}\n"),
            vec![(
                "main.tf",
                "resource \"helm_release\" \"dbg\" {\n  name = \"dbg\"\n  chart = \"${path.module}/charts/dbg\"\n}\n",
            )],
            found,
        ),
    ]);
    left_alone(vec![(
        "one of Terraform that was there",
        files("main.tf", module),
        vec![("b.tf", module_of_another)],
    )]);
    left_alone(vec![(
        "one that was there",
        files("helmfile.yaml", release),
        vec![("helmfile.yaml", "# Read.\nreleases:\n- name: dbg\n  chart: ./charts/dbg\n")],
    )]);
}

#[test]
fn a_part_of_an_object_may_switch_all_of_it() {
    let job = |rest: &str| {
        let text = format!(
            "apiVersion: kubeflow.org/v1\nkind: PyTorchJob\nmetadata: {{name: s}}\nspec:\n  runPolicy: {{{rest}}}\n  pytorchReplicaSpecs:\n    Master:\n      \
             template: {{spec: {{containers: [{{name: pytorch, image: \"acme/train:1\"}}]}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let cluster = |rest: &str| {
        let text = format!(
            "apiVersion: pxc.percona.com/v1\nkind: PerconaXtraDBCluster\nmetadata: {{name: db}}\nspec: {{{rest}, pxc: {{size: 3, image: \"percona/pxc:8\"}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let nomad = |rest: &str| {
        let text = format!(
            "job \"x\" {{\n  periodic {{\n    crons = [\"0 3 * * *\"]\n    enabled = {rest}\n  }}\n  group \"g\" {{\n    task \"t\" {{\n      driver = \"docker\"\n      \
             config {{\n        image = \"restic/restic:0.16.4\"\n      }}\n    }}\n  }}\n}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let flink = |rest: &str| {
        let text = format!(
            "apiVersion: flink.apache.org/v1beta1\nkind: FlinkDeployment\nmetadata: {{name: s}}\nspec: {{image: \"flink:1.20\", job: {{state: {rest}}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let swarm = |rest: &str| {
        let text = format!(
            "resource \"docker_service\" \"web\" {{\n  name = \"web\"\n  task_spec {{\n    container_spec {{\n      image = \"nginx:1.27\"\n    }}\n  }}\n  mode {{\n    \
             replicated {{\n      replicas = {rest}\n    }}\n  }}\n}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    refused(vec![
        (
            "of Flink",
            vec![("a.yaml", flink("suspended"))],
            vec![("a.yaml", flink("running"))],
            "a.yaml floating-tag",
        ),
        ("of a swarm", vec![("a.tf", swarm("0"))], vec![("a.tf", swarm("1"))], "a.tf floating-tag"),
        (
            "of Kubeflow",
            vec![("a.yaml", job("suspend: true"))],
            vec![("a.yaml", job("suspend: false"))],
            "a.yaml floating-tag",
        ),
        (
            "a pause",
            vec![("a.yaml", cluster("pause: true"))],
            vec![("a.yaml", cluster("pause: false"))],
            "a.yaml floating-tag",
        ),
        (
            "a shutdown",
            vec![("a.yaml", cluster("shutdown: true"))],
            vec![("a.yaml", cluster("shutdown: false"))],
            "a.yaml floating-tag",
        ),
        (
            "of Nomad",
            vec![("a.nomad", nomad("false"))],
            vec![("a.nomad", nomad("true"))],
            "a.nomad floating-tag",
        ),
    ]);
    left_alone(vec![
        (
            "what ran before",
            vec![("a.yaml", cluster("pause: false"))],
            vec![("a.yaml", cluster("pause: true"))],
        ),
        (
            "another object",
            vec![("a.yaml", cluster("pause: true")), ("b.yaml", GOOD)],
            vec![("b.yaml", GOOD)],
        ),
    ]);
}

#[test]
fn a_task_definition_that_something_takes_since_the_change_is_new() {
    let stack = |rest: &str| {
        let tasks = [("A", "nginx:1.27@"), ("B", "redis:7")].map(|(name, image)| {
            format!(
                "  {name}:\n    Type: AWS::ECS::TaskDefinition\n    Properties: {{ContainerDefinitions: [{{Name: r, Image: \"{image}\"}}]}}\n"
            )
        });
        &*Box::leak(format!("Resources:\n{}{rest}", tasks.concat()).into_boxed_str())
    };
    let service = |task: &str| {
        stack(&format!(
            "  S:\n    Type: AWS::ECS::Service\n    Properties: {{DesiredCount: 1, TaskDefinition: !Ref {task}}}\n"
        ))
    };
    let rule = |state: &str| {
        stack(&format!(
            "  R:\n    Type: AWS::Events::Rule\n    Properties:\n      State: {state}\n      Targets: [{{Id: t, EcsParameters: {{TaskDefinitionArn: !Ref B}}}}]\n"
        ))
    };
    let tasks = "resource \"aws_ecs_task_definition\" \"a\" {\n  container_definitions = jsonencode([{ name = \"r\", image = \"nginx:1.27@\" }])\n}\n\
                 resource \"aws_ecs_task_definition\" \"b\" {\n  container_definitions = jsonencode([{ name = \"r\", image = \"redis:7\" }])\n}\n";
    let taker = |task: &str| {
        let text = format!(
            "resource \"aws_ecs_service\" \"s\" {{\n  desired_count = 1\n  task_definition = aws_ecs_task_definition.{task}.arn\n}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let target = |state: &str| {
        let text = format!(
            "resource \"aws_cloudwatch_event_rule\" \"r\" {{\n  state = \"{state}\"\n}}\nresource \"aws_cloudwatch_event_target\" \"t\" {{\n  rule = \
             aws_cloudwatch_event_rule.r.name\n  ecs_target {{\n    task_definition_arn = aws_ecs_task_definition.b.arn\n  }}\n}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let (s, t) = ("s.yaml floating-tag", "t.tf floating-tag");
    refused(vec![
        ("another one", vec![("s.yaml", service("A"))], vec![("s.yaml", service("B"))], s),
        ("the first that does", vec![("s.yaml", stack(""))], vec![("s.yaml", service("B"))], s),
        ("a rule", vec![("s.yaml", rule("DISABLED"))], vec![("s.yaml", rule("ENABLED"))], s),
        (
            "another one, of Terraform",
            vec![("t.tf", tasks), ("u.tf", taker("a"))],
            vec![("u.tf", taker("b"))],
            t,
        ),
        ("the first that does, of Terraform", vec![("t.tf", tasks)], vec![("u.tf", taker("b"))], t),
        (
            "a rule, of Terraform",
            vec![("t.tf", tasks), ("u.tf", target("DISABLED"))],
            vec![("u.tf", target("ENABLED"))],
            t,
        ),
    ]);
    left_alone(vec![
        (
            "one more that takes it",
            vec![("t.tf", tasks), ("u.tf", taker("b"))],
            vec![("v.tf", target("ENABLED"))],
        ),
        ("one that is pinned", vec![("s.yaml", stack(""))], vec![("s.yaml", service("A"))]),
        (
            "an output",
            vec![("t.tf", tasks)],
            vec![("o.tf", "output \"b\" {\n  value = aws_ecs_task_definition.b.arn\n}\n")],
        ),
    ]);
}

#[test]
fn what_waits_for_somebody_or_is_told_to_wait_by_a_note_runs_where_that_goes() {
    let noted = |note: &str| {
        let text = format!(
            "apiVersion: example.org/v1\nkind: Notebook\nmetadata: {{name: a, annotations: {{{note}}}}}\nspec: {{template: {{spec: {{containers: [{{name: a, image: \
             \"redis:7\"}}]}}}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let deployment = |note: &str| {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a, annotations: {{{note}}}}}\nspec: {{template: {{spec: {{containers: [{{name: a, image: \
             \"redis:7\"}}]}}}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let added = |note: &str| {
        let text = format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: a, annotations: {{dapr.io/sidecar-image: \"daprio/daprd:1\", {note}}}}}\nspec: {{containers: [{{name: a, \
             image: \"nginx:1.27@\"}}]}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let object = |rest: &str| {
        let text = format!(
            "apiVersion: example.org/v1\nkind: Thing\nmetadata: {{name: a}}\nspec: {{{rest}, template: {{spec: {{containers: [{{name: a, image: \"redis:7\"}}]}}}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let drone = |event: &str| {
        let text = format!(
            "kind: pipeline\nname: d\nsteps:\n- name: a\n  image: redis:7\n  when: {{event: [{event}]}}\n  commands: [b]\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let nomad = |rest: &str| {
        let text = format!(
            "job \"x\" {{\n{rest}  group \"g\" {{\n    task \"t\" {{\n      driver = \"docker\"\n      config {{\n        image = \"redis:7\"\n      }}\n    }}\n  }}\n}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let (bitbucket, found) = ("bitbucket-pipelines.yml", "a.yaml floating-tag");
    let custom = "pipelines:\n  custom:\n    e2e:\n    - step: {image: \"redis:7\", script: [a]}\n";
    let branches = "pipelines:\n  branches:\n    e2e:\n    - step: {image: \"redis:7\", script: [a]}\n";
    let by_hand = "pipelines:\n  default:\n  - step: {trigger: manual, image: \"redis:7\", script: [a]}\n";
    let by_itself = "pipelines:\n  default:\n  - step: {image: \"redis:7\", script: [a]}\n";
    let scaled = |note: &str| {
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: a}}\nspec: {{replicas: 0, template: {{spec: {{containers: [{{name: a, image: \"redis:7\"}}]}}}}}}\n---\n\
             apiVersion: keda.sh/v1alpha1\nkind: ScaledObject\nmetadata: {{name: a{note}}}\nspec: {{scaleTargetRef: {{name: a}}}}\n"
        );
        &*Box::leak(text.into_boxed_str())
    };
    let paused = ", annotations: {autoscaling.keda.sh/paused-replicas: \"0\"}";
    let row = |name: &'static str, before: &'static str, after: &'static str| {
        (name, vec![("a.yaml", before)], vec![("a.yaml", after)], found)
    };
    refused(vec![
        row("stop", noted("serving.kserve.io/stop: \"true\""), noted("serving.kserve.io/stop: \"false\"")),
        row("stopped", noted("kubeflow-resource-stopped: \"2026-01-01T00:00:00Z\""), noted("a: b")),
        row("of none", noted("run.googleapis.com/manualInstanceCount: \"0\""), noted("a: b")),
        row("managed", noted("configmanagement.gke.io/managed: disabled"), noted("a: b")),
        row("what is added", added("dapr.io/enabled: \"false\""), added("dapr.io/enabled: \"true\"")),
        row("started", object("started: false"), object("started: true")),
        row("only told", object("remediationAction: inform"), object("remediationAction: enforce")),
        row("only looked at", object("managementPolicies: [Observe]"), object("managementPolicies: [\"*\"]")),
        row("a state", object("engineState: stop"), object("engineState: active")),
        row("runners", object("maxRunners: 0"), object("maxRunners: 5")),
        row("scaled", scaled(paused), scaled("")),
        (
            "of Nomad",
            vec![("a.nomad", nomad("  parameterized {\n    payload = \"optional\"\n  }\n"))],
            vec![("a.nomad", nomad(""))],
            "a.nomad floating-tag",
        ),
        (
            "of Drone",
            vec![(".drone.yml", drone("promote"))],
            vec![(".drone.yml", drone("push"))],
            ".drone.yml floating-tag",
        ),
        (
            "a custom pipeline",
            vec![(bitbucket, custom)],
            vec![(bitbucket, branches)],
            "bitbucket-pipelines.yml floating-tag",
        ),
        (
            "a step by hand",
            vec![(bitbucket, by_hand)],
            vec![(bitbucket, by_itself)],
            "bitbucket-pipelines.yml floating-tag",
        ),
        (
            "a file that k3s skips",
            vec![("manifests/a.yaml", noted("a: b")), ("manifests/a.yaml.skip", "")],
            vec![("manifests/a.yaml.skip", super::looked_behind::GONE)],
            "manifests/a.yaml floating-tag",
        ),
    ]);
    left_alone(vec![
        (
            "a note for others",
            vec![("a.yaml", deployment("k8tz.io/skip: \"true\""))],
            vec![("a.yaml", deployment("a: b"))],
        ),
        (
            "a note that no operator heeds",
            vec![("a.yaml", deployment("example.org/paused: \"true\""))],
            vec![("a.yaml", deployment("a: b"))],
        ),
        (
            "what is added beside what runs",
            vec![("a.yaml", noted("linkerd.io/inject: disabled"))],
            vec![("a.yaml", noted("linkerd.io/inject: enabled"))],
        ),
        (
            "a sidecar of another domain",
            vec![("a.yaml", noted("dapr.io/enabled: \"false\""))],
            vec![("a.yaml", noted("dapr.io/enabled: \"true\""))],
        ),
        (
            "one more that starts it",
            vec![(".drone.yml", drone("push"))],
            vec![(".drone.yml", drone("push, tag"))],
        ),
        ("what ran", vec![("a.yaml", object("maxRunners: 2"))], vec![("a.yaml", object("maxRunners: 5"))]),
    ]);
}
