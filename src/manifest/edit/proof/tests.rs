//! Each check by itself: what the two others would let pass, it refuses.

use super::*;
use crate::manifest::syntax::language::Language;
use crate::manifest::syntax::yaml;

const BEFORE: &str = "a: &x one # c\nb: 'two'\nc: [1, {d: *x}]\ne: !t v\nn: ~\nf: |\n  text\n";

/// A plan that sets `b` to `new`, adds `g: h` after it, fills `n`, and removes nothing.
fn plan(tree: &SyntaxTree<'_>) -> Plan {
    let mut plan = Plan::default();
    let root = tree.documents[0].root.unwrap();
    let b = tree.get(root, "b").unwrap();
    plan.set(tree, b, "new".to_owned()).unwrap();
    plan.add_after(tree, root, b, "g", "h").unwrap();
    let null = tree.get(root, "n").unwrap();
    plan.fill(tree, null, vec![("k".to_owned(), "w".to_owned())], 2).unwrap();
    plan
}

fn second_reading(old: &SyntaxTree<'_>, text: &str, plan: &Plan) -> Result<(), ProofError> {
    let syntax = old.language.syntax();
    Ok((syntax.compare)(old, &(syntax.parse)(text), &plan.tree)?)
}

fn after() -> String {
    BEFORE.replace("'two'\n", "'new'\ng: h\n").replace("n: ~\n", "n:\n  k: w\n")
}

fn mutations() -> Vec<(&'static str, String)> {
    let change = |from: &str, to: &str| after().replacen(from, to, 1);
    vec![
        ("another value", change("one", "two")),
        ("another planned value", change("new", "old")),
        ("another added value", change("g: h", "g: i")),
        ("another added key", change("g: h", "i: h")),
        ("no added entry", change("g: h\n", "")),
        ("added twice", change("g: h\n", "g: h\ng: h\n")),
        ("added elsewhere", change("g: h\n", "").replace("e: !t", "g: h\ne: !t")),
        ("another filled value", change("k: w", "k: z")),
        ("another filled key", change("k: w", "l: w")),
        ("filled with more", change("k: w", "k: w\n  l: w")),
        ("filled with text", change("n:\n  k: w", "n: w")),
        ("not filled", change("n:\n  k: w", "n: ~")),
        ("another key", change("e:", "z:")),
        ("another order", change("b: 'new'\ng: h\n", "g: h\nb: 'new'\n")),
        ("another number", change("[1", "[2")),
        ("a number as text", change("[1", "['1'")),
        ("an item more", change("[1", "[1, 1")),
        ("an item less", change("[1, ", "[")),
        ("an alias to something else", change("a: &x one", "a: one").replace("'new'", "&x 'new'")),
        ("another tag", change("!t", "!u")),
        ("no tag", change("!t ", "")),
        ("no line end", change("|", "|-")),
        ("a collection", change("'new'", "[new]")),
        ("a document more", after() + "---\n"),
        ("nothing", String::new()),
        ("not YAML", after() + "]"),
    ]
}

#[test]
fn the_first_tree_refuses_every_other_reading() {
    let old = yaml::parse(BEFORE);
    let plan = plan(&old);
    let check = |text: &str| Comparison { old: &old, new: &yaml::parse(text), edit: &plan.tree }.streams();
    assert_eq!(check(&after()), Ok(()));
    for (what, text) in mutations() {
        assert!(matches!(check(&text), Err(ProofError::Tree(_))), "{what}: {text}");
    }
    // The second parser does not see these.
    for (what, from, to) in [
        ("another style", "'new'", "\"new\""),
        ("another style of another node", "f: |\n  text\n", "f: \"text\\n\"\n"),
        ("no anchor", "&x one", "one"),
        ("block for flow", "[1, {d: *x}]", "\n- 1\n- {d: *x}"),
        ("an alias as its value", "*x", "one"),
        ("an anchor on what is added", "g: h", "g: &y h"),
        ("an anchor on what is planned", "'new'", "&y 'new'"),
    ] {
        assert!(check(&after().replace(from, to)).is_err(), "{what}");
    }
    // What stands in comments and between tokens is for the bytes to say.
    assert_eq!(check(&after().replace("# c", "# d").replace("b:", "b: ")), Ok(()));
}

