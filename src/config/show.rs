//! The effective configuration as a file that can be loaded again.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use serde::Serialize;
use toml::Spanned;

use super::check::{
    COMMITS, DETAILS, GROUPS, LEVELS, MERGES, PROMOTED_BY, PULLS, SPLIT_FIELDS, STYLES, UNKNOWN_AGES,
};
use super::raw::{
    Raw, RawAllow, RawAnnotations, RawCheck, RawCheckRule, RawDiscover, RawEnvironment, RawForge, RawFormats,
    RawGroup, RawHold, RawLedger, RawLimits, RawMirror, RawNetwork, RawPolicy, RawPullRequest, RawRegistry,
    RawRepository, RawRule, RawRun, RawServe, SpannedText, Words,
};
use super::{Config, DiscoverSettings, Network, RepositoryConfig, ServeSettings};
use crate::check::{Allow, CheckSettings, LevelRule, Matcher};
use crate::duration::spelled;
use crate::forge::{ForgeKind, Owner};
use crate::platform::Platform;
use crate::policy::environment::Environment;
use crate::policy::hold::Hold;
use crate::policy::{Globs, Policy};
use crate::pull_request::group::NamedGroup;
use crate::pull_request::{Proposals, PullRequestSettings, Wording};
use crate::registry::RegistryRule;
use crate::registry::verify::{ArtifactKind, PublicKey};
use crate::repository_budget::RepositoryLimits;

impl Config {
    /// Returns this configuration as TOML that [`Config::parse`] reads back to the same.
    pub fn to_toml(&self) -> String {
        to_toml(&self.raw())
    }

    /// Returns this configuration as JSON, with the keys of the TOML file.
    pub fn to_json(&self) -> serde_json::Value {
        serde_json::to_value(self.raw()).unwrap_or_default()
    }

    fn raw(&self) -> Raw {
        Raw {
            schedule: self.schedule.clone().map(text),
            cache_dir: self.cache_dir.as_ref().map(|path| text(path.display().to_string())),
            policy: policy(&self.settings.policy),
            check: check(&self.check),
            environment: self.settings.environments.iter().map(environment).collect(),
            hold: self.settings.holds.all.iter().map(hold).collect(),
            ledger: RawLedger {
                enabled: Some(unspanned(self.ledger.enabled)),
                branch: Some(text(&*self.ledger.branch)),
            },
            annotations: RawAnnotations {
                enabled: Some(self.settings.annotations.enabled),
                remove: Some(self.settings.annotations.remove),
                key: Some(text(&*self.settings.annotations.key)),
                index_key: Some(text(&*self.settings.annotations.index_key)),
            },
            forge: RawForge {
                kind: Some(word(self.forge.kind, &ForgeKind::WORDS)),
                base_url: Some(text(self.forge.base_url.as_str().trim_end_matches('/'))),
                author_name: Some(text(&*self.forge.author_name)),
                author_email: Some(text(&*self.forge.author_email)),
                sign_off: Some(self.forge.sign_off),
                commits: Some(word(self.forge.commits, &COMMITS)),
                app_id: self.forge.app.as_ref().map(|app| text(&*app.id)),
                app_key_file: self.forge.app.as_ref().and_then(|app| app.key_file.as_deref()).map(path),
            },
            run: RawRun { concurrency: Some(number(self.concurrency.0)) },
            limits: limits(&self.limits),
            serve: serve(&self.serve),
            pull_request: pull_request(&self.pull_request, &self.proposals),
            repository: self.repositories.iter().map(repository).collect(),
            discover: self.discover.iter().map(discover).collect(),
            registry: self.registries.iter().map(registry).collect(),
            registries_conf: self.registries_conf.as_deref().map(path),
            network: network(&self.network),
            formats: RawFormats {
                off: Some(self.settings.formats_off.iter().map(|it| text(&**it)).collect()),
            },
            location: self.settings.locations.iter().cloned().map(unspanned).collect(),
            chart: self.settings.charts.iter().cloned().map(unspanned).collect(),
        }
    }
}

