//! Deployers as judges: what kustomize and Helm make of a tree before and after `pin` differs in digests alone, and every
//! digest that comes out is that of the registry, repository and tag that come out with it.
//!
//! `kubectl` (or `kustomize`) and `helm` are looked for in `PATH` and in `target/judges/bin`. `TAGPIN_JUDGE=DIRECTORY` judges
//! the tree there as well, in a copy: `cargo test --test programs deployers:: -- --nocapture`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use tagpin::config::Config;
use tagpin::history::ledger::LedgerView;
use tagpin::plan::pin::pin;
use tagpin::plan::{Outcome, Pinned};
use tagpin::reference::{Digest, Reference};
use tagpin::registry::TagRef;
use tagpin::source::tree::DirectoryTree;

use crate::support::answering::Answering;
use crate::support::directory::copy;

/// What builds a directory, and what it is called with.
struct Judge {
    program: PathBuf,
    arguments: &'static [&'static str],
}

fn found(program: &str) -> Option<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges/bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let directories = std::iter::once(own).chain(std::env::split_paths(&path).collect::<Vec<_>>());
    directories.map(|directory| directory.join(program)).find(|program| program.is_file())
}

impl Judge {
    fn kustomize() -> Option<Self> {
        let kustomize = found("kustomize").map(|program| Self { program, arguments: &["build"] });
        kustomize.or_else(|| Some(Self { program: found("kubectl")?, arguments: &["kustomize"] }))
    }

    fn helm() -> Option<Self> {
        Some(Self { program: found("helm")?, arguments: &["template", "judged"] })
    }

    /// Returns what comes out of `directory`; `None` where it cannot be built.
    fn build(&self, directory: &Path, more: &[&str]) -> Option<String> {
        let output = Command::new(&self.program)
            .args(self.arguments)
            .arg(directory)
            .args(more)
            .env("HTTPS_PROXY", "http://127.0.0.1:9")
            .env("GIT_TERMINAL_PROMPT", "0")
            .output()
            .unwrap();
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

const NAMES: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// One thing that is built: a directory, and the values file that it is built with.
type Build = (PathBuf, Option<String>);

/// Returns the directories below `root` with one of these files.
fn directories(root: &Path, names: &[&str]) -> Vec<PathBuf> {
    let (mut directories, mut open) = (Vec::new(), vec![root.to_owned()]);
    while let Some(directory) = open.pop() {
        let entries = fs_err::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path());
        let mut entries: Vec<PathBuf> = entries.collect();
        entries.sort();
        let has = |name: &&str| entries.iter().any(|path| path.file_name().is_some_and(|it| it == *name));
        if names.iter().any(has) {
            directories.push(directory);
        }
        let is_open = |path: &PathBuf| path.is_dir() && !path.is_symlink() && !path.ends_with(".git");
        open.extend(entries.into_iter().filter(is_open));
    }
    directories.sort();
    directories
}

fn builds(root: &Path) -> (Vec<Build>, Vec<Build>) {
    let kustomizations = directories(root, &NAMES);
    let mut charts = Vec::new();
    for chart in directories(root, &["Chart.yaml"]) {
        charts.push((chart.clone(), None));
        let names = fs_err::read_dir(&chart).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
        names.sort();
        let values = names.into_iter().filter(|name| name.starts_with("values-") && name.ends_with(".yaml"));
        charts.extend(values.map(|name| (chart.clone(), Some(name))));
    }
    (kustomizations.into_iter().map(|directory| (directory, None)).collect(), charts)
}

fn outputs(judge: &Judge, builds: &[Build], relaxed: &[&str]) -> Vec<Option<String>> {
    let outputs = builds.iter().map(|(directory, values)| {
        let file = values.as_ref().map(|name| directory.join(name).to_string_lossy().into_owned());
        let more: Vec<&str> = file.iter().flat_map(|file| ["-f", file.as_str()]).collect();
        judge.build(directory, &[relaxed, &more].concat())
    });
    outputs.collect()
}

/// Returns the lines that two builds of the same have in common; `None` where they do not have as many.
fn steady(first: Option<&str>, again: Option<&str>) -> Option<String> {
    let (first, again) = (first?, again?);
    let is_as_long = first.lines().count() == again.lines().count();
    let pairs = first.lines().zip(again.lines()).filter(|(first, again)| first == again);
    is_as_long.then(|| pairs.map(|(line, _)| format!("{line}\n")).collect())
}

/// Returns a text in which the values of Secrets that take several lines take one.
fn joined(text: &str) -> String {
    let is_part = |line: &str| {
        let word = line.trim();
        !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte))
    };
    let (mut all, mut is_open) = (String::new(), false);
    for line in text.lines() {
        let goes_on = is_open && is_part(line);
        if goes_on {
            all.push_str(line.trim());
        } else {
            all.push('\n');
            all.push_str(line);
        }
        // Where a line is as long as kustomize makes them, the next one goes on.
        is_open = is_part(line) && line.trim().len() == 70;
    }
    all
}

