//! What people can tell tagpin in a pull request: a box in the body, and labels. Pure.

const WORDS: &str =
    "Rebuild this pull request on its base. Commits that others have added to its branch are lost.";

/// What stands before the box while somebody else's commit is on the branch.
const NOTE: &str = "> Somebody else has committed to this branch, so tagpin leaves it alone.";

/// What stands above everything while it is not known what the branch holds.
const DOUBT: &str = "> What this branch holds could not be compared with what the registries say, so nothing below is \
    confirmed: do not merge it until a run has done so.";

/// Returns the empty box, as it stands in a body.
pub fn rebuild_box() -> String {
    format!("- [ ] {WORDS}")
}

/// Returns whether the box in `body` is ticked.
pub fn asks_rebuild(body: &str) -> bool {
    let ticked = |line: &str| {
        let words = line.trim().strip_prefix("- [x] ").or_else(|| line.trim().strip_prefix("- [X] "));
        words == Some(WORDS)
    };
    body.lines().any(ticked)
}

/// Returns `body` with the note on somebody else's commit, which it has once, however often it is added.
pub fn with_note(body: &str) -> String {
    if body.lines().any(|line| line.trim() == NOTE) {
        return body.to_owned();
    }
    let body = body.replace("\r\n", "\n");
    match body.find(&rebuild_box()) {
        Some(at) => format!("{}{NOTE}\n\n{}", &body[..at], &body[at..]),
        None => format!("{NOTE}\n\n{body}"),
    }
}

/// Returns `body` with the note that the branch was not compared, which it has once.
pub fn with_doubt(body: &str) -> String {
    if body.lines().any(|line| line.trim() == DOUBT) {
        return body.to_owned();
    }
    format!("{DOUBT}\n\n{}", body.replace("\r\n", "\n"))
}

/// Returns `body` with the reason why tagpin closed the pull request, once.
pub fn with_reason(body: &str, reason: &str) -> String {
    let line = format!("> Closed by tagpin: {reason}");
    if body.lines().any(|other| other.trim() == line) {
        return body.to_owned();
    }
    format!("{line}\n\n{}", body.replace("\r\n", "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticked_box_is_found_and_an_empty_or_quoted_one_is_not() {
        let body = format!("text\r\n\r\n{}\r\n\r\nmore", rebuild_box());
        assert!(!asks_rebuild(&body));
        assert!(asks_rebuild(&body.replace("[ ]", "[x]")) && asks_rebuild(&body.replace("[ ]", "[X]")));
        assert!(!asks_rebuild(&format!("`- [x] {WORDS}`")) && !asks_rebuild("- [x] Something else"));
    }

    #[test]
    fn notes_are_written_once_and_keep_the_box() {
        for body in [format!("text\r\n\r\n{}\r\n", rebuild_box()), "by hand".to_owned()] {
            let noted = with_note(&body);
            assert_eq!(noted.matches(NOTE).count(), 1);
            assert_eq!(with_note(&noted), noted);
            assert_eq!(with_note(&noted.replace('\n', "\r\n")).matches(NOTE).count(), 1);
            assert_eq!(noted.contains(&rebuild_box()), body.contains(&rebuild_box()));
            let doubted = with_doubt(&noted);
            assert!(
                doubted.starts_with(DOUBT)
                    && with_doubt(&doubted.replace('\n', "\r\n")).matches(DOUBT).count() == 1
            );
            let closed = with_reason(&noted, "merged");
            assert!(closed.starts_with("> Closed by tagpin: merged\n\n") && closed.contains(NOTE));
            assert_eq!(with_reason(&closed, "merged"), closed);
        }
    }
}
