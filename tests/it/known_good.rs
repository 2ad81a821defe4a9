//! `tagpin known-good mark ENV --live FILE`: what runs as it is declared is marked, and nothing else.

use serde_json::{Value, json};

use crate::support::checkout::Scene;

const CONFIG: &str = "[[environment]]\nname = \"production\"\npaths = [\"production/**\"]\n\
                      [[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\n";

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn compose(images: &[String]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

fn scene() -> Scene {
    let pinned = |name: &str, digit| format!("acme/{name}:1@{}", digest(digit));
    let production = [
        pinned("same", 'a'),
        pinned("drift", 'b'),
        pinned("stopped", 'c'),
        "acme/floats:1".to_owned(),
        pinned("crashes", 'd'),
        pinned("local", 'e'),
        // One of the two runs.
        format!("acme/twice:1@{}", digest('1')),
        format!("acme/twice:1@{}", digest('2')),
    ];
    Scene::new(&[
        ("tagpin.toml", CONFIG),
        ("production/compose.yaml", &compose(&production)),
        // What staging declares is no excuse for production.
        ("staging/compose.yaml", &compose(&[pinned("drift", '9')])),
    ])
}

fn pod(name: &str, image: &str, id: &str, status: &Value) -> Value {
    let mut seen = json!({"name": name, "imageID": id, "state": {"running": {}}, "ready": true});
    seen.as_object_mut().unwrap().extend(status.as_object().unwrap().clone());
    json!({
        "kind": "Pod",
        "metadata": {"namespace": "shop", "name": format!("{name}-0")},
        "spec": {"nodeName": "node-a", "containers": [{"name": name, "image": image}]},
        "status": {"containerStatuses": [seen]},
    })
}

fn pods() -> Vec<Value> {
    let of = |name: &str, digit, status: &Value| {
        pod(name, &format!("acme/{name}:1"), &format!("docker.io/acme/{name}@{}", digest(digit)), status)
    };
    let well = json!({});
    vec![
        of("same", 'a', &well),
        of("drift", '9', &well),
        of("crashes", 'd', &json!({"state": {"waiting": {"reason": "CrashLoopBackOff"}}, "ready": false})),
        pod("local", "acme/local:1", &digest('e'), &well),
        of("twice", '1', &well),
        of("other", '7', &well),
    ]
}

fn list(pods: &[Value]) -> String {
    json!({"kind": "List", "items": pods}).to_string()
}

#[test]
fn only_what_runs_as_it_is_declared_is_marked() {
    let scene = scene();
    // What was known of an image that is left out stays.
    let old = format!(
        "version = 1\n\n[[known-good]]\nenvironment = \"production\"\nimage = \"docker.io/acme/drift\"\ntag = \"0\"\n\
         digest = \"{}\"\nmarked = \"2026-01-01T00:00:00Z\"\ncommit = \"c\"\n\n\
         [[known-good]]\nenvironment = \"production\"\nimage = \"docker.io/acme/gone\"\n\
         digest = \"{}\"\nmarked = \"2026-01-01T00:00:00Z\"\ncommit = \"c\"\n",
        digest('8'),
        digest('7')
    );
    scene.write("tagpin-known-good.toml", &old);
    scene.write("../pods.json", &list(&pods()));
    let args = ["known-good", "mark", "production", "--live", "../pods.json"];
    let (code, out, err) = scene.run(&[&args[..], &["--format", "json"]].concat());
    assert_eq!(code, 3, "{out}{err}");
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((&json["marked"], &json["kept"], &json["complete"]), (&2.into(), &1.into(), &false.into()));
    let left: Vec<String> = json["left_out"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let image = text("image").split('@').next().unwrap().to_owned();
            format!("{image}:{} {}: {}", row["line"], text("reason"), text("detail"))
        })
        .collect();
    let digit = "e".repeat(64);
    assert_eq!(
        left,
        [
            "acme/drift:1:5 drift: `999999999999…` runs, 1 container on node-a".to_owned(),
            "acme/stopped:1:7 not-running: no pod runs this digest".to_owned(),
            "acme/floats:1:9 no-digest: ".to_owned(),
            "acme/crashes:1:11 not-healthy: shop/crashes-0 (crashes): it waits: CrashLoopBackOff".to_owned(),
            format!(
                "acme/local:1:13 not-compared: shop/local-0 (local): the node has `sha256:{digit}`, which is not a digest \
                 of a registry"
            ),
            "acme/twice:1:17 not-running: no pod runs this digest".to_owned(),
        ]
    );
    let known = scene.read("tagpin-known-good.toml");
    for (text, is_there) in [
        (digest('a'), true),
        (digest('1'), true),
        (digest('8'), true),
        (digest('b'), false),
        (digest('7'), false),
        (digest('2'), false),
        (digest('d'), false),
    ] {
        assert_eq!(known.contains(&text), is_there, "{text}: {known}");
    }
    // The same in words, and the same file.
    let (code, out, err) = scene.run(&args);
    assert_eq!((code, scene.read("tagpin-known-good.toml")), (3, known));
    assert!(out.contains("3 images known to be good in production, 1 of them from before"), "{out}");
    assert!(err.contains("not marked, drift: acme/drift:1@"), "{err}");
    assert!(err.contains("(production/compose.yaml:5): `999999999999…` runs"), "{err}");

    // From standard input; where everything is well the exit code is 0.
    let args = ["known-good", "mark", "production", "--live", "-", "--image", "acme/same"];
    let (code, out, err) = scene.run_in(&scene.path(""), &args, list(&pods()).as_bytes());
    assert_eq!(code, 0, "{out}{err}");
}

