//! Trees of kustomizations that no case can hold: too many ways, and files that are left out.

use std::path::Path;

use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::inventory::{Inventory, take};
use tagpin::manifest::site::{Skip, State};
use tagpin::source::tree::DirectoryTree;

fn write(root: &Path, path: &str, text: &str) {
    let path = root.join(path);
    fs_err::create_dir_all(path.parent().unwrap()).unwrap();
    fs_err::write(path, text).unwrap();
}

fn pod(image: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: a}}\nspec:\n  containers:\n    - {{name: a, image: \"{image}\"}}\n"
    )
}

fn inventory(root: &Path, wanted: impl Fn(&str) -> bool) -> Inventory {
    take(&DirectoryTree::open(root).unwrap(), &BUILT_IN, wanted, tagpin::manifest::VendoredTrees::LeaveOut)
        .unwrap()
}

fn state_of(inventory: &Inventory, path: &str) -> State {
    let site = inventory.sites().find(|(file, _)| file.path == path);
    site.unwrap_or_else(|| panic!("{path} has no image")).1.site.state
}

/// Forty levels, each of which applies both of the next: a million million ways.
#[test]
fn components_that_multiply_end() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "base/pod.yaml", &pod("redis:8"));
    for level in 0..40 {
        for name in ["a", "b"] {
            let next = level + 1;
            let text = format!(
                "kind: Component\ncomponents: [../a{next}, ../b{next}]\nimages:\n- {{name: redis, newName: redis}}\n"
            );
            write(root, &format!("{name}{level}/kustomization.yaml"), &text);
        }
    }
    write(root, "top/kustomization.yaml", "resources: [../base/pod.yaml]\ncomponents: [../a0]\n");
    let started = std::time::Instant::now();
    let inventory = inventory(root, |_| true);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());
    assert_eq!(state_of(&inventory, "base/pod.yaml"), State::Floating);
}

/// What an overlay does is so whether tagpin may edit it or not.
#[test]
fn an_overlay_that_policy_leaves_out_counts_all_the_same() {
    let root = tempfile::tempdir().unwrap();
    let root = root.path();
    write(root, "base/pod.yaml", &pod("app"));
    let overlay = "resources: [../base/pod.yaml]\nimages: [{name: app, newName: acme/app, newTag: v1}]\n";
    write(root, "examples/kustomization.yaml", overlay);
    let inventory = inventory(root, |path| !path.starts_with("examples/"));
    assert_eq!(state_of(&inventory, "base/pod.yaml"), State::Skipped(Skip::Replaced));
    assert!(inventory.files.iter().all(|file| file.path == "base/pod.yaml"));
}
