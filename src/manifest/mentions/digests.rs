//! Which digests of a file are gone: whatever the place is called, what runs there may be anything since.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::ops::Range;

use super::outline::{DigestPlace, ITEM, LINE, Names, ORDER, Outline};
use crate::manifest::formats::helm_values;
use crate::manifest::syntax::language::Language;
use crate::manifest::variables::{OwnVariables, is_own_variable};

/// What holds workloads by their names: one that goes takes its image along.
const WORKLOADS: [&str; 7] = [
    "container_definitions",
    "services",
    "containers",
    "initContainers",
    "ephemeralContainers",
    "steps",
    "sidecars",
];

/// What kustomize finds by a name in what it builds on, and by that alone.
const SELECTING: [&str; 5] = ["components", "images", "patches", "patchesJson6902", "patchesStrategicMerge"];

/// A digest that is gone: the text that had it, where that stood, and what stands there now.
pub(super) struct LostDigest {
    pub(super) text: String,
    /// The images that it is for, where kustomize finds these by their names or by those of objects: it counts where one of
    /// them floats, or stands elsewhere.
    pub(super) only_for: Option<Vec<String>>,
    /// The name of the value, or of what holds it, that is gone as a whole: where nobody asks for it, nothing runs instead.
    pub(super) asked: Option<String>,
    pub(super) path: String,
    pub(super) span: Range<usize>,
}

/// Returns the words with a digest in a text, and the names of the items that they stand in.
pub(super) fn all(path: &str, text: &str) -> HashSet<String> {
    let outline = Outline::of(path, text, Names::default(), false);
    let all =
        outline.digests.into_iter().flat_map(|((_, keys), texts)| texts.into_iter().chain(item_of(&keys)));
    all.collect()
}

/// Returns the name of the item that a place is in.
fn item_of(keys: &[String]) -> Option<String> {
    let item = keys.iter().rev().find_map(|key| key.strip_prefix('[')?.strip_suffix(']'));
    item.filter(|item| !item.is_empty()).map(str::to_owned)
}

