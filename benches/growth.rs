//! How the time grows with each dimension of the input: 1 is linear, 2 is quadratic.
//!
//! `cargo bench --bench growth` doubles each dimension several times, prints the times and the exponent of their growth, and
//! fails where one is past [`GROWTH_MAX`]. `cargo bench --bench growth -- WORD` does those whose name has the word.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench prints and fails loudly")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use clap::Parser as _;
use jiff::Timestamp;
use jiff::civil::Date;
use tagpin::check::{CheckContext, Checked, check};
use tagpin::commands;
use tagpin::commands::args::{Cli, Command};
use tagpin::commands::exit::Exit;
use tagpin::config::{Config, Variables};
use tagpin::history::ledger::{Ledger, LedgerState, LedgerView, TagObservation};
use tagpin::history::{self, Age};
use tagpin::manifest::VendoredTrees;
use tagpin::manifest::edit::annotations::AnnotationPlan;
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::inventory::{self, Inventory};
use tagpin::plan::pin::edit_file;
use tagpin::plan::{self, Rules, Verdict};
use tagpin::pull_request::{ImageChange, Proposal, marker, render};
use tagpin::reference::{Digest, Reference};
use tagpin::registry::{
    Asked, ManifestContent, Probe, Probed, Registry, Resolution, ResolveError, TagAnswer, TagRef,
};
use tagpin::report::Report;
use tagpin::report::terminal::{Stream, Terminal};
use tagpin::run::fleet::{self, Targets};
use tagpin::run::{RunContext, RunError, RunSession};
use tagpin::source::git::Log;
use tagpin::source::tree::{EntryKind, Tree, TreeEntry, TreeError, renames};

/// The steepest growth that passes. Caches and allocators cost a little more for more.
const GROWTH_MAX: f64 = 1.25;

/// How often the size is doubled.
const DOUBLINGS: u32 = 3;

