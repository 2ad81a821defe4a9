//! The pull requests of many branches, asked for together: what is left out decides nothing.

use tagpin::pull_request::Declined;

use super::*;

/// A branch for each history, oldest first: `o` open, `c` closed, `m` merged, `r` merged into another base, `f` a fork's.
const HISTORIES: [&str; 14] = [
    "",
    "o",
    "c",
    "m",
    "mo",
    "cm",
    "mc",
    "cmmmmmmmmo",
    "mmmmmmmmc",
    "cccccc",
    "mmmmrr",
    "mmff",
    "ccffffffff",
    "cmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcmcm",
];

fn branch(i: usize) -> String {
    format!("tagpin/image-{i}")
}

/// Each pull request of a branch is for a digest of its own, but every third for the first.
async fn filled() -> Fake {
    let fake = fake().await;
    for (i, history) in HISTORIES.iter().enumerate() {
        for (at, state) in history.chars().enumerate() {
            let body = draft_of(&format!("{i} {}", at % 3)).body;
            let (fork, base) = match state {
                'f' => ("acme/fork", "main"),
                'r' => ("acme/clusters", "release"),
                _ => ("acme/clusters", "main"),
            };
            let number = fake.open(Pull { body: Some(body), ..foreign(Some(fork), &branch(i), base) });
            match state {
                'c' => fake.close(number),
                'm' | 'r' => fake.merge(number),
                _ => {}
            }
        }
    }
    fake
}

fn declined(history: &[PullRequest]) -> Declined {
    Declined::of(history.iter().filter(|pull| pull.base == "main"), "again")
}

#[tokio::test]
async fn all_branches_at_once_tell_what_each_tells_by_itself() {
    let fake = filled().await;
    let forge = client(&fake);
    let branches: Vec<String> = (0..HISTORIES.len()).map(branch).collect();
    let together = forge.histories(&branches, "main").await.unwrap();
    // One listing, and one for those whose older ones may say something.
    assert_eq!(methods(&fake.log()), ["POST", "POST", "POST"]);
    for (name, states) in branches.iter().zip(HISTORIES) {
        let (alone, together) = (history(&forge, name).await.unwrap(), &together[name]);
        assert!(together.iter().all(|pull| alone.contains(pull)), "{states}: {together:?}");
        assert!(together.is_sorted_by_key(|pull| std::cmp::Reverse(pull.number)), "{states}");
        assert_eq!(declined(together), declined(&alone), "{states}");
        let open = |pulls: &[PullRequest]| {
            pulls.iter().filter(|pull| pull.state == PullRequestState::Open).cloned().collect::<Vec<_>>()
        };
        assert_eq!(open(together), open(&alone), "{states}");
        let newest = |pulls: &[PullRequest]| {
            pulls.iter().find(|pull| pull.state != PullRequestState::Open && pull.base == "main").cloned()
        };
        assert_eq!(newest(together), newest(&alone), "{states}");
    }
}

#[tokio::test]
async fn what_is_too_much_at_once_is_asked_for_in_halves() {
    let fake = filled().await;
    let branches: Vec<String> = (0..3).map(branch).collect();
    for _ in 0..3 {
        fake.next("POST", Mood::GaveUp);
    }
    let found = client(&fake).histories(&branches, "main").await.unwrap();
    assert_eq!(found.values().map(Vec::len).sum::<usize>(), 2);
    assert_eq!(methods(&fake.log()).len(), 3 + 2, "repeated twice, then in halves");
}

#[tokio::test]
async fn without_a_token_each_branch_is_asked_for_by_itself_and_a_refusal_is_an_error() {
    let fake = filled().await;
    let branches: Vec<String> = (0..3).map(branch).collect();
    let found = client_with(&fake, None).histories(&branches, "main").await.unwrap();
    assert_eq!((found.len(), methods(&fake.log())), (3, vec!["GET"; 3]));
    fake.next("POST", Mood::Forbidden);
    told(
        client(&fake).histories(&branches, "main").await.unwrap_err(),
        "Forbidden: the token lacks a permission",
    );
    told(
        client_with(&fake, Some("wrong-token")).histories(&branches, "main").await.unwrap_err(),
        "Unauthorized: token",
    );
}
