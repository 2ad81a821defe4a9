//! Input that wants to hang, crash or fill the memory: each ends in an outcome with a reason, in bounded time and memory,
//! and the files beside it are still done.

#![expect(clippy::print_stderr, reason = "how long each input takes is shown with --nocapture")]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::site::Skip;
use tagpin::manifest::{UnreadReason, scan};
use tagpin::plan::{Outcome, Reason};

use crate::support::pinning::{Run, pin_twice, policy};

/// Far more than any of the inputs needs, even unoptimised on a busy machine, and far less than quadratic work takes.
const LONGEST: Duration = Duration::from_secs(90);

/// What must become of a file.
#[derive(Clone, Copy, Debug)]
enum Expected {
    /// So many sites, all of them pinned.
    Pinned(usize),
    /// One site that failed for this reason.
    Failed(&'static str),
    /// So many sites, one of them pinned.
    OnePinned(usize),
    /// So many sites, all of them ignored.
    Ignored(usize),
    /// One site that is skipped.
    Skipped,
    /// Something that was not read, for this reason.
    Unread(UnreadReason),
    /// Nothing is said at all: it is no manifest.
    Nothing,
}

use Expected::{Failed, Ignored, Nothing, OnePinned, Pinned, Skipped, Unread};

fn check(name: &str, path: &str, bytes: &[u8], expected: Expected) {
    let start = Instant::now();
    let policy = policy("tag+digest");
    let run = pin_twice(path, bytes, &policy, Some("deployed-image-digest"));
    let took = start.elapsed();
    let Run { inventory, verdicts, .. } = &run;
    let scan = &inventory.files[0].scan;
    let reasons: Vec<_> = scan.unread.iter().map(|unread| unread.reason).collect();
    let found = format!("{name}: {} sites, unread {:?}", verdicts.len(), &reasons[..reasons.len().min(3)]);
    let outcomes = || -> Vec<_> {
        verdicts.iter().map(|verdict| (verdict.outcome, verdict.reason.map(Reason::as_str))).collect()
    };
    match expected {
        Pinned(count) => {
            let pinned = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Pinned).count();
            assert_eq!((verdicts.len(), pinned), (count, count), "{found}");
        }
        Failed(reason) => assert_eq!(outcomes(), [(Outcome::Failed, Some(reason))], "{found}"),
        OnePinned(count) => {
            let pinned = verdicts.iter().filter(|verdict| verdict.outcome == Outcome::Pinned).count();
            assert_eq!((verdicts.len(), pinned), (count, 1), "{found}");
        }
        Ignored(count) => {
            let ignored =
                verdicts.iter().filter(|verdict| verdict.reason == Some(Reason::Skip(Skip::Ignored))).count();
            assert_eq!((verdicts.len(), ignored), (count, count), "{found}");
        }
        Skipped => assert_eq!(outcomes(), [(Outcome::Skipped, Some("not-a-reference"))], "{found}"),
        Unread(reason) => assert!(reasons.contains(&reason), "{found}"),
        Nothing => assert!(scan.is_empty(), "{found}"),
    }
    for unread in &scan.unread {
        assert!(unread.detail.as_ref().is_some_and(|detail| !detail.is_empty()), "{found}");
    }
    eprintln!("{name}: {} bytes, {:.2} s", bytes.len(), took.as_secs_f64());
    assert!(took < LONGEST, "{name} took {took:?}");
}

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec:\n";

fn pod(rest: &str) -> Vec<u8> {
    format!("{POD}{rest}").into_bytes()
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |mut text, index| {
        text += &line(index);
        text
    })
}

const MANY: usize = 100_000;

