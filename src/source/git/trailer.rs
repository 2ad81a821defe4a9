//! The trailers by which a commit says that tagpin made it, even after a crash that lost everything else.

use sha2::{Digest as _, Sha256};

use super::{Commit, Oid};

/// The trailer with the tree that tagpin made: whoever changes the tree makes it wrong.
pub const TREE: &str = "Tagpin-Tree";

/// The trailer with [`changes_hash`], which stays the same when only the base moves.
pub const CHANGES: &str = "Tagpin-Changes";

/// Returns whether this commit says that tagpin made it and that nobody changed its tree since: it has one parent, and its
/// `Tagpin-Tree` is its tree. A human's commit on top, a merge, and a commit that was amended to other content do not.
///
/// It is a claim, which anybody can write: what the commit holds is compared with what a run builds before it counts.
pub fn is_own(commit: &Commit) -> bool {
    commit.parents.len() == 1 && value(&commit.message, TREE) == Some(commit.tree.to_string().as_str())
}

/// Returns a hash of new files, each a path and its content, in any order: 64 hex digits.
pub fn changes_hash(files: &[(String, Vec<u8>)]) -> String {
    let mut files: Vec<_> = files.iter().collect();
    files.sort();
    let mut hash = Sha256::new();
    for (path, content) in files {
        // No path has a NUL and every inner hash has the same length: two lists never run into the same bytes.
        hash.update(path.as_bytes());
        hash.update([0]);
        hash.update(Sha256::digest(content));
    }
    hex::encode(hash.finalize())
}

/// Returns the value of the last trailer `key` in a commit message.
pub fn value<'a>(message: &'a str, key: &str) -> Option<&'a str> {
    last_paragraph(message)
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(name, _)| name.eq_ignore_ascii_case(key))
        .map(|(_, value)| value.trim())
        .next_back()
}

/// Returns `message` with both trailers, in one block with trailers that it already has, such as `Signed-off-by`.
pub(super) fn append(message: &str, tree: Oid, changes: &str) -> String {
    let message = message.trim_end();
    let block = last_paragraph(message);
    let has_trailers = block.len() < message.len() && block.lines().all(is_trailer);
    let gap = if has_trailers { "\n" } else { "\n\n" };
    format!("{message}{gap}{TREE}: {tree}\n{CHANGES}: {changes}\n")
}

/// Returns the lines in which a commit message says something: without empty ones, tagpin's trailers and plain sign-offs, as
/// forges space messages anew and sign them off.
pub fn said(message: &str) -> Vec<&str> {
    let trailers = last_paragraph(message);
    let (before, _) = message.trim_end().split_at(message.trim_end().len() - trailers.len());
    // What is a trailer by its name alone may still tell a pipeline to stand by (`[skip ci]`), or close an issue (`#1`).
    let is_hash = |value: &str| value.len() >= 40 && value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_person = |value: &str| {
        let person = value.strip_suffix('>').and_then(|value| value.split_once(" <"));
        person.is_some_and(|(name, address)| {
            name.chars().all(|c| c.is_alphanumeric() || " .-_'".contains(c))
                && address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_+@[]".contains(&byte))
                && address.contains('@')
                && !address.contains(']')
                || name.ends_with("[bot]")
                    && name
                        .trim_end_matches("[bot]")
                        .bytes()
                        .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                    && !address.contains([' ', '#'])
        })
    };
    let is_silent = |line: &&str| match line.split_once(": ") {
        Some((TREE | CHANGES, value)) => is_hash(value),
        Some(("Co-authored-by" | "Signed-off-by", value)) => is_person(value),
        _ => false,
    };
    let lines = before.lines().chain(trailers.lines().filter(|line| !is_silent(line)));
    lines.map(str::trim_end).filter(|line| !line.is_empty()).collect()
}

fn last_paragraph(message: &str) -> &str {
    let message = message.trim_end();
    message.rfind("\n\n").map_or(message, |at| &message[at + 2..])
}

