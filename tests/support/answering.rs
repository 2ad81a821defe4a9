//! A registry in memory that has everything but what a case takes away.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tagpin::platform::Platform;
use tagpin::reference::Digest;
use tagpin::registry::verify::{Demand, Evidence, Proof};
use tagpin::registry::{
    Asked, Denied, LoginAdvice, ManifestContent, MirrorComparison, Outage, PlatformManifest, Probe, Probed,
    Registry, RegistryRule, Resolution, ResolveError, TagRef,
};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A registry that has everything but what the case takes away: every tag is an index.
pub(crate) struct Answering {
    cases: BTreeMap<String, Case>,
    rules: Vec<RegistryRule>,
}

/// What `registry.toml` says of a tag.
#[derive(Clone, Deserialize)]
#[serde(untagged)]
enum Case {
    /// The reason why the registry says no.
    Failing(String),
    /// The tag whose digest it has too: a mirror.
    Same { same_as: String },
    /// What is attached to the index: each `signature` or `attestation`, and the key that made it after a space.
    Attached { attached: Vec<String> },
    /// What the index lists; otherwise it lists every platform.
    Index {
        /// The platforms, those whose manifests stayed as they were in `stayed`.
        #[serde(default)]
        platforms: Vec<String>,
        #[serde(default)]
        stayed: Vec<String>,
    },
}

/// What the old index of a tag and its manifests hash from, which `before/` has: `sha256(name old)`.
const OLD: &str = " old";

impl Answering {
    /// Returns the registry that `registry.toml` in the folder of a case describes, with the mirrors of `rules`. One with
    /// `stale` in its name has the old digest of each tag, one with `down` does not answer, one with `empty` has nothing, and
    /// the others have what the registry has.
    pub(crate) fn of_case(case: &Path, rules: &[RegistryRule]) -> Self {
        let text = fs_err::read_to_string(case.join("registry.toml")).unwrap_or_default();
        Self { cases: toml::from_str(&text).unwrap(), rules: rules.to_vec() }
    }

    /// Returns what the digests of a tag hash from.
    fn name(&self, question: &TagRef) -> String {
        match self.cases.get(&question.to_string()) {
            Some(Case::Same { same_as }) => same_as.clone(),
            _ => question.to_string(),
        }
    }

    /// Returns the manifests of a tag's index, now or before it moved.
    fn index(&self, name: &str, old: bool) -> ManifestContent {
        let age = if old { OLD } else { "" };
        let entry = |platform: &str, age: &str| PlatformManifest {
            platform: Platform::parse(platform).unwrap(),
            digest: Some(Digest::sha256(format!("{name} {platform}{age}").as_bytes())),
        };
        let all = |platforms: &[&str]| platforms.iter().map(|platform| entry(platform, age)).collect();
        ManifestContent::Index(match self.cases.get(name) {
            Some(Case::Index { platforms, stayed }) => {
                let moved = platforms.iter().map(|platform| entry(platform, age));
                moved.chain(stayed.iter().map(|platform| entry(platform, OLD))).collect()
            }
            _ => all(&["linux/amd64", "linux/arm64", "linux/arm/v7"]),
        })
    }
}

fn missing(host: &str, wanted: &str) -> ResolveError {
    ResolveError::NotFound(Box::new(Asked::content(host, wanted)))
}

fn silent(host: &str) -> ResolveError {
    Outage::Silent { host: host.to_owned() }.into()
}

impl Registry for Answering {
    async fn compare(&self, question: &TagRef) -> MirrorComparison {
        let name = self.name(question);
        let rules = self.rules.iter().filter(|rule| rule.prefix == question.registry);
        let mirrors = rules.flat_map(|rule| &rule.mirrors).map(|mirror| {
            let said = match mirror.location.as_str() {
                place if place.contains("stale") => Ok(Digest::sha256(format!("{name}{OLD}").as_bytes())),
                place if place.contains("down") => Err(silent(place)),
                place if place.contains("empty") => Err(missing(place, &name)),
                _ => Ok(Digest::sha256(name.as_bytes())),
            };
            (mirror.location.clone(), said)
        });
        MirrorComparison { origin: None, mirrors: mirrors.collect() }
    }

    async fn resolve(&self, question: &TagRef, read: bool) -> Result<Resolution, ResolveError> {
        let name = self.name(question);
        if let Some(Case::Failing(reason)) = self.cases.get(&name) {
            if reason == "mute" {
                let content = read.then(|| self.index(&name, false));
                let digest = Digest::sha256(name.as_bytes());
                return Ok(Resolution { digest, media_type: INDEX.to_owned(), content });
            }
            return Err(match reason.as_str() {
                "unauthorized" => {
                    let asked = Asked::content(&question.registry, &name);
                    Denied { asked, status: 401, advice: LoginAdvice::NoCredential }.into()
                }
                "unavailable" => silent(&question.registry),
                _ => missing(&question.registry, &name),
            });
        }
        let content = read.then(|| self.index(&name, false));
        Ok(Resolution { digest: Digest::sha256(name.as_bytes()), media_type: INDEX.to_owned(), content })
    }

    async fn evidence(
        &self,
        question: &TagRef,
        digest: &Digest,
        demand: &Demand,
    ) -> Result<Evidence, ResolveError> {
        let name = self.name(question);
        let attached = match self.cases.get(&name) {
            Some(Case::Attached { attached }) if *digest == Digest::sha256(name.as_bytes()) => {
                attached.as_slice()
            }
            Some(Case::Failing(reason)) if reason == "mute" => {
                return Err(silent(&question.registry));
            }
            _ => &[],
        };
        let mut evidence = Evidence::default();
        for kind in &demand.require {
            let made = attached.iter().find_map(|text| {
                let (word, key) = text.split_once(' ').unwrap_or((text, ""));
                let known = demand.keys.is_empty() || demand.keys.iter().any(|known| known.name() == key);
                (word == kind.as_str() && known).then_some(key)
            });
            match made {
                Some(key) => {
                    let key = Some(key.to_owned()).filter(|_| !demand.keys.is_empty());
                    evidence.proofs.insert(Proof { kind: *kind, key, predicate_type: None });
                }
                None => evidence.missing.push((*kind, format!("`{name}` lacks {}", demand.wanted(*kind)))),
            }
        }
        Ok(evidence)
    }

    async fn look(&self, question: &TagRef, look: &Probe) -> Result<Probed, ResolveError> {
        let name = self.name(question);
        let digest = look.digest();
        if let Some(Case::Failing(reason)) = self.cases.get(&name)
            && reason == "silent"
        {
            return Err(silent(&question.registry));
        }
        let gone = || Err(missing(&question.registry, &format!("{}@{digest}", question.repository)));
        let (now, old) = (Digest::sha256(name.as_bytes()), Digest::sha256(format!("{name}{OLD}").as_bytes()));
        let is_manifest = [false, true].iter().any(|old| {
            let ManifestContent::Index(entries) = self.index(&name, *old) else { return false };
            entries.iter().any(|entry| entry.digest.as_ref() == Some(digest))
        });
        match look {
            Probe::Head(_) if *digest == now || *digest == old => Ok(Probed::MediaType(INDEX.to_owned())),
            Probe::Head(_) if is_manifest => Ok(Probed::MediaType(MANIFEST.to_owned())),
            Probe::Body(_) if *digest == now || *digest == old => {
                Ok(Probed::Content(self.index(&name, *digest == old)))
            }
            Probe::Body(_) if is_manifest => {
                Ok(Probed::Content(ManifestContent::Image { config: None, size: None }))
            }
            _ => gone(),
        }
    }
}