/// Returns what a word of a Secret stands for, where that is a text.
fn decoded(word: &str) -> Option<String> {
    let bytes = BASE64_STANDARD.decode(word).ok().filter(|_| word.len() >= 24)?;
    String::from_utf8(bytes).ok()
}

/// Returns a word without the hash that kustomize puts behind the name of what it generates, which is that of the content
/// (`kustomize/api/hasher`).
fn unhashed(word: &str) -> &str {
    let is_hash =
        |text: &str| text.len() == 10 && text.bytes().all(|byte| b"2456789bcdfghkmt".contains(&byte));
    word.rsplit_once('-').filter(|(_, hash)| is_hash(hash)).map_or(word, |(name, _)| name)
}

/// Returns a text without digests and fields for them, quotes, the tag that means none, checksums and tagpin's annotations. Where an image comes out
/// with a digest and no tag, because its chart wants one or the other, the tag that the digest is of goes as well.
fn plain(text: &str, untagged: &[(String, String)]) -> String {
    let mut all = String::new();
    let is_aside = |line: &&str| {
        let key = line.trim_start();
        let aside = ["deployed-image-", "checksum/", "annotations:", "digest:"];
        let is_bare = key
            .strip_prefix("sha:")
            .is_some_and(|hex| hex.trim_matches([' ', '"']).is_empty() || hex.len() >= 64);
        !is_bare && !aside.iter().any(|start| key.starts_with(start))
    };
    for line in joined(text).lines().filter(is_aside) {
        let line = line.replace(['"', '\''], "");
        let words = line.split(' ').map(|word| match decoded(word) {
            Some(text) => plain(&text, untagged),
            None => unhashed(word).to_owned(),
        });
        let mut line = words.collect::<Vec<_>>().join(" ");
        for (tagged, name) in untagged {
            line = line.replace(tagged, name);
        }
        let mut rest = line.as_str();
        while let Some((before, after)) = rest.split_once("@sha256:") {
            all.push_str(before.strip_suffix(":latest").unwrap_or(before));
            rest = after.trim_start_matches(|c: char| c.is_ascii_hexdigit());
        }
        all.push_str(rest.strip_suffix(":latest").unwrap_or(rest));
        all.push('\n');
    }
    all
}

/// Returns the images that have a digest and no tag now, as they were written and are named.
fn untagged(before: &BTreeSet<String>, after: &BTreeSet<String>) -> Vec<(String, String)> {
    let parsed = |images: &BTreeSet<String>| -> Vec<Reference> {
        images.iter().filter_map(|image| Reference::parse(image).ok()).collect()
    };
    let now = parsed(after).into_iter().filter(|now| now.tag().is_none() && now.digest().is_some());
    let before = parsed(before);
    let was = |now: Reference| {
        let was =
            before.iter().find(|was| was.name() == now.name() && now.digest() == Some(&digest_of(was)))?;
        Some((was.without_digest().to_string(), now.name().to_owned()))
    };
    now.filter_map(was).collect()
}

