//! What GitHub Actions tells a job of itself.

use crate::forge::CiRepository;

/// Returns the repository that an Action runs in, by its environment; `None` elsewhere.
pub(in crate::forge) fn ci_repository(lookup: &dyn Fn(&str) -> Option<String>) -> Option<CiRepository> {
    let repository = lookup("GITHUB_REPOSITORY")?;
    let server = lookup("GITHUB_SERVER_URL");
    let server = server.as_deref().unwrap_or("https://github.com").trim_end_matches('/');
    Some(CiRepository {
        url: format!("{server}/{repository}"),
        base_url: lookup("GITHUB_API_URL"),
        variables: "GITHUB_REPOSITORY, GITHUB_SERVER_URL, GITHUB_API_URL",
    })
}
