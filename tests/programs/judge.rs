//! What `kubectl` deploys of a manifest is what tagpin sees in it, or says that it does not understand.
//!
//! The judge is a program in Go with the packages that `kubectl` reads with (`tests/programs/judge`); it is built once,
//! below `target`. Without Go the test says `skipped:` and passes. `TAGPIN_JUDGE_SECONDS` lets it go on for longer, and
//! `TAGPIN_JUDGE_SEED` begin elsewhere.
#![expect(clippy::print_stderr, reason = "a test that is skipped, or judges what it is given, says so")]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::site::State;
use tagpin::manifest::{Scan, scan_strictly};

const IMAGE: &str = "judge.example/a:1";

/// How many manifests are tried where nobody says how long.
const ROUNDS: usize = 6_000;

/// The judge, waiting for manifests.
struct Judge {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Judge {
    fn start() -> Option<Self> {
        let program = built()?;
        let mut child = Command::new(program).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Some(Self { child, input, output: BufReader::new(output) })
    }

    /// Returns the images that run, and where reading ended.
    fn images(&mut self, manifest: &[u8]) -> (Vec<String>, Option<String>) {
        self.input.write_all(format!("{}\n", manifest.len()).as_bytes()).unwrap();
        self.input.write_all(manifest).unwrap();
        self.input.flush().unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let images = said["images"].as_array().unwrap().iter();
        let images = images.map(|image| image.as_str().unwrap().to_owned()).collect();
        (images, said["error"].as_str().map(str::to_owned))
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the judge's program; `None` where it cannot be built.
fn built() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let program = root.join("target/judges/bin/kubectl-reader");
    let source = root.join("tests/programs/judge");
    fs_err::create_dir_all(program.parent().unwrap()).unwrap();
    let built = Command::new("go")
        .args(["build", "-mod=readonly", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(source)
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            let mut said = String::new();
            child.stderr.take().map(|mut stderr| stderr.read_to_string(&mut said)).transpose()?;
            Ok((child.wait()?.success(), said))
        });
    match built {
        Ok((true, _)) => Some(program),
        Ok((false, said)) => {
            eprintln!("skipped: the judge cannot be built: {said}");
            None
        }
        Err(error) => {
            eprintln!("skipped: go: {error}");
            None
        }
    }
}

/// Returns whether tagpin sees an image as it runs, or says that it does not understand the file.
fn is_told(scan: &Scan, image: &str) -> bool {
    let is_seen = scan.sites.iter().any(|located| {
        let (state, reference) = located.site.runs();
        match state {
            State::Floating | State::Pinned => reference.is_some_and(|it| it.to_string() == image),
            State::Skipped(_) => located.site.image == image,
        }
    });
    let is_unread = scan.unread.iter().any(|unread| unread.reason.is_incomplete());
    is_seen || is_unread || !scan.looks_away.is_empty()
}

/// Returns whether an image floats: what is not a reference never runs.
fn floats(image: &str) -> bool {
    matches!(tagpin::manifest::site::classify(image).0, State::Floating)
}

/// A generator of numbers (xorshift): the same seed gives the same manifests.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end.max(1) as u64) as usize
    }

    fn one<'t, T: ?Sized>(&mut self, of: &[&'t T]) -> &'t T {
        of[self.below(of.len())]
    }
}

