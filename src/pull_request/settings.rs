//! How changes are proposed, and what pull requests tell.

use std::path::PathBuf;

use super::group::Grouping;
use super::{Template, Wording};
use crate::forge::Metadata;

/// How changes are divided into pull requests, worded and dressed, and how many there may be.
#[derive(Clone, Debug)]
pub struct Proposals {
    /// What goes into one pull request.
    pub grouping: Grouping,
    /// How many pull requests of tagpin's may be open in one repository; 0 means no limit.
    pub max_open: usize,
    /// How many pull requests one run may open, over all repositories; 0 means no limit.
    pub max_new: usize,
    /// The title; `None` for the built-in one.
    pub title: Option<Wording>,
    /// The commit message; `None` for the built-in one.
    pub commit_message: Option<Wording>,
    /// What a pull request gets when it is opened.
    pub dress: Metadata,
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
            dress: Metadata::default(),
            rebuild_label: "tagpin-rebuild".to_owned(),
            stop_label: "tagpin-stop".to_owned(),
        }
    }
}

/// How much a pull request tells of the images beyond their digests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DetailsOf {
    /// Nothing: nobody is asked.
    None,
    /// Of images whose tag moved, what differs from the digest before.
    #[default]
    Moved,
    /// Of first pins too.
    All,
}

/// What a pull request tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullRequestSettings {
    /// Of which images more than the digests is told.
    pub details: DetailsOf,
    /// How many requests one registry may get for that in a run.
    pub details_requests: u64,
    /// The file with the template of the body.
    pub body_template: Option<PathBuf>,
    /// That template, once the file was read.
    pub template: Option<Template>,
}

impl Default for PullRequestSettings {
    fn default() -> Self {
        Self { details: DetailsOf::default(), details_requests: 300, body_template: None, template: None }
    }
}
