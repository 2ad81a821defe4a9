//! Index or platform, from the files to the requests: what is pinned, and how often the registry is asked for it.

use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::plan::{Pinned, pin};
use tagpin::registry::{HttpRegistry, Memo};
use tagpin::source::tree::DirectoryTree;
use tempfile::TempDir;

use crate::support::asking::{served, settings};
use crate::support::registry::Registry;

const BOTH: &[&str] = &["linux/amd64", "linux/arm64"];

/// Three platforms: another index with the same manifests for the first two.
const THREE: &[&str] = &["linux/amd64", "linux/arm64", "linux/s390x"];

/// A directory of manifests, a registry, and a policy.
struct Scene {
    directory: TempDir,
    registry: Registry,
    config: Config,
    /// Where indexes are kept between runs.
    kept: Option<TempDir>,
}

impl Scene {
    async fn new(policy: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let config = Config::parse("tagpin.toml", directory.path(), policy.as_bytes()).unwrap();
        Self { directory, registry: Registry::start().await, config, kept: None }
    }

    /// Writes a Deployment of `acme/api:1`, with `pod` beside its container.
    fn deploy(&self, file: &str, pod: &str) {
        let host = self.registry.host();
        let text = format!(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      {pod}\n      \
             containers:\n        - name: api\n          image: {host}/acme/api:1\n"
        );
        let path = self.directory.path().join(file);
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, text).unwrap();
    }

    /// Pins everything and writes the files; returns the outcomes with their reasons, and the requests that it took.
    async fn run(&self) -> (Vec<String>, String) {
        self.registry.forget_requests();
        let tree = DirectoryTree::open(self.directory.path()).unwrap();
        let mut client = HttpRegistry::new(settings()).unwrap();
        if let Some(kept) = &self.kept {
            client = client.keeping(kept.path().to_owned());
        }
        let pinned =
            pin::pin(&tree, &self.config.settings, &LedgerView::default(), &Memo::new(client), |_, _| {})
                .await
                .unwrap();
        for file in &pinned.files {
            fs_err::write(self.directory.path().join(&file.path), &file.after).unwrap();
        }
        (outcomes(&pinned), served(&self.registry))
    }

    fn read(&self, file: &str) -> String {
        fs_err::read_to_string(self.directory.path().join(file)).unwrap()
    }
}

fn outcomes(pinned: &Pinned) -> Vec<String> {
    let verdicts = pinned.verdicts.iter().map(|verdict| {
        let reason = verdict.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
        format!("{}{reason}", verdict.outcome.as_str())
    });
    verdicts.collect()
}

fn told(outcomes: &[&str], requests: &str) -> (Vec<String>, String) {
    (outcomes.iter().map(|outcome| (*outcome).to_owned()).collect(), requests.to_owned())
}

#[tokio::test]
async fn an_index_pin_costs_no_get() {
    let scene = Scene::new("").await;
    scene.registry.put_index("acme/api", "1", BOTH, "a");
    scene.deploy("a.yaml", "hostNetwork: false");
    scene.deploy("b.yaml", "hostNetwork: true");
    assert_eq!(scene.run().await, told(&["pinned", "pinned"], "HEAD 200, HEAD 200"));
    assert_eq!(scene.run().await, told(&["unchanged", "unchanged"], "HEAD 200"), "the daily run");
    scene.registry.put_index("acme/api", "1", BOTH, "b");
    assert_eq!(scene.run().await, told(&["updated", "updated"], "HEAD 200, HEAD 200"), "its own pins, moved");
}

#[tokio::test]
async fn a_fleet_s_platforms_are_looked_for_where_the_index_moved() {
    let scene = Scene::new("[policy]\nplatforms = [\"linux/amd64\", \"linux/arm64/v8\"]\n").await;
    let first = scene.registry.put_index("acme/api", "1", BOTH, "a");
    scene.deploy("a.yaml", "hostNetwork: false");
    assert_eq!(scene.run().await, told(&["pinned"], "HEAD 200, GET 200"), "the hash confirms the digest");
    assert_eq!(scene.run().await, told(&["unchanged"], "HEAD 200"), "the daily run");

    scene.registry.put_index("acme/api", "1", THREE, "a");
    let before = scene.read("a.yaml");
    assert_eq!(scene.run().await, told(&["unchanged platforms-equal"], "HEAD 200, GET 200, GET 200"));
    assert_eq!(scene.read("a.yaml"), before);

    scene.registry.remove("acme/api", &first);
    assert_eq!(scene.run().await, told(&["updated"], "HEAD 200, GET 200, GET 404"), "the old index is gone");

    scene.registry.put_index("acme/api", "1", &["linux/arm64", "windows/amd64"], "b");
    assert_eq!(scene.run().await, told(&["failed no-such-platform"], "HEAD 200, GET 200"));
}

