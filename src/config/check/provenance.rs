//! `require`, `keys` and `predicate-types` of `[policy]` and `[[policy.rule]]`.

use std::collections::BTreeSet;
use std::ops::Range;

use toml::Spanned;

use super::Checker;
use crate::config::diagnostic::suggest;
use crate::config::raw::{RawPolicy, RawRule, SpannedText, Words};
use crate::policy::{Defaults, PolicyRule};
use crate::registry::verify::{ArtifactKind, Demand, PublicKey};

/// The words of `require`.
const KINDS: [ArtifactKind; 2] = [ArtifactKind::Signature, ArtifactKind::Attestation];

/// How many keys one list may have: each is tried on each signature.
const KEYS_MAX: usize = 32;

impl Checker<'_> {
    pub(super) fn demand(&mut self, raw: &RawPolicy) -> Demand {
        let demand = Demand {
            require: raw.require.as_ref().and_then(|words| self.require(words)).unwrap_or_default(),
            keys: raw.keys.as_ref().and_then(|keys| self.keys(keys)).unwrap_or_default(),
            predicate_types: raw.predicate_types.as_ref().map(|it| it.get_ref().clone()).unwrap_or_default(),
        };
        let by_a_rule = raw.rule.iter().any(|rule| rule.get_ref().require.is_some());
        if !by_a_rule {
            self.demands_something(raw.keys.as_ref().map(Spanned::span), &demand, "keys");
            self.demands_something(
                raw.predicate_types.as_ref().map(Spanned::span),
                &demand,
                "predicate-types",
            );
        }
        self.can_tell(raw.predicate_types.as_ref().map(Spanned::span), &demand);
        demand
    }

    /// Checks what a rule says of it; `rule` has the rest.
    pub(super) fn demand_of_rule(
        &mut self,
        raw: &RawRule,
        rule: PolicyRule,
        defaults: &Defaults,
    ) -> PolicyRule {
        let rule = PolicyRule {
            require: raw.require.as_ref().and_then(|words| self.require(words)),
            keys: raw.keys.as_ref().and_then(|keys| self.keys(keys)),
            predicate_types: raw.predicate_types.as_ref().map(|types| types.get_ref().clone()),
            ..rule
        };
        let demand = rule.demand(&defaults.demand);
        let spans = [&raw.keys.as_ref().map(Spanned::span), &raw.predicate_types.as_ref().map(Spanned::span)];
        self.demands_something(spans[0].clone(), &demand, "keys");
        self.demands_something(spans[1].clone(), &demand, "predicate-types");
        let own = spans[1].clone().or(spans[0].clone()).or(raw.require.as_ref().map(Spanned::span));
        self.can_tell(own, &demand);
        rule
    }

    fn require(&mut self, words: &Spanned<Words>) -> Option<BTreeSet<ArtifactKind>> {
        let mut kinds = BTreeSet::new();
        for word in words.get_ref().all() {
            match KINDS.into_iter().find(|kind| kind.as_str() == word) {
                Some(kind) => {
                    kinds.insert(kind);
                }
                None => {
                    let hint = suggest(word, &KINDS.map(ArtifactKind::as_str));
                    self.fail_hint(words.span(), format!("`require` cannot be `{word}`"), hint);
                    return None;
                }
            }
        }
        Some(kinds)
    }

    fn keys(&mut self, list: &Spanned<Vec<SpannedText>>) -> Option<Vec<PublicKey>> {
        let before = self.problems.len();
        let mut keys: Vec<PublicKey> = Vec::new();
        if list.get_ref().len() > KEYS_MAX {
            self.fail(list.span(), format!("`keys` has more than {KEYS_MAX} files"));
        }
        for text in list.get_ref().iter().take(KEYS_MAX) {
            let Some(path) = self.path("keys", text) else { continue };
            let Some(name) = path.file_name().map(|name| name.to_string_lossy().into_owned()) else {
                self.fail(text.span(), format!("`{}` is not a file", text.get_ref()));
                continue;
            };
            if keys.iter().any(|key| key.name() == name) {
                self.fail_hint(
                    text.span(),
                    format!("two keys are in files that are called `{name}`"),
                    "reports name a key by its file: rename one of them",
                );
                continue;
            }
            keys.push(PublicKey::unread(name, path));
        }
        (self.problems.len() == before).then_some(keys)
    }

    /// A setting that has no effect would look like one that has.
    fn demands_something(&mut self, span: Option<Range<usize>>, demand: &Demand, key: &str) {
        if let Some(span) = span.filter(|_| demand.require.is_empty()) {
            self.fail_hint(
                span,
                format!("`{key}` has no effect here, where nothing is required"),
                "add `require = \"signature\"`, `\"attestation\"` or a list of both",
            );
        }
    }

    /// What an attestation says of itself is worth nothing before it was verified.
    fn can_tell(&mut self, span: Option<Range<usize>>, demand: &Demand) {
        let is_blind =
            !demand.predicate_types.is_empty() && demand.keys.is_empty() && !demand.require.is_empty();
        if let Some(span) = span.filter(|_| is_blind) {
            self.fail_hint(
                span,
                "`predicate-types` needs `keys`: without them nobody can tell what an attestation says",
                "name the public keys that it may be signed with",
            );
        }
    }
}
