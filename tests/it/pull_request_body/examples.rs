//! The examples in `docs/pull-request`: what a pull request with 1, 7, 60 and 500 images says. Generated, so that they cannot
//! go stale.
//!
//! After a wanted change, run `TAGPIN_BLESS=1 cargo test --test it pull_request_body::examples` and read them aloud.

use serde_json::{Value, json};

use super::*;

const TEAMS: [&str; 10] =
    ["shop", "search", "billing", "accounts", "mail", "media", "stock", "prices", "reports", "edge"];

const SERVICES: [&str; 7] = ["api", "web", "worker", "cron", "cache", "proxy", "migrate"];

const ENVIRONMENTS: [&str; 3] = ["production", "staging", "test"];

/// Returns two digits that are the `i`th byte of a kind: digests repeat them.
fn byte(i: usize, kind: usize) -> String {
    format!("{:02x}", (i * 37 + kind * 91 + 11) % 256)
}

/// One image, and the build of it: every third gets its first digest.
fn image(i: usize, is_first: bool) -> Value {
    let (team, service) = (TEAMS[i % TEAMS.len()], SERVICES[i % SERVICES.len()]);
    let environment = ENVIRONMENTS[i / 70 % ENVIRONMENTS.len()];
    let part = if i < 70 { String::new() } else { format!("-{}", i / 70) };
    let tag = if i % 7 == 3 { format!("2.{}.1", i % 9) } else { format!("2.{}", i % 9) };
    let (name, app) = (format!("ghcr.io/acme/{team}-{service}{part}"), format!("{team}-{service}"));
    let kind = match service {
        "cron" => "CronJob",
        "migrate" => "Job",
        "cache" => "StatefulSet",
        _ => "Deployment",
    };
    let file = format!("clusters/{environment}/{app}.yaml");
    let mut image = json!({
        "name": name, "tag": tag, "old": null, "new": byte(i, 1), "files": [&file], "objects": [[&file, kind, &app]],
    });
    if !is_first {
        image["old"] = json!(byte(i, 0));
        image["details"] = json!({
            "old": build(i, 0, &app, "65532"),
            "new": build(i, 1, &app, if i % 50 == 1 { "" } else { "65532" }),
        });
    }
    image
}

fn build(i: usize, new: usize, app: &str, user: &str) -> Value {
    let env = if new == 1 && i.is_multiple_of(4) {
        json!(["PORT=1", "LOG_FORMAT=json"])
    } else {
        json!(["PORT=1"])
    };
    json!({
        "platforms": {"linux/amd64": byte(i, 2 + new), "linux/arm64": byte(i, 4 + new)},
        "platform": "linux/amd64",
        "size": 21_400_000 + i * 130_000 + new * 700_000,
        "config": {"rootfs": {}, "created": format!("2026-11-{:02}T10:20:00Z", 3 + 15 * new), "config": {
            "User": user, "Entrypoint": [format!("/{app}")], "Env": env, "Labels": {
                "org.opencontainers.image.version": format!("2.{}.{}", i % 9, new),
                "org.opencontainers.image.revision": byte(i, 6 + new).repeat(20),
                "org.opencontainers.image.source": format!("https://github.com/acme/{app}"),
            },
        }},
    })
}

fn example(count: usize) -> Proposal {
    let images: Vec<Value> = (0..count).map(|i| image(i, i % 3 == 2)).collect();
    let left_out = json!([{"image": "ghcr.io/acme/edge-old:1.0", "file": "clusters/test/edge-old.yaml", "line": 14,
        "detail": "`ghcr.io` has no `acme/edge-old:1.0` (404); check the name and the tag, or `docker login` if it is private"}]);
    let requests = json!({"ghcr.io": [2 * count, 6 * count.min(50), 6 * count.min(50), 0]});
    let case = json!({
        "images": images, "left_out": if count > 1 { left_out } else { json!([]) }, "requests": requests,
    });
    let mut proposal = serde_json::from_value::<Case>(case).unwrap().proposal();
    // What nobody asks for where there is no room to tell it.
    for image in proposal.images.iter_mut().skip(150) {
        image.details = None;
    }
    let files: std::collections::BTreeSet<String> =
        proposal.images.iter().flat_map(|image| image.files.clone()).collect();
    proposal.files = files.len();
    let environment = |file: &String| Some((file.clone(), file.split('/').nth(1)?.to_owned()));
    proposal.environments = files.iter().filter_map(environment).collect();
    let mut declined = proposal.left_out.first().cloned();
    for i in 0..if count > 100 { 12 } else { 0 } {
        let Some(left) = &mut declined else { break };
        (left.outcome, left.reason) = ("held".to_owned(), "declined".to_owned());
        left.image = format!("ghcr.io/acme/legacy-{i}:1.0");
        left.file = format!("clusters/test/legacy-{i}.yaml");
        left.detail = Some(
            "pull request 7 with this digest was closed without a merge: open it again, or give it the label \
             `tagpin-rebuild`, to be asked again"
                .to_owned(),
        );
        proposal.left_out.push(left.clone());
    }
    proposal
}

#[test]
fn the_examples_are_what_pull_requests_of_their_size_say() {
    for count in [1, 7, 60, 500] {
        let proposal = example(count);
        let (title, body) = render(&proposal);
        assert!(characters(&body) <= 65_536, "{count}: {}", characters(&body));
        assert_harmless(&body, &format!("{count} images"));
        // The marker says nothing to people.
        let (shown, _) = body.rsplit_once("<!-- tagpin: ").unwrap();
        let page =
            format!("<!-- Generated by tests/it/pull_request_body/examples.rs. -->\n\n# {title}\n\n{shown}");
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("docs/pull-request/{count}.md"));
        if std::env::var_os("TAGPIN_BLESS").is_some() {
            fs_err::create_dir_all(file.parent().unwrap()).unwrap();
            fs_err::write(&file, &page).unwrap();
        }
        let there = fs_err::read_to_string(&file).unwrap_or_default();
        let diff = similar::TextDiff::from_lines(there.as_str(), &page).unified_diff().to_string();
        assert!(there == page, "{}:\n{diff}", file.display());
    }
}

#[test]
fn a_reviewer_reads_what_changes_before_what_proves_it() {
    for count in [1, 7, 60, 500] {
        let body = render(&example(count)).1;
        let at = |part: &str| body.find(part).unwrap_or_else(|| panic!("{count}: {part}\n{body}"));
        let fold = at("<summary>Why, how this was checked, what it cost, and how to stop it</summary>");
        let order = [
            at("`ghcr.io/acme/shop-api:2.0"),
            at("What a merge causes"),
            fold,
            at("- [ ] Rebuild"),
            at("Opened by"),
        ];
        assert!(order.is_sorted(), "{count}: {order:?}");
        for proof in [
            "Tags can move, digests cannot.",
            "### How this was checked",
            "Requests that the run",
            "exclude =",
        ] {
            assert!(at(proof) > fold, "{count}: {proof}");
        }
        assert_eq!(
            body.lines().any(|line| line.starts_with('|')),
            count > 1,
            "{count}: one image is a sentence"
        );
    }
}
