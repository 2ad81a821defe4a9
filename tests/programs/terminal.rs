//! What a person sees on a terminal: `script` of util-linux has one.

use std::io::Write as _;
use std::process::{Command, Stdio};

use crate::support::checkout::Scene;

const DIGEST: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

/// Returns what the command shows on a terminal of `columns` columns, and its exit code; `None` where there is none.
fn seen(scene: &Scene, columns: usize, args: &str) -> Option<(i32, String)> {
    let command = format!("'{}' {args}", env!("CARGO_BIN_EXE_tagpin"));
    let mut terminal = Command::new("script");
    terminal
        .args(["-qec", &command, "/dev/null"])
        .current_dir(scene.path(""))
        .env_clear()
        .stdin(Stdio::null());
    terminal.env("HOME", scene.directory.path()).env("PATH", "/usr/bin:/bin");
    terminal.env("COLUMNS", columns.to_string()).env("NO_COLOR", "1");
    match terminal.output() {
        Ok(output) => {
            let text = String::from_utf8(output.stdout).unwrap().replace('\r', "");
            Some((output.status.code().unwrap(), text))
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "skipped: script is not installed: {error}");
            None
        }
    }
}

fn compose(images: &[&str]) -> String {
    let services = images.iter().enumerate().map(|(i, image)| {
        format!("  s{i}:\n    image: {image} # a comment behind the image that goes on and on and on and on and on\n")
    });
    format!("services:\n{}", services.collect::<String>())
}

fn scene() -> Scene {
    let settings = "[[environment]]\nname = \"dev\"\npaths = [\"dev/**\"]\n[[environment]]\nname = \"staging\"\npaths = \
                    [\"staging/**\"]\nafter = \"dev\"\n[[hold]]\nimages = [\"ghcr.io/acme/web\"]\nreason = \"TICKET-42: it \
                    loses messages where two consumers begin at once\"\nby = \"the platform team\"\n";
    let api = format!("ghcr.io/acme/a-team/an-api-with-a-long-name:1.27.3-alpine@{DIGEST}");
    let template = "\"{{ .Values.global.imageRegistry }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}\"";
    let scene = Scene::new(&[
        ("tagpin.toml", settings),
        ("dev/compose.yaml", &compose(&[&api, "ghcr.io/acme/web:1", template])),
        ("staging/compose.yaml", &compose(&[&api.replace("6965", "0000"), "ghcr.io/acme/web:1", "redis"])),
        (
            "wide.yaml",
            &format!(
                "# {}\nservices: {{web: {{command: [{}], image: redis:7}}}}\n",
                "x ".repeat(90),
                "run, ".repeat(30)
            ),
        ),
        ("unused.yaml", "# tagpin: ignore TICKET-1\nservices: {}\n"),
    ]);
    let pod = |name: &str, image: &str| {
        format!(
            "{{\"metadata\": {{\"namespace\": \"a-namespace\", \"name\": \"{name}\"}}, \"spec\": {{\"nodeName\": \
             \"ip-10-0-0-1.eu-central-1.compute.internal\", \"containers\": [{{\"name\": \"main\", \"image\": \"{image}\"}}]}}, \
             \"status\": {{\"containerStatuses\": [{{\"name\": \"main\", \"image\": \"{image}\", \"imageID\": \"{}@sha256:{}\"}}]}}}}",
            image.split(':').next().unwrap(),
            "7".repeat(64)
        )
    };
    let image = api.split('@').next().unwrap();
    let pods: Vec<String> =
        (0..7).map(|number| pod(&format!("an-api-with-a-long-name-{number}"), image)).collect();
    scene.write("../pods.json", &format!("{{\"kind\": \"List\", \"items\": [{}]}}", pods.join(", ")));
    scene
}

#[test]
fn lines_are_folded_between_words() {
    let scene = scene();
    for args in [
        "list",
        "check",
        "check --strict wide.yaml",
        "known-good mark dev",
        "known-good list",
        "hold list",
        "hold add --image ghcr.io/acme/an-image-that-is-not-here --reason 'a reason that goes on and on, so that it is folded'",
        "promote dev staging --check",
        "live --pods ../pods.json",
        "history",
        "history --at 2999-01-01",
        "rollback dev --to previous",
        "list --format sarif",
    ] {
        for columns in [80, 60] {
            let Some((_, text)) = seen(&scene, columns, args) else { return };
            assert!(!text.is_empty(), "{args}");
            for line in text.lines() {
                let is_one_word = line.trim().split("  ").all(|part| !part.trim().contains(' '));
                assert!(line.chars().count() <= columns || is_one_word, "{args}\n{line}\n\n{text}");
            }
        }
    }
}

#[test]
fn nobody_is_expected_to_type_what_a_program_prints() {
    let scene = scene();
    for (args, hint) in [
        ("live", "--pods FILE"),
        ("list --format html --live -", "--live FILE"),
        ("known-good mark dev --live -", "--live FILE"),
        ("check --rendered -", "helm template"),
        ("check --diff -", "git diff"),
        ("live ../pods.json staging", "`tagpin live --pods ../pods.json staging`"),
    ] {
        let Some((code, text)) = seen(&scene, 200, args) else { return };
        assert_eq!(code, 2, "{args}: {text}");
        assert!(text.contains("hint: ") && text.contains(hint), "{args}: {text}");
    }
}