const MANIFESTS: [&str; 10] = [
    "apiVersion: v1\nkind: Pod\nmetadata:\n  name: a\nspec:\n  containers:\n  - name: a\n    image: judge.example/a:1\n",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  template:\n    spec:\n      containers:\n        - {name: a, image: \"judge.example/a:1\"}\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}, \"spec\": {\"containers\": [{\"name\": \"a\", \"image\": \"judge.example/a:1\"}]}}\n",
    "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - image: judge.example/a:1\n",
    "apiVersion: kyverno.io/v1\nkind: PolicyList\nitems:\n- apiVersion: v1\n  kind: Pod\n  spec:\n    containers:\n    - image: judge.example/a:1\n",
    "x: &x {image: judge.example/a:1}\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: a\n    <<: *x\n",
    "apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    x\n---\napiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: 'judge.example/a:1'\n",
    "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: judge.example/a:1@sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd\n  - image: judge.example/a:1 # a comment\n",
    "apiVersion: kyverno.io/v1\nkind: PolicyList\ncontainers:\n- image: judge.example/a:1\n",
    "# a comment\napiVersion: kyverno.io/v1\nkind: Policy\nspec: {rules: [{generate: {data: {spec: {containers: [{image: judge.example/a:1}]}}}}]}\n",
];

/// What is put in, or in the place of something.
const PIECES: [&str; 74] = [
    "\u{85}",
    "\u{2028}",
    "\u{2029}",
    "\u{feff}",
    "\u{a0}",
    "\0",
    "\u{7}",
    "\u{1b}",
    "\u{7f}",
    "\u{c}",
    "\u{b}",
    "\r",
    "\r\n",
    "\n",
    "\t",
    " ",
    "  ",
    "\n---\n",
    "\n...\n",
    "\n---#x: |\n ",
    "\n--- ",
    "\n---\u{a0}\n",
    "%YAML 1.1\n---\n",
    "%TAG !e! tag:yaml.org,2002:\n---\n",
    "\n--- # c\n",
    "!!binary ",
    "!!str ",
    "!x ",
    "! ",
    "!<tag:yaml.org,2002:str> ",
    "!!null ",
    "!!int ",
    "!e!binary ",
    "!!map ",
    "!!set ",
    "&a ",
    "*a",
    "*x",
    "*x : ",
    "? ",
    ": ",
    "- ",
    "<<: *x\n",
    "\"<<\": *x\n",
    "<<: [*x, {image: b}]\n",
    "#",
    " #",
    "{{",
    "}}",
    "{{ .x }}",
    "{{/*",
    "*/}}",
    "${X:-",
    "}",
    "{",
    "[",
    "]",
    ",",
    "\"",
    "'",
    "\\",
    "|\n",
    ">-\n",
    "|2-\n",
    "image: ",
    "\"image\": ",
    "\"im\\u0061ge\": ",
    "\"im\\x61ge\": ",
    "!!binary aW1hZ2U=: ",
    "image:\n",
    "\nimage: b@sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd\n",
    "\nkind: Pod\n",
    "\nitems: []\n",
    "//x\n",
];

/// Returns a manifest that somebody has been at.
fn mutated(dice: &mut Dice) -> String {
    let mut text = dice.one(&MANIFESTS).to_owned();
    for _ in 0..=dice.below(4) {
        let at = |dice: &mut Dice, text: &str| text.floor_char_boundary(dice.below(text.len() + 1));
        match dice.below(9) {
            0..=2 => {
                let piece = dice.one(&PIECES);
                let place = at(dice, &text);
                text.insert_str(place, piece);
            }
            // At the start of a line, or of a word: more often something that can be read.
            3 | 4 => {
                let starts: Vec<usize> = text
                    .char_indices()
                    .filter(|(at, c)| *at == 0 || matches!(c, ' ' | '\n' | '{' | '[' | ',' | ':'))
                    .map(|(at, c)| if at == 0 { 0 } else { at + c.len_utf8() })
                    .collect();
                let place = starts[dice.below(starts.len())];
                text.insert_str(place, dice.one(&PIECES));
            }
            5 => {
                let (from, to) = (at(dice, &text), at(dice, &text));
                let (from, to) = (from.min(to), from.max(to));
                let to = text.floor_char_boundary(to.min(from + 6)).max(from);
                text.replace_range(from..to, "");
            }
            // A letter of a key in another spelling.
            6 => {
                let keys = ["image", "containers", "spec", "kind", "apiVersion", "items", "image:", "name"];
                let key = dice.one(&keys);
                let Some(found) = text.find(key) else { continue };
                let letter = key.as_bytes()[0];
                let spelled = match dice.below(6) {
                    0 => format!("\"\\u{letter:04x}{}\"", &key[1..]),
                    1 => format!("\"\\x{letter:02X}{}\"", &key[1..]),
                    2 => format!("\"{key}\""),
                    3 => format!("'{key}'"),
                    4 => format!("? {key}\n"),
                    _ => format!("!!str {key}"),
                };
                text.replace_range(found..found + key.len(), &spelled);
            }
            7 => {
                let lines: Vec<&str> = text.split_inclusive('\n').collect();
                let (line, place) = (lines[dice.below(lines.len())].to_owned(), dice.below(lines.len() + 1));
                let offset = lines[..place].iter().map(|line| line.len()).sum();
                text.insert_str(offset, &line);
            }
            _ => {
                let end = dice.one(&["\r", "\r\n", "\u{85}", "\u{2028}"]);
                let ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at).collect();
                if dice.below(2) == 0 {
                    text = text.replace('\n', end);
                } else if !ends.is_empty() {
                    let place = ends[dice.below(ends.len())];
                    text.replace_range(place..=place, end);
                }
            }
        }
    }
    text
}

#[test]
fn nothing_runs_that_is_neither_seen_nor_said() {
    let Some(mut judge) = Judge::start() else { return };
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let until = number("TAGPIN_JUDGE_SECONDS").map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut dice = Dice(number("TAGPIN_JUDGE_SEED").unwrap_or(0x9e37_79b9_7f4a_7c15).max(1));
    let (mut rounds, mut deployed, mut refused, mut missed) = (0, 0, 0, Vec::new());
    while until.map_or(rounds < ROUNDS, |until| Instant::now() < until) && missed.len() < 20 {
        rounds += 1;
        let text = mutated(&mut dice);
        let (images, error) = judge.images(text.as_bytes());
        refused += usize::from(error.is_some());
        let path = if text.starts_with('{') { "a.json" } else { "a.yaml" };
        let scan = scan_strictly(path, text.as_bytes(), &BUILT_IN, false);
        for image in images.iter().filter(|image| floats(image)) {
            deployed += usize::from(image == IMAGE);
            if !is_told(&scan, image) {
                missed.push(format!("{image} in {path} {text:?}"));
                break;
            }
        }
    }
    eprintln!("{rounds} manifests, {deployed} deploy the image, {refused} are refused");
    assert!(missed.is_empty(), "{}", missed.join("\n"));
    assert!(deployed > rounds / 10, "the manifests are too broken to say anything");
}