#[test]
fn the_second_tree_refuses_every_other_reading() {
    let old = yaml::parse(BEFORE);
    let plan = plan(&old);
    let check = |text: &str| second_reading(&old, text, &plan);
    assert_eq!(check(&after()), Ok(()));
    for (what, text) in mutations() {
        let refused = matches!(check(&text), Err(ProofError::SecondTree(_) | ProofError::Unverifiable(_)));
        assert!(refused, "{what}: {text}");
    }
}

#[test]
fn a_long_document_is_proven_in_parts_and_refused_for_any_of_them() {
    const ITEMS: usize = 900;
    let filler = "c".repeat(600);
    let item = |i| format!("- name: a{i}\n  image: a:{i}\n  # {filler}\n  args: [b{i}, \"c\n    d\"]\n");
    let text = format!("kind: List\nitems:\n{}end: ~\n", (0..ITEMS).map(item).collect::<String>());
    let old = yaml::parse(&text);
    let mut plan = Plan::default();
    let root = old.documents[0].root.unwrap();
    for (i, item) in old.items(old.get(root, "items").unwrap()).iter().enumerate() {
        let image = old.get(*item, "image").unwrap();
        plan.set(&old, image, format!("b:{i}")).unwrap();
        plan.add_after(&old, *item, image, "digest", "sha256").unwrap();
    }
    let after = plan.apply(&text).unwrap();
    let check = |text: &str| second_reading(&old, text, &plan);
    assert_eq!(check(&after), Ok(()));
    // Every part has some.
    for i in (0..ITEMS).step_by(97) {
        let whole = |name: &str| format!("- name: {name}\n  image: b:{i}\n  digest: sha256\n");
        let place = whole(&format!("a{i}"));
        for changed in [
            whole("b"),
            place.replace("  digest: sha256\n", ""),
            place.replace("sha256", "sha255"),
            place.replace("b:", "a:"),
            place.replace("  image", " image"),
            format!("- {{}}\n{place}"),
            format!("{place}  digest: sha256\n"),
        ] {
            assert!(after.contains(&place));
            assert!(check(&after.replace(&place, &changed)).is_err(), "{changed}");
        }
    }
}

#[test]
fn the_bytes_outside_the_splices_count_alone() {
    let old = yaml::parse(BEFORE);
    let plan = plan(&old);
    assert_eq!(bytes_outside_are_equal(BEFORE, &after(), &plan), Ok(()));
    for (from, to) in
        [("# c", "# d"), ("b:", "b: "), ("text\n", "text"), ("new", "old"), ("a:", "\u{feff}a:")]
    {
        let text = after().replacen(from, to, 1);
        assert_eq!(bytes_outside_are_equal(BEFORE, &text, &plan), Err(ProofError::Bytes), "{from}");
        assert_eq!(prove(&old, &text, &plan), Err(ProofError::Bytes), "{from}");
    }
    // Splices that overlap, or lie outside the text, are not a plan.
    for span in [10..20, 15..16, 900..901] {
        let mut plan = plan.clone();
        plan.splices.push(Splice { span: span.clone(), text: "x".to_owned() });
        plan.splices.push(Splice { span: span.start..span.end + 3, text: "y".to_owned() });
        assert_eq!(plan.apply(BEFORE), None);
        assert_eq!(bytes_outside_are_equal(BEFORE, &after(), &plan), Err(ProofError::Bytes));
    }
}

#[test]
fn aliases_are_followed_and_duplicates_are_counted() {
    let text = "a: &x nginx\nb: *x\nk: 1\nk: 2\n";
    let old = yaml::parse(text);
    let root = old.documents[0].root.unwrap();
    let mut plan = Plan::default();
    plan.set(&old, old.get(root, "a").unwrap(), "nginx:1".to_owned()).unwrap();
    let after = plan.apply(text).unwrap();
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    let second = |text: &str| second_reading(&old, text, &plan);
    for (from, to) in [("k: 2\n", ""), ("k: 1\n", ""), ("k: 1\nk: 2", "k: 2\nk: 1"), ("*x", "nginx")] {
        assert!(second(&after.replace(from, to)).is_err(), "{from}");
    }
}