#[test]
fn aliases_and_merge_keys_do_not_multiply() {
    let laughs = |value: fn(usize) -> String| {
        let mut text = String::from("x0: &x0 {image: nginx:1}\n");
        for level in 1..40 {
            let _ = writeln!(text, "x{level}: &x{level} {}", value(level - 1));
        }
        text + "services: {a: {image: nginx:2}}\n"
    };
    let values = laughs(|x| format!("[*x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}]"));
    check("billion laughs", "compose.yaml", values.as_bytes(), Unread(UnreadReason::TooLarge));
    let merges = laughs(|x| format!("{{<<: [*x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}, *x{x}]}}"));
    check("merged laughs", "compose.yaml", merges.as_bytes(), Unread(UnreadReason::TooLarge));
    let chain = lines(MANY, |i| format!("a{}: &a{} [*a{i}]\n", i + 1, i + 1));
    let chain = format!("a0: &a0 {{image: nginx:1}}\n{chain}");
    check("chained aliases", "values.yaml", chain.as_bytes(), Unread(UnreadReason::TooDeep));
    let chain = lines(MANY, |i| format!("a{}: &a{} {{<<: *a{i}}}\n", i + 1, i + 1));
    let chain = format!("a0: &a0 {{image: nginx:1}}\n{chain}");
    check("chained merge keys", "values.yaml", chain.as_bytes(), Unread(UnreadReason::TooDeep));
    for cycle in
        ["a: &a {image: nginx:1, <<: *a}\n", "a: &a [*a, {image: nginx:1}]\n", "&a {services: *a, image: x}"]
    {
        check("cycle", "values.yaml", cycle.as_bytes(), Unread(UnreadReason::TooDeep));
    }
    let wide = lines(MANY, |i| format!("  k{i}: 0\n"));
    let uses = lines(MANY, |i| format!("  s{i}: {{<<: *b, image: nginx:1}}\n"));
    let text = format!("b: &b\n{wide}services:\n{uses}");
    check("wide merges", "compose.yaml", text.as_bytes(), Unread(UnreadReason::TooLarge));
    let uses = lines(MANY / 10, |_| "    - *c\n".to_owned());
    let text = format!("  containers:\n    - &c {{name: a, image: nginx:1}}\n{uses}");
    check("one container, many aliases", "pod.yaml", &pod(&text), Pinned(1));
}

#[test]
fn nesting_is_bounded() {
    for (name, open) in [("flow sequences", "["), ("flow mappings", "{image: "), ("block sequences", "- ")] {
        // A document without the word is not read at all.
        let text = format!("# image: x\n{}", open.repeat(MANY));
        check(name, "values.yaml", text.as_bytes(), Unread(UnreadReason::TooDeep));
    }
    let block = lines(3_000, |i| format!("{}image:\n", " ".repeat(i)));
    check("block mappings", "values.yaml", block.as_bytes(), Unread(UnreadReason::TooDeep));
}

#[test]
fn length_is_no_trouble() {
    let line = "x".repeat(1_000_000);
    let text =
        format!("  a: {line}\n  b: '{line}'\n  # {line}\n  containers: [{{name: a, image: nginx:1}}]\n");
    check("lines of 1 MB", "pod.yaml", &pod(&text), Pinned(1));
    let text = format!("  containers: [{{name: a, image: {line}}}]\n");
    check("an image of 1 MB", "pod.yaml", &pod(&text), Skipped);
    let text = lines(MANY, |i| format!("# image {i}\n"));
    let text = text.clone() + POD + &text + "  containers: [{name: a, image: nginx:1}]\n" + &text;
    check("comment lines", "pod.yaml", text.as_bytes(), Pinned(1));
    check("documents", "pod.yaml", lines(MANY / 4, |_| "---\nimage: x\n".to_owned()).as_bytes(), Nothing);
    let text = lines(MANY, |_| "---\nimage: [\n".to_owned());
    check("broken documents", "pod.yaml", text.as_bytes(), Unread(UnreadReason::NotYaml));
    let text = "image: [".to_owned() + &"1,".repeat(2_000_000) + "]";
    check("nodes", "values.yaml", text.as_bytes(), Unread(UnreadReason::TooLarge));
    let mut large = b"image: nginx:1\n".to_vec();
    large.resize(16 * 1024 * 1024 + 1, b'\n');
    check("a byte too much", "values.yaml", &large, Unread(UnreadReason::TooLarge));
    large.pop();
    check("the largest file", "values.yaml", &large, Pinned(1));
}

/// Finds many images of one shape: eight times as many take about eight times as long, and not sixty. Pins a part.
fn many(name: &str, path: &str, text: impl Fn(usize) -> String) {
    let time = |count: usize| {
        let text = text(count);
        let start = Instant::now();
        assert_eq!(scan(path, text.as_bytes(), &BUILT_IN).sites.len(), count, "{name}");
        start.elapsed().as_secs_f64()
    };
    let (few, many) = (time(MANY / 40).min(time(MANY / 40)), time(MANY / 5));
    eprintln!("{name}: {} sites found in {many:.2} s, an eighth in {few:.2} s", MANY / 5);
    assert!(many < 30.0 * few, "{name} took {many:.2} s, and an eighth of it {few:.2} s");
    check(name, path, text(MANY / 50).as_bytes(), Pinned(MANY / 50));
}