/// Returns the digests that the text of before has and the one of now does not have at the same place, where the object is still
/// there and neither the digest nor the workload that had it was moved or taken away as a whole.
pub(super) fn lost(path: &str, before: (&str, Names<'_>), now: (&str, Names<'_>)) -> Vec<LostDigest> {
    let ((text, names), (text_before, names_before)) = (now, before);
    let before = Outline::of(path, text_before, names_before, false);
    let mut now = Outline::of(path, text, names, false);
    let is_less = |now: &Outline<'_>, at: &DigestPlace, texts: &[String]| {
        texts.len() > now.digests.get(at).map(Vec::len).unwrap_or_default()
    };
    if !before.digests.iter().any(|(at, texts)| is_less(&now, at, texts)) {
        return Vec::new();
    }
    now = Outline::of(path, text, names, true);
    let before = Outline::of(path, text_before, names_before, true);
    let (counts_before, counts_now) = (before.counts(), now.counts());
    let behind_new = now.behind_new(&before);
    let (mut found, own) = (Vec::new(), OnceCell::new());
    for (at, texts) in before.digests.iter().filter(|(at, texts)| is_less(&now, at, texts)) {
        let (object, keys) = at;
        let here = now.place(object, keys);
        let written = here.clone().and_then(|here| text.get(here)).filter(|written| is_own_variable(written));
        if written.is_some_and(|it| own.get_or_init(|| OwnVariables::of(path, text)).pinned(it).is_some()) {
            continue;
        }
        // A line that is gone runs nothing instead.
        if here.is_none() && keys.first().is_some_and(|key| key.starts_with(LINE)) {
            continue;
        }
        let count = |counts: &HashMap<(&str, &str), usize>| {
            let key = keys.last().map(String::as_str).unwrap_or_default();
            texts
                .iter()
                .map(|text| counts.get(&(key, text.as_str())).copied().unwrap_or_default())
                .sum::<usize>()
        };
        // The same value stands under the same key elsewhere: values at another key are other values.
        let is_moved =
            here.is_none() && count(&counts_now) >= count(&counts_before) && !is_value(path, object, keys);
        if let Some(order) = keys.last().and_then(|key| key.strip_prefix(ORDER)) {
            let other = order.split_once(' ').map_or(order, |(_, other)| other);
            let list = &keys[..keys.len() - 1];
            let item = |name: &str| now.place(object, &[list, &[format!("{ITEM}{name}")]].concat());
            if item(other).is_some() && texts.iter().all(|text| item(text).is_some()) {
                let (path, span) =
                    (format!("/{}", list.join("/")), now.place(object, list).unwrap_or_default());
                let text = format!("{} {order}", texts.join(", "));
                found.push(LostDigest { text, only_for: None, asked: None, path, span });
            }
            continue;
        }
        let is_selecting = keys.iter().take(7).any(|key| SELECTING.contains(&key.as_str()));
        // What an object of a deployer selects may lie in another repository.
        let is_of_tree = keys.first().is_some_and(|key| SELECTING.contains(&key.as_str()));
        let is_of_another = !now.objects.contains(object);
        let selects = is_moved && (is_selecting || is_of_another);
        let is_elsewhere = (is_moved || is_of_another) && !selects;
        let is_behind = texts.iter().all(|text| behind_new.contains(text));
        if is_elsewhere || is_behind || here.is_some() && now.is_another_part(&before, at) {
            continue;
        }
        let depth = (0..keys.len()).rev().find(|depth| now.place(object, &keys[..*depth]).is_some());
        let above = depth.unwrap_or_default();
        let is_over = is_override(path);
        let may_be_asked = is_asked_by_name(path, object, keys);
        let is_part = selects || is_over || is_selecting || is_value(path, object, keys);
        // A block of Terraform that goes runs nothing instead.
        let is_block = match keys.first().map(String::as_str) {
            Some("resource") => above < 3,
            Some("module") => above < 2,
            _ => false,
        };
        if here.is_none() && is_block {
            continue;
        }
        let gone = keys.get(..=above.min(keys.len().saturating_sub(1))).unwrap_or_default();
        if here.is_none() && is_in_pipeline(path) && has_default(&now, at) {
            continue;
        }
        if here.is_none() && !is_part && (is_workload(gone, keys) || is_job(path, gone, keys)) {
            continue;
        }
        // Items without names: as many are gone as digests.
        let item = keys.iter().rposition(|key| key.starts_with('[')).filter(|at| *at > 0);
        let in_workloads = item.filter(|at| WORKLOADS.contains(&keys[at - 1].as_str()));
        let has_gone = |item: usize| {
            let left = now.digests.get(at).map(Vec::len).unwrap_or_default();
            before.items(object, &keys[..=item]) >= now.items(object, &keys[..=item]) + texts.len() - left
        };
        if !is_part && in_workloads.is_some_and(has_gone) {
            continue;
        }
        let is_silent = here.is_none();
        let span = here.or_else(|| now.place(object, &keys[..above]));
        let left = now.digests.get(at).map(Vec::as_slice).unwrap_or_default();
        let gone = texts.iter().find(|text| !left.contains(text)).or(texts.first());
        let text = gone.cloned().unwrap_or_default();
        let (path, span) = (format!("/{}", keys.join("/")), span.unwrap_or_default());
        let is_name = !text.contains("sha256:") && !text.contains("sha512:");
        let images = || match is_name {
            true => before.names.behind(&text),
            false => item_of(keys).into_iter().chain([text.clone()]).collect(),
        };
        // What a chart from elsewhere renders is not in the tree.
        let is_of_chart = keys.iter().any(|key| key == "postRenderers");
        // What an override says no more, another file says.
        let is_for_some = selects || is_of_tree || is_selecting && is_name || is_over && is_silent;
        let only_for = (is_for_some && !is_of_chart).then(images);
        let is_gone = now.place(object, keys).is_none();
        // What holds texts is not what is asked for.
        let first = value_in(object, keys).map(|first| above.max(first)).filter(|_| is_gone);
        let asked =
            first.and_then(|first| keys.get(first..)?.iter().find(|key| !key.starts_with(['(', '['])));
        let asked = asked.filter(|_| may_be_asked).cloned();
        found.push(LostDigest { text, only_for, asked, path, span });
    }
    found
}

/// Returns whether a place is in values of a chart: those of a deployer's object, or of a file that has no objects and no
/// workloads.
fn is_value(path: &str, object: &str, keys: &[String]) -> bool {
    match object.contains('/') {
        true => value_in(object, keys).is_some(),
        false => helm_values::has_name(path),
    }
}

/// Returns whether somebody in the tree alone may ask for what is at a place: a variable of a module, a value of a chart. What is an
/// argument of a module, or a value of a release, others may ask for.
fn is_asked_by_name(path: &str, object: &str, keys: &[String]) -> bool {
    let is_declared = keys.first().is_some_and(|key| matches!(key.as_str(), "locals" | "variable"));
    is_declared || !object.contains('/') && helm_values::has_name(path)
}

/// Returns which key is the first one of values: of an object those below what holds them.
fn value_in(object: &str, keys: &[String]) -> Option<usize> {
    const HOLDERS: [&str; 4] = ["values", "valuesInline", "valuesObject", "values.yaml"];
    match object.contains('/') {
        true => keys.iter().rposition(|key| HOLDERS.contains(&key.as_str())).map(|at| at + 1),
        false => Some(0),
    }
}

/// Returns whether a file may override another one of Compose, which stays.
fn is_override(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains("compose") && Language::of(name) == Some(Language::Yaml)
}

fn is_in_pipeline(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.contains(".gitlab-ci.") || path.contains(".gitlab/") || path.contains(".gitlab-ci/")
}