#[tokio::test]
async fn what_one_path_needs_is_not_asked_of_another() {
    let scene = Scene::new(
        "[policy]\nplatforms = [\"linux/amd64\"]\n[[policy.rule]]\npaths = [\"arm/**\"]\nplatforms = [\"linux/arm64\"]\n\
         [[policy.rule]]\npaths = [\"one/**\"]\nlevel = \"platform\"\nplatforms = [\"linux/amd64\"]\n",
    )
    .await;
    scene.registry.put_index("acme/api", "1", &["linux/amd64"], "a");
    for file in ["amd/a.yaml", "arm/a.yaml"] {
        scene.deploy(file, "hostNetwork: false");
    }
    let told_both = ["pinned", "failed no-such-platform"];
    assert_eq!(scene.run().await, told(&told_both, "HEAD 200, GET 200"), "asked once");

    scene.deploy("one/a.yaml", "hostNetwork: false");
    let told_all = ["unchanged", "failed no-such-platform", "pinned"];
    assert_eq!(scene.run().await, told(&told_all, "GET 200, HEAD 200"), "another level is no other question");
}

#[tokio::test]
async fn a_platform_s_digest_costs_a_head_where_its_index_is_recorded_and_kept_and_a_get_where_it_is_not() {
    let policy = "[policy]\nlevel = \"platform\"\nplatforms = [\"linux/arm64\"]\n";
    let mut scene = Scene::new(policy).await;
    let index = scene.registry.put_index("acme/api", "1", BOTH, "a");
    scene.deploy("a.yaml", "hostNetwork: false");
    assert_eq!(scene.run().await, told(&["pinned"], "GET 200, HEAD 200"));
    let manifest = scene.registry.platform_digest("acme/api", "linux/arm64", "a");
    let text = scene.read("a.yaml");
    assert!(text.contains(&format!("acme/api:1@{manifest}\n")), "{text}");
    assert!(text.contains(&format!("deployed-image-index: {index} linux/arm64\n")), "{text}");
    assert_eq!(scene.run().await, told(&["unchanged"], "HEAD 200, GET 200"), "nothing is kept");
    scene.kept = Some(tempfile::tempdir().unwrap());
    assert_eq!(scene.run().await, told(&["unchanged"], "HEAD 200, GET 200"), "it is kept from now on");
    assert_eq!(scene.run().await, told(&["unchanged"], "HEAD 200"), "the daily run");

    scene.registry.put_index("acme/api", "1", THREE, "a");
    assert_eq!(scene.run().await, told(&["unchanged"], "HEAD 200, GET 200"), "the same manifest in it");
    let index = scene.registry.put_index("acme/api", "1", BOTH, "b");
    assert_eq!(scene.run().await, told(&["updated"], "HEAD 200, GET 200, HEAD 200"));
    assert!(scene.read("a.yaml").contains(&format!("deployed-image-index: {index} linux/arm64\n")));

    let quiet = Scene::new(&format!("{policy}[annotations]\nenabled = false\n")).await;
    quiet.registry.put_index("acme/api", "1", BOTH, "a");
    quiet.deploy("a.yaml", "hostNetwork: false");
    assert_eq!(quiet.run().await, told(&["pinned"], "GET 200, HEAD 200"));
    assert_eq!(quiet.run().await, told(&["unchanged"], "GET 200"), "the daily run");
}

