//! The timeline page of `tagpin history --format html`, as it is written and as a browser has it.

use git2::{Oid, Signature, Time};

use crate::support::browser::{Browser, without_policy};
use crate::support::checkout::Scene;

/// A file name, a commit and an image that would like to be scripts.
const HOSTILE: &str = "production/<img src=x onerror=document.title='owned'>.yaml";
const TITLE: &str = "</script><script>document.title='owned'</script> (#9)";

fn digest(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn deployment(image: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: api\nspec:\n  template:\n    spec:\n      \
         containers:\n      - name: api\n        image: {image}\n"
    )
}

/// Commits what is there, on a day of 2026.
fn commit(scene: &Scene, title: &str, day: &str) -> Oid {
    let id = scene.commit();
    date(scene, id, title, &format!("2026-{day}T12:00:00Z"))
}

/// Gives the last commit another title and the date of its committer.
fn date(scene: &Scene, id: Oid, title: &str, when: &str) -> Oid {
    let when: jiff::Timestamp = when.parse().unwrap();
    let person = Signature::new("Ana", "a@example.com", &Time::new(when.as_second(), 0)).unwrap();
    let commit = scene.git.find_commit(id).unwrap();
    let again = commit.amend(None, None, Some(&person), None, Some(title), None).unwrap();
    scene.git.reset(scene.git.find_commit(again).unwrap().as_object(), git2::ResetType::Soft, None).unwrap();
    again
}

/// An image that gets a digest, a bad one, and the first again; one that comes and goes.
fn scene() -> (Scene, Vec<Oid>) {
    let scene = Scene::new(&[]);
    date(&scene, scene.git.head().unwrap().target().unwrap(), "Nothing", "2026-01-01T12:00:00Z");
    let api = |pin: &str| deployment(&format!("acme/api:1{pin}"));
    let mut commits = Vec::new();
    scene.write("production/api.yaml", &api(""));
    commits.push(commit(&scene, "Begin", "01-10"));
    for (pin, title, day) in
        [('a', "Pin 1 image (#1)", "02-10"), ('b', TITLE, "03-10"), ('a', "Revert (#10)", "03-12")]
    {
        scene.write("production/api.yaml", &api(&format!("@{}", digest(pin))));
        commits.push(commit(&scene, title, day));
    }
    scene.write(HOSTILE, &deployment("acme/gone:7"));
    commits.push(commit(&scene, "Add", "04-01"));
    fs_err::remove_file(scene.path(HOSTILE)).unwrap();
    commits.push(commit(&scene, "Remove", "05-01"));
    (scene, commits)
}

fn page(scene: &Scene) -> String {
    let (code, out, err) = scene.run(&["history", "production", "--format", "html"]);
    assert_eq!(code, 0, "{err}");
    assert!(err.contains("6 changes"), "{err}");
    assert!(scene.read("production/api.yaml").contains(&digest('a')));
    // Slashes are escaped too.
    out.replace("&#x2f;", "/")
}