#[test]
fn many_sites_in_one_file_are_not_quadratic() {
    let text = format!("{POD}  containers:\n") + &lines(MANY, |i| format!("  - image: nginx:{i}\n"));
    assert_eq!(scan("pod.yaml", text.as_bytes(), &BUILT_IN).sites.len(), MANY);
    many("containers", "pod.yaml", |count| {
        format!("{POD}  containers:\n") + &lines(count, |i| format!("  - {{name: c{i}, image: nginx:{i}}}\n"))
    });
    many("kustomize entries", "kustomization.yaml", |count| {
        "images:\n".to_owned() + &lines(count, |i| format!("- {{name: c{i}, newTag: v{i}}}\n"))
    });
    many("a wide object", "wide.yaml", |count| {
        "apiVersion: example.com/v1\nkind: Wide\nspec:\n".to_owned()
            + &lines(count, |i| format!("  k{i}: {{image: nginx:{i}}}\n"))
    });
    many("values", "values.yaml", |count| {
        lines(count, |i| format!("s{i}: {{image: {{repository: r{i}, tag: v{i}}}}}\n"))
    });
    many("services", "compose.yaml", |count| {
        "services:\n".to_owned() + &lines(count, |i| format!("  s{i}: {{image: nginx:{i}}}\n"))
    });
    many("objects", "pods.yaml", |count| {
        lines(count, |i| {
            format!("---\napiVersion: v1\nkind: Pod\nspec: {{containers: [{{image: nginx:{i}}}]}}\n")
        })
    });
    many("anchors", "values.yaml", |count| {
        lines(count, |i| format!("s{i}: {{image: &a{i} nginx:{i}, proxyImage: *a{i}}}\n"))
    });
}

#[test]
fn many_actions_directives_texts_and_uses_are_not_quadratic() {
    let lines_of_actions = lines(MANY, |_| "{{ if x }}\n".to_owned());
    let text = format!(
        "{lines_of_actions}{}",
        String::from_utf8(pod("  containers: [{image: nginx:1}]\n")).unwrap()
    );
    check("lines of actions", "pod.yaml", text.as_bytes(), Pinned(1));
    let text = format!("  a: {}\n  containers: [{{image: nginx:1}}]\n", "{{ x }}".repeat(MANY));
    check("one line of actions", "pod.yaml", &pod(&text), Pinned(1));
    let text = lines(MANY / 4, |i| format!("  - image: nginx:{i} # tagpin: ignore x\n"));
    check("ignores", "pod.yaml", &pod(&format!("  containers:\n{text}")), Ignored(MANY / 4));
    let text = lines(MANY / 4, |i| format!("  - image: nginx:{i} # tagpin: ignore-file x\n"));
    check("ignored files", "pod.yaml", &pod(&format!("  containers:\n{text}")), Ignored(MANY / 4));
    let patches = lines(MANY / 10, |i| {
        format!(
            "- patch: |\n    apiVersion: v1 # {i}\n    kind: Pod\n    spec: {{containers: [{{name: a, image: x:1}}]}}\n"
        )
    });
    let start = Instant::now();
    let found = scan("kustomization.yaml", format!("patches:\n{patches}").as_bytes(), &BUILT_IN).sites.len();
    assert!(found == MANY / 10 && start.elapsed() < LONGEST, "{found} texts, {:?}", start.elapsed());
    let images = lines(MANY / 50, |i| format!("  s{i}: {{image: nginx:{i}}}\n"));
    let uses = lines(50, |i| format!("x{i}: *s\n"));
    let start = Instant::now();
    let found = scan("compose.yaml", format!("services: &s\n{images}{uses}").as_bytes(), &BUILT_IN).sites;
    let named: usize = found.iter().map(|located| located.site.also_at.len()).sum();
    assert!(
        found.len() == MANY / 50 && (1..=100_000).contains(&named) && start.elapsed() < LONGEST,
        "{named} uses"
    );
}