/// What is measured: its name, the smallest size, and what makes the work of a size.
type Dimension = (&'static str, usize, fn(usize) -> Box<dyn FnMut()>);

const DIMENSIONS: &[Dimension] = &[
    ("list: files", 2_000, |n| list((0..n).map(|i| (format!("a/{i}.yaml"), pods(1))).collect())),
    ("list: documents of a file", 2_000, |n| list(one(pods(n)))),
    ("list: images of one object", 2_000, |n| list(one(containers(n)))),
    ("list: images of one line of JSON", 2_000, |n| list(vec![("a.json".to_owned(), json(n))])),
    ("list: documents without images", 20_000, |n| list(one("---\na: b\n".repeat(n)))),
    ("list: broken documents", 2_000, |n| list(one("---\nimage: [\n".repeat(n)))),
    ("list: templates", 2_000, |n| list(one(format!("{{{{ if x }}}}\n{}", pods(n))))),
    ("list: aliases", 2_000, |n| list(one(format!("x: &x {{image: a:1}}\ny:\n{}", "  - *x\n".repeat(n))))),
    ("list: merge keys", 2_000, |n| {
        list(one(format!("x: &x {{image: a:1}}\ny:\n{}", "  - {<<: *x, b: c}\n".repeat(n))))
    }),
    ("list: keys of a mapping", 10_000, |n| {
        list(one((0..n).fold("image: a:1\n".to_owned(), |all, i| all + &format!("key{i}: b\n"))))
    }),
    ("list: comments", 5_000, |n| {
        let one_of = |i| format!("- image: a:{i} # tagpin: ignore it\n");
        list(one((0..n).map(one_of).collect()))
    }),
    ("list: texts inside of texts", 500, |n| list(vec![patches(n)])),
    ("list: kustomizations", 1_000, |n| {
        let kustomization = |i| {
            (
                format!("k/{i}/kustomization.yaml"),
                format!("resources: [../{}]\nimages: [{{name: a, newTag: '{i}'}}]\n", i + 1),
            )
        };
        list((0..n).map(kustomization).collect())
    }),
    ("list: charts", 500, |n| {
        let chart = |i| {
            let values = (format!("c/{i}/values.yaml"), "image: {repository: a, tag: '1'}\n".to_owned());
            [values, (format!("c/{i}/templates/a.yaml"), "image: {{ .Values.image.tag }}\n".to_owned())]
        };
        decide((0..n).flat_map(chart).collect(), String::new())
    }),
    ("list: units of systemd", 2_000, |n| {
        list(vec![("a.container".to_owned(), format!("[Container]\n{}", "Image=a:1\n".repeat(n)))])
    }),
    ("list: tasks of Nomad", 1_000, |n| {
        let task =
            |i| format!("task \"t{i}\" {{\n driver = \"docker\"\n config {{\n image = \"a:{i}\"\n }}\n}}\n");
        let tasks: String = (0..n).map(task).collect();
        list(vec![("a.nomad".to_owned(), format!("job \"a\" {{\ngroup \"b\" {{\n{tasks}}}\n}}\n"))])
    }),
    ("check: findings", 2_000, |n| findings(one(pods(n)), String::new())),
    ("check: findings in one line of JSON", 2_000, |n| {
        findings(vec![("a.json".to_owned(), json(n))], String::new())
    }),
    ("check: rules", 1_000, |n| findings(one(pods(2_000)), settings("check.rule", n, "level = \"note\""))),
    ("check: allow-list", 1_000, |n| {
        findings(one(pods(2_000)), settings("check.allow", n, "reason = \"x\""))
    }),
    ("check: rules of a policy", 1_000, |n| {
        findings(one(pods(2_000)), settings("policy.rule", n, "style = \"digest\""))
    }),
    ("check: environments", 500, |n| {
        let files = (0..500).map(|i| (format!("e{i}/a.yaml"), pinned(4))).collect();
        let environment = |i| {
            format!("[[environment]]\nname = \"e{i}\"\npaths = [\"e{i}/**\", \"f{i}/**\"]\nequal = true\n")
        };
        findings(files, (0..n).map(environment).collect())
    }),
    ("check: digests of one tag", 2_000, |n| findings(one(pinned(n)), String::new())),
    ("decide: images", 2_000, |n| decide(one(pods(n)), String::new())),
    ("decide: holds", 1_000, |n| decide(one(pods(2_000)), settings("hold", n, "reason = \"x\""))),
    ("decide: holds on globs of everything", 1_000, |n| {
        let hold = |i: usize| {
            format!("[[hold]]\npaths = [\"**/x{i}*.yaml\"]\nimages = [\"ghcr.io/*/b{i}*\"]\nreason = \"x\"\n")
        };
        decide(one(pods(2_000)), (0..n).map(hold).collect())
    }),
    ("edit: objects of a file", 500, |n| edit("a.yaml".to_owned(), pods(n), String::new())),
    ("edit: images of one object", 500, |n| edit("a.yaml".to_owned(), containers(n), String::new())),
    ("edit: one line of JSON", 500, |n| edit("a.json".to_owned(), json(n), String::new())),
    ("edit: the style `digest`", 500, |n| {
        let text = (0..n).map(|i| format!("{{image: 'a:{i}'}}, ")).collect::<String>();
        edit(
            "compose.yaml".to_owned(),
            format!("services: {{{}}}\n", text.replace("{image", "s: {image")),
            DIGEST_STYLE.to_owned(),
        )
    }),
    ("edit: texts inside of texts", 200, |n| {
        let (path, text) = patches(n);
        edit(path, text, String::new())
    }),
    ("ledger: tags of an image", 1_000, |n| ledger((0..n).map(|i| (format!("t{i}"), 2)).collect())),
    ("ledger: moves of a tag", 2_000, |n| ledger(vec![("t".to_owned(), n)])),
    ("list: vendored kustomizations", 500, |n| {
        let kustomization = |i| {
            (
                format!("{}/node_modules/k{i:06}/kustomization.yaml", if i == 0 { "a" } else { "b" }),
                format!("resources: [../../../b/node_modules/k{:06}]\n", i + 1),
            )
        };
        let first = ("a/kustomization.yaml".to_owned(), "resources: [node_modules/k000000]\n".to_owned());
        let tree = files((0..n).map(kustomization).chain([first]).collect());
        Box::new(move || {
            let taken = inventory::take(&tree, &BUILT_IN, |_| true, VendoredTrees::LeaveOut).unwrap();
            assert_eq!(taken.vendored.len(), 0, "each is read by the one before it");
        })
    }),
    ("gate: files that were moved", 1_000, |n| {
        let side = |name: &str| -> Vec<(String, Vec<u8>)> {
            (0..n).map(|i| (format!("{name}/{i}.yaml"), format!("image: a:{i:09}\n").into_bytes())).collect()
        };
        let (gone, added) = (side("old"), side("new"));
        Box::new(move || assert_eq!(renames(&gone, &added).len(), gone.len()))
    }),
    ("gate: files that were moved and changed", 125, |n| {
        let side = |name: &str, number: usize| {
            (0..n).map(|i| (format!("{name}/{i}.yaml"), deployment(i) + &pods(number))).collect()
        };
        change(side("old", 4), side("new", 5))
    }),
    ("gate: directories that a kustomization gains", 250, |n| {
        let all = (0..n).map(|i| (format!("apps/a{i}/a.yaml"), deployment(i)));
        let with = |names: String| {
            let root = ("k/kustomization.yaml".to_owned(), format!("resources: [{names}]\n"));
            all.clone().chain([root]).collect()
        };
        change(with(String::new()), with((0..n).map(|i| format!("../apps/a{i}, ")).collect()))
    }),
    ("gate: deployers that gain a directory each", 250, |n| {
        let with = |place: &str| {
            let application = |i| {
                format!(
                    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a{i}}}\nspec:\n  source: {{repoURL: \
                     'https://git.example/a.git', path: {place}/a{i}}}\n"
                )
            };
            let all = (0..n).map(|i| (format!("apps/a{i}/a.yaml"), deployment(i)));
            all.chain((0..n).map(|i| (format!("argo/a{i}.yaml"), application(i)))).collect()
        };
        change(with("nothing"), with("apps"))
    }),
    ("gate: deployers that name one directory", 125, |n| {
        let with = |place: &str| {
            let application = |i| {
                format!(
                    "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: a{i}}}\nspec:\n  source: {{repoURL: \
                     'https://git.example/a.git', path: {place}}}\n"
                )
            };
            let all = (0..n).map(|i| (format!("apps/a{i}.yaml"), deployment(i)));
            all.chain((0..n).map(|i| (format!("argo/a{i}.yaml"), application(i)))).collect()
        };
        change(with("nothing"), with("apps"))
    }),
    ("history: commits", 500, commits),
    ("pull request: images", 500, |n| {
        let image = |i: usize| ImageChange {
            name: format!("ghcr.io/acme/a{i}"),
            tag: "1".to_owned(),
            old: Some(Digest::sha256(b"old")),
            new: Digest::sha256(i.to_string().as_bytes()),
            platforms: "index".to_owned(),
            index: None,
            files: vec![format!("a/{i}.yaml")],
            objects: Vec::new(),
            proofs: Vec::new(),
            details: None,
            moves: None,
            unconfirmed: None,
        };
        let images: Vec<ImageChange> = (0..n).map(image).collect();
        let proposal = Proposal { spans: n, files: n, head: "a1".repeat(20), images, ..Proposal::default() };
        Box::new(move || assert!(render(&proposal).1.len() > 1_000))
    }),
    ("pull request: groups with a name", 500, |n| {
        let group = |i| {
            format!("[[pull-request.group]]\nname = \"g{i}\"\npaths = [\"p{i}/**\"]\nimages = [\"b{i}\"]\n")
        };
        let config = config(&(0..n).map(group).collect::<String>());
        let reference = Reference::parse("ghcr.io/acme/a:1").unwrap();
        Box::new(move || {
            for i in 0..200 {
                let (path, settings) = (format!("a/{i}.yaml"), &config.settings);
                let group = config.proposals.grouping.of(&path, &reference, &settings.environments);
                assert_eq!(group.name(), None);
            }
        })
    }),
    ("run: repositories", 250, repositories),
];

