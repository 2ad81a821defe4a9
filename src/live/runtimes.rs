//! What runtimes and schedulers beside Kubernetes print of what runs: `docker inspect` and `podman inspect` of containers and
//! images, `docker compose ps --format json`, `aws ecs describe-tasks`, Nomad's allocations. Pure.
//!
//! A container of Docker knows the id of its image, and the image knows its digests: both are wanted, in any order and in
//! one text or several behind each other.

use std::collections::BTreeMap;

use serde_json::Value;

use super::declared::Name;
use super::pods::{Container, Pulled};
use crate::reference::{Digest, Reference};

/// What the images say of themselves, by their ids and tags.
#[derive(Default)]
struct PulledImages {
    digests: BTreeMap<String, Vec<String>>,
}

/// Returns the containers that `bytes` list, in their order; `None` where something in it is none of what is known.
pub(super) fn parse(bytes: &[u8]) -> Option<Vec<Container>> {
    let mut objects = Vec::new();
    for value in serde_json::Deserializer::from_slice(bytes).into_iter::<Value>() {
        match value.ok()? {
            Value::Array(items) => objects.extend(items),
            other => objects.push(other),
        }
    }
    let mut images = PulledImages::default();
    for image in objects.iter().filter(|object| is_image(object)) {
        images.add(image);
    }
    let mut containers = Vec::new();
    for object in objects.iter().filter(|object| !is_image(object)) {
        if let Some(tasks) = object["tasks"].as_array() {
            containers.extend(tasks.iter().flat_map(of_ecs));
        } else if object["State"].is_object() && object["Config"].is_object() {
            containers.extend(images.of_docker(object));
        } else if object["Service"].is_string() && object["Image"].is_string() {
            containers.extend(images.of_compose(object));
        } else if object["Job"]["TaskGroups"].is_array() {
            containers.extend(of_nomad(object));
        } else {
            return None;
        }
    }
    (!objects.is_empty()).then_some(containers)
}

fn is_image(object: &Value) -> bool {
    object["RepoDigests"].is_array() && !object["State"].is_object()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    value.as_array().into_iter().flatten().filter_map(Value::as_str)
}

impl PulledImages {
    fn add(&mut self, image: &Value) {
        let digests: Vec<String> = texts(&image["RepoDigests"]).map(str::to_owned).collect();
        for name in texts(&image["RepoTags"]).chain([text(&image["Id"])]) {
            let name = name.strip_prefix("sha256:").unwrap_or(name);
            self.digests.insert(name.to_owned(), digests.clone());
        }
    }

    /// Returns what was pulled for `image`, which has this id; `told` is what the container itself says. What was asked for is believed
    /// where the image does not say otherwise.
    fn pulled(&self, id: &str, image: &str, told: Option<Digest>) -> Pulled {
        let asked = Reference::parse(image).ok();
        let id = id.strip_prefix("sha256:").unwrap_or(id);
        let known = self.digests.get(id).or_else(|| self.digests.get(image)).into_iter().flatten();
        let known = known.filter_map(|known| Reference::parse(known).ok());
        let same = |known: &Reference| asked.as_ref().is_none_or(|asked| Name::of(asked) == Name::of(known));
        let mut digests: Vec<Digest> =
            known.filter(same).filter_map(|known| known.digest().cloned()).collect();
        let asked = asked.as_ref().and_then(Reference::digest);
        if let Some(asked) = asked.filter(|asked| digests.is_empty() || digests.contains(asked)) {
            return Pulled::Digest(asked.clone());
        }
        digests.extend(told.filter(|told| !digests.contains(told)));
        match digests.len() {
            0 => Pulled::Local(id.to_owned()),
            1 => Pulled::Digest(digests.remove(0)),
            _ => Pulled::OneOf(digests),
        }
    }

    /// Reads a container of Docker or Podman; one that has ended runs nothing.
    fn of_docker(&self, container: &Value) -> Option<Container> {
        let state = &container["State"];
        // What keeps the namespaces of a pod of Podman's open is nobody's workload.
        if container["IsInfra"] == Value::Bool(true) {
            return None;
        }
        // Podman before 4.0 calls it otherwise.
        let health = [&state["Health"]["Status"], &state["Healthcheck"]["Status"]].map(text);
        let trouble = match text(&state["Status"]) {
            "exited" | "dead" | "removing" | "stopped" => return None,
            "running" if health.contains(&"unhealthy") => Some("it is unhealthy".to_owned()),
            "running" => None,
            other => Some(format!("it is {other}")),
        };
        let labels = &container["Config"]["Labels"];
        let image = [&container["ImageName"], &container["Config"]["Image"]].into_iter().map(text);
        let image = image.into_iter().find(|image| !image.is_empty()).unwrap_or_default();
        let id = text(&container["Image"]);
        let told = [&container["ImageDigest"], &container["ImageManifestDescriptor"]["digest"]];
        let told = told.into_iter().find_map(|digest| Digest::parse(text(digest)));
        let pulled = self.pulled(id, image, told);
        let name = text(&container["Name"]).trim_start_matches('/');
        let service = text(&labels["com.docker.compose.service"]);
        let project = text(&labels["com.docker.compose.project"]);
        Some(container_of(
            [project, name, if service.is_empty() { name } else { service }, ""],
            image,
            pulled,
            trouble,
        ))
    }