/// Returns the lines of YAML that are not part of a text over several lines.
fn outside_texts(text: &str) -> impl Iterator<Item = &str> {
    let mut inside = None;
    text.lines().filter(move |line| {
        let indent = line.len() - line.trim_start().len();
        if inside.is_some_and(|outer| line.trim().is_empty() || indent > outer) {
            return false;
        }
        inside = line.trim_end_matches(['+', '-']).ends_with(['|', '>']).then_some(indent);
        true
    })
}

/// Returns the references that come out under keys called `image`.
fn images(text: &str) -> BTreeSet<String> {
    let value = |line: &str| {
        let (key, value) = line.trim_start().trim_start_matches("- ").split_once(": ")?;
        (key == "image").then(|| value.trim().trim_matches(['"', '\'']).to_owned())
    };
    outside_texts(text).filter_map(value).filter(|image| !image.is_empty()).collect()
}

fn digest_of(reference: &Reference) -> Digest {
    Digest::sha256(TagRef::new(&reference.without_digest()).to_string().as_bytes())
}

/// Returns what is wrong with what came out; `pinned` are the images that were called so.
fn complaints(before: &Option<String>, after: &Option<String>, pinned: &BTreeSet<TagRef>) -> Vec<String> {
    let Some(before) = before else { return Vec::new() };
    let Some(after) = after else { return vec!["(a) it no longer builds".to_owned()] };
    let mut complaints = Vec::new();
    let untagged = untagged(&images(before), &images(after));
    let plain = (plain(before, &untagged), plain(after, &untagged));
    if plain.0 != plain.1 {
        complaints.push(format!(
            "(b) {}",
            tagpin::report::diff::unified("output", plain.0.as_bytes(), plain.1.as_bytes())
        ));
    }
    let known = images(before);
    for image in images(after).difference(&known) {
        match Reference::parse(image) {
            Ok(reference) if untagged.iter().any(|(_, name)| name == reference.name()) => {}
            Ok(reference) if reference.digest().is_some_and(|digest| *digest != digest_of(&reference)) => {
                complaints.push(format!("(c) `{image}` has a digest of something else"));
            }
            Ok(_) => {}
            Err(error) => complaints.push(format!("(c) `{image}`: {error}")),
        }
    }
    for image in images(after) {
        let Ok(reference) = Reference::parse(&image) else { continue };
        if reference.digest().is_none() && pinned.contains(&TagRef::new(&reference)) {
            complaints.push(format!("(d) `{image}` was called pinned"));
        }
    }
    complaints
}

fn pin_in(root: &Path) -> Pinned {
    let tree = DirectoryTree::open(root).unwrap();
    let registry = Answering::of_case(Path::new("/nowhere"), &[]);
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (settings, past) = (Config::default().settings, LedgerView::default());
    let pinned = runtime.block_on(pin(&tree, &settings, &past, &registry, |_, _| {})).unwrap();
    for file in &pinned.files {
        tagpin::atomic_file::replace(&root.join(&file.path), &file.after).unwrap();
    }
    pinned
}

/// Returns the images that tagpin says it has pinned, in the chart in `directory`, or everywhere but in charts.
fn called_pinned(pinned: &Pinned, directory: Option<&str>) -> BTreeSet<TagRef> {
    let sites = pinned.inventory.sites().zip(&pinned.verdicts);
    let done = sites.filter(|((file, located), verdict)| {
        let is_here = match directory {
            Some(directory) => {
                located.site.chart && Path::new(&file.path).parent() == Some(Path::new(directory))
            }
            None => matches!(&*located.site.format, "kubernetes" | "kustomize" | "json-patch"),
        };
        matches!(verdict.outcome, Outcome::Pinned | Outcome::Updated) && is_here
    });
    done.filter_map(|((_, located), _)| located.site.reference.as_ref().map(TagRef::new)).collect()
}