const DIGEST_STYLE: &str = "[policy]\nstyle = \"digest\"\n";

fn main() {
    let word = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let mut steep = 0;
    println!("{:44} {:>8}  growth", "dimension", "from");
    for (name, first, work) in DIMENSIONS.iter().filter(|(name, ..)| name.contains(&word)) {
        let sizes = (0..=DOUBLINGS).map(|power| first << power);
        let times: Vec<Duration> = sizes.map(|size| best(&mut work(size))).collect();
        let growth = exponent(&times);
        let shown: Vec<String> =
            times.iter().map(|time| format!("{:.1}", time.as_secs_f64() * 1e3)).collect();
        println!("{name:44} {first:>8}  {growth:.2}  ({} ms)", shown.join(", "));
        steep += usize::from(growth > GROWTH_MAX);
    }
    if steep > 0 {
        println!("{steep} grow faster than by {GROWTH_MAX}");
        std::process::exit(1);
    }
}

/// Returns the shortest of some times on the processors: what else runs makes work longer on the wall, and here by little.
fn best(work: &mut dyn FnMut()) -> Duration {
    let start = Instant::now();
    let mut best = Duration::MAX;
    for round in 0..5 {
        let before = computed();
        work();
        best = best.min(computed().saturating_sub(before));
        // What is compiled by the first is there for the others: one alone says something else.
        if round > 0 && start.elapsed() > Duration::from_secs(4) {
            break;
        }
    }
    best
}