#[test]
fn many_keys_and_annotations_are_not_quadratic() {
    // The last counts; the others are named, because they look like images.
    let keys = lines(MANY / 4, |_| "    image: nginx:1\n".to_owned());
    check(
        "duplicate keys",
        "pod.yaml",
        &pod(&format!("  containers:\n  - name: a\n{keys}")),
        OnePinned(MANY / 4),
    );
    let head = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: a\n";
    let keys = lines(MANY / 4, |i| format!("    k{i}: v\n"));
    let text = format!("{head}  annotations:\n{keys}");
    let text = text + "spec: {template: {spec: {containers: [{name: a, image: nginx:1}]}}}\n";
    check("annotations", "deploy.yaml", text.as_bytes(), Pinned(1));
    let text = lines(2_500, |i| format!("{{name: c{i}, image: nginx:{i}}},\n"));
    let text = format!("{head}spec: {{template: {{spec: {{containers: [\n{text}]}}}}}}\n");
    check("annotated containers", "deploy.yaml", text.as_bytes(), Pinned(2_500));
}

#[test]
fn odd_bytes_have_a_reason() {
    let good = String::from_utf8(pod("  containers:\n  - name: a\n    image: nginx:1\n")).unwrap();
    check("good", "pod.yaml", good.as_bytes(), Pinned(1));
    let unread = |name: &str, bytes: &[u8], reason| check(name, "pod.yaml", bytes, Unread(reason));
    unread("NUL", good.replace("nginx", "ngi\0nx").as_bytes(), UnreadReason::NotYaml);
    unread("tab indent", good.replace("    image", "\timage").as_bytes(), UnreadReason::NotYaml);
    unread("BOM in the middle", good.replace("spec:", "\u{feff}spec:").as_bytes(), UnreadReason::NotYaml);
    unread("Latin-1", &[good.as_bytes(), b"# \xe9\n"].concat(), UnreadReason::NotUtf8);
    unread("truncated", (good.clone() + "  volumes: [{\"name\": \"").as_bytes(), UnreadReason::NotYaml);
    unread("template", (good.clone() + "  {{ x }}: [\n").as_bytes(), UnreadReason::Template);
    for little in [true, false] {
        let mut wide = if little { vec![0xff, 0xfe] } else { vec![0xfe, 0xff] };
        for unit in good.encode_utf16() {
            wide.extend(if little { unit.to_le_bytes() } else { unit.to_be_bytes() });
        }
        unread("UTF-16", &wide, UnreadReason::NotUtf8);
    }
    check("BOM", "pod.yaml", format!("\u{feff}{good}").as_bytes(), Pinned(1));
    check("CR only", "pod.yaml", good.replace('\n', "\r").as_bytes(), Pinned(1));
    // libyaml ends lines there (YAML 1.1), so the file cannot be proven and is left alone.
    let text = good.replace("metadata", "x: a\u{85}b\u{2028}c\nmetadata");
    check("NEL", "pod.yaml", text.as_bytes(), Failed("not-proven"));
    let lfs = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";
    check("Git LFS pointer", "image.yaml", lfs.as_bytes(), Nothing);
    check("empty", "pod.yaml", b"", Nothing);
    check("only a BOM", "pod.yaml", b"\xef\xbb\xbf", Nothing);
    check(
        "binary",
        "pod.yaml",
        &[b"image".as_slice(), &[0xff; 1000]].concat(),
        Unread(UnreadReason::NotUtf8),
    );
}

