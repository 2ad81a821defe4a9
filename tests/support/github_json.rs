//! GitHub's JSON, with the fields that clients demand.

use serde_json::{Value, json};

use super::forge::{Pull, Settings};

/// Returns a user, or the owner of a repository.
pub(crate) fn user(login: &str) -> Value {
    let api = format!("https://api.github.com/users/{login}");
    json!({
        "login": login, "id": 1, "node_id": "MDQ6VXNlcjE=", "avatar_url": "https://avatars.githubusercontent.com/u/1?v=4",
        "gravatar_id": "", "url": api, "html_url": format!("https://github.com/{login}"),
        "followers_url": format!("{api}/followers"), "following_url": format!("{api}/following{{/other_user}}"),
        "gists_url": format!("{api}/gists{{/gist_id}}"), "starred_url": format!("{api}/starred{{/owner}}{{/repo}}"),
        "subscriptions_url": format!("{api}/subscriptions"), "organizations_url": format!("{api}/orgs"),
        "repos_url": format!("{api}/repos"), "events_url": format!("{api}/events{{/privacy}}"),
        "received_events_url": format!("{api}/received_events"), "type": "User", "user_view_type": "public",
        "site_admin": false
    })
}

/// Returns a repository.
pub(crate) fn repository(full_name: &str, settings: &Settings) -> Value {
    let (owner, name) = full_name.split_once('/').unwrap_or((full_name, ""));
    let api = format!("https://api.github.com/repos/{full_name}");
    let html = format!("https://github.com/{full_name}");
    let mut repository = json!({
        "id": 1, "node_id": "R_1", "name": name, "full_name": full_name, "private": settings.private,
        "owner": user(owner), "html_url": html, "description": null, "fork": false, "url": api,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "pushed_at": "2026-01-01T00:00:00Z",
        "git_url": format!("git://github.com/{full_name}.git"), "ssh_url": format!("git@github.com:{full_name}.git"),
        "clone_url": format!("{html}.git"), "svn_url": html, "homepage": null, "mirror_url": null, "language": null,
        "license": null, "allow_forking": true, "is_template": false, "web_commit_signoff_required": false,
        "topics": [], "visibility": if settings.private { "private" } else { "public" },
        "default_branch": settings.default_branch, "allow_auto_merge": false, "allow_squash_merge": true,
        "allow_merge_commit": true, "allow_rebase_merge": true, "delete_branch_on_merge": false,
        "permissions": { "admin": false, "maintain": false, "push": true, "triage": true, "pull": true }
    });
    for key in [
        "size",
        "stargazers_count",
        "watchers_count",
        "forks_count",
        "open_issues_count",
        "forks",
        "open_issues",
        "watchers",
    ] {
        repository[key] = 0.into();
    }
    for key in ["has_issues", "has_projects", "has_downloads", "has_wiki"] {
        repository[key] = true.into();
    }
    for key in ["has_pages", "has_discussions", "archived", "disabled"] {
        repository[key] = false.into();
    }
    for (key, tail) in [
        ("forks_url", "/forks"),
        ("keys_url", "/keys{/key_id}"),
        ("collaborators_url", "/collaborators{/collaborator}"),
        ("teams_url", "/teams"),
        ("hooks_url", "/hooks"),
        ("issue_events_url", "/issues/events{/number}"),
        ("events_url", "/events"),
        ("assignees_url", "/assignees{/user}"),
        ("branches_url", "/branches{/branch}"),
        ("tags_url", "/tags"),
        ("blobs_url", "/git/blobs{/sha}"),
        ("git_tags_url", "/git/tags{/sha}"),
        ("git_refs_url", "/git/refs{/sha}"),
        ("trees_url", "/git/trees{/sha}"),
        ("statuses_url", "/statuses/{sha}"),
        ("languages_url", "/languages"),
        ("stargazers_url", "/stargazers"),
        ("contributors_url", "/contributors"),
        ("subscribers_url", "/subscribers"),
        ("subscription_url", "/subscription"),
        ("commits_url", "/commits{/sha}"),
        ("git_commits_url", "/git/commits{/sha}"),
        ("comments_url", "/comments{/number}"),
        ("issue_comment_url", "/issues/comments{/number}"),
        ("contents_url", "/contents/{+path}"),
        ("compare_url", "/compare/{base}...{head}"),
        ("merges_url", "/merges"),
        ("archive_url", "/{archive_format}{/ref}"),
        ("downloads_url", "/downloads"),
        ("issues_url", "/issues{/number}"),
        ("pulls_url", "/pulls{/number}"),
        ("milestones_url", "/milestones{/number}"),
        ("notifications_url", "/notifications{?since,all,participating}"),
        ("labels_url", "/labels{/name}"),
        ("releases_url", "/releases{/id}"),
        ("deployments_url", "/deployments"),
    ] {
        repository[key] = format!("{api}{tail}").into();
    }
    repository
}