/// Returns how long the process has computed so far, all threads together.
fn computed() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Returns the slope of the times over the sizes, both as logarithms, by least squares.
fn exponent(times: &[Duration]) -> f64 {
    let points: Vec<(f64, f64)> =
        times.iter().enumerate().map(|(x, time)| (x as f64, time.as_secs_f64().log2())).collect();
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0, sum.1 + point.1));
    let (x, y) = (x / count, y / count);
    let (up, over) = points.iter().fold((0.0, 0.0), |sum, point| {
        (sum.0 + (point.0 - x) * (point.1 - y), sum.1 + (point.0 - x) * (point.0 - x))
    });
    up / over
}

/// A tree in memory.
struct Files(BTreeMap<String, Vec<u8>>);

impl Tree for Files {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let entry = |(path, bytes): (&String, &Vec<u8>)| TreeEntry {
            path: path.clone(),
            size: bytes.len() as u64,
            kind: EntryKind::File,
        };
        Ok(self.0.iter().map(entry).collect())
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, TreeError> {
        self.0.get(path).cloned().ok_or_else(|| TreeError::NotFound { path: path.to_owned() })
    }
}

fn files(all: Vec<(String, String)>) -> Files {
    Files(all.into_iter().map(|(path, text)| (path, text.into_bytes())).collect())
}

fn one(text: String) -> Vec<(String, String)> {
    vec![("a.yaml".to_owned(), text)]
}

fn config(text: &str) -> Config {
    Config::parse("tagpin.toml", Path::new("/"), text.as_bytes()).unwrap()
}

fn inventory_of(tree: &Files) -> Inventory {
    inventory::take(tree, &BUILT_IN, |_| true, VendoredTrees::Read).unwrap()
}

fn pods(number: usize) -> String {
    (0..number).map(deployment).collect()
}

fn deployment(number: usize) -> String {
    format!(
        "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a{number}\nspec:\n  template:\n    spec:\n      \
         containers:\n        - name: c\n          image: ghcr.io/acme/a{number}:1.{number}\n"
    )
}