#[test]
fn several_insertions_at_one_place_keep_their_order() {
    let text = "m: {a: 1}\nn:\n  b: 2\n";
    let old = yaml::parse(text);
    let root = old.documents[0].root.unwrap();
    let mut plan = Plan::default();
    for mapping in [old.get(root, "m").unwrap(), old.get(root, "n").unwrap()] {
        let (_, after) = old.entries(mapping)[0];
        for key in ["x", "y", "z"] {
            plan.add_after(&old, mapping, after, key, "v").unwrap();
        }
    }
    let after = plan.apply(text).unwrap();
    assert_eq!(after, "m: {a: 1, x: v, y: v, z: v}\nn:\n  b: 2\n  x: v\n  y: v\n  z: v\n");
    assert_eq!(prove(&old, &after, &plan), Ok(()));
}

#[test]
fn a_broken_document_does_not_keep_its_neighbour_from_being_proven() {
    let text = "image: [\n---\nimage: x\n";
    let old = yaml::parse(text);
    let mut plan = Plan::default();
    let image = old.get(old.documents[1].root.unwrap(), "image").unwrap();
    plan.set(&old, image, "x:1".to_owned()).unwrap();
    let after = plan.apply(text).unwrap();
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    assert!(second_reading(&old, &after.replace("x:1", "x:2"), &plan).is_err());
}

const JOB: &str = "job \"a\" {\n  x = [1, \"${b}\"] # c\n  image = \"b:1\" // d\n  y = <<E\nf\nE\n}\n";
const DOCKERFILE: &str =
    "# escape=`\n# a\nARG X=1\nFROM `\n  # c\n  b:1 AS s\nRUN cat <<E\nFROM b:1\nE\nCOPY --from=s /x /y\n";

const UNIT: &str = "# a\n[Unit]\nX=1\n[Container]\nImage=b:1\nX=1\nExec=a \\\n  b\n";

fn planned(language: Language, text: &'static str) -> (SyntaxTree<'static>, Plan) {
    let tree = (language.syntax().parse)(text);
    let image = (0..tree.nodes.len())
        .find(|id| tree.key_of(*id).is_some_and(|key| key.eq_ignore_ascii_case("image")));
    let mut plan = Plan::default();
    plan.set(&tree, image.unwrap(), "b:2".to_owned()).unwrap();
    (tree, plan)
}

#[test]
fn the_second_reading_of_hcl_refuses_every_other_one() {
    let (old, plan) = planned(Language::Hcl, JOB);
    let after = plan.apply(JOB).unwrap();
    assert_eq!(after, JOB.replace("b:1", "b:2"));
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    assert_eq!(second_reading(&old, &after.replace("# c", "// e"), &plan), Ok(()));
    for (from, to) in [
        ("b:2", "b:1"),
        ("b:2", "b:3"),
        ("\"b:2\"", "b"),
        ("\"b:2\"", "\"b:2\" \"\""),
        ("\"b:2\"", "\"b:2${c}\""),
        ("[1,", "[2,"),
        ("${b}", "${c}"),
        ("\"a\"", "\"b\""),
        ("image", "inage"),
        ("f\n", "g\n"),
        ("f\n", ""),
        ("// d\n", "// d\n\n"),
        ("// d\n", "/* d */"),
        ("}\n", "}"),
    ] {
        let text = after.replacen(from, to, 1);
        assert!(second_reading(&old, &text, &plan).is_err(), "{from} to {to}");
        assert!(prove(&old, &text, &plan).is_err(), "{from} to {to}");
    }
    // What is planned must be a text of its own.
    let mut elsewhere = Plan::default();
    elsewhere.tree.set.insert(0, JOB.to_owned());
    assert!(second_reading(&old, JOB, &elsewhere).is_err());
}

const MODULE: &str = "resource \"a\" \"b\" {\n  x = <<-E\n    image: b:1\n    y: ${1 + 1}\n  E\n}\n";

