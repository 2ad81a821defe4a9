//! What to do with one branch and its pull request. Pure: a table of facts, tested as one.

/// What this run wants the branch to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Desired {
    /// Nothing, and that is certain: everything that it could hold was looked at.
    Nothing,
    /// Nothing that is known: something could not be checked.
    Unknown,
    /// That is not for this run to say: a person asked for it, or a limit keeps it from being proposed.
    Elsewhere,
    /// The changes that it holds already, byte for byte.
    Held,
    /// Other changes.
    Other,
}

/// The branch as it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchOwner {
    /// There is none.
    None,
    /// Its head says that it is tagpin's, or is a plain merge of the base into a commit that does.
    Own,
    /// Its head is somebody else's.
    Foreign,
}

/// The newest pull request of the branch, or the open one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatestPullRequest {
    /// There is none that counts.
    None,
    /// It is open.
    Open,
    /// It was merged, and the branch is what was merged.
    Merged,
    /// It was closed without a merge, or the branch has moved since it was merged.
    Closed,
    /// tagpin closed it, because there was nothing left to propose.
    Retired,
}

/// Everything that is known of one branch and its pull request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What this run wants it to hold.
    pub wanted: Desired,
    /// The branch.
    pub branch: BranchOwner,
    /// The pull request.
    pub newest: LatestPullRequest,
    /// Whether the open pull request has the label that halts.
    pub stop: bool,
    /// Whether the open pull request has a ticked box or the label that asks for a rebuild.
    pub rebuild: bool,
}

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing at all.
    Nothing,
    /// The label halts it: nothing is written.
    Stopped,
    /// Somebody else's commit is on the branch: the pull request says so, if one is open, and that is all.
    LeaveAlone,
    /// What the branch holds could not be compared: the pull request says so, and that is all.
    Doubt,
    /// The branch stays, the pull request is opened or brought up to date.
    Keep,
    /// The branch gets a new commit on the base, then as [`Action::Keep`].
    Build,
    /// The pull request is closed with a reason, then the branch is deleted.
    Retire,
    /// The branch is deleted.
    Delete,
}