/// Returns the directories that kustomizations build on: what comes out of them alone may be said elsewhere.
fn built_on(kustomizations: &[Build]) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    for (directory, _) in kustomizations {
        for name in NAMES {
            let text = fs_err::read_to_string(directory.join(name)).unwrap_or_default();
            let items = text.lines().filter_map(|line| line.trim().strip_prefix("- "));
            let paths = items.filter_map(|item| directory.join(item.trim()).canonicalize().ok());
            found.extend(paths.filter(|path| path.is_dir()));
        }
    }
    found
}

/// Builds everything in a copy of `source` before and after `pin`; returns how much that was, and what is wrong.
fn judge(source: &Path, kustomize: Option<&Judge>, helm: Option<&Judge>) -> (usize, Vec<String>) {
    let work = tempfile::tempdir().unwrap();
    copy(source, work.path());
    let (kustomizations, charts) = builds(work.path());
    let inner = built_on(&kustomizations);
    let kinds = [
        (kustomize, kustomizations, &["--load-restrictor", "LoadRestrictionsNone"][..]),
        (helm, charts, &[]),
    ];
    let kinds: Vec<_> =
        kinds.into_iter().filter_map(|(judge, builds, more)| Some((judge?, builds, more))).collect();
    let once =
        || -> Vec<_> { kinds.iter().map(|(judge, builds, more)| outputs(judge, builds, more)).collect() };
    // Some charts make passwords and keys by chance: lines that differ between two builds of the same are not compared.
    let run = || {
        let (mut first, again) = (once(), once());
        for (first, again) in first.iter_mut().flatten().zip(again.iter().flatten()) {
            *first = steady(first.as_deref(), again.as_deref());
        }
        first
    };
    let before = run();
    let pinned = pin_in(work.path());
    let after = run();
    let (mut count, mut wrong) = (0, Vec::new());
    for (((_, builds, _), before), after) in kinds.iter().zip(&before).zip(&after) {
        for (((directory, values), before), after) in builds.iter().zip(before).zip(after) {
            count += usize::from(before.is_some());
            let place = directory.strip_prefix(work.path()).unwrap().display();
            let values = values.as_ref().map(|name| format!(" -f {name}")).unwrap_or_default();
            let chart = directory.join("Chart.yaml").is_file().then(|| place.to_string());
            let called = match directory.canonicalize() {
                Ok(directory) if inner.contains(&directory) => BTreeSet::new(),
                _ => called_pinned(&pinned, chart.as_deref()),
            };
            let complaints = complaints(before, after, &called);
            wrong.extend(
                complaints.into_iter().map(|it| format!("{}/{place}{values}: {it}", source.display())),
            );
        }
    }
    (count, wrong)
}

#[test]
fn what_is_deployed_differs_in_digests_alone() {
    let (kustomize, helm) = (Judge::kustomize(), Judge::helm());
    for (name, judge) in [("kustomize", &kustomize), ("helm", &helm)] {
        if judge.is_none() {
            eprintln!("skipped: there is no {name}");
        }
    }
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/cases");
    let mut trees: Vec<PathBuf> =
        fs_err::read_dir(cases).unwrap().map(|case| case.unwrap().path().join("before")).collect();
    trees.sort();
    if let Some(tree) = std::env::var_os("TAGPIN_JUDGE") {
        trees.extend(std::env::split_paths(&tree));
    }
    let (mut count, mut wrong) = (0, Vec::new());
    for tree in trees {
        let (built, more) = judge(&tree, kustomize.as_ref(), helm.as_ref());
        if std::env::var_os("TAGPIN_JUDGE").is_some() && built > 0 {
            eprintln!("{}: {built} builds, {} complaints", tree.display(), more.len());
        }
        count += built;
        wrong.extend(more);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 5 || kustomize.is_none(), "only {count} trees were built");
}
