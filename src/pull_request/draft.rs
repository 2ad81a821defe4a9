//! What may be written of a draft, and what of it has to be. Pure.

use super::{marker, same_body, same_text};
use crate::forge::{Draft, PullRequest, PullRequestChanges, PullRequestState};

/// Returns whether an open pull request from the branch is tagpin's to write to: it has tagpin's marker, or it proposes
/// this very commit to this very base, as after a crash between push and pull request, when somebody opened it by
/// hand. Any other one is a person's own.
pub fn may_write(draft: &Draft, current: &PullRequest) -> bool {
    let adopted = current.commit == draft.commit && current.base == draft.base;
    adopted || marker::read(&current.body).is_some()
}

/// Returns the one of `history` that is open and tagpin's to write to; the one with the marker before the others, then the
/// oldest. A branch can have one for each base.
pub fn current<'p>(draft: &Draft, history: &'p [PullRequest]) -> Option<&'p PullRequest> {
    let open = history.iter().filter(|pull| pull.state == PullRequestState::Open && may_write(draft, pull));
    open.min_by_key(|pull| (marker::read(&pull.body).is_none(), pull.number))
}

/// Returns what of `current` has to change so that it says what `draft` says.
pub fn changes<'a>(draft: &'a Draft, current: &PullRequest) -> PullRequestChanges<'a> {
    PullRequestChanges {
        title: (!same_text(&draft.title, &current.title)).then_some(&*draft.title),
        body: (!same_body(&draft.body, &current.body)).then_some(&*draft.body),
        base: (draft.base != current.base).then_some(&*draft.base),
        close: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::forge::Metadata;

    #[test]
    fn only_what_differs_is_a_change() {
        let draft = Draft {
            head: "tagpin/pin-digests".to_owned(),
            base: "main".to_owned(),
            title: "new".to_owned(),
            body: "one\ntwo\n".to_owned(),
            commit: "a".repeat(40),
            metadata: Metadata::default(),
        };
        let mut current = PullRequest {
            number: 1,
            title: "new".to_owned(),
            body: "one\r\ntwo".to_owned(),
            base: "main".to_owned(),
            commit: "a".repeat(40),
            ..PullRequest::default()
        };
        assert!(changes(&draft, &current).is_empty());
        current.base = "release".to_owned();
        assert_eq!(
            changes(&draft, &current),
            PullRequestChanges { base: Some("main"), ..PullRequestChanges::default() }
        );
    }
}
