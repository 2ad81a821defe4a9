//! Which repositories a run does: those that are listed, and those that are found.

use std::collections::HashSet;
use std::sync::Arc;

use secrecy::SecretString;

use crate::config::{Config, DiscoverSettings, RepositoryConfig};
use crate::forge::{
    Connection, ForgeKind, ForgeRepository, Listing, Owner, SecretLookup, WriteLimit, plain_address,
};
use crate::run::{RepositoryOutcome, RunError};

/// What is said where strangers would decide which repositories are done.
const EVERYBODY: &str = "`installation = true` beside `app-id` means whoever installed the App, and anybody may: name whose \
    repositories are meant, for example `include = [\"acme/*\"]`, or an `organization`";

/// One repository of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunTarget {
    /// Where it is.
    pub repository: RepositoryConfig,
    /// Whether it was found, not listed: one without a branch is new then, and no failure.
    pub discovered: bool,
}

impl RunTarget {
    /// Returns whether this one was found, and has nothing in it yet.
    pub fn is_new(&self, result: &Result<RepositoryOutcome, RunError>) -> bool {
        self.discovered && matches!(result, Err(RunError::NoBranch { .. }))
    }
}

/// The repositories of a run.
#[derive(Clone, Debug, Default)]
pub struct Targets {
    /// The listed ones in the order of the file, then the others by name.
    pub targets: Vec<RunTarget>,
    /// Why not all could be found. What is there is done all the same.
    pub problems: Vec<String>,
    /// The addresses of those that are there.
    known: HashSet<String>,
}

/// Returns the repositories of `config`: asks the forge for those of each `[[discover]]`, as the App where there is one.
pub async fn discover(config: &Config, token: Option<&SecretString>, lookup: SecretLookup<'_>) -> Targets {
    let listed = || config.repositories.iter().cloned();
    let mut all = Targets {
        targets: listed().map(|repository| RunTarget { repository, discovered: false }).collect(),
        problems: Vec::new(),
        known: listed().map(|repository| plain_address(&repository.url)).collect(),
    };
    if config.forge.kind == ForgeKind::None && !config.discover.is_empty() {
        let kinds = ForgeKind::words_where(|kind| kind != ForgeKind::None);
        let why = format!(
            "`[[discover]]` needs a forge: set `kind = {kinds}` in [forge], or list the repositories"
        );
        all.problems.push(why);
        return all;
    }
    let connection = Connection {
        base_url: config.forge.base_url.as_str(),
        token: token.cloned(),
        app: config.forge.app.as_ref(),
        lookup,
        writes: Arc::new(WriteLimit::default()),
    };
    for discover in config.discover.iter() {
        let owner = &discover.owner;
        let is_everybody = discover.include.patterns() == ["**"];
        if config.forge.app.is_some() && *owner == Owner::Installation && is_everybody {
            all.problems.push(EVERYBODY.to_owned());
            continue;
        }
        match config.forge.kind.discover(&connection, owner).await {
            Ok(Listing { mut repositories, refused }) => {
                repositories.retain(|found| is_meant(discover, found));
                repositories.sort_by(|a, b| a.name.cmp(&b.name));
                for found in repositories {
                    all.add(found);
                }
                all.problems.extend(refused);
            }
            Err(error) => all.problems.push(error.to_string()),
        }
    }
    all
}

/// Returns whether `discover` means a repository that was found.
pub fn is_meant(discover: &DiscoverSettings, found: &ForgeRepository) -> bool {
    let has = |topic: &String| found.topics.iter().any(|other| other.eq_ignore_ascii_case(topic));
    discover.include.matches(&found.name)
        && !discover.exclude.matches(&found.name)
        && (discover.archived || !found.archived)
        && (discover.forks || !found.fork)
        && discover.topics.iter().all(has)
}

impl Targets {
    /// Adds a repository, unless it is there: what is listed has settings of its own.
    fn add(&mut self, found: ForgeRepository) {
        if !self.known.insert(plain_address(&found.url)) {
            return;
        }
        let repository = RepositoryConfig { url: found.url, branch: None, token_env: None };
        self.targets.push(RunTarget { repository, discovered: true });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Globs;

    fn found(name: &str) -> ForgeRepository {
        let url = format!("https://github.com/{name}.git");
        ForgeRepository {
            name: name.to_owned(),
            url,
            topics: vec!["gitops".to_owned()],
            ..ForgeRepository::default()
        }
    }

    #[test]
    fn filters_are_all_heeded() {
        let discover = DiscoverSettings {
            owner: Owner::Organization("acme".to_owned()),
            include: Globs::new(["acme/*-clusters"]).unwrap(),
            exclude: Globs::new(["acme/old-*"]).unwrap(),
            topics: vec!["GitOps".to_owned()],
            archived: false,
            forks: false,
        };
        let eu = || found("acme/eu-clusters");
        for (repository, meant) in [
            (eu(), true),
            (found("acme/web"), false),
            (found("acme/old-clusters"), false),
            (ForgeRepository { archived: true, ..eu() }, false),
            (ForgeRepository { fork: true, ..eu() }, false),
            (ForgeRepository { topics: vec!["git".to_owned()], ..eu() }, false),
        ] {
            assert_eq!(is_meant(&discover, &repository), meant, "{repository:?}");
        }
        let all = DiscoverSettings { archived: true, forks: true, topics: Vec::new(), ..discover };
        assert!(is_meant(&all, &ForgeRepository { archived: true, fork: true, topics: Vec::new(), ..eu() }));
    }

    #[test]
    fn a_repository_is_done_once() {
        let mut targets = Targets::default();
        targets.add(found("acme/a"));
        targets.add(ForgeRepository { url: "https://github.com/Acme/A/".to_owned(), ..found("acme/a") });
        targets.add(found("acme/b"));
        assert_eq!(targets.targets.len(), 2);
    }
}