/// Returns what is to be done (issue 5, points 1 to 3).
pub fn decide(facts: Facts) -> Action {
    let Facts { wanted, branch, newest, stop, rebuild } = facts;
    if stop && newest == LatestPullRequest::Open {
        return Action::Stopped;
    }
    let rebuild = rebuild && newest == LatestPullRequest::Open;
    match (wanted, branch, newest) {
        // What was merged is safe elsewhere, whoever made it.
        (
            Desired::Nothing | Desired::Unknown | Desired::Elsewhere,
            BranchOwner::Own | BranchOwner::Foreign,
            LatestPullRequest::Merged,
        ) => Action::Delete,
        (
            Desired::Nothing | Desired::Unknown | Desired::Elsewhere,
            BranchOwner::Foreign,
            LatestPullRequest::Open,
        ) => Action::LeaveAlone,
        (Desired::Unknown, BranchOwner::Own, LatestPullRequest::Open) => Action::Doubt,
        (Desired::Unknown | Desired::Elsewhere, ..) | (Desired::Nothing, BranchOwner::None, _) => {
            Action::Nothing
        }
        (Desired::Nothing, BranchOwner::Own, LatestPullRequest::Open) => Action::Retire,
        (Desired::Nothing, BranchOwner::Own, LatestPullRequest::None | LatestPullRequest::Retired) => {
            Action::Delete
        }
        // Whoever closed it may want to open it again.
        (Desired::Nothing, ..) => Action::Nothing,
        (_, BranchOwner::None, _) | (_, _, LatestPullRequest::Merged) => Action::Build,
        (_, BranchOwner::Foreign, _) if rebuild => Action::Build,
        (_, BranchOwner::Foreign, _) => Action::LeaveAlone,
        (Desired::Held, BranchOwner::Own, _) if !rebuild => Action::Keep,
        (Desired::Held | Desired::Other, BranchOwner::Own, _) => Action::Build,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Wanted, branch, newest pull request, labels (`s` stop, `r` rebuild) and the step; `*` is anything.
    const TABLE: &str = "
        nothing none    *       -  nothing
        nothing own     none    -  delete
        nothing own     open    -  retire
        nothing own     open    r  retire
        nothing own     open    s  stopped
        nothing own     merged  -  delete
        nothing own     closed  -  nothing
        nothing own     retired -  delete
        nothing foreign none    -  nothing
        nothing foreign open    -  leave-alone
        nothing foreign open    r  leave-alone
        nothing foreign open    s  stopped
        nothing foreign merged  -  delete
        nothing foreign closed  -  nothing
        nothing foreign retired -  nothing
        unknown none    *       -  nothing
        unknown own     none    -  nothing
        unknown own     open    -  doubt
        unknown own     open    r  doubt
        unknown own     open    s  stopped
        unknown own     merged  -  delete
        unknown own     closed  -  nothing
        unknown own     retired -  nothing
        unknown foreign none    -  nothing
        unknown foreign open    -  leave-alone
        unknown foreign open    r  leave-alone
        unknown foreign open    s  stopped
        unknown foreign merged  -  delete
        unknown foreign closed  -  nothing
        else    none    *       -  nothing
        else    own     none    -  nothing
        else    own     open    -  nothing
        else    own     open    s  stopped
        else    own     merged  -  delete
        else    own     closed  -  nothing
        else    foreign open    -  leave-alone
        else    foreign closed  -  nothing
        held    own     none    -  keep
        held    own     open    -  keep
        held    own     open    r  build
        held    own     open    s  stopped
        held    own     open    rs stopped
        held    own     merged  -  build
        held    own     closed  -  keep
        held    own     closed  rs keep
        held    own     retired -  keep
        held    foreign open    -  leave-alone
        held    foreign open    r  build
        other   none    none    -  build
        other   none    open    -  build
        other   none    open    s  stopped
        other   none    merged  -  build
        other   none    closed  -  build
        other   own     none    -  build
        other   own     open    -  build
        other   own     open    r  build
        other   own     open    s  stopped
        other   own     merged  -  build
        other   own     closed  -  build
        other   own     retired -  build
        other   foreign none    -  leave-alone
        other   foreign open    -  leave-alone
        other   foreign open    r  build
        other   foreign open    s  stopped
        other   foreign merged  -  build
        other   foreign closed  -  leave-alone
        other   foreign closed  r  leave-alone
        other   foreign retired -  leave-alone";

    #[test]
    fn every_row_of_the_table_holds() {
        let newest = [
            ("none", LatestPullRequest::None),
            ("open", LatestPullRequest::Open),
            ("merged", LatestPullRequest::Merged),
            ("closed", LatestPullRequest::Closed),
        ];
        let newest = [&newest[..], &[("retired", LatestPullRequest::Retired)]].concat();
        for row in TABLE.lines().map(str::trim).filter(|row| !row.is_empty()) {
            let words: Vec<&str> = row.split_whitespace().collect();
            let wanted = match words[0] {
                "nothing" => Desired::Nothing,
                "unknown" => Desired::Unknown,
                "else" => Desired::Elsewhere,
                "held" => Desired::Held,
                _ => Desired::Other,
            };
            let branch = match words[1] {
                "none" => BranchOwner::None,
                "own" => BranchOwner::Own,
                _ => BranchOwner::Foreign,
            };
            let step = match words[4] {
                "nothing" => Action::Nothing,
                "stopped" => Action::Stopped,
                "leave-alone" => Action::LeaveAlone,
                "doubt" => Action::Doubt,
                "keep" => Action::Keep,
                "build" => Action::Build,
                "retire" => Action::Retire,
                word => {
                    assert_eq!(word, "delete", "{row}");
                    Action::Delete
                }
            };
            for (_, newest) in newest.iter().filter(|(word, _)| words[2] == "*" || words[2] == *word) {
                let (stop, rebuild) = (words[3].contains('s'), words[3].contains('r'));
                let facts = Facts { wanted, branch, newest: *newest, stop, rebuild };
                assert_eq!(decide(facts), step, "{row}");
            }
        }
    }

    #[test]
    fn somebody_else_s_commit_is_never_lost_unless_it_was_merged_or_they_say_so() {
        for wanted in [Desired::Nothing, Desired::Unknown, Desired::Elsewhere, Desired::Held, Desired::Other]
        {
            for newest in [
                LatestPullRequest::None,
                LatestPullRequest::Open,
                LatestPullRequest::Closed,
                LatestPullRequest::Retired,
            ] {
                for stop in [false, true] {
                    let facts = Facts { wanted, branch: BranchOwner::Foreign, newest, stop, rebuild: false };
                    assert!(
                        matches!(decide(facts), Action::Nothing | Action::LeaveAlone | Action::Stopped),
                        "{facts:?}"
                    );
                }
            }
        }
    }
}
