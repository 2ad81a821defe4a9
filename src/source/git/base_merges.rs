//! "Update branch": a merge of the base into tagpin's branch that changes nothing else.

use super::{BareClone, GitError, Oid, trailer};

/// How many of them on top of each other are looked through.
const MERGES_MAX: usize = 20;

/// How much of the base's history is fetched to find what was merged; what is older counts as somebody's own.
const BASE_DEPTH: i32 = 200;

/// A branch of tagpin's with merges of the base on top.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UpdatedBranch {
    /// The commit below the merges that says that tagpin made it.
    pub commit: Oid,
    /// The commit of the base that was merged last.
    pub merged: Oid,
}

impl BareClone {
    /// Returns the commit that says that it is tagpin's own below `head`, the head of `branch`, where everything above it is a merge of the branch
    /// `base`, at `base_head`, whose content is what a merge without anybody's help gives. `None` where somebody had a hand in
    /// it, or where that cannot be told.
    ///
    /// The history that it takes is fetched.
    ///
    /// # Errors
    /// Why the remote does not answer.
    pub fn below_updates(
        &self,
        branch: &str,
        head: Oid,
        base: &str,
        base_head: Oid,
    ) -> Result<Option<UpdatedBranch>, GitError> {
        if self.describe(head)?.parents.len() != 2 {
            return Ok(None);
        }
        // A merge, its first parent, and so on down to tagpin's commit and the base below that.
        let depth = i32::try_from(MERGES_MAX + 2).unwrap_or(i32::MAX);
        if self.download(branch, depth)? != head || self.download(base, BASE_DEPTH)? != base_head {
            return Ok(None);
        }
        let (mut merges, mut at) = (Vec::new(), head);
        let own = loop {
            let Ok(commit) = self.describe(at) else { return Ok(None) };
            match commit.parents[..] {
                _ if merges.len() > MERGES_MAX => return Ok(None),
                [first, second] if is_plain(&commit.message, base, branch) => {
                    merges.push((commit.tree, first, second));
                    at = first;
                }
                [base] if trailer::is_own(&commit) => break base,
                _ => return Ok(None),
            }
        };
        let mut merged = own;
        for (tree, first, second) in merges.into_iter().rev() {
            let of_base =
                second == base_head || self.git.graph_descendant_of(base_head, second).unwrap_or(false);
            if !of_base || self.merge(merged, first, second).ok().flatten() != Some(tree) {
                return Ok(None);
            }
            merged = second;
        }
        Ok(Some(UpdatedBranch { commit: at, merged }))
    }

    /// Returns the tree of a merge of two commits over their common `ancestor`; `None` where they conflict.
    fn merge(&self, ancestor: Oid, ours: Oid, theirs: Oid) -> Result<Option<Oid>, git2::Error> {
        let tree = |commit| self.git.find_commit(commit)?.tree();
        let mut index = self.git.merge_trees(&tree(ancestor)?, &tree(ours)?, &tree(theirs)?, None)?;
        if index.has_conflicts() {
            return Ok(None);
        }
        index.write_tree_to(&self.git).map(Some)
    }
}

/// Returns whether a message says that the branch `base` was merged into `branch`, in the words of git or of a forge, and
/// nothing else: pipelines and trackers of issues obey what a message says.
fn is_plain(message: &str, base: &str, branch: &str) -> bool {
    let words = message.split_whitespace().map(|word| word.trim_matches('\''));
    let words: Vec<&str> = words.filter(|word| !["branch", "remote-tracking"].contains(word)).collect();
    let is_base = |name: &str| {
        name.strip_prefix("refs/remotes/").unwrap_or(name).strip_suffix(base).is_some_and(|remote| {
            remote.is_empty() || remote.strip_suffix('/').is_some_and(|name| !name.contains(['/', '[', '*']))
        })
    };
    match words[..] {
        ["Merge" | "Merged", merged] => is_base(merged),
        ["Merge" | "Merged", merged, "into", into] => is_base(merged) && into == branch,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn a_merge_that_says_more_is_somebodys() {
        let plain = |message: &str| is_plain(message, "main", "tagpin/all");
        for message in [
            "Merge branch 'main' into tagpin/all",
            "Merge branch 'main' into 'tagpin/all'\n",
            "Merge branch 'main'",
            "Merge remote-tracking branch 'origin/main' into tagpin/all",
            "Merged main into tagpin/all",
        ] {
            assert!(plain(message), "{message}");
        }
        for message in [
            "Merge branch 'main' into tagpin/all [skip ci]",
            "Merge branch '[skip ci]/main' into tagpin/all",
            "Merge branch 'main' into tagpin/all\n\nCloses #1",
            "Merge branch 'other' into tagpin/all",
            "Merge branch 'main' into other",
            "Update",
            "",
        ] {
            assert!(!plain(message), "{message}");
        }
    }
}
