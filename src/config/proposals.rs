//! How changes are proposed: `[pull-request]`, and who commits.

use crate::forge::Dress;
use crate::pull_request::Wording;
use crate::pull_request::group::Grouping;

/// How changes are divided into pull requests, worded and dressed, and how many there may be.
#[derive(Clone, Debug)]
pub struct Proposals {
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// How many pull requests of tagpin's may be open in one repository; 0 is no limit.
    pub max_open: usize,
    /// How many pull requests one run may open, over all repositories; 0 is no limit.
    pub max_new: usize,
    /// The title; `None` for the built-in one.
    pub title: Option<Wording>,
    /// The commit message; `None` for the built-in one.
    pub commit_message: Option<Wording>,
    /// What a pull request gets when it is opened.
    pub dress: Dress,
    /// The label that asks for a rebuild.
    pub rebuild_label: String,
    /// The label that halts tagpin.
    pub stop_label: String,
}

impl Default for Proposals {
    fn default() -> Self {
        Self {
            grouping: Grouping::default(),
            max_open: 10,
            max_new: 0,
            title: None,
            commit_message: None,
            dress: Dress::default(),
            rebuild_label: "tagpin-rebuild".to_owned(),
            stop_label: "tagpin-stop".to_owned(),
        }
    }
}

/// Who makes the commits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Commits {
    /// The forge where the token is an App's or an Action's, because it signs them; git otherwise.
    #[default]
    Auto,
    /// git, on this machine: not signed.
    Git,
    /// The forge, over its API.
    Api,
}