/// Returns the file that describes the one repository at `url`.
pub(super) fn action(url: &str, base_url: Option<&str>) -> String {
    to_toml(&Raw {
        repository: vec![RawRepository { url: text(url), branch: None, token_env: None }],
        forge: RawForge { base_url: base_url.map(text), ..RawForge::default() },
        ..Raw::default()
    })
}

fn policy(policy: &Policy) -> RawPolicy {
    let demand = &policy.defaults.demand;
    RawPolicy {
        level: Some(word(policy.defaults.level, &LEVELS)),
        platforms: Some(platforms(&policy.defaults.platforms)),
        style: Some(word(policy.defaults.style, &STYLES)),
        split_fields: Some(word(policy.defaults.split_fields, &SPLIT_FIELDS)),
        min_age: Some(text(spelled(policy.defaults.ages.min_age))),
        settle: Some(text(spelled(policy.defaults.ages.settle))),
        unknown_age: Some(word(policy.defaults.ages.unknown, &UNKNOWN_AGES)),
        include: Some(globs(&policy.include)),
        exclude: Some(globs(&policy.exclude)),
        vendored: Some(policy.vendored),
        immutable: Some(globs(&policy.immutable)),
        require: Some(kinds(&demand.require)),
        // Where nothing is required they would have no effect, and be refused.
        keys: Some(keys(&demand.keys)).filter(|_| !demand.keys.is_empty()),
        predicate_types: Some(unspanned(demand.predicate_types.clone()))
            .filter(|_| !demand.predicate_types.is_empty()),
        rule: policy
            .rules
            .iter()
            .map(|rule| {
                unspanned(RawRule {
                    paths: rule.paths.as_ref().map(globs),
                    images: rule.images.as_ref().map(globs),
                    level: rule.level.map(|level| word(level, &LEVELS)),
                    platforms: rule.platforms.as_deref().map(platforms),
                    style: rule.style.map(|style| word(style, &STYLES)),
                    split_fields: rule.split_fields.map(|fields| word(fields, &SPLIT_FIELDS)),
                    min_age: rule.min_age.map(|time| text(spelled(time))),
                    settle: rule.settle.map(|time| text(spelled(time))),
                    unknown_age: rule.unknown_age.map(|word_of| word(word_of, &UNKNOWN_AGES)),
                    require: rule.require.as_ref().map(kinds),
                    keys: rule.keys.as_deref().map(keys),
                    predicate_types: rule.predicate_types.clone().map(unspanned),
                })
            })
            .collect(),
    }
}

fn kinds(kinds: &BTreeSet<ArtifactKind>) -> Spanned<Words> {
    unspanned(Words::Several(kinds.iter().map(|kind| kind.as_str().to_owned()).collect()))
}

fn keys(keys: &[PublicKey]) -> Spanned<Vec<SpannedText>> {
    unspanned(keys.iter().map(|key| path(key.path())).collect())
}

fn check(settings: &CheckSettings) -> RawCheck {
    // What a repository's file raises is shown as what it is there: an exception that comes first.
    RawCheck {
        strict: Some(settings.strict),
        rule: settings.raised.iter().chain(settings.rules.iter()).map(level_rule).collect(),
        allow: settings.allows.iter().map(allow).collect(),
    }
}

fn level_rule(LevelRule { matcher, level }: &LevelRule) -> Spanned<RawCheckRule> {
    unspanned(RawCheckRule {
        rules: ids(matcher),
        paths: matcher.paths.as_ref().map(globs),
        images: matcher.images.as_ref().map(globs),
        level: text(level.as_str()),
    })
}

fn allow(allow: &Allow) -> Spanned<RawAllow> {
    unspanned(RawAllow {
        rules: ids(&allow.matcher),
        paths: allow.matcher.paths.as_ref().map(globs),
        images: allow.matcher.images.as_ref().map(globs),
        reason: text(&*allow.reason),
        until: allow.until.and_then(|until| until.to_string().parse().ok()).map(unspanned),
    })
}