fn is_trailer(line: &str) -> bool {
    line.split_once(": ").is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn oid(digit: &str) -> Oid {
        Oid::from_str(&digit.repeat(40)).unwrap()
    }

    fn commit(message: String, tree: Oid, parents: usize) -> Commit {
        Commit { tree, parents: vec![oid("1"); parents], message }
    }

    #[test]
    fn an_own_commit_has_one_parent_and_the_tree_that_it_names() {
        let message = append("pin images\n\nWhy not: because.\n", oid("a"), "00");
        assert!(is_own(&commit(message.clone(), oid("a"), 1)));
        assert!(!is_own(&commit(message.clone(), oid("b"), 1)), "amended");
        assert!(!is_own(&commit(message.clone(), oid("a"), 2)), "merged");
        assert!(!is_own(&commit(message.clone(), oid("a"), 0)), "a root");
        assert!(!is_own(&commit("pin images".to_owned(), oid("a"), 1)), "a human's");
        let quoted = format!("Revert \"x\"\n\nThis reverts:\n\n{message}\n\nSorry.");
        assert!(!is_own(&commit(quoted, oid("a"), 1)), "trailers in the middle of a message are a quotation");
    }

    #[test]
    fn what_a_message_says_is_the_same_however_a_forge_spaces_and_signs_it() {
        let made = append("title\n\n- a b\n- c d\n", oid("a"), &"0".repeat(64));
        let said_before = said(&made);
        assert_eq!(said_before, ["title", "- a b", "- c d"]);
        for person in ["Bot <b@example.com>", "tagpin[bot] <1+tagpin[bot]@users.noreply.github.com>"] {
            let signed = made.replace("- a b", "\n- a b  ") + &format!("Signed-off-by: {person}\n");
            assert_eq!(said(&signed), said_before);
        }
        for other in [
            made.replace("title", "[skip ci] title"),
            made.replace("- c d", "- c d\n\n[skip ci]"),
            made.replace("Tagpin-Tree", "Closes: x/y#1\nTagpin-Tree"),
            made.clone() + "skip-checks: true\n",
            made.clone() + "Signed-off-by: [skip ci] <b@example.com>\n",
            made.clone() + "Signed-off-by: a [skip ci][bot] <b@example.com>\n",
            made.clone() + "Signed-off-by: a <[skip ci]@example.com>\n",
            made.clone() + "Co-authored-by: closes #1 <b@example.com>\n",
            made.clone() + "Tagpin-Changes: 00 [skip ci]\n",
            made.clone() + "Tagpin-Changes: Closes #1\n",
            made.clone() + "\n[skip ci]\n",
            made.replace("title\n", ""),
        ] {
            assert_ne!(said(&other), said_before, "{other}");
        }
    }

    #[test]
    fn trailers_make_one_block() {
        let plain = append("title", oid("a"), "00");
        assert_eq!(plain, format!("title\n\nTagpin-Tree: {}\nTagpin-Changes: 00\n", oid("a")));
        let conventional = append("chore: title", oid("a"), "00");
        assert!(conventional.starts_with("chore: title\n\nTagpin-Tree: "), "a title is not a trailer");
        let signed = append("title\n\nSigned-off-by: Bot <b@example.com>\n", oid("a"), "00");
        assert!(signed.contains("Signed-off-by: Bot <b@example.com>\nTagpin-Tree: "), "{signed}");
        assert_eq!(value(&signed, "tagpin-changes"), Some("00"));
    }

    #[test]
    fn the_hash_of_changes_knows_paths_and_contents_but_no_order() {
        let file = |path: &str, content: &str| (path.to_owned(), content.as_bytes().to_vec());
        let hash = changes_hash(&[file("a", "1"), file("b", "2")]);
        assert_eq!(hash, changes_hash(&[file("b", "2"), file("a", "1")]));
        assert_ne!(hash, changes_hash(&[file("a", "2"), file("b", "1")]));
        assert_ne!(changes_hash(&[file("ab", "")]), changes_hash(&[file("a", "b")]));
    }
}
