//! The audit page of `tagpin list --format html`, as it is written and as a browser has it.

use git2::{Signature, Time};
use jiff::{SignedDuration, Timestamp};

use crate::support::browser::{Browser, without_policy};
use crate::support::checkout::Scene;

const PIN: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

const SETTINGS: &str = "[[environment]]\nname = \"production\"\npaths = [\"production/**\"]\n\
                        [[environment]]\nname = \"staging\"\npaths = [\"staging/**\"]\n";

/// A file name that would like to be a script.
const HOSTILE: &str = "staging/<img src=x onerror=document.title='owned'>.yaml";

fn compose(images: &[&str]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| format!("  s{i}:\n    image: {image}\n"));
    format!("services:\n{}", services.collect::<String>())
}

fn scene() -> Scene {
    let (web, api) = (format!("nginx:1.27@{PIN}"), format!("ghcr.io/acme/api:1.8@{PIN}"));
    let scene = Scene::new(&[
        ("production/compose.yaml", &compose(&[&web, &api, "redis:7"])),
        (HOSTILE, &compose(&["nginx", "\"</script><script>document.title='owned'</script>${X}\""])),
        ("tagpin.toml", SETTINGS),
    ]);
    scene.write(
        "../june.json",
        "{\"version\": 1, \"summary\": {\"floating\": 5, \"pinned\": 1, \"skipped\": 0}}",
    );
    scene.write(
        "../july.json",
        "{\"version\": 1, \"summary\": {\"floating\": 4, \"pinned\": 1, \"skipped\": 1}}",
    );
    scene
}

fn page(scene: &Scene) -> String {
    let args = ["list", "--format", "html", "--previous", "../june.json", "--previous", "../july.json"];
    let (code, out, err) = scene.run(&args);
    assert_eq!(code, 0, "{err}");
    // Slashes are escaped too.
    out.replace("&#x2f;", "/")
}