#[test]
fn each_image_has_a_lane_with_what_was_declared_from_when_to_when() {
    let (scene, commits) = scene();
    let page = page(&scene);
    let lanes: Vec<&str> = page.split("<details class=\"lane\"").skip(1).collect();
    assert_eq!(lanes.len(), 2);
    let (gone, api) = (lanes[0], lanes[1]);
    let rows: Vec<&str> = api.lines().filter(|line| line.starts_with("<tr><td")).collect();
    let expected = [
        ("2026-03-12 12:00", "now", "c0", "Revert (#10)", 3),
        ("2026-03-10 12:00", "2026-03-12 12:00", "c1", "&lt;/script&gt;&lt;script&gt;document.title=", 2),
        ("2026-02-10 12:00", "2026-03-10 12:00", "c0", "Pin 1 image (#1)", 1),
        ("2026-01-10 12:00", "2026-02-10 12:00", "tag", "Begin", 0),
    ];
    assert_eq!(rows.len(), expected.len(), "{api}");
    for (row, (from, until, class, title, commit)) in rows.iter().zip(expected) {
        for text in [
            format!(">{from}</td>"),
            format!(">{until}</td>"),
            format!("<rect class=\"{class}\""),
            format!("<code>{:.12}</code>", commits[commit].to_string()),
            format!("<td class=\"title\">{title}"),
            "<code>acme/api:1</code>".to_owned(),
        ] {
            assert!(row.contains(&text), "{text}: {row}");
        }
    }
    assert!(rows[0].contains(&digest('a')) && rows[1].contains("<td>#9</td>") && rows[3].contains("none"));
    assert_eq!(api.matches("<title>").count(), 4, "a bar for each");
    assert!(api.contains("data-state=\"pinned\" open>"), "few lanes are open");
    // What went away has an end, and no bar after it.
    assert!(gone.contains("data-state=\"gone\"") && gone.contains("<code>nothing</code>"), "{gone}");
    assert_eq!((gone.matches("<title>").count(), gone.matches("<tr><td").count()), (1, 2));
    assert!(gone.contains("<code>production/&lt;img src=x"), "{gone}");
    // Nothing of a repository is markup, nothing is fetched.
    assert!(!page.contains("<img") && page.matches("<script>").count() == 1, "{page}");
    for word in ["src=\"", "url(", "@import", "http:", "https:", "href=\"h", "fetch("] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn a_shallow_clone_is_told_and_what_has_no_page_is_a_usage_error() {
    let (scene, commits) = scene();
    fs_err::write(scene.path(".git/shallow"), format!("{}\n", commits[2])).unwrap();
    let (code, page, err) = scene.run(&["history", "production", "--format", "html"]);
    assert!(code == 3 && err.contains("git fetch --unshallow"), "{err}");
    assert!(
        page.contains("<strong>Incomplete:</strong>") && page.contains("2026-03-10 12:00 or earlier"),
        "{page}"
    );
    fs_err::remove_file(scene.path(".git/shallow")).unwrap();
    for (args, message) in [
        (&["history", "production", "--at", "2026-03-11", "--format", "html"][..], "`--at` has no page"),
        (&["history", "nothing-here", "--format", "html"], "no image was ever declared"),
        (&["history", "production", "--format", "sarif"], "no format `sarif`"),
    ] {
        let (code, out, err) = scene.run(args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains("hint: "), "{args:?}: {err}");
    }
}

/// What a person does, as a script: they open a lane, filter, sort, and note what they see.
const PERSON: &str = "{
const noted = [];
const lanes = () => [...document.querySelectorAll('.lane')].filter((lane) => !lane.hidden);
const note = (name) => noted.push(name + ': ' + lanes().map((lane) => lane.querySelector('strong').textContent).join(' '));
note('all');
const summary = document.querySelector('.lane summary');
summary.focus();
noted.push('focus: ' + (document.activeElement === summary));
summary.click();
noted.push('closed: ' + !summary.parentElement.open);
const text = document.getElementById('text');
text.value = 'BBBBBB'; text.dispatchEvent(new Event('input')); note('find');
text.value = ''; const state = document.getElementById('state');
state.value = 'gone'; state.dispatchEvent(new Event('change')); note('gone');
noted.push(document.getElementById('shown').textContent);
state.value = ''; state.dispatchEvent(new Event('change'));
const table = document.querySelectorAll('.lane table')[1];
table.querySelector('th button').click();
noted.push('oldest: ' + table.tBodies[0].rows[0].cells[0].textContent);
noted.push('wide: ' + (document.documentElement.scrollWidth <= innerWidth));
noted.push('dark: ' + matchMedia('(prefers-color-scheme: dark)').matches + ' ' + getComputedStyle(document.body).backgroundColor);
document.title = noted.join('; ');
}";

#[test]
fn a_browser_opens_filters_and_runs_nothing_else() {
    let (scene, _) = scene();
    let page = page(&scene);
    let browser = Browser::new();
    let Some(dom) = browser.dom(&page, "#find=gone", &[]) else { return };
    assert!(dom.contains("aria-live=\"polite\">1 of 2</output>") && !dom.contains("owned</title>"), "{dom}");
    let used = without_policy(&page, PERSON);
    // As wide as a phone, as far as a headless browser can be.
    let light = browser.title(&used, &["--window-size=500,900"]);
    assert_eq!(
        light,
        "all: acme/gone acme/api; focus: true; closed: true; find: acme/api; gone: acme/gone; 1 of 2; \
         oldest: 2026-01-10 12:00; wide: true; dark: false rgb(255, 255, 255)"
    );
    let dark = browser.title(&used, &["--blink-settings=preferredColorScheme=0"]);
    assert!(dark.ends_with("dark: true rgb(18, 23, 30)"), "{dark}");
    let (full, empty) = (browser.picture(&page), browser.picture("<!doctype html><title>x</title>"));
    assert!(full > 5 * empty, "{full} bytes, and {empty} of an empty page");
}
