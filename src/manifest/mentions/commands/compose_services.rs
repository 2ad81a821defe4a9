//! Services of Compose: those that a command starts, by their names, their profiles and their files.

use super::programs::name_of;
use crate::manifest::formats::compose::DEFAULT_FILES;

/// What it takes beside one of [`DEFAULT_FILES`].
const OVERRIDES: [&str; 4] = [
    "compose.override.yaml",
    "compose.override.yml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];

/// The variable with the profiles of Compose that are active.
const PROFILES: &str = "COMPOSE_PROFILES";

/// Stands for all services that have profiles.
pub(in super::super) const PROFILED: &str = "profiles";

/// Returns the files of Compose that a command takes for their names alone, or the services of them that it starts.
pub(super) fn services(words: &[String]) -> Vec<String> {
    let is_compose = |word: &String| matches!(name_of(word), "compose" | "docker-compose" | "podman-compose");
    let set = words.iter().filter_map(|word| word.split_once('='));
    let Some(start) = words.iter().position(is_compose) else {
        return set.flat_map(|(variable, value)| activated(variable, value)).collect();
    };
    let rest = &words[start + 1..];
    let Some(verb) = rest
        .iter()
        .position(|word| matches!(word.as_str(), "up" | "run" | "create" | "start" | "restart" | "scale"))
    else {
        return Vec::new();
    };
    let given = |flags: [&str; 2]| -> Vec<&str> {
        let joined = rest.iter().filter_map(|word| word.split_once('=').filter(|it| flags.contains(&it.0)));
        let pairs = rest.windows(2).filter(|pair| flags.contains(&pair[0].as_str()));
        pairs.map(|pair| pair[1].as_str()).chain(joined.map(|(_, value)| value)).collect()
    };
    let files = given(["-f", "--file"]);
    let has_files = !files.is_empty();
    let files = if has_files { files } else { [&DEFAULT_FILES[..], &OVERRIDES].concat() };
    let of_one = rest[verb] == "run";
    let mut flag = "";
    let plain = rest[verb + 1..].iter().map(String::as_str).filter(|word| {
        let before = std::mem::replace(&mut flag, word);
        let is_value = matches!(before, "-t" | "--timeout" | "--scale" | "-f" | "--pull" | "--attach");
        !word.starts_with('-') && !is_value && !word.contains(['/', '=', '$', '>'])
    });
    let mut services: Vec<&str> = if of_one { plain.take(1).collect() } else { plain.collect() };
    let is_all = services.is_empty();
    let scaled = given(["--scale", "--scale"]).into_iter().filter_map(|it| it.split_once('='));
    services.extend(scaled.filter(|(_, count)| *count != "0").map(|(service, _)| service));
    // Those with a profile beside the ones that have none.
    services.extend(given(["--profile", "--profile"]).into_iter().map(of_profile));
    services.extend(set.flat_map(|(variable, value)| profiles(variable, value)));
    let whole = files.iter().filter(|_| is_all && !has_files).map(|file| (*file).to_owned());
    let parts = files.iter().flat_map(|file| services.iter().map(move |service| format!("{file}#{service}")));
    whole.chain(parts).collect()
}

/// Returns the profiles of Compose that a variable with this value activates.
fn profiles<'v>(variable: &str, value: &'v str) -> impl Iterator<Item = &'v str> {
    let value = Some(value).filter(|_| variable == PROFILES);
    value.into_iter().flat_map(|value| value.split(',')).filter(|profile| !profile.is_empty()).map(of_profile)
}

/// Returns the name of the services with a profile.
fn of_profile(profile: &str) -> &str {
    if profile == "*" { PROFILED } else { profile }
}

/// Returns the services that a variable with this value has Compose start, of the files that it looks for.
pub(in super::super) fn activated(variable: &str, value: &str) -> Vec<String> {
    let profiles = profiles(variable, value);
    profiles.flat_map(|profile| DEFAULT_FILES.map(|file| format!("{file}#{profile}"))).collect()
}