/// Images of one tag, each at a digest of its own.
fn pinned(number: usize) -> String {
    (0..number).fold(String::new(), |mut text, i| {
        let digest = Digest::sha256(i.to_string().as_bytes());
        let _ = write!(text, "---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a{i}}}\nspec: {{containers: [{{image: 'a:1@{digest}'}}]}}\n");
        text
    })
}

/// Patches as texts in a kustomization.
fn patches(number: usize) -> (String, String) {
    let patch = |i| {
        format!(
            "- patch: |-\n    {}",
            deployment(i).trim_start_matches("---\n").trim_end().replace('\n', "\n    ") + "\n"
        )
    };
    ("kustomization.yaml".to_owned(), format!("patches:\n{}", (0..number).map(patch).collect::<String>()))
}

fn containers(number: usize) -> String {
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\nspec:\n  template:\n    spec:\n      containers:\n";
    (0..number).fold(head.to_owned(), |mut text, i| {
        let _ = writeln!(text, "        - name: c{i}\n          image: ghcr.io/acme/a{i}:1.{i}");
        text
    })
}

/// A list of objects without a line end.
fn json(number: usize) -> String {
    let object = |i| {
        format!(
            "{{\"apiVersion\":\"apps/v1\",\"kind\":\"Deployment\",\"metadata\":{{\"name\":\"a{i}\"}},\"spec\":{{\"template\":\
             {{\"spec\":{{\"containers\":[{{\"name\":\"c\",\"image\":\"ghcr.io/acme/a{i}:1.{i}\"}}]}}}}}}}}"
        )
    };
    let objects: Vec<String> = (0..number).map(object).collect();
    format!("{{\"apiVersion\":\"v1\",\"kind\":\"List\",\"items\":[{}]}}", objects.join(","))
}

/// Entries of one list of the configuration, each for paths and images of its own.
fn settings(name: &str, number: usize, rest: &str) -> String {
    (0..number).fold(String::new(), |mut text, i| {
        let _ = write!(text, "[[{name}]]\npaths = [\"p{i}/**\"]\nimages = [\"ghcr.io/acme/b{i}\"]\n{rest}\n");
        text
    })
}

fn list(all: Vec<(String, String)>) -> Box<dyn FnMut()> {
    let tree = files(all);
    Box::new(move || {
        let inventory = inventory_of(&tree);
        let report = Report::new(&inventory, None, |_| false);
        let mut out = Vec::new();
        tagpin::report::json::write(&report, false, &mut out).unwrap();
        assert!(!out.is_empty());
    })
}

fn findings(all: Vec<(String, String)>, settings: String) -> Box<dyn FnMut()> {
    let (tree, config) = (files(all), config(&settings));
    let inventory = inventory_of(&tree);
    Box::new(move || {
        let checked: Checked = check(&CheckContext {
            inventory: &inventory,
            settings: &config.settings,
            check: &config.check,
            today: Date::MIN,
            now: jiff::Timestamp::UNIX_EPOCH,
            base: None,
            baseline: None,
            online: None,
            is_change: false,
        });
        let mut report = Report::new(&inventory, None, |_| false);
        report.add_findings(checked);
        report.add_excerpts(|path| tree.read(path, u64::MAX).ok());
        assert!(!report.findings.is_empty());
    })
}

/// Returns what every registry says of every tag.
fn answer(question: &TagRef) -> TagAnswer {
    TagAnswer::new(Resolution {
        digest: Digest::sha256(question.tag.as_bytes()),
        media_type: "application/vnd.oci.image.manifest.v1+json".to_owned(),
        content: Some(ManifestContent::Image { config: None, size: None }),
    })
}

fn verdicts(inventory: &Inventory, config: &Config, past: &LedgerView) -> Vec<Verdict> {
    let rules = Rules::new(&config.settings, past);
    let answers = plan::questions(inventory, rules)
        .into_iter()
        .map(|asked| (asked.question.clone(), Ok(answer(&asked.question))))
        .collect();
    plan::decide(inventory, rules, &answers)
}