#[test]
fn jobs_are_bounded() {
    let job = |inside: &str| {
        format!(
            "job \"a\" {{\n  group \"a\" {{\n    task \"a\" {{\n      driver = \"docker\"\n      config {{\n        \
             image = \"nginx:1\"\n{inside}\n      }}\n    }}\n  }}\n}}\n"
        )
    };
    let check = |name: &str, inside: &str, expected| check(name, "a.nomad", job(inside).as_bytes(), expected);
    check("a job", "", Pinned(1));
    for open in ["[", "{", "(", "\"${", "f(", "{ a = "] {
        check(open, &format!("x = {}", open.repeat(MANY)), Unread(UnreadReason::TooDeep));
    }
    check("blocks", &"a {\n".repeat(MANY), Unread(UnreadReason::TooDeep));
    for deep in ["!", "- ", "a ? b : "] {
        check(deep, &format!("x = {}a", deep.repeat(500)), Unread(UnreadReason::NotHcl));
    }
    for chain in ["a + ", "\"\", ", "<<"] {
        check(chain, &format!("x = {}a", chain.repeat(MANY)), Unread(UnreadReason::NotHcl));
    }
    check("traversals", &format!("x = a{}", ".b".repeat(MANY)), Pinned(1));
    check("indexes", &format!("x = a{}", "[0]".repeat(MANY)), Pinned(1));
    check("what is deep enough", &format!("x = {}{}", "[".repeat(50), "]".repeat(50)), Pinned(1));
    let keys = lines(MANY, |i| format!("k{i} = 1\n"));
    check("a wide object", &format!("x = {{\n{keys}}}"), Unread(UnreadReason::TooLarge));
    let objects = lines(100, |o| format!("x{o} = {{\n{}}}\n", lines(900, |i| format!("k{i}=1\n"))));
    check("many objects", &objects, Pinned(1));
    check("comments", &"# image\n".repeat(MANY), Pinned(1));
    check("a long comment", &format!("/*{}*/", "/ ".repeat(MANY)), Pinned(1));
    check("comments on a line", &"/**/ ".repeat(MANY), Pinned(1));
    check("a long text", &format!("x = \"{}\"", "$".repeat(1_000_000)), Pinned(1));
    check("templates", &format!("x = \"{}\"", "${a}".repeat(MANY)), Pinned(1));
    check("heredocs", &lines(MANY / 200, |i| format!("x{i} = <<E\n${{a}}\nE\n")), Pinned(1));
    check("unclosed heredocs", &"<<E\n".repeat(MANY), Unread(UnreadReason::NotHcl));
    check("NUL", "\0", Unread(UnreadReason::NotHcl));
    check("duplicate attributes", "image = \"nginx:2\"", Unread(UnreadReason::NotHcl));
    check("2 MB", &" ".repeat(2 * 1024 * 1024), Unread(UnreadReason::TooLarge));
    let tasks = lines(5_000, |i| {
        format!("task \"t{i}\" {{\n driver = \"docker\"\n config {{\n  image = \"nginx:{i}\"\n }}\n}}\n")
    });
    let tasks = format!("job \"a\" {{\n{tasks}}}\n");
    self::check("tasks", "a.nomad", tasks.as_bytes(), Pinned(5_000));
}

#[test]
fn units_are_bounded() {
    const GOOD: &str = "[Container]\nImage=nginx:1\n";
    let check = |name: &str, text: &str, expected| check(name, "a.container", text.as_bytes(), expected);
    check("a unit", GOOD, Pinned(1));
    check("NUL", &format!("{GOOD}X=\0\n"), Pinned(1));
    check("a NUL in the image", &GOOD.replace("nginx", "ngi\0nx"), Skipped);
    check("comments", &format!("{}{GOOD}", "# image\n".repeat(MANY)), Pinned(1));
    check("sections", &format!("{}{GOOD}", lines(MANY, |i| format!("[s{i}]\na=b\n"))), Pinned(1));
    check("lines that go on", &format!("{GOOD}X={}", "a\\\n".repeat(MANY)), Pinned(1));
    check("a long line", &format!("{GOOD}X={}", "x".repeat(1_000_000)), Pinned(1));
    check("the last counts", &format!("[Container]\n{}", "Image=nginx:1\n".repeat(MANY)), OnePinned(MANY));
    check("lines", &format!("{GOOD}{}", "a=\n".repeat(2_000_000)), Unread(UnreadReason::TooLarge));
    check("no assignment", &format!("{GOOD}x\n"), Unread(UnreadReason::NotUnit));
    let disk = vec![0; 17 * 1024 * 1024];
    self::check("a disk", "image.volume", &disk, Nothing);
    self::check("a Latin-1 unit", "a.image", b"[Image]\nImage=a:\xe9\n", Unread(UnreadReason::NotUtf8));
}

#[test]
fn what_a_builder_reads_is_read_whatever_is_in_it_and_it_is_called() {
    check("a NUL", "Dockerfile", b"# \0\xff\nFROM nginx:1\n", Unread(UnreadReason::NotUtf8));
    check("one for a language", "Dockerfile.php", b"FROM nginx:1\n", Pinned(1));
    check("a program", "dockerfile.py", b"from os import path\n", Nothing);
    check("a program called after it", "Dockerfile.go", b"package dockerfile\n", Nothing);
}
