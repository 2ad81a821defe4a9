//! What somebody said no to by closing a pull request without merging it. Pure.

use std::collections::{BTreeMap, BTreeSet};

use super::Proposal;
use super::marker::{self, DeclinedKey, Marker};
use crate::forge::{PullRequest, PullRequestState};
use crate::reference::Digest;

/// The pairs of image and digest that were declined, each with the pull request that was closed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declined {
    pairs: BTreeMap<DeclinedKey, u64>,
    /// Closed pull requests with more pairs than a body has room for: they are declined as a whole.
    sets: Vec<(Marker, u64)>,
}

impl Declined {
    /// Reads the closed and merged ones of `history`, in any order. The newest that has a pair decides on it: closed
    /// means no, merged means yes. One that tagpin closed itself, or that has the label `ask_again`, says nothing.
    ///
    /// The caller hands in those only that tagpin's own identity opened from the repository itself.
    pub fn of<'p>(history: impl IntoIterator<Item = &'p PullRequest>, ask_again: &str) -> Self {
        let mut history: Vec<&PullRequest> =
            history.into_iter().filter(|pull| pull.state != PullRequestState::Open).collect();
        history.sort_by_key(|pull| std::cmp::Reverse(pull.number));
        let (mut declined, mut decided) = (Self::default(), BTreeSet::new());
        for pull in history {
            let Some(marker) = marker::read(&pull.body) else { continue };
            let says_nothing = marker.retired || pull.has_label(ask_again);
            if pull.state == PullRequestState::Closed && says_nothing {
                continue;
            }
            let is_no = pull.state == PullRequestState::Closed;
            for pair in marker.pairs() {
                if decided.insert(pair) && is_no {
                    declined.pairs.insert(pair, pull.number);
                }
            }
            if is_no && marker.pairs().is_empty() {
                declined.sets.push((marker, pull.number));
            }
        }
        declined
    }

    /// Returns the pull request in which the image `name` with `tag` was declined at `digest`.
    pub fn image(&self, name: &str, tag: &str, digest: &Digest) -> Option<u64> {
        self.pairs.get(&DeclinedKey::new(name, tag, digest)).copied()
    }

    /// Returns whether there is anything that [`Declined::whole`] could find.
    pub fn has_wholes(&self) -> bool {
        !self.sets.is_empty()
    }

    /// Returns the pull request in which exactly the changes of `proposal` were declined, where they were too many to be
    /// told one by one.
    pub fn whole(&self, proposal: &Proposal) -> Option<u64> {
        let wanted = Marker::of(proposal);
        let found = self.sets.iter().find(|(marker, _)| marker.same_changes(&wanted));
        found.map(|(_, number)| *number)
    }
}

#[cfg(test)]
mod tests {
    use super::super::ImageChange;
    use super::super::tests::{change, proposal};
    use super::*;

    fn number(declined: &Declined, image: &ImageChange) -> Option<u64> {
        declined.image(&image.name, &image.tag, &image.new)
    }

    fn pull(number: u64, state: PullRequestState, images: Vec<ImageChange>) -> PullRequest {
        let body = Marker::of(&proposal(images)).comment();
        PullRequest { number, body, state, ..PullRequest::default() }
    }

    #[test]
    fn the_newest_decision_on_a_pair_counts() {
        use PullRequestState::{Closed, Merged, Open};
        let nginx = || change("nginx", "1", Some(1), 2);
        let redis = || change("redis", "7", None, 3);
        let first_pin = change("nginx", "1", None, 2);
        for (states, expected) in [
            (&[][..], None),
            (&[Closed], Some(1)),
            (&[Open], None),
            (&[Merged], None),
            (&[Closed, Merged], None),
            (&[Merged, Closed], Some(2)),
            (&[Closed, Merged, Closed], Some(3)),
            (&[Closed, Open], Some(1)),
        ] {
            let history: Vec<_> =
                (1..).zip(states).map(|(number, state)| pull(number, *state, vec![nginx()])).collect();
            for history in [history.clone(), history.into_iter().rev().collect()] {
                let declined = Declined::of(&history, "again");
                assert_eq!(number(&declined, &nginx()), expected, "{states:?}");
                assert_eq!(number(&declined, &first_pin), expected, "whatever the digest before was");
                assert_eq!(number(&declined, &redis()), None);
            }
        }
        let both = [pull(1, Closed, vec![nginx(), redis()]), pull(2, Merged, vec![redis()])];
        let declined = Declined::of(&both, "again");
        assert_eq!((number(&declined, &nginx()), number(&declined, &redis())), (Some(1), None));
    }

    #[test]
    fn what_tagpin_closed_and_what_is_asked_for_again_is_not_declined() {
        let nginx = || change("nginx", "1", Some(1), 2);
        let closed = pull(1, PullRequestState::Closed, vec![nginx()]);
        let retired = PullRequest {
            body: marker::with(&closed.body, |marker| marker.retired = true),
            ..closed.clone()
        };
        let asked = PullRequest { labels: vec!["Again".to_owned()], ..closed.clone() };
        for history in [retired, asked, PullRequest { body: String::new(), ..closed }] {
            assert_eq!(Declined::of([&history], "again"), Declined::default());
        }
    }

    #[test]
    fn more_than_a_body_has_room_for_is_declined_as_a_whole() {
        let images = |count| (0..count).map(|i| change(&format!("i{i}"), "1", None, 1)).collect::<Vec<_>>();
        let declined = Declined::of(&[pull(4, PullRequestState::Closed, images(2000))], "again");
        assert_eq!(declined.whole(&proposal(images(2000))), Some(4));
        assert_eq!(declined.whole(&proposal(images(1999))), None);
        let declined = Declined::of(&[pull(4, PullRequestState::Closed, images(900))], "again");
        assert_eq!(declined.whole(&proposal(images(900))), None, "each by itself");
        assert!(images(900).iter().all(|image| number(&declined, image) == Some(4)));
    }
}