#[test]
fn the_second_reading_of_a_heredoc_refuses_every_other_one() {
    let mut old = (Language::Terraform.syntax().parse)(MODULE);
    let text = (0..old.nodes.len()).find(|id| old.key_of(*id) == Some("x")).unwrap();
    let root = old.embed(text, Language::Yaml).unwrap()[0];
    let mut plan = Plan::default();
    plan.set(&old, old.get(root, "image").unwrap(), "b:2".to_owned()).unwrap();
    plan.tree.set.insert(text, "image: b:2\ny: ${1 + 1}".to_owned());
    let after = plan.apply(MODULE).unwrap();
    assert_eq!(after, MODULE.replace("b:1", "b:2"));
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    for (from, to) in [
        ("b:2", "b:1"),
        ("b:2", "b:3"),
        ("    image", "     image"),
        ("    image", "    \n    image"),
        ("1 + 1", "1 + 2"),
        ("<<-E", "<<E"),
        ("x =", "z ="),
        ("  E\n", "  E\n\n"),
    ] {
        let text = after.replacen(from, to, 1);
        assert!(second_reading(&old, &text, &plan).is_err(), "{from} to {to}");
        assert!(prove(&old, &text, &plan).is_err(), "{from} to {to}");
    }
}

#[test]
fn the_second_reading_of_a_unit_refuses_every_other_one() {
    let (old, plan) = planned(Language::Unit, UNIT);
    let after = plan.apply(UNIT).unwrap();
    assert_eq!(after, UNIT.replace("b:1", "b:2"));
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    assert_eq!(second_reading(&old, &after.replace("# a", "; e"), &plan), Ok(()));
    for (from, to) in [
        ("b:2", "b:1"),
        ("b:2", "b:3"),
        ("b:2", "b:2 # c"),
        ("b:2\n", "b:2\\\n"),
        ("Image", "image"),
        ("Image=b:2\n", ""),
        ("[Container]", "[Image]"),
        ("[Container]\n", ""),
        ("X=1", "X=2"),
        ("[Unit]\nX=1\n", "[Unit]\n"),
        ("a \\\n  b", "a"),
    ] {
        let text = after.replacen(from, to, 1);
        assert!(second_reading(&old, &text, &plan).is_err(), "{from} to {to}");
        assert!(prove(&old, &text, &plan).is_err(), "{from} to {to}");
    }
    // Both images are planned, and one is not written.
    let two = "[Container]\nImage=b:1\n[Volume]\nImage=b:1\n";
    let old = (Language::Unit.syntax().parse)(two);
    let mut plan = Plan::default();
    for section in ["Container", "Volume"] {
        let section = old.get(old.documents[0].root.unwrap(), section).unwrap();
        plan.set(&old, old.get(section, "Image").unwrap(), "b:2".to_owned()).unwrap();
    }
    assert_eq!(second_reading(&old, &two.replace("b:1", "b:2"), &plan), Ok(()));
    assert!(second_reading(&old, &two.replacen("b:1", "b:2", 1), &plan).is_err());
}

#[test]
fn the_second_reading_of_a_dockerfile_refuses_every_other_one() {
    let old = (Language::Dockerfile.syntax().parse)(DOCKERFILE);
    let base = (0..old.nodes.len())
        .find(|id| old.pointer(*id) == "/stages/0/from" && old.text_of(*id) == Some("b:1"));
    let mut plan = Plan::default();
    plan.set(&old, base.unwrap(), "b:2".to_owned()).unwrap();
    let after = plan.apply(DOCKERFILE).unwrap();
    assert_eq!(after, DOCKERFILE.replacen("b:1", "b:2", 1));
    assert_eq!(prove(&old, &after, &plan), Ok(()));
    for (from, to) in [
        ("b:2", "b:1"),
        ("b:2", "b:3"),
        ("b:2 AS", "b:2 c AS"),
        ("AS s", "AS t"),
        ("X=1", "X=2"),
        ("E\nFROM b:1", "E\nFROM b:2"),
        ("--from=s", "--from=t"),
        ("--from=s ", ""),
        ("escape=`", "escape=\\"),
        ("# a\n", ""),
        ("FROM `\n", "FROM\n"),
    ] {
        let text = after.replacen(from, to, 1);
        assert!(second_reading(&old, &text, &plan).is_err(), "{from} to {to}");
        assert!(prove(&old, &text, &plan).is_err(), "{from} to {to}");
    }
    // What is planned at one place is not done at another.
    let elsewhere = DOCKERFILE.replacen("\nFROM b:1", "\nFROM b:2", 1);
    assert!(prove(&old, &elsewhere, &plan).is_err());
}
