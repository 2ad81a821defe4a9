//! The kinds of Kubernetes' own groups: an object of another one is refused, and runs nothing.

/// The kinds with images of the versions that there are or were (kubernetes.io, "API Reference").
const KINDS: [(&str, &[&str]); 9] = [
    ("apps/v1", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("apps/v1beta1", &["Deployment", "StatefulSet"]),
    ("apps/v1beta2", &["DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"]),
    ("batch/v1", &["CronJob", "Job"]),
    ("batch/v1beta1", &["CronJob"]),
    ("batch/v2alpha1", &["CronJob", "ScheduledJob"]),
    ("extensions/v1beta1", &["DaemonSet", "Deployment", "Job", "ReplicaSet"]),
    ("v1", &["Pod", "PodTemplate", "ReplicationController"]),
    ("v1beta3", &["Pod", "ReplicationController"]),
];

/// The groups of which all such kinds are known.
const GROUPS: [&str; 3] = ["apps", "batch", "extensions"];

/// Returns whether no cluster takes an object for what it says: a kind with images in a version that does not have it, or a kind that
/// its group never had. Of the kinds of `v1` only those that others have are known.
pub(super) fn is_of_nobody(version: &str, kind: &str) -> bool {
    let (kind, is_list) = kind.strip_suffix("List").map_or((kind, false), |kind| (kind, true));
    let of_version = KINDS.iter().find(|(known, _)| *known == version).map(|(_, kinds)| kinds);
    let has = |kinds: &[&str]| kinds.contains(&kind) || (is_list && kind.is_empty());
    let is_workload = KINDS.iter().any(|(_, kinds)| kinds.contains(&kind));
    let group = version.split_once('/').map(|(group, _)| group);
    match group {
        Some(group) if GROUPS.contains(&group) => !of_version.is_some_and(|kinds| has(kinds)),
        Some(_) => false,
        None => is_workload && !of_version.is_some_and(|kinds| has(kinds)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_of_their_versions() {
        for (version, kind) in [
            ("apps/v1", "Deploymnt"),
            ("apps/v9", "Deployment"),
            ("v1", "Deployment"),
            ("", "Pod"),
            ("batch", "Job"),
        ] {
            assert!(is_of_nobody(version, kind), "{version} {kind}");
        }
        for (version, kind) in [
            ("apps/v1", "Deployment"),
            ("apps/v1", "DeploymentList"),
            ("v1", "List"),
            ("v1", "Pod"),
            ("v1", "DeploymentConfig"),
            ("v1", "ConfigMap"),
            ("acme.io/v1", "Deployment"),
            ("batch/v1", "CronJob"),
        ] {
            assert!(!is_of_nobody(version, kind), "{version} {kind}");
        }
    }
}
