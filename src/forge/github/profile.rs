//! What is particular to GitHub before anybody asks it.

use std::time::Duration;

use crate::forge::{Capabilities, Drafts, ForgeProfile, Labels, MarkdownDialect, MergeMethod};

/// The variables with its token, first to last.
const TOKENS: [&str; 3] = ["TAGPIN_GITHUB_TOKEN", "GH_TOKEN", "GITHUB_TOKEN"];

/// How its tokens start ("About authentication").
const TOKEN_PREFIXES: [&str; 6] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"];

/// "Rate limits for the REST API": 80 content-generating requests a minute and 500 an hour.
const WRITES: [(usize, Duration); 2] = [(80, Duration::from_secs(60)), (500, Duration::from_secs(60 * 60))];

pub(in crate::forge) const PROFILE: ForgeProfile = ForgeProfile {
    base_url: "https://api.github.com",
    author_email: "tagpin@users.noreply.github.com",
    token_variables: &TOKENS,
    // Goes with every kind of token.
    git_user: "x-access-token",
    token_prefixes: &TOKEN_PREFIXES,
    workflows: ".github/workflows/",
    write_limits: &WRITES,
    capabilities: Capabilities {
        name: "GitHub",
        body_max: 65_536,
        title_max: 256,
        lists_cut_bodies: false,
        markdown: MarkdownDialect { comments: true, folds: true, alerts: true, tasks: true },
        labels: Labels::Names,
        label_max: 50,
        // 100 labels; of reviewers 15, of assignees 10.
        names_max: 100,
        reviewers: true,
        teams: true,
        assignees: true,
        milestones: true,
        drafts: Drafts::Field,
        reopen: true,
        auto_merge: &[MergeMethod::Merge, MergeMethod::Squash, MergeMethod::Rebase],
        api_commits: true,
        reference: "#",
    },
};