#[test]
fn the_page_has_everything_and_needs_nothing_else() {
    let scene = scene();
    let page = page(&scene);
    for text in [
        "Content-Security-Policy",
        "<li><b>50 %</b> pinned <small>30 points more than before</small></li>",
        "<th scope=\"row\">production</th><td class=\"number\">3</td><td class=\"number\">2</td>",
        "<th scope=\"row\">ghcr.io</th>",
        "<th scope=\"row\">june</th>",
        "no-tag",
        "production/compose.yaml:7:12",
        "&lt;img src=x onerror=",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    // Nothing of a file is markup, nothing is fetched.
    assert!(!page.contains("<img") && page.matches("<script>").count() == 1, "{page}");
    for word in ["src=\"", "url(", "@import", "http:", "https:", "href=\"h", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
    // The same without earlier reports, and where nothing is there.
    let (code, alone, _) = scene.run(&["list", "production", "--format", "html"]);
    assert_eq!((code, alone.contains("id=\"trend\"")), (0, false));
    scene.write("broken.yaml", "image: [\n");
    let (code, incomplete, err) = scene.run(&["list", "--format", "html"]);
    assert!(code == 3 && incomplete.contains("Incomplete:"), "{err}");
    let broken = tempfile::tempdir().unwrap();
    fs_err::write(broken.path().join("broken.yaml"), "image: [\n").unwrap();
    let (code, out, err) = scene.run_in(broken.path(), &["list", "--format", "html"], b"");
    assert!(code == 3 && out.contains("Nothing is wrong in what could be read."), "{err}");
    let empty = tempfile::tempdir().unwrap();
    let (code, out, err) = scene.run_in(empty.path(), &["list", "--format", "html"], b"");
    assert!(code == 0 && out.contains("Nothing is wrong."), "{err}");
}

#[test]
fn what_is_no_earlier_report_is_a_usage_error() {
    let scene = scene();
    scene.write("../new.json", "{\"version\": 2}");
    for (args, message) in [
        (&["--previous", "../june.json"][..], "add `--format html`"),
        (&["--format", "html", "--previous", "../gone.json"], "cannot be read"),
        (&["--format", "html", "--previous", "tagpin.toml"], "not a JSON report"),
        (&["--format", "html", "--previous", "../new.json"], "the version 2"),
    ] {
        let (code, out, err) = scene.run(&[&["list"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains("hint: "), "{args:?}: {err}");
    }
    assert_eq!(scene.read("tagpin.toml"), SETTINGS);
    scene.commit();
}

/// What a person does, as a script: it sorts, filters, and notes what it sees.
const PERSON: &str = "{
const noted = [];
const rows = () => [...document.querySelectorAll('#inventory tbody tr')].filter((row) => !row.hidden);
const note = (name) => noted.push(name + ': ' + rows().map((row) => row.cells[1].textContent.slice(0, 12)).join(' '));
const heading = document.querySelectorAll('#inventory th')[1];
const button = heading.querySelector('button');
button.focus();
noted.push('focus: ' + (document.activeElement === button));
button.click(); note('up ' + heading.getAttribute('aria-sort'));
button.click(); note('down ' + heading.getAttribute('aria-sort'));
const text = document.getElementById('text');
text.value = 'NGINX'; text.dispatchEvent(new Event('input')); note('find');
text.value = ''; const state = document.getElementById('state');
state.value = 'floating'; state.dispatchEvent(new Event('change')); note('floating');
noted.push(document.getElementById('shown').textContent);
noted.push('dark: ' + matchMedia('(prefers-color-scheme: dark)').matches + ' ' + getComputedStyle(document.body).backgroundColor);
document.title = noted.join('; ');
}";

#[test]
fn a_browser_sorts_filters_and_runs_nothing_else() {
    let scene = scene();
    let page = page(&scene);
    let browser = Browser::new();
    let Some(dom) = browser.dom(&page, "#find=redis", &[]) else { return };
    assert!(
        dom.contains("<output id=\"shown\" aria-live=\"polite\">1 of 5</output>"),
        "the script runs: {dom}"
    );
    assert!(
        dom.contains("<button type=\"button\">State</button>") && !dom.contains("owned</title>"),
        "{dom}"
    );

    // The policy lets nothing in, also where the markup would.
    let injected = page.replace("</main>", "<script>document.title = 'owned'</script></main>");
    let dom = browser.dom(&injected, "", &[]).unwrap();
    assert!(!dom.contains("<title>owned"), "{dom}");

    // A person at the keyboard, for whom the policy makes room.
    let used = without_policy(&page, PERSON);
    let light = browser.title(&used, &[]);
    assert_eq!(
        light,
        "focus: true; up ascending: &lt;/script&gt;&lt;sc ghcr.io/acme nginx nginx:1.27@s redis:7; \
         down descending: redis:7 nginx:1.27@s nginx ghcr.io/acme &lt;/script&gt;&lt;sc; find: nginx:1.27@s nginx; \
         floating: redis:7 nginx; 2 of 5; dark: false rgb(255, 255, 255)"
    );
    let dark = browser.title(&used, &["--blink-settings=preferredColorScheme=0"]);
    assert!(dark.ends_with("dark: true rgb(18, 23, 30)"), "{dark}");

    // A picture of it is no empty page.
    let (full, empty) = (browser.picture(&page), browser.picture("<!doctype html><title>x</title>"));
    assert!(full > 5 * empty, "{full} bytes, and {empty} of an empty page");
}

/// Commits everything, `days` ago.
fn commit(scene: &Scene, days: i64) -> git2::Oid {
    let id = scene.commit();
    redate(scene, id, days)
}

/// Makes the last commit one of so many days ago. Its author's date is of today, and counts for nothing.
fn redate(scene: &Scene, id: git2::Oid, days: i64) -> git2::Oid {
    let when = Timestamp::now() - SignedDuration::from_hours(24 * days);
    let person = Signature::new("a", "a@example.com", &Time::new(when.as_second(), 0)).unwrap();
    let commit = scene.git.find_commit(id).unwrap();
    let again = commit.amend(None, None, Some(&person), None, None, None).unwrap();
    scene.git.reset(scene.git.find_commit(again).unwrap().as_object(), git2::ResetType::Soft, None).unwrap();
    again
}

/// Returns the bands of a page with their numbers, and since when each image is declared.
fn ages(scene: &Scene) -> (i32, Vec<(String, String)>, Vec<String>) {
    let (code, page, err) = scene.run(&["list", "--format", "html"]);
    assert!(!page.is_empty(), "{err}");
    let page = page.replace("&#x2f;", "/");
    let between = |text: &str, from: &str, to: &str| {
        text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).unwrap().0.to_owned()
    };
    let section = between(&page, "id=\"ages\"", "</section>");
    let rows = section.lines().filter(|line| line.starts_with("<tr><th"));
    let bands = rows.map(|row| {
        (
            between(row, "\">", "</th>").split('>').next_back().unwrap().to_owned(),
            between(row, "class=\"number\">", "<"),
        )
    });
    let images = page.lines().filter(|line| line.starts_with("<tr data-find"));
    let since = images.map(|row| between(row, "<td class=\"time\"", "/td>"));
    let since = since.map(|cell| between(&cell, ">", "<")).collect();
    (code, bands.filter(|(_, number)| number != "0").collect(), since)
}

#[test]
fn an_image_is_as_old_as_the_commit_that_brought_its_digest() {
    let other = PIN.replace("6965", "7000");
    let web = |tag: &str, pin: &str| compose(&[&format!("nginx:{tag}@{pin}"), "redis:7"]);
    let scene = Scene::new(&[]);
    let day =
        |days: i64| (Timestamp::now() - SignedDuration::from_hours(24 * days)).to_string()[..10].to_owned();
    let band = |name: &str, number: &str| (name.to_owned(), number.to_owned());
    // No commit is older than what it stands on.
    redate(&scene, scene.git.head().unwrap().target().unwrap(), 600);
    scene.write("old.yaml", &web("1.26", &other));
    commit(&scene, 500);
    scene.write("old.yaml", &web("1.27", PIN));
    let second = commit(&scene, 40);
    // Another tag of the same digest, and another name of the file, are no new age.
    scene.write("old.yaml", &web("1.27.3", PIN));
    commit(&scene, 20);
    fs_err::rename(scene.path("old.yaml"), scene.path("new.yaml")).unwrap();
    let last = commit(&scene, 10);
    let month_ago = (
        0,
        vec![band("up to a quarter", "1"), band("not pinned, or skipped", "1")],
        vec![format!("{} (40 days)", day(40)), String::new()],
    );
    assert_eq!(ages(&scene), month_ago);

    // What no commit has is not committed, also where it was once.
    scene.write("new.yaml", &web("1.26", &other));
    scene.write("more.yaml", &web("1.26", &other));
    let (code, bands, since) = ages(&scene);
    assert_eq!(
        (code, bands, since.as_slice()),
        (
            0,
            vec![band("not pinned, or skipped", "2"), band("not committed", "2")],
            &["not committed".to_owned(), String::new(), "not committed".to_owned(), String::new()][..]
        )
    );
    fs_err::remove_file(scene.path("more.yaml")).unwrap();
    scene.write("new.yaml", &web("1.27.3", PIN));
    assert_eq!(ages(&scene), month_ago);

    // A shallow clone is told, and not believed.
    for (end, since) in [(last, 10), (second, 40)] {
        fs_err::write(scene.path(".git/shallow"), format!("{end}\n")).unwrap();
        let expected = format!("{} or earlier: the clone is shallow", day(since));
        let (code, bands, found) = ages(&scene);
        assert_eq!(
            (code, bands[1].0.as_str(), found[0].as_str()),
            (0, "unknown: the clone is shallow", expected.as_str())
        );
    }
    fs_err::remove_file(scene.path(".git/shallow")).unwrap();

    // Without a git repository, without a commit, and with a damaged one.
    let tree = scene.git.head().unwrap().peel_to_commit().unwrap().tree_id().to_string();
    fs_err::remove_file(scene.path(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    let (code, _, err) = scene.run(&["list", "--format", "html"]);
    assert!(code == 3 && err.contains("ages are unknown below"), "{code}: {err}");
    assert_eq!(scene.run(&["list"]).0, 0, "other formats do not read history");
    fs_err::remove_dir_all(scene.path(".git")).unwrap();
    let (code, bands, since) = ages(&scene);
    assert_eq!(
        (code, bands[1].0.as_str(), since[0].as_str()),
        (0, "unknown: no git history tells", "unknown")
    );
    git2::Repository::init(scene.path("")).unwrap();
    let (code, _, since) = ages(&scene);
    assert_eq!((code, since[0].as_str()), (0, "unknown"));
}

#[cfg(unix)]
#[test]
fn each_repository_tells_the_age_of_its_own_files() {
    let place = tempfile::tempdir().unwrap();
    let mut scenes = Vec::new();
    for (name, days) in [("one", 3), ("two", 300)] {
        let scene = Scene::new(&[("a.yaml", &compose(&[&format!("nginx:1@{PIN}")]))]);
        let id = scene.git.head().unwrap().target().unwrap();
        redate(&scene, id, days);
        std::os::unix::fs::symlink(scene.path(""), place.path().join(name)).unwrap();
        scenes.push(scene);
    }
    let (code, page, err) = scenes[0].run_in(place.path(), &["list", "one", "two", "--format", "html"], b"");
    assert_eq!(code, 0, "{err}");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("<tr data-find")).collect();
    assert_eq!(rows.len(), 2, "{page}");
    for (row, days) in rows.iter().zip(["(3 days)", "(300 days)"]) {
        assert!(row.contains(days), "{days}: {row}");
    }
}

const PODS: &str = r#"{"kind": "List", "items": [
    {"kind": "Pod", "metadata": {"namespace": "shop", "name": "web-0"},
     "spec": {"nodeName": "node-<b>a</b>", "containers": [{"name": "web", "image": "nginx:1.27"}]},
     "status": {"containerStatuses": [{"name": "web", "imageID": "nginx@sha256:1111111111111111111111111111111111111111111111111111111111111111"}]}},
    {"kind": "Pod", "metadata": {"namespace": "shop", "name": "api-0"},
     "spec": {"nodeName": "node-b", "containers": [{"name": "api", "image": "ghcr.io/acme/api:1.8"}]},
     "status": {"containerStatuses": [{"name": "api", "imageID": "ghcr.io/acme/api@sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd"}]}},
    {"kind": "Pod", "metadata": {"namespace": "kube-system", "name": "dns-0"},
     "spec": {"nodeName": "node-b", "containers": [{"name": "dns", "image": "registry.k8s.io/coredns:1"}]},
     "status": {"containerStatuses": [{"name": "dns", "imageID": "registry.k8s.io/coredns@sha256:2222222222222222222222222222222222222222222222222222222222222222"}]}}
]}"#;

#[test]
fn what_runs_is_told_in_the_words_of_live() {
    let scene = scene();
    scene.write("../pods.json", PODS);
    let args = ["list", "production", "--format", "html", "--live"];
    let (code, page, err) = scene.run(&[&args[..], &["../pods.json"]].concat());
    assert_eq!(code, 0, "drift is shown, and `live` is the gate: {err}");
    let (stdin_code, same, _) = scene.run_in(&scene.path(""), &[&args[..], &["-"]].concat(), PODS.as_bytes());
    assert_eq!((stdin_code, same == page), (0, true), "standard input is the same");
    let page = page.replace("&#x2f;", "/");
    let (live, out, summary) = scene.run(&["live", "production", "--pods", "../pods.json"]);
    assert_eq!(live, 1);
    for (status, image) in [
        ("drift", "nginx:1.27"),
        ("not-declared", "registry.k8s.io/coredns:1"),
        ("not-running", "redis:7"),
        ("same", "ghcr.io/acme/api:1.8"),
    ] {
        assert!(out.contains(&format!("{status:12}  {image}\n")), "{out}");
        let row = page.lines().find(|line| line.contains(&format!(">{status}</td>"))).unwrap();
        assert!(row.contains(&format!("<code>{image}</code>")), "{row}");
    }
    let drift = page.lines().find(|line| line.contains(">drift</td>")).unwrap();
    for text in [
        "111111111111…",
        "1 container on node-&lt;b&gt;a&lt;/b&gt;",
        "shop/web-0 (web)",
        "production/compose.yaml:3:12",
    ] {
        assert!(drift.contains(text), "{text}: {drift}");
    }
    assert!(!page.contains("<b>a</b>") && page.contains("<li class=\"error\"><b>1</b> drift</li>"), "{page}");
    assert!(page.contains(summary.lines().next().unwrap()), "{summary}");

    // What cannot be compared makes the page incomplete.
    let local = PODS.replace("nginx@sha256:", "sha256:");
    let (code, page, _) = scene.run_in(&scene.path(""), &[&args[..], &["-"]].concat(), local.as_bytes());
    assert_eq!((code, page.contains("some containers could not be compared")), (3, true));
    assert!(page.contains(">not compared</td>") && page.contains("is not a digest of a registry"), "{page}");

    scene.write("../pods.yaml", "kind: List\n");
    for (args, message) in [
        (&["--live", "../pods.json"][..], "add `--format html`"),
        (&["--live", "../pods.json", "--format", "json"], "add `--format html`"),
        (&["--live", "../pods.yaml", "--format", "html"], "no list of pods"),
        (&["--live", "../gone.json", "--format", "html"], "cannot be read"),
    ] {
        let (code, out, err) = scene.run(&[&["list"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains("hint: "), "{args:?}: {err}");
    }
}