fn ids(matcher: &Matcher) -> Option<Spanned<Vec<SpannedText>>> {
    let ids: Vec<SpannedText> = matcher.rules.iter().map(|id| text(*id)).collect();
    (!ids.is_empty()).then(|| unspanned(ids))
}

fn environment(environment: &Environment) -> Spanned<RawEnvironment> {
    unspanned(RawEnvironment {
        name: text(&*environment.name),
        paths: globs(&environment.paths),
        equal: environment.equal,
        after: environment.after.as_deref().map(text),
        platforms: (!environment.platforms.is_empty()).then(|| platforms(&environment.platforms)),
        registries: environment.registries.as_ref().map(globs),
        promote: environment.after.as_ref().map(|_| word(environment.promotion.by, &PROMOTED_BY)),
        soak: environment.after.as_ref().map(|_| text(spelled(environment.promotion.soak))),
        partial: environment.after.as_ref().map(|_| unspanned(environment.promotion.partial)),
    })
}

fn hold(hold: &Hold) -> Spanned<RawHold> {
    unspanned(RawHold {
        images: hold.images.as_ref().map(globs),
        paths: hold.paths.as_ref().map(globs),
        tag: hold.tag.as_deref().map(text),
        digest: hold.digest.as_ref().map(|digest| text(digest.as_str())),
        reason: text(&*hold.reason),
        by: hold.by.as_deref().map(text),
        until: hold.until.and_then(|until| until.to_string().parse().ok()).map(unspanned),
    })
}

fn pull_request(told: &PullRequestSettings, proposals: &Proposals) -> RawPullRequest {
    let dress = &proposals.dress;
    let list = |names: &[String]| Some(unspanned(names.iter().map(|name| text(&**name)).collect()));
    let words = |words: &Option<Wording>| words.as_ref().map(|words| text(words.text()));
    let group = |group: &NamedGroup| {
        unspanned(RawGroup {
            name: text(&*group.name),
            paths: group.paths.as_ref().map(globs),
            images: group.images.as_ref().map(globs),
        })
    };
    RawPullRequest {
        details: Some(word(told.details, &DETAILS)),
        details_requests: Some(unspanned(i64::try_from(told.details_requests).unwrap_or(i64::MAX))),
        body_template: told.body_template.as_deref().map(path),
        group_by: Some(word(proposals.grouping.by, &GROUPS)),
        max_open: Some(number(proposals.max_open)),
        max_new: Some(number(proposals.max_new)),
        title: words(&proposals.title),
        commit_message: words(&proposals.commit_message),
        labels: list(&dress.labels),
        reviewers: list(&dress.reviewers),
        team_reviewers: list(&dress.team_reviewers),
        assignees: list(&dress.assignees),
        draft: Some(dress.draft),
        milestone: dress.milestone.as_deref().map(text),
        auto_merge: dress.auto_merge.map(|method| word(method, &MERGES)),
        rebuild_label: Some(text(&*proposals.rebuild_label)),
        stop_label: Some(text(&*proposals.stop_label)),
        group: proposals.grouping.named.iter().map(group).collect(),
    }
}

fn repository(repository: &RepositoryConfig) -> RawRepository {
    RawRepository {
        url: text(&*repository.url),
        branch: repository.branch.as_deref().map(text),
        token_env: repository.token_env.as_deref().map(text),
    }
}

fn discover(discover: &DiscoverSettings) -> Spanned<RawDiscover> {
    let (organization, user, installation) = match &discover.owner {
        Owner::Organization(name) => (Some(text(&**name)), None, None),
        Owner::User(name) => (None, Some(text(&**name)), None),
        Owner::Installation => (None, None, Some(true)),
    };
    unspanned(RawDiscover {
        organization,
        user,
        installation,
        include: Some(globs(&discover.include)),
        exclude: Some(globs(&discover.exclude)),
        topics: Some(discover.topics.iter().map(|topic| text(&**topic)).collect()),
        archived: Some(discover.archived),
        forks: Some(discover.forks),
    })
}

