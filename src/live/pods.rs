//! What `kubectl get pods -o json` prints: the containers that run, and which digest each node pulled. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::reference::{Digest, Reference};

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Container {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container in it.
    pub name: String,
    /// The node that it runs on; empty where it has none yet.
    pub node: String,
    /// The ReplicaSet of the pod, where it has one.
    pub replica_set: Option<ReplicaSet>,
    /// The image as the pod asks for it.
    pub image: String,
    /// The same, parsed.
    pub reference: Option<Reference>,
    /// What was pulled.
    pub pulled: Pulled,
    /// Why it does not do its work, in the node's words; `None` where it runs and is ready, or has ended well.
    pub trouble: Option<String>,
}

/// What a pod is a copy of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplicaSet {
    /// Its name.
    pub name: String,
    /// Whether its Deployment has a newer one, as far as the list has them.
    pub is_old: bool,
}

/// What the node says of a container's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pulled {
    /// The digest of the index or manifest that was pulled.
    Digest(Digest),
    /// An image that its registry has under several digests, as that of an index and that of one platform's manifest of it: whichever is declared
    /// is what runs.
    OneOf(Vec<Digest>),
    /// Nothing yet: the container has not started.
    NotYet,
    /// Only the id of the image on the node, which no registry knows: it was built or loaded there. Empty where not even
    /// that is said.
    Local(String),
}

/// Why a text does not list what runs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PodsError {
    /// Not JSON, or not of this shape.
    #[error("it is not what kubectl prints: {0}")]
    Malformed(String),
    /// JSON of another kind.
    #[error("it has the kind `{0}`, not a list of pods")]
    Kind(String),
    /// It ends before all that was opened is closed.
    #[error("it ends in the middle, on line {0}: what printed it was cut off")]
    CutOff(usize),
    /// A list of nothing, or no text at all.
    #[error("the list is empty")]
    Empty,
    /// JSON that no tool prints which is known.
    #[error(
        "it is not what `kubectl get pods -o json`, `docker inspect`, `podman inspect`, `docker compose ps`, `aws ecs describe-tasks` \
         or `nomad alloc status` prints"
    )]
    Unknown,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct KubernetesObject {
    kind: Option<String>,
    items: Option<Vec<Pod>>,
    #[serde(flatten)]
    pod: Pod,
}