#[test]
fn a_container_that_cannot_start_stops_the_mark() {
    let scene = scene();
    let mut pods = pods();
    let waiting = json!({"state": {"waiting": {"reason": "ImagePullBackOff\u{1b}[2J"}}, "ready": false});
    pods.push(pod("same", "acme/same:1", "", &waiting));
    let args = ["known-good", "mark", "production", "--live", "-", "--image", "acme/same"];
    let (code, out, err) = scene.run_in(&scene.path(""), &args, list(&pods).as_bytes());
    assert_eq!(code, 3, "{out}{err}");
    assert!(err.contains("not marked, not-healthy: acme/same") && err.contains("ImagePullBackOff"), "{err}");
    assert!(!err.contains('\u{1b}'), "{err}");
    assert!(!scene.read("tagpin-known-good.toml").contains("acme/same"));
}

#[test]
fn a_base_that_an_overlay_overrides_is_not_what_runs() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      \
                      containers:\n        - name: api\n          image: acme/api:1@DIGEST\n";
    let kustomization = format!(
        "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [api.yaml]\nimages:\n\
         - name: acme/api\n  newTag: \"1\"\n  digest: {}\n",
        digest('a')
    );
    let scene = Scene::new(&[
        ("tagpin.toml", CONFIG),
        ("production/api.yaml", &deployment.replace("DIGEST", &digest('b'))),
        ("production/kustomization.yaml", &kustomization),
    ]);
    let image = format!("acme/api@{}", digest('a'));
    let pods = list(&[pod("api", &image, &format!("docker.io/{image}"), &json!({}))]);
    let args = ["known-good", "mark", "production", "--live", "-"];
    let (code, out, err) = scene.run_in(&scene.path(""), &args, pods.as_bytes());
    assert_eq!(code, 0, "{out}{err}");
    let known = scene.read("tagpin-known-good.toml");
    assert!(known.contains(&digest('a')) && !known.contains(&digest('b')), "{known}");
}

#[test]
fn what_is_no_list_of_pods_is_a_usage_error_and_marks_nothing() {
    let scene = scene();
    scene.write("../pods.yaml", "kind: List\n");
    for (args, message) in [
        (&["--live", "../pods.yaml"][..], "no list of pods"),
        (&["--live", "../gone.json"], "cannot be read"),
        (&["--online"], "--live"),
        (&["--live", "../pods.yaml", "--online", "--offline"], "--offline"),
    ] {
        let (code, out, err) = scene.run(&[&["known-good", "mark", "production"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message), "{args:?}: {err}");
        assert!(!scene.path("tagpin-known-good.toml").exists());
    }
}