fn serve(serve: &ServeSettings) -> RawServe {
    RawServe {
        time_zone: serve.time_zone.iana_name().map(text),
        jitter: Some(time(serve.jitter)),
        listen: Some(text(serve.listen.map_or_else(String::new, |listen| listen.to_string()))),
        grace: Some(time(serve.grace)),
        run_at_start: Some(serve.run_at_start),
    }
}

fn registry(rule: &RegistryRule) -> RawRegistry {
    RawRegistry {
        prefix: text(&*rule.prefix),
        // A wildcard is not a place: its names are asked for where they say.
        location: (!rule.location.starts_with("*.")).then(|| text(&*rule.location)),
        insecure: rule.insecure,
        blocked: rule.blocked,
        concurrency: rule.concurrency.map(number),
        ca_file: rule.tls.ca.as_deref().map(path),
        client_certificate: rule.tls.client.as_ref().map(|(certificate, _)| path(certificate)),
        client_key: rule.tls.client.as_ref().map(|(_, key)| path(key)),
        token_hosts: (!rule.token_hosts.is_empty())
            .then(|| unspanned(rule.token_hosts.iter().map(|host| text(&**host)).collect())),
        token_env: rule.token_env.as_ref().map(|token| text(&*token.name)),
        username: rule.token_env.as_ref().map(|token| text(&*token.user)),
        mirror: rule
            .mirrors
            .iter()
            .map(|mirror| RawMirror {
                location: text(&*mirror.location),
                insecure: mirror.insecure,
                pull_from_mirror: Some(word(mirror.pull, &PULLS)),
            })
            .collect(),
    }
}

fn network(network: &Network) -> RawNetwork {
    let limits = &network.limits;
    RawNetwork {
        concurrency: Some(number(limits.at_once)),
        retries: Some(number(limits.retries)),
        max_wait: Some(time(limits.longest_pause)),
        connect_timeout: Some(time(limits.connect)),
        read_timeout: Some(time(limits.read)),
        request_timeout: Some(time(limits.request)),
        image_timeout: Some(time(limits.question)),
        credential_helper_timeout: Some(time(network.helper_timeout)),
    }
}

fn limits(limits: &RepositoryLimits) -> RawLimits {
    let number = |limit: u64| Some(number(usize::try_from(limit).unwrap_or(usize::MAX)));
    RawLimits {
        entries: number(limits.entries),
        path_bytes: number(limits.path_bytes),
        document_bytes: number(limits.document_bytes),
        nodes: number(limits.nodes),
        images: number(limits.images),
        cpu_time: Some(time(limits.cpu)),
        time: Some(time(limits.time)),
    }
}

fn number(number: usize) -> Spanned<i64> {
    // The checks let no number through that does not fit.
    unspanned(i64::try_from(number).unwrap_or(i64::MAX))
}

fn time(time: Duration) -> SpannedText {
    match time.subsec_nanos() {
        0 => text(format!("{}s", time.as_secs())),
        _ => text(format!("{}ms", time.as_millis())),
    }
}

fn path(path: &Path) -> SpannedText {
    text(path.display().to_string())
}

fn to_toml(raw: &impl Serialize) -> String {
    // Nothing in the raw types is beyond TOML; were it, nothing would be printed, and the tests would say so.
    toml::to_string_pretty(raw).unwrap_or_default()
}

fn unspanned<T>(value: T) -> Spanned<T> {
    Spanned::new(0..0, value)
}

fn text(text: impl Into<String>) -> SpannedText {
    unspanned(text.into())
}

fn word<T: Copy + PartialEq>(value: T, words: &[(&str, T)]) -> SpannedText {
    text(words.iter().find(|(_, other)| *other == value).map_or("", |(word, _)| *word))
}

fn platforms(platforms: &[Platform]) -> Spanned<Vec<SpannedText>> {
    unspanned(platforms.iter().map(|platform| text(platform.to_string())).collect())
}

fn globs(globs: &Globs) -> Spanned<Vec<String>> {
    unspanned(globs.patterns().to_vec())
}