#[derive(Default, Deserialize)]
struct Pod {
    kind: Option<String>,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    name: String,
    namespace: String,
    owner_references: Vec<OwnerReference>,
    annotations: Option<RevisionAnnotation>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct OwnerReference {
    kind: String,
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct RevisionAnnotation {
    /// Which one of its Deployment's a ReplicaSet is, from 1.
    #[serde(rename = "deployment.kubernetes.io/revision")]
    revision: String,
}

impl Metadata {
    /// Returns the name of the owner of this kind.
    fn owner(&self, kind: &str) -> Option<&str> {
        self.owner_references.iter().find(|owner| owner.kind == kind).map(|owner| owner.name.as_str())
    }
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Spec {
    node_name: String,
    init_containers: Vec<ContainerSpec>,
    containers: Vec<ContainerSpec>,
    ephemeral_containers: Vec<ContainerSpec>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerSpec {
    name: String,
    image: String,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodStatus {
    phase: String,
    init_container_statuses: Vec<ContainerStatus>,
    container_statuses: Vec<ContainerStatus>,
    ephemeral_container_statuses: Vec<ContainerStatus>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ContainerStatus {
    name: String,
    #[serde(rename = "imageID")]
    image_id: String,
    ready: Option<bool>,
    state: Option<ContainerState>,
}

/// One of them is there; where none is, the container waits (Kubernetes API, ContainerState).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ContainerState {
    running: Option<IgnoredAny>,
    waiting: Option<Reason>,
    terminated: Option<Reason>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Reason {
    reason: String,
    exit_code: i64,
}

/// Returns the containers of the pods that `bytes` list, in their order. Objects of other kinds are passed over.
///
/// # Errors
/// It is neither a list of Kubernetes objects nor a pod.
pub fn parse(bytes: &[u8]) -> Result<Vec<Container>, PodsError> {
    let malformed = |error: serde_json::Error| PodsError::Malformed(error.to_string());
    let object: KubernetesObject = serde_json::from_slice(bytes).map_err(malformed)?;
    let kind = object.kind.unwrap_or_default();
    let pods = match (kind.as_str(), object.items) {
        ("List" | "PodList", Some(items)) => items,
        ("Pod", None) => vec![object.pod],
        _ => return Err(PodsError::Kind(kind.chars().take(64).collect())),
    };
    let old = old_replica_sets(&pods);
    // The items of a PodList need not say what they are.
    let pods = pods.into_iter().filter(|pod| pod.kind.as_deref().is_none_or(|kind| kind == "Pod"));
    let mut containers: Vec<Container> = pods.flat_map(Pod::containers).collect();
    for Container { namespace, replica_set, .. } in &mut containers {
        if let Some(set) = replica_set {
            set.is_old = old.contains(&(namespace.clone(), set.name.clone()));
        }
    }
    Ok(containers)
}

/// Returns the namespaces and names of the ReplicaSets that their Deployments have newer ones than.
fn old_replica_sets(objects: &[Pod]) -> BTreeSet<(String, String)> {
    let sets = objects.iter().filter(|object| object.kind.as_deref() == Some("ReplicaSet"));
    let mut deployments: BTreeMap<(&str, &str), Vec<(u64, &str)>> = BTreeMap::new();
    for metadata in sets.map(|set| &set.metadata) {
        let revision = metadata.annotations.as_ref().and_then(|known| known.revision.parse().ok());
        if let (Some(deployment), Some(revision)) = (metadata.owner("Deployment"), revision) {
            let key = (metadata.namespace.as_str(), deployment);
            deployments.entry(key).or_default().push((revision, &metadata.name));
        }
    }
    let mut old = BTreeSet::new();
    for ((namespace, _), sets) in deployments {
        let newest = sets.iter().map(|(revision, _)| *revision).max();
        let others = sets.into_iter().filter(|(revision, _)| Some(*revision) != newest);
        old.extend(others.map(|(_, name)| (namespace.to_owned(), name.to_owned())));
    }
    old
}

impl Pod {
    fn containers(self) -> Vec<Container> {
        let Self { metadata, spec, status, .. } = self;
        // It has ended for good and runs no more (Kubernetes API, PodPhase): jobs leave such pods behind.
        if matches!(&*status.phase, "Succeeded" | "Failed") {
            return Vec::new();
        }
        let parts = [
            (spec.init_containers, status.init_container_statuses),
            (spec.containers, status.container_statuses),
            (spec.ephemeral_containers, status.ephemeral_container_statuses),
        ];
        let replica_set =
            metadata.owner("ReplicaSet").map(|name| ReplicaSet { name: name.to_owned(), is_old: false });
        let mut containers = Vec::new();
        for (wanted, seen) in parts {
            let seen: BTreeMap<&str, &ContainerStatus> =
                seen.iter().map(|seen| (seen.name.as_str(), seen)).collect();
            for ContainerSpec { name, image } in wanted {
                let seen = seen.get(name.as_str());
                containers.push(Container {
                    namespace: metadata.namespace.clone(),
                    pod: metadata.name.clone(),
                    node: spec.node_name.clone(),
                    replica_set: replica_set.clone(),
                    reference: Reference::parse(&image).ok(),
                    pulled: pulled(seen.map_or("", |seen| &seen.image_id)),
                    trouble: trouble(seen.copied()),
                    name,
                    image,
                });
            }
        }
        containers
    }
}

/// Returns why a container does not do its work.
fn trouble(seen: Option<&ContainerStatus>) -> Option<String> {
    let because = |what: &str, reason: &str| match reason {
        "" => what.to_owned(),
        reason => format!("{what}: {reason}"),
    };
    let Some(seen) = seen else { return Some("it has not started".to_owned()) };
    let state = seen.state.as_ref();
    if let Some(ended) = state.and_then(|state| state.terminated.as_ref()) {
        let what = format!("it ended with {}", ended.exit_code);
        return (ended.exit_code != 0).then(|| because(&what, &ended.reason));
    }
    if state.is_some_and(|state| state.running.is_some()) {
        return (seen.ready == Some(false)).then(|| "it is not ready".to_owned());
    }
    let waiting = state.and_then(|state| state.waiting.as_ref());
    Some(because("it waits", waiting.map_or("", |waiting| &waiting.reason)))
}

/// Reads an `imageID`: `repository@digest` from containerd and CRI-O, behind `docker-pullable://` from Docker; a digest
/// alone is the id of the image's config on that node.
fn pulled(image_id: &str) -> Pulled {
    if image_id.is_empty() {
        return Pulled::NotYet;
    }
    match image_id.rsplit_once('@').and_then(|(_, digest)| Digest::parse(digest)) {
        Some(digest) => Pulled::Digest(digest),
        None => Pulled::Local(image_id.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_id_is_a_digest_in_several_spellings() {
        let digest = Digest::sha256(b"a");
        for prefix in ["docker.io/library/nginx@", "docker-pullable://nginx@", "host:5000/a/b@"] {
            assert_eq!(pulled(&format!("{prefix}{digest}")), Pulled::Digest(digest.clone()));
        }
        assert_eq!(pulled(""), Pulled::NotYet);
        for local in [digest.as_str(), "docker://sha256:abc", "nginx@sha256:abc"] {
            assert_eq!(pulled(local), Pulled::Local(local.to_owned()));
        }
    }

    #[test]
    fn a_pod_that_has_ended_for_good_runs_nothing() {
        let pod = |phase: &str| {
            let text = format!(
                r#"{{"kind": "Pod", "spec": {{"containers": [{{"name": "a", "image": "nginx:1"}}]}}, "status": {{"phase": "{phase}"}}}}"#
            );
            parse(text.as_bytes()).unwrap().len()
        };
        assert_eq!(["Running", "Pending", "Unknown", "", "Succeeded", "Failed"].map(pod), [1, 1, 1, 1, 0, 0]);
    }

    #[test]
    fn what_a_node_says_of_a_container_is_told_where_it_is_not_well() {
        for (status, trouble) in [
            (r#"{"state": {"running": {"startedAt": "x"}}, "ready": true}"#, None),
            (r#"{"state": {"running": {}}}"#, None),
            (r#"{"state": {"terminated": {"exitCode": 0, "reason": "Completed"}}, "ready": false}"#, None),
            (r#"{"state": {"running": {}}, "ready": false}"#, Some("it is not ready")),
            (r#"{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}"#, Some("it waits: CrashLoopBackOff")),
            (
                r#"{"state": {"terminated": {"exitCode": 1, "reason": "Error"}}}"#,
                Some("it ended with 1: Error"),
            ),
            (r#"{"state": {}}"#, Some("it waits")),
            ("{}", Some("it waits")),
        ] {
            let seen: ContainerStatus = serde_json::from_str(status).unwrap();
            assert_eq!(super::trouble(Some(&seen)).as_deref(), trouble, "{status}");
        }
        assert_eq!(super::trouble(None).as_deref(), Some("it has not started"));
    }

    #[test]
    fn what_is_no_list_of_pods_is_refused() {
        for (text, message) in [
            ("", "not what kubectl prints"),
            ("apiVersion: v1", "not what kubectl prints"),
            ("[]", "not what kubectl prints"),
            ("{}", "the kind ``"),
            ("{\"kind\": \"Deployment\"}", "the kind `Deployment`"),
            ("{\"kind\": \"List\"}", "the kind `List`"),
            ("{\"kind\": \"List\", \"items\": 1}", "not what kubectl prints"),
            (
                "{\"kind\": \"List\", \"items\": [{\"spec\": {\"containers\": {}}}]}",
                "not what kubectl prints",
            ),
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(message), "{text}: {error}");
        }
        assert_eq!(parse(b"{\"kind\": \"List\", \"items\": []}"), Ok(Vec::new()));
        assert_eq!(
            parse(b"{\"kind\": \"Pod\", \"spec\": {\"containers\": [{\"name\": \"a\"}]}}").unwrap().len(),
            1
        );
    }
}
