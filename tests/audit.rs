//! The audit page of `tagpin list --format html`, as it is written and as a browser has it.

#[path = "support/checkout.rs"]
mod checkout;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use checkout::Scene;

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
        (&["--format", "html", "--previous", "tagpin.toml"], "no JSON report"),
        (&["--format", "html", "--previous", "../new.json"], "the version 2"),
    ] {
        let (code, out, err) = scene.run(&[&["list"], args].concat());
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(message) && err.contains("hint: "), "{args:?}: {err}");
    }
    assert_eq!(scene.read("tagpin.toml"), SETTINGS);
    scene.commit();
}

/// Returns what a headless browser prints; `None` where there is none.
fn browse(profile: &Path, args: &[&str], address: &str) -> Option<Vec<u8>> {
    let mut command = Command::new("chromium");
    command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]);
    command.args(["--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars"]);
    command.arg(format!("--user-data-dir={}", profile.display())).args(args).arg(address);
    match command.stdin(Stdio::null()).output() {
        Ok(output) => Some(output.stdout),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: chromium is not installed: {error}");
            None
        }
    }
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
    let directory = scene.directory.path();
    let address = |name: &str| format!("file://{}", directory.join(name).display());
    fs_err::write(directory.join("page.html"), &page).unwrap();
    let profile = directory.join("profile");
    let find = address("page.html") + "#find=redis";
    let Some(dom) = browse(&profile, &["--dump-dom"], &find) else { return };
    let dom = String::from_utf8(dom).unwrap();
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
    fs_err::write(directory.join("injected.html"), injected).unwrap();
    let dom =
        String::from_utf8(browse(&profile, &["--dump-dom"], &address("injected.html")).unwrap()).unwrap();
    assert!(!dom.contains("<title>owned"), "{dom}");

    // A person at the keyboard, for whom the policy makes room.
    let policy = page.find("<meta http-equiv").unwrap();
    let policy = &page[policy..policy + page[policy..].find('>').unwrap() + 1];
    let used = page.replace(policy, "").replace("</body>", &format!("<script>{PERSON}</script></body>"));
    fs_err::write(directory.join("used.html"), used).unwrap();
    let title = |args: &[&str]| {
        let dom = String::from_utf8(browse(&profile, args, &address("used.html")).unwrap()).unwrap();
        let (_, rest) = dom.split_once("<title>").unwrap();
        rest.split("</title>").next().unwrap().to_owned()
    };
    let light = title(&["--dump-dom"]);
    assert_eq!(
        light,
        "focus: true; up ascending: &lt;/script&gt;&lt;sc ghcr.io/acme nginx nginx:1.27@s redis:7; \
         down descending: redis:7 nginx:1.27@s nginx ghcr.io/acme &lt;/script&gt;&lt;sc; find: nginx:1.27@s nginx; \
         floating: redis:7 nginx; 2 of 5; dark: false rgb(255, 255, 255)"
    );
    let dark = title(&["--dump-dom", "--blink-settings=preferredColorScheme=0"]);
    assert!(dark.ends_with("dark: true rgb(18, 23, 30)"), "{dark}");

    // A picture of it is no empty page.
    fs_err::write(directory.join("empty.html"), "<!doctype html><title>x</title>").unwrap();
    let picture = |name: &str| {
        let file = directory.join(name).with_extension("png");
        let args = ["--window-size=1200,1400", &format!("--screenshot={}", file.display())];
        browse(&profile, &args, &address(name)).unwrap();
        fs_err::metadata(file).unwrap().len()
    };
    let (full, empty) = (picture("page.html"), picture("empty.html"));
    assert!(full > 5 * empty, "{full} bytes, and {empty} of an empty page");
}
