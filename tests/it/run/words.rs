//! What is said of images follows what is on the branch in the end, in every output.

use serde_json::Value;
use tagpin::run::BRANCH;

use super::binary::tagpin;
use super::{NGINX, world};
use crate::support::forge::Mood;
use crate::support::world::{NAME, TOKEN, World};

/// Runs, and returns what people, JSON and the step summary are told.
fn told(world: &World, more: &str) -> (i32, String, Value, String) {
    let config = world.config_text("", "github", &[NAME]);
    let config = config.replace("kind = \"github\"\n", &format!("kind = \"github\"\n{more}"));
    let home = tempfile::tempdir().unwrap();
    let summary = home.path().join("summary.md");
    let human = tagpin(world, &config, &["--summary", summary.to_str().unwrap()], &[]);
    let json = tagpin(world, &config, &["--format", "json"], &[]);
    assert_eq!(human.code, json.code, "{}", json.err);
    let json = serde_json::from_str(&json.out).unwrap();
    (human.code, human.out + &human.err, json, fs_err::read_to_string(summary).unwrap())
}

fn outcomes(json: &Value) -> Vec<(String, String)> {
    let rows = json["repositories"][0]["references"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (text(&row["outcome"]), text(&row["reason"]))).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_proposed_is_not_called_pinned() {
    for what in ["a foreign commit", "an answer of the forge", "the API"] {
        let mut world = world().await;
        let (mut more, mut expected) = ("", ("failed", "not-proposed"));
        match what {
            "a foreign commit" => {
                super::run(&mut world).await;
                world.repository().commit_on(BRANCH, &[("notes.md", "mine")], "human@example.com");
                world.publish(NGINX, "2");
                expected = ("held", "left-alone");
            }
            "an answer of the forge" => world.forge.always(Some(Mood::Forbidden)),
            _ => {
                more = "commits = \"api\"\n";
                world.forge.before("/git/trees", || {});
                world.forge.next("POST", Mood::Unprocessable);
                world.forge.next("POST", Mood::Unprocessable);
            }
        }
        let (code, human, json, summary) = told(&world, more);
        assert_eq!(code, 3, "{what}\n{human}");
        assert!(!human.contains("2 pinned") && human.contains(expected.1), "{what}\n{human}");
        let both = vec![(expected.0.to_owned(), expected.1.to_owned()); 2];
        assert_eq!(outcomes(&json), both, "{what}");
        let row = summary.lines().find(|line| line.contains(NAME)).unwrap();
        assert!(row.contains("| 0 | 0 | 0 |"), "{what}: pinned, updated, unchanged\n{summary}");
        assert!(!human.contains("not wholly checked"), "{what}: everything was\n{human}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_branches_only_the_one_that_was_pushed_is_called_so() {
    let mut world = world().await;
    let more = "[pull-request]\ngroup-by = \"image\"\n";
    let config = world.config_with(more);
    let first = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    let name = &first.groups[1].branch_name;
    world.repository().commit_on(name, &[("notes.md", "mine")], "human@example.com");
    world.publish(NGINX, "2");
    let done = world.run_as(&config, Some(TOKEN), false).await.unwrap();
    let words: Vec<_> = done.pinned.verdicts.iter().map(|verdict| verdict.outcome.as_str()).collect();
    let groups: Vec<_> =
        done.groups.iter().map(|group| (&*group.branch_name, group.branch.as_str())).collect();
    assert_eq!(words, ["pinned", "held"], "{groups:?}");
    assert_eq!(done.pinned.files.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_declined_images_are_one_line() {
    let mut world = World::start().await;
    let mut text = "services:\n".to_owned();
    for i in 0..100 {
        world.publish(&format!("ghcr.io/acme/api-{i}:1"), "1");
        text += &format!("  s{i}:\n    image: ghcr.io/acme/api-{i}:1\n");
    }
    world.repository().seed(&[("compose.yaml", &text)]);
    super::run(&mut world).await;
    world.forge.close(1);
    let config = world.config_text("", "github", &[NAME]);
    let ran = tagpin(&world, &config, &[], &[]);
    let said = ran.out + &ran.err;
    assert_eq!(said.matches("was closed without a merge").count(), 1, "{said}");
    assert!(said.contains("and 99 more references"), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_tool_fetched_is_in_the_json_of_its_repository() {
    let mut world = World::start().await;
    world.publish(NGINX, "1");
    let compose = format!("services:\n  web:\n    image: {NGINX}\n");
    let fetched = "web/node_modules/x/compose.yaml";
    world.repository().seed(&[("compose.yaml", &compose), (fetched, &compose)]);
    let (code, human, json, _) = told(&world, "");
    assert_eq!(code, 0, "{human}");
    let row = &json["repositories"][0];
    let vendored = serde_json::json!([{"path": "web/node_modules", "files": 1, "images": 1}]);
    assert_eq!((&row["vendored"], row["references"].as_array().unwrap().len()), (&vendored, 1), "{row}");
    assert!(human.contains("1 image in 1 file left out"), "{human}");
}