/// Returns a pull request; `base_oid` is where its base branch is.
pub(crate) fn pull(pull: &Pull, base_oid: &str, settings: &Settings) -> Value {
    let full_name = format!("{}/{}", settings.owner, settings.repository);
    let (number, state) = (pull.number, pull.state.as_str());
    let api = format!("https://api.github.com/repos/{full_name}/pulls/{number}");
    let issue = format!("https://api.github.com/repos/{full_name}/issues/{number}");
    let html = format!("https://github.com/{full_name}/pull/{number}");
    let side = |repository: Option<&str>, branch: &str, oid: &str| {
        let owner = repository.and_then(|name| name.split('/').next()).unwrap_or("unknown");
        json!({
            "label": format!("{owner}:{branch}"), "ref": branch, "sha": oid,
            "user": repository.map(|_| user(owner)), "repo": repository.map(|name| self::repository(name, settings))
        })
    };
    let link = |href: String| json!({ "href": href });
    let mut shown = json!({
        "url": api, "id": number, "node_id": format!("PR_{number}"), "html_url": html, "diff_url": format!("{html}.diff"),
        "patch_url": format!("{html}.patch"), "issue_url": issue, "commits_url": format!("{api}/commits"),
        "review_comments_url": format!("{api}/comments"), "review_comment_url": format!("{api}/comments{{/number}}"),
        "comments_url": format!("{issue}/comments"),
        "statuses_url": format!("https://api.github.com/repos/{full_name}/statuses/{}", pull.head_oid),
        "number": number, "state": state, "locked": false, "active_lock_reason": null, "title": pull.title,
        "user": user(&pull.user), "body": pull.body, "labels": pull.labels.iter().map(|name| label(name)).collect::<Vec<_>>(), "milestone": null, "assignee": null, "assignees": [],
        "requested_reviewers": [], "requested_teams": [], "created_at": "2026-01-01T00:00:00Z",
        "updated_at": "2026-01-01T00:00:00Z",
        "closed_at": (state == "closed").then_some("2026-01-02T00:00:00Z"), "merged_at": pull.merged.then_some("2026-01-02T00:00:00Z"),
        "merge_commit_sha": null, "author_association": "CONTRIBUTOR", "auto_merge": pull.merges_by_itself().then(|| json!({
            "enabled_by": user(&settings.login), "merge_method": "squash", "commit_title": "", "commit_message": "" })), "draft": pull.draft,
        "head": side(pull.head_repository.as_deref(), &pull.head, &pull.head_oid),
        "base": side(Some(&full_name), &pull.base, base_oid),
        "merged": pull.merged, "mergeable": null, "rebaseable": null, "mergeable_state": "unknown", "merged_by": null
    });
    shown["_links"] = json!({
        "self": link(api.clone()), "html": link(html.clone()), "issue": link(issue.clone()),
        "comments": link(format!("{issue}/comments")), "review_comments": link(format!("{api}/comments")),
        "review_comment": link(format!("{api}/comments{{/number}}")), "commits": link(format!("{api}/commits")),
        "statuses": link(format!("https://api.github.com/repos/{full_name}/statuses/{}", pull.head_oid))
    });
    for (key, count) in
        [("comments", 0), ("review_comments", 0), ("commits", 1), ("additions", 1), ("deletions", 1)]
    {
        shown[key] = count.into();
    }
    shown["changed_files"] = 1.into();
    shown["maintainer_can_modify"] = false.into();
    shown
}

/// Returns a label.
pub(crate) fn label(name: &str) -> Value {
    let url = format!("https://api.github.com/repos/acme/clusters/labels/{name}");
    json!({ "id": 1, "node_id": "L_1", "url": url, "name": name, "description": null, "color": "ededed", "default": false })
}

/// Returns an open milestone.
pub(crate) fn milestone(number: u64, title: &str, full_name: &str) -> Value {
    let api = format!("https://api.github.com/repos/{full_name}/milestones/{number}");
    json!({
        "url": api, "html_url": format!("https://github.com/{full_name}/milestone/{number}"),
        "labels_url": format!("{api}/labels"), "id": number, "node_id": "MI_1", "number": number, "title": title,
        "description": null, "creator": user("octocat"), "open_issues": 1, "closed_issues": 0, "state": "open",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "due_on": null, "closed_at": null
    })
}