fn decide(all: Vec<(String, String)>, settings: String) -> Box<dyn FnMut()> {
    let (tree, config) = (files(all), config(&settings));
    let inventory = inventory_of(&tree);
    Box::new(move || {
        let verdicts = verdicts(&inventory, &config, &LedgerView::default());
        let holds = &config.settings.holds;
        let unmatched = holds.at(Timestamp::MIN).unmatched(&holds.matched(&inventory));
        assert!(!verdicts.is_empty() && unmatched.len() == holds.all.len());
    })
}

fn edit(path: String, text: String, settings: String) -> Box<dyn FnMut()> {
    let (tree, config) = (files(vec![(path.clone(), text)]), config(&settings));
    let inventory = inventory_of(&tree);
    let all = verdicts(&inventory, &config, &LedgerView::default());
    Box::new(move || {
        let mut verdicts = all.clone();
        let plan = AnnotationPlan {
            keys: config.settings.annotations.all_keys(),
            enabled: true,
            remove: false,
            mends: false,
            is_patch: false,
        };
        let sites = &inventory.files[0].scan.sites;
        let edited = edit_file(&path, &tree.0[&path], &BUILT_IN, sites, &mut verdicts, &plan);
        assert!(edited.is_some() || config.settings.policy != Default::default());
    })
}

/// Judges the last of two commits.
fn change(before: Vec<(String, String)>, after: Vec<(String, String)>) -> Box<dyn FnMut()> {
    let directory = tempfile::tempdir().unwrap();
    let git = git2::Repository::init(directory.path()).unwrap();
    let person = git2::Signature::now("a", "a@example.com").unwrap();
    let mut parent: Option<git2::Oid> = None;
    for files in [before, after] {
        let mut index = git.index().unwrap();
        let was: Vec<_> = index.iter().map(|entry| String::from_utf8(entry.path).unwrap()).collect();
        was.iter().for_each(|path| fs_err::remove_file(directory.path().join(path)).unwrap());
        for (path, text) in &files {
            let path = directory.path().join(path);
            fs_err::create_dir_all(path.parent().unwrap()).unwrap();
            fs_err::write(path, text).unwrap();
        }
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = git.find_tree(index.write_tree().unwrap()).unwrap();
        let above = parent.map(|parent| git.find_commit(parent).unwrap());
        let above: Vec<&git2::Commit<'_>> = above.iter().collect();
        parent = Some(git.commit(Some("HEAD"), &person, &person, "change", &tree, &above).unwrap());
    }
    Box::new(move || {
        std::env::set_current_dir(directory.path()).unwrap();
        let cli = Cli::parse_from(["tagpin", "check", "--changed-since", "HEAD~1", "--format", "json"]);
        let Command::Check(args) = &cli.command else { panic!("it is another command") };
        let [stdout, stderr] = [(); 2].map(|()| Stream::plain(std::io::sink()));
        let mut terminal = Terminal { stdout, stderr };
        let exit =
            commands::check::run(args, &cli.globals, &Variables::from_process(), &mut terminal).unwrap();
        assert_eq!(exit, Exit::Findings);
    })
}

/// A history in which the images of one file stay, and another file changes with each commit.
fn commits(number: usize) -> Box<dyn FnMut()> {
    let directory = tempfile::tempdir().unwrap();
    let git = git2::Repository::init(directory.path()).unwrap();
    let text = pinned(10);
    let images = git.blob(text.as_bytes()).unwrap();
    let mut parent: Option<git2::Oid> = None;
    for second in 0..number {
        let mut builder = git.treebuilder(None).unwrap();
        builder.insert("a.yaml", images, 0o100_644).unwrap();
        builder.insert("b.txt", git.blob(second.to_string().as_bytes()).unwrap(), 0o100_644).unwrap();
        let tree = git.find_tree(builder.write().unwrap()).unwrap();
        let when = git2::Time::new(1_700_000_000 + second as i64, 0);
        let author = git2::Signature::new("a", "a@example.com", &when).unwrap();
        let above = parent.map(|parent| git.find_commit(parent).unwrap());
        let above: Vec<&git2::Commit<'_>> = above.iter().collect();
        parent = Some(git.commit(None, &author, &author, "change", &tree, &above).unwrap());
    }
    git.set_head_detached(parent.unwrap()).unwrap();
    let (inventory, config) = (inventory_of(&files(one(text))), config(""));
    Box::new(move || {
        let log = Log::open(directory.path(), "HEAD", marker::is_own).unwrap();
        let ages = history::ages(&log, &config.settings, &inventory, |_, _| true).unwrap();
        assert!(ages.iter().all(|age| matches!(age, Some(Age::Declared(_)))));
    })
}