    /// Reads a line of `docker compose ps`, which does not say what was pulled.
    fn of_compose(&self, container: &Value) -> Option<Container> {
        let trouble = match (text(&container["State"]), text(&container["Health"])) {
            ("exited" | "dead" | "removing", _) => return None,
            ("running", "unhealthy") => Some("it is unhealthy".to_owned()),
            ("running" | "", _) => None,
            (other, _) => Some(format!("it is {other}")),
        };
        let image = text(&container["Image"]);
        let place = [&container["Project"], &container["Name"], &container["Service"]].map(text);
        Some(container_of([place[0], place[1], place[2], ""], image, self.pulled("", image, None), trouble))
    }
}

/// Reads a task of Amazon ECS (API reference, `Task` and `Container`).
fn of_ecs(task: &Value) -> Vec<Container> {
    let last = |value: &Value| text(value).rsplit('/').next().unwrap_or_default().to_owned();
    if text(&task["lastStatus"]) == "STOPPED" {
        return Vec::new();
    }
    let (cluster, id) = (last(&task["clusterArn"]), last(&task["taskArn"]));
    let group = text(&task["group"]);
    let group = group.strip_prefix("service:").unwrap_or(group);
    let place = if group.is_empty() { id } else { format!("{group}/{id}") };
    let host = [last(&task["containerInstanceArn"]), text(&task["availabilityZone"]).to_owned()];
    let host = host.into_iter().find(|host| !host.is_empty()).unwrap_or_default();
    let containers = task["containers"].as_array().into_iter().flatten();
    let running = containers.filter(|container| text(&container["lastStatus"]) != "STOPPED");
    let one = |container: &Value| {
        let (image, status) = (text(&container["image"]), text(&container["lastStatus"]));
        let asked = Reference::parse(image).ok();
        let told = Digest::parse(text(&container["imageDigest"])).or_else(|| asked?.digest().cloned());
        let pulled = match told {
            Some(digest) => Pulled::Digest(digest),
            None if status == "PENDING" => Pulled::NotYet,
            None => Pulled::Local(String::new()),
        };
        let trouble = match (status, text(&container["healthStatus"])) {
            ("RUNNING", "UNHEALTHY") => Some("it is unhealthy".to_owned()),
            ("RUNNING" | "", _) => None,
            (other, _) => Some(format!("it is {}", other.to_ascii_lowercase())),
        };
        container_of([&cluster, &place, text(&container["name"]), &host], image, pulled, trouble)
    };
    running.map(one).collect()
}

/// Reads an allocation of Nomad with its job. Nomad does not say what was pulled: a digest is known where the job has one.
fn of_nomad(allocation: &Value) -> Vec<Container> {
    if !matches!(text(&allocation["ClientStatus"]), "running" | "pending" | "") {
        return Vec::new();
    }
    let group = text(&allocation["TaskGroup"]);
    let groups = allocation["Job"]["TaskGroups"].as_array().into_iter().flatten();
    let tasks = groups.filter(|one| text(&one["Name"]) == group).flat_map(|one| one["Tasks"].as_array());
    let one = |task: &Value| {
        let image = task["Config"]["image"].as_str()?;
        let image = image.strip_prefix("docker://").unwrap_or(image);
        let (name, state) = (text(&task["Name"]), &allocation["TaskStates"][text(&task["Name"])]);
        let digest = Reference::parse(image).ok().and_then(|asked| asked.digest().cloned());
        let pulled = match (text(&state["State"]), digest) {
            ("dead", _) => return None,
            ("pending", _) => Pulled::NotYet,
            (_, Some(digest)) => Pulled::Digest(digest),
            (_, None) => Pulled::Local(String::new()),
        };
        let place = [&allocation["Namespace"], &allocation["Name"], &allocation["NodeName"]].map(text);
        let trouble = (state["Failed"] == Value::Bool(true)).then(|| "it failed".to_owned());
        Some(container_of([place[0], place[1], name, place[2]], image, pulled, trouble))
    };
    tasks.flatten().filter_map(one).collect()
}

/// Returns a container; `place` is its project, cluster or namespace, what it is a part of, its name, and its node.
fn container_of(place: [&str; 4], image: &str, pulled: Pulled, trouble: Option<String>) -> Container {
    let [namespace, pod, name, node] = place.map(str::to_owned);
    let (reference, image) = (Reference::parse(image).ok(), image.to_owned());
    Container { namespace, pod, name, node, replica_set: None, image, reference, pulled, trouble }
}