/// An annotation says of which index a digest is; whether it is, only that index can say (issue 13, E).
#[tokio::test]
async fn an_annotation_never_stands_in_for_the_registry() {
    let mut scene = Scene::new("[policy]\nlevel = \"platform\"\nplatforms = [\"linux/arm64\"]\n").await;
    scene.registry.put_index("acme/api", "0", BOTH, "evil");
    let index = scene.registry.put_index("acme/api", "1", BOTH, "a");
    let right = scene.registry.platform_digest("acme/api", "linux/arm64", "a");
    let other = scene.registry.platform_digest("acme/api", "linux/amd64", "a");
    let foreign = scene.registry.platform_digest("acme/api", "linux/arm64", "evil");
    let invented = format!("sha256:{}", "0".repeat(64));
    for keeping in [false, true] {
        scene.kept = keeping.then(|| tempfile::tempdir().unwrap());
        for forged in [&other, &foreign, invented.as_str()] {
            scene.deploy("a.yaml", "hostNetwork: false");
            scene.run().await;
            let text = scene.read("a.yaml");
            assert!(text.contains(&format!("deployed-image-index: {index} linux/arm64\n")), "{text}");
            let path = scene.directory.path().join("a.yaml");
            fs_err::write(&path, text.replace(&*right, forged)).unwrap();
            assert_eq!(scene.run().await.0, ["updated"], "{forged}");
            assert!(scene.read("a.yaml").contains(&format!("acme/api:1@{right}\n")));
        }
    }
}

#[tokio::test]
async fn workloads_with_and_without_a_selector_share_one_answer() {
    let scene = Scene::new("[policy]\nlevel = \"auto\"\n").await;
    let index = scene.registry.put_index("acme/api", "1", BOTH, "a");
    scene.deploy("any.yaml", "hostNetwork: false");
    scene.deploy("arm.yaml", "nodeSelector: {kubernetes.io/arch: arm64}");
    scene.deploy("amd.yaml", "nodeSelector: {kubernetes.io/arch: amd64}");
    let pinned = ["pinned", "pinned", "pinned"];
    assert_eq!(scene.run().await, told(&pinned, "GET 200, HEAD 200, HEAD 200"), "the index was hashed");
    for (file, digest) in [
        ("any.yaml", index),
        ("arm.yaml", scene.registry.platform_digest("acme/api", "linux/arm64", "a")),
        ("amd.yaml", scene.registry.platform_digest("acme/api", "linux/amd64", "a")),
    ] {
        let text = scene.read(file);
        assert!(text.contains(&format!("acme/api:1@{digest}\n")), "{text}");
    }
    assert_eq!(
        scene.run().await,
        told(&["unchanged", "unchanged", "unchanged"], "HEAD 200, GET 200"),
        "the index is read once for both"
    );
}

#[tokio::test]
async fn one_platform_s_manifest_is_not_turned_into_an_index_where_platforms_are_named() {
    let scene = Scene::new("[policy]\nplatforms = ['linux/amd64']").await;
    scene.registry.put_index("acme/api", "1", BOTH, "a");
    let manifest = scene.registry.platform_digest("acme/api", "linux/amd64", "a");
    scene.deploy("a.yaml", "hostNetwork: false");
    let path = scene.directory.path().join("a.yaml");
    let text = scene.read("a.yaml").replace("acme/api:1", &format!("acme/api:1@{manifest}"));
    fs_err::write(&path, &text).unwrap();
    assert_eq!(scene.run().await, told(&["held platform-digest"], "HEAD 200, GET 200"), "it is in the index");
    scene.registry.put_index("acme/api", "1", BOTH, "b");
    assert_eq!(scene.run().await, told(&["held platform-digest"], "HEAD 200, GET 200, GET 200"));
    assert_eq!(scene.read("a.yaml"), text);
    // What became of the digest is not known any more: the tag says what is meant.
    scene.registry.remove("acme/api", &manifest);
    assert_eq!(scene.run().await, told(&["updated"], "HEAD 200, GET 200, GET 404"));
    // Without platforms, the old digest costs no request.
    let scene = Scene::new("").await;
    scene.registry.put_index("acme/api", "1", BOTH, "a");
    scene.deploy("a.yaml", "hostNetwork: false");
    let path = scene.directory.path().join("a.yaml");
    fs_err::write(&path, scene.read("a.yaml").replace("acme/api:1", &format!("acme/api:1@{manifest}")))
        .unwrap();
    assert_eq!(scene.run().await, told(&["updated"], "HEAD 200, HEAD 200"));
}