/// Knows nothing.
struct Nobody;

impl Registry for Nobody {
    async fn resolve(&self, _: &TagRef, _: bool) -> Result<Resolution, ResolveError> {
        Err(ResolveError::NotFound(Box::new(Asked::content("r.example", "nothing"))))
    }

    async fn look(&self, _: &TagRef, _: &Probe) -> Result<Probed, ResolveError> {
        Err(ResolveError::NotFound(Box::new(Asked::content("r.example", "nothing"))))
    }
}

/// What a run does for each of its repositories beside the work in it: none of them can be cloned.
fn repositories(number: usize) -> Box<dyn FnMut()> {
    let no_directory = tempfile::NamedTempFile::new().unwrap();
    let text = (0..number).fold("[forge]\nkind = \"none\"\n".to_owned(), |mut text, i| {
        let _ = write!(text, "[[repository]]\nurl = \"https://git.example/acme/r{i}.git\"\n");
        text
    });
    let runtime = tokio::runtime::Runtime::new().unwrap();
    Box::new(move || {
        let config = config(&text);
        let session = RunSession::new(&config);
        let Targets { targets, .. } = runtime.block_on(fleet::discover(&config, None, &|_| None));
        let context = RunContext {
            config: &config,
            registry: &Nobody,
            cache_dir: no_directory.path(),
            token: None,
            lookup: &|_| None,
            now: Timestamp::UNIX_EPOCH,
            dry_run: true,
            session: &session,
        };
        let mut failed = 0;
        let ended = |_, result: Result<_, RunError>| {
            failed += usize::from(result.is_err());
            Ok::<_, std::convert::Infallible>(())
        };
        fleet::each(&context, &targets, 4, runtime.handle(), &|_, _| {}, ended).unwrap();
        assert_eq!(failed, number);
    })
}

/// A ledger with these tags of one image, each seen so often.
fn ledger(tags: Vec<(String, usize)>) -> Box<dyn FnMut()> {
    let mut text = String::new();
    for second in 0..tags.iter().map(|(_, moves)| *moves).max().unwrap() {
        let when = Timestamp::from_second(1_700_000_000 + second as i64).unwrap();
        for (tag, _) in tags.iter().filter(|(_, moves)| second < *moves) {
            let digest = Digest::sha256(format!("{tag}{second}").as_bytes());
            let _ = writeln!(text, "{when} {tag} {digest}");
        }
    }
    let tree =
        files(vec![("VERSION".to_owned(), "1\n".to_owned()), ("tags/ghcr.io/acme+a.txt".to_owned(), text)]);
    let now = Timestamp::from_second(1_800_000_000).unwrap();
    let observation = |(tag, _): &(String, usize)| TagObservation {
        question: TagRef::new(&Reference::parse(&format!("ghcr.io/acme/a:{tag}")).unwrap()),
        digest: Digest::sha256(b"new"),
    };
    let seen: Vec<TagObservation> = tags.iter().map(observation).collect();
    Box::new(move || {
        let ledger = Ledger::read(&tree).unwrap();
        let news = ledger.news(now, &seen);
        assert_eq!(ledger.files(&news, false).len(), 1);
        let past = LedgerView::new(LedgerState::Read(ledger.into()), now).with(&seen);
        for seen in &seen {
            assert!(past.moves(&seen.question).is_some());
        }
    })
}