/// Returns whether a job of GitLab that has no image any more takes the one of all jobs, which has a digest.
fn has_default(now: &Outline<'_>, (object, keys): &DigestPlace) -> bool {
    let [job, image] = &keys[..] else { return false };
    let place =
        |keys: &[&str]| (object.clone(), keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
    let is_own = ["extends", "inherit"].iter().any(|key| {
        let (object, keys) = place(&[job, key]);
        now.place(&object, &keys).is_some()
    });
    image == "image"
        && !is_own
        && [&["default", "image"][..], &["image"]].iter().any(|keys| now.digests.contains_key(&place(keys)))
}

/// Returns whether what is gone is a job of GitLab with its image: not one that others may extend, nor what holds for all jobs.
fn is_job(path: &str, gone: &[String], keys: &[String]) -> bool {
    const FOR_ALL: [&str; 6] = ["default", "image", "include", "services", "variables", "workflow"];
    let [job] = gone else { return false };
    is_in_pipeline(path) && keys.len() > 1 && !FOR_ALL.contains(&job.as_str()) && !job.starts_with('.')
}

/// Returns whether what is gone, with the keys `gone`, is a workload whose image is at `keys`: its own, as a whole.
fn is_workload(gone: &[String], keys: &[String]) -> bool {
    let is_image = keys.last().is_some_and(|key| key == "image") && !gone.is_empty();
    let in_workloads = |keys: &[String]| keys.last().is_some_and(|key| WORKLOADS.contains(&key.as_str()));
    let (item, list) = (gone.len() + 1 == keys.len(), gone.len() + 2 == keys.len());
    is_image && (item && in_workloads(&gone[..gone.len() - 1]) || list && in_workloads(gone))
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, Engine as _};

    use super::*;

    fn lost(path: &str, before: &str, now: &str) -> Vec<LostDigest> {
        super::lost(path, (before, Names::default()), (now, Names::default()))
            .into_iter()
            .filter(|lost| lost.only_for.is_none())
            .collect()
    }

    const DIGEST: &str = "sha256:6965a10c15290ad0b29ca7fd1866de1850408b3cb15fb11a3bbbbc2fddb158bd";

    fn paths(before: &str, now: &str) -> Vec<String> {
        let put = |text: &str| text.replace('@', &format!("@{DIGEST}"));
        lost("a.yaml", &put(before), &put(now)).into_iter().map(|lost| lost.path).collect()
    }

    #[test]
    fn a_digest_that_goes_is_missed() {
        for (before, now) in [
            ("a: {ver: 1@}\n", "a: {ver: 1}\n"),
            ("a: {ver: 1@}\n", "a: {}\n"),
            ("a: {ver: 1@}\nb: 1\n", "b: 1\n"),
            ("a: {ver: 1@, other: x}\n", "a: {ver: x, other: 1@}\n"),
            ("p: [{name: image.tag, value: 1@}, {name: b, value: x}]\n", "p: [{name: b, value: x}]\n"),
            ("args: [--sidecar=nginx:1@]\n", "args: [--sidecar=nginx:1]\n"),
            ("values: |\n  web: {ver: 1@}\n", "values: |\n  web: {ver: 1}\n"),
            ("list: [x, 1@]\n", "list: [x, 1]\n"),
            (
                "v: |\n  a: {{ .a }}\n  b: {{ printf \"%s\" \"1@\" }}\n",
                "v: |\n  a: {{ .a }}\n  b: {{ printf \"%s\" \"1\" }}\n",
            ),
            (
                "run: |\n  docker run a:1@\n  docker run b:1@\n",
                "run: |\n  docker run a:1@\n  docker run b:1\n",
            ),
        ] {
            assert_eq!(paths(before, now).len(), 1, "{before} -> {now}");
        }
    }

    #[test]
    fn bare_digits_and_encoded_texts_have_digests_too() {
        let hex = DIGEST.strip_prefix("sha256:").unwrap();
        let bare = |rest: &str| format!("image: {{repository: a{rest}}}\n");
        assert_eq!(lost("a.yaml", &bare(&format!(", sha: {hex}")), &bare("")).len(), 1);
        let secret = |values: &str| format!("data: {{v: {}}}\n", BASE64_STANDARD.encode(values));
        let pinned = secret(&format!("some: x\ntag: 1@{DIGEST}\n"));
        assert_eq!(lost("a.yaml", &pinned, &secret("some: x\ntag: 1\n")).len(), 1);
    }

    #[test]
    fn what_goes_as_a_whole_and_what_moves_is_not() {
        let pod = |containers: &str| {
            format!("kind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{containers}]}}\n")
        };
        for (before, now) in [
            (pod("{name: a, image: a:1@}, {name: b, image: b:1@}"), pod("{name: a, image: a:2@}")),
            (pod("{name: a, image: a:1@}"), "kind: Pod\nmetadata: {name: b}\n".to_owned()),
            (
                "services: {a: {image: a:1@}, b: {image: b:1@}}\n".to_owned(),
                "services: {a: {image: a:1@}}\n".to_owned(),
            ),
            ("image: {tag: 1@}\n".to_owned(), format!("image: {{tag: 1, digest: \"{DIGEST}\"}}\n")),
            ("image: {tag: 1@}\n".to_owned(), "web: {image: {tag: 1@}}\n".to_owned()),
        ] {
            assert!(paths(&before, &now).is_empty(), "{before} -> {now}");
        }
    }
}
