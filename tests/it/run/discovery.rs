//! `[[discover]]`: what the forge lists, filtered, paged, and not believed where it leads elsewhere.

use serde_json::json;
use tagpin::config::Config;
use tagpin::run::fleet;
use tagpin::run::fleet::Targets;

use super::binary::tagpin;
use super::{DEPLOYMENT, FILE, fill};
use crate::support::discovery::listed;
use crate::support::forge::Settings;
use crate::support::github_app::App;
use crate::support::world::{NAME, TOKEN, World};

/// A world that lists these repositories, each with an image, of the organization `acme`.
async fn world(names: &[(&str, serde_json::Value)]) -> World {
    let list = std::sync::Arc::default();
    let mut world = World::with(|settings| settings.listed = std::sync::Arc::clone(&list)).await;
    fill(&mut world, &[(FILE, DEPLOYMENT)]);
    let mut entries = Vec::new();
    for (name, change) in names {
        if *name != NAME {
            let repository = world.git.create(name);
            if change["size"] != json!(0) {
                repository.seed(&[(FILE, DEPLOYMENT)]);
            }
        }
        entries.push(listed(&Settings::default(), name, &world.url(name), change));
    }
    *list.lock().unwrap() = entries;
    world
}

fn config(world: &World, more: &str) -> String {
    // Dry: only one repository of this forge has pull requests.
    format!("{}{more}", world.config_text("", "github", &[]))
}

fn done(ran: &super::binary::Ran, world: &World) -> Vec<String> {
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let prefix = world.url("");
    let start = prefix.trim_end_matches(".git");
    let urls =
        json["repositories"].as_array().unwrap().iter().map(|row| row["url"].as_str().unwrap().to_owned());
    urls.map(|url| url.trim_start_matches(start).trim_end_matches(".git").to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_app_finds_what_it_is_installed_on() {
    let permissions = json!({ "contents": "write", "pull_requests": "write", "metadata": "read" });
    let app = App::new("123456", permissions, TOKEN);
    let listed_here = std::sync::Arc::default();
    let world = World::with(|settings| {
        settings.app = Some(app.clone());
        settings.listed = std::sync::Arc::clone(&listed_here);
    })
    .await;
    let entry = |name: &str| listed(&Settings::default(), name, &world.url(name), &json!({}));
    *listed_here.lock().unwrap() = (0..130).map(|number| entry(&format!("acme/{number:03}"))).collect();
    let key = |name: &str| (name == "TAGPIN_GITHUB_APP_KEY").then(|| app.key.clone().into());
    let find = async |more: &str| {
        let forge = "kind = \"github\"\napp-id = \"123456\"\n";
        let text = world.config_text("", "github", &[]).replace("kind = \"github\"\n", forge) + more;
        let config = Config::parse("bot.toml", "/".as_ref(), text.as_bytes()).unwrap();
        let found = fleet::discover(&config, None, &key).await;
        super::check(&world.forge.log());
        found
    };
    for owner in ["organization = \"acme\"", "user = \"acme\"", "installation = true\ninclude = [\"acme/*\"]"]
    {
        let Targets { targets, problems, .. } = find(&format!("[[discover]]\n{owner}\n")).await;
        assert_eq!((targets.len(), problems), (130, vec![]), "{owner}");
    }
    let asked = app.asked.lock().unwrap().clone();
    assert!(asked.iter().all(|asked| asked["permissions"] == json!({ "metadata": "read" })), "{asked:?}");
    // Strangers may install an App too.
    let Targets { targets, problems, .. } = find("[[discover]]\ninstallation = true\n").await;
    assert!(targets.is_empty() && problems[0].contains("whoever installed the App"), "{problems:?}");
    let Targets { targets, problems, .. } = find("[[discover]]\norganization = \"other\"\n").await;
    assert!(
        targets.is_empty() && problems[0].contains("is not installed for the organization `other`"),
        "{problems:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_organization_is_listed_page_by_page_and_filtered() {
    let mut names: Vec<(String, serde_json::Value)> =
        (0..230).map(|number| (format!("acme/other-{number}"), json!({ "archived": true }))).collect();
    names.push(("acme/eu-clusters".to_owned(), json!({ "topics": ["gitops"] })));
    names.push(("acme/us-clusters".to_owned(), json!({ "topics": ["gitops", "x"] })));
    names.push(("acme/old-clusters".to_owned(), json!({ "topics": ["gitops"] })));
    names.push(("acme/my-clusters".to_owned(), json!({ "topics": ["gitops"], "fork": true })));
    names.push(("acme/no-clusters".to_owned(), json!({})));
    names.push(("acme/empty-clusters".to_owned(), json!({ "topics": ["gitops"], "size": 0 })));
    let names: Vec<(&str, _)> = names.iter().map(|(name, change)| (name.as_str(), change.clone())).collect();
    let world = world(&names).await;
    let more = "[[discover]]\norganization = 'acme'\ninclude = ['acme/*-clusters']\nexclude = ['acme/old-*']\n\
                topics = ['gitops']\n";
    let ran = tagpin(&world, &config(&world, more), &["--dry-run", "--format", "json"], &[]);
    // One that is empty is new, and no failure.
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(done(&ran, &world), ["acme/empty-clusters", "acme/eu-clusters", "acme/us-clusters"]);
    let pages: Vec<_> = world.forge.log().iter().map(|request| request.path.clone()).collect();
    assert_eq!(pages, ["/orgs/acme/repos"; 3]);
    assert!(ran.err.contains("3 repositories: 0 changed, 3 as before"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn users_and_installations_are_listed_and_what_is_listed_twice_is_done_once() {
    let world = world(&[(NAME, json!({})), ("acme/b", json!({}))]).await;
    let listed = format!("[[repository]]\nurl = '{}'\nbranch = 'main'\n", world.url("acme/b"));
    let more = format!("{listed}[[discover]]\nuser = 'acme'\n[[discover]]\ninstallation = true\n");
    let ran = tagpin(&world, &config(&world, &more), &["--dry-run", "--format", "json"], &[]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(done(&ran, &world), ["acme/b", NAME]);
    let paths: Vec<_> = world.forge.log().iter().map(|request| request.path.clone()).collect();
    assert_eq!(paths, ["/users/acme/repos", "/installation/repositories"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_found_is_said_and_the_rest_is_done() {
    let world = world(&[
        (NAME, json!({})),
        ("acme/away", json!({ "clone_url": "http://127.0.0.1:9/acme/away.git" })),
    ])
    .await;
    let more = "[[discover]]\norganization = 'nobody'\n[[discover]]\norganization = 'acme'\n";
    let ran = tagpin(&world, &config(&world, more), &["--dry-run", "--format", "json"], &[]);
    assert_eq!(ran.code, 3, "{}", ran.err);
    assert_eq!(done(&ran, &world), [NAME]);
    let json: serde_json::Value = serde_json::from_str(&ran.out).unwrap();
    let errors = json["errors"].to_string();
    assert!(errors.contains("cannot list the repositories of the organization `nobody`"), "{errors}");
    assert!(errors.contains("lists `acme/away` with an address that is not its own"), "{errors}");
    assert!(json["complete"] == false && ran.err.contains("`nobody`"), "{}", ran.err);

    let config = config(&world, more).replace("kind = \"github\"", "kind = \"none\"");
    let ran = tagpin(&world, &config, &["--dry-run"], &[]);
    assert!(ran.code == 3 && ran.err.contains("needs a forge"), "{}", ran.err);
    assert!(!ran.err.contains(TOKEN));
}
