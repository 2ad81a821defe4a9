//! Which texts read like an image without a digest, wherever they stand.

use super::commands::programs::{ProgramRole, with_role};
use super::official_images::OFFICIAL;
use crate::manifest::partial_image::ends_in_digest;
use crate::reference::Reference;

/// Tags without a digit that images are known by.
const WORDS: [&str; 18] = [
    "alpine",
    "canary",
    "dev",
    "develop",
    "edge",
    "latest",
    "lts",
    "main",
    "mainline",
    "master",
    "nightly",
    "prod",
    "production",
    "release",
    "slim",
    "stable",
    "staging",
    "testing",
];

/// Domains of labels and of what nodes have.
const LABELS: [&str; 7] =
    ["kubernetes.io", "k8s.io", "openshift.io", "istio.io", "nvidia.com", "amd.com", "intel.com"];

/// What may stand before a reference to say where it is.
const SCHEMES: [&str; 3] = ["docker://", "oci://", "registry://"];

/// How much a word says of itself that it is an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Likeness {
    /// It is one by its looks.
    Image,
    /// It is one where its name is that of an image, or its place says so.
    Perhaps,
}

/// Returns how much a word reads like an image with a tag and without a digest; `None` where it does not. `host:8080` is an
/// address, `kubernetes.io/os:linux` a label.
pub(super) fn likeness(word: &str) -> Option<Likeness> {
    let reference = Reference::parse(without_scheme(word)).ok()?;
    let (Some(tag), None) = (reference.tag(), reference.digest()) else { return None };
    let name = reference.name();
    // Users, times, MAC addresses and hashes have no name in front of the colon.
    let is_hash = matches!(name, "sha256" | "sha512" | "sha1" | "md5");
    let is_number = tag.bytes().all(|byte| byte.is_ascii_digit());
    let is_port = is_number && (3..=5).contains(&tag.len()) || tag == "80";
    if is_hash || !name.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return None;
    }
    match name.split_once('/') {
        // `kubernetes.io/os:linux`, `nvidia.com/gpu:1`, `acme.io/dedicated:NoSchedule`
        Some((host, path)) if host.contains('.') && !host.contains(':') && !path.contains('/') => {
            let is_word = !WORDS.contains(&tag) && (!is_version(tag) || is_number && tag.len() <= 3);
            let is_label =
                LABELS.iter().any(|domain| host.ends_with(domain)) && !host.starts_with("registry.");
            match is_word && (is_label || tag.contains(|c: char| c.is_ascii_uppercase())) {
                true => None,
                false if is_number && tag.len() <= 3 => Some(Likeness::Perhaps),
                false => Some(Likeness::Image),
            }
        }
        // `namespace/service:5432`
        Some((host, _)) if is_port && !host.contains(['.', ':']) => Some(Likeness::Perhaps),
        Some(_) => Some(Likeness::Image),
        None if is_port || name.contains('.') => None,
        None if OFFICIAL.contains(&name) && is_tag_of_official(tag) => Some(Likeness::Image),
        None => (is_version(tag) || WORDS.contains(&tag)).then_some(Likeness::Perhaps),
    }
}

/// Returns whether a word that reads like an image has a version or a well-known word for a tag, as words of programs seldom do.
pub(super) fn has_version(word: &str) -> bool {
    word.rsplit_once(':').is_some_and(|(_, tag)| is_version(tag) || WORDS.contains(&tag))
}

/// Returns a word without what says how it is fetched.
pub(super) fn without_scheme(word: &str) -> &str {
    SCHEMES.iter().find_map(|scheme| word.strip_prefix(scheme)).unwrap_or(word)
}

/// Returns whether a tag starts as versions do, or has one in it: `1.27`, `v2`, `3-alpine`, `release-1.2`, `sha-0a1b2c3`.
fn is_version(tag: &str) -> bool {
    let mut parts = tag.split(['.', '-', '_', '+']);
    parts.any(|part| {
        let digits = part.strip_prefix(['v', 'r']).unwrap_or(part);
        digits.starts_with(|c: char| c.is_ascii_digit())
    })
}

/// Returns whether a tag is one that official images have: a version, a well-known word, the name of a distribution or a variant.
fn is_tag_of_official(tag: &str) -> bool {
    const VARIANTS: [&str; 20] = [
        "apache",
        "bookworm",
        "bullseye",
        "cli",
        "current",
        "dind",
        "forky",
        "fpm",
        "jammy",
        "innovation",
        "jre",
        "management",
        "noble",
        "otel",
        "perl",
        "rawhide",
        "rolling",
        "rootless",
        "sid",
        "trixie",
    ];
    is_version(tag) || tag.split(['-', '_']).any(|part| WORDS.contains(&part) || VARIANTS.contains(&part))
}

/// Returns the words of a text on one line among which an image may be; not those that a build makes.
pub(super) fn words(text: &str) -> impl Iterator<Item = &str> {
    let ends = |c: char| c.is_whitespace() || "\"'`=,;()|[]{}<>\\".contains(c);
    let words = text.split(ends).filter(|word| !word.is_empty());
    // `-t` is a terminal where something is run.
    let is_run = text.contains(" run ") && !text.contains(" build");
    let is_command = with_role(ProgramRole::Builder).any(|builder| text.contains(builder));
    let is_exported = text.contains("type=registry") || text.contains("type=image");
    let is_made = move |before: &str| match before {
        "-t" | "--tag" | "--destination" | "--cache-repo" | "--cache-from" | "--cache-to" => !is_run,
        "ref" | "name" => is_exported && !is_run,
        "*.tags" => text.contains(" bake "),
        // There it is what others run.
        "tag" if text.contains("oc tag ") => false,
        before => is_command && matches!(before, "push" | "tag"),
    };
    let pairs = words.scan("", move |before, word| Some((std::mem::replace(before, word), word)));
    pairs.filter(move |(before, word)| word.contains(':') && !is_made(before)).map(|(_, word)| word)
}

/// Returns the images that a command asks for and that do not read like one by themselves: `--image nginx`, `docker://nginx`,
/// `kubectl set image deploy/web web=nginx`, `.image = "nginx"`, `"image":"nginx"`, `type=image,source=nginx`.
pub(super) fn asked_for(line: &str) -> impl Iterator<Item = &str> {
    let (sets, mounts) = (line.contains("set image "), line.contains("type=image,"));
    // As modules of Ansible have their options in one line.
    let is_list =
        line.split_whitespace().filter(|word| word.contains('=') && !word.starts_with('-')).count() > 1;
    let pairs = words_of(line).scan(("", ""), |before, word| {
        let (first, second) = std::mem::replace(before, (before.1, word));
        Some((first, second, word))
    });
    let named = pairs.filter_map(move |(first, before, word)| {
        let is_value = matches!(before, ":" | "=") && says_image(first)
            || before.ends_with("image:")
            || before.ends_with(".image");
        // As pipelines of Jenkins call the plugin that runs containers.
        let is_called = matches!(before, "docker.image" | "withDockerContainer")
            || before == "docker" && ["docker '", "docker \""].iter().any(|it| line.contains(it));
        if is_called && (is_path(word) || has_official_name(word)) {
            return Some(word);
        }
        let is_flag = before.starts_with("--") && says_image(before);
        let is_asked = is_flag || is_value && is_path(word);
        let given = || {
            let is_option = |flag: &str| {
                flag.starts_with("--") || flag == "image" && (before.starts_with("--") || is_list)
            };
            word.split_once('=').filter(|(flag, _)| is_option(flag) && says_image(flag))
        };
        let mounted = || {
            let source = ["source=", "src="].into_iter().find_map(|key| word.strip_prefix(key));
            source.filter(|_| mounts)
        };
        let value = || given().map(|(_, image)| image).or_else(|| word.strip_prefix("docker://"));
        let set = || word.split_once('=').map(|(_, image)| image).filter(|_| sets && !word.starts_with('-'));
        is_asked.then_some(word).or_else(value).or_else(set).or_else(mounted)
    });
    named.filter(|word| is_unlike(word) && !is_picture(word) && !word.starts_with(['/', '.']))
}

/// Returns whether a word is an image without a digest that does not read like one by itself.
fn is_unlike(word: &str) -> bool {
    likeness(word) != Some(Likeness::Image)
        && Reference::parse(word).is_ok_and(|image| image.digest().is_none())
}

/// Returns the words of a command; what stands in it as an object is taken apart.
pub(super) fn words_of(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| c.is_whitespace() || "\"'`,;()|[]{}<>".contains(c)).filter(|word| !word.is_empty())
}

/// Returns the images with a variable in them that a command runs: `docker run $NAME:1.27`, `docker run nginx:$TAG`,
/// `--image="$IMAGE"`.
pub(super) fn put_together(line: &str) -> impl Iterator<Item = &str> {
    let is_run = [" run ", " create ", "set image ", ".image = "].iter().any(|word| line.contains(word));
    let is_build = line.match_indices(" build").any(|(at, _)| !line[..at].ends_with("kustomize"));
    let is_made = is_build || [" push", " tag "].iter().any(|word| line.contains(word));
    let ends = |c: char| c.is_whitespace() || "\"'`=,;()|[]<>\\".contains(c);
    let words = line.split(ends).filter(|word| !word.is_empty());
    let pairs = words.scan("", |before, word| Some((std::mem::replace(before, word), word)));
    let found = pairs.filter(move |(before, word)| {
        let is_given = before.starts_with("--") && says_image(before) && word.starts_with('$');
        let is_one = || match word.split_once(":$") {
            Some((name, _)) => is_path(name),
            None => word.rsplit_once(':').is_some_and(|(name, tag)| {
                name.starts_with('$') && is_version(tag) && !tag.starts_with("80")
            }),
        };
        is_run && !is_made && (is_given || is_one())
    });
    found.map(|(_, word)| word)
}

/// Returns whether a key, or a flag, says that its value is an image.
pub(super) fn says_image(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    let stem = ["_url", "-url", "url", "_uri", "-uri", "uri", "_ref", "-ref", "ref"]
        .iter()
        .find_map(|end| lower.strip_suffix(end))
        .unwrap_or(&lower);
    let is_name = || ["imagename", "image_name", "-image-name"].iter().any(|end| lower.ends_with(end));
    stem.ends_with("image") || lower.starts_with("related_image_") || is_name()
}

/// Returns whether what stands below a key are images, by names of any kind: `images`, `system_images`, `baseImageOverrides`.
pub(super) fn is_of_images(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    lower.ends_with("images") || lower.ends_with("imageoverrides")
}

/// Returns what a query of `yq` or `jq` makes float: `.image.tag = "live"`, `del(.image.digest)`.
pub(super) fn queried(line: &str) -> impl Iterator<Item = String> {
    let triples = words_of(line).scan(("", ""), |before, word| {
        let (first, second) = std::mem::replace(before, (before.1, word));
        Some((first, second, word))
    });
    let last = |path: &str| path.rsplit('.').next().unwrap_or(path).to_ascii_lowercase();
    triples.filter_map(move |(path, sign, word)| {
        let is_set = path.starts_with('.') && sign == "=" && last(path).ends_with("tag");
        let is_gone = sign.ends_with("del") && word.starts_with('.') && last(word).ends_with("digest");
        match (is_set && !ends_in_digest(word), is_gone) {
            (true, _) => Some(format!("{path} = {word}")),
            (_, true) => Some(format!("del({word})")),
            _ => None,
        }
    })
}

/// Returns the image without a digest of a line that gives it to a name, in whatever language: `dockerImage = "node"`,
/// `image: 'node',`.
pub(super) fn assigned(line: &str) -> Option<&str> {
    // Calls of Groovy and Ruby have nothing between the two.
    let called =
        || line.trim().split_once(" '").map(|(name, value)| (name, &line[line.len() - value.len() - 1..]));
    let (name, value) = line.split_once(['=', ':']).or_else(called)?;
    let name = name.trim_end_matches([' ', '"', '\'', ':']);
    let name = name.rsplit([' ', '"', '\'', '.']).next().unwrap_or(name);
    let value = value.trim_start_matches(['=', ' ']).trim_end().trim_end_matches([',', ';', '}', ' ']);
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''))?;
    let inner = value.strip_prefix(quote)?.strip_suffix(quote)?;
    (says_image(name) && is_called_open(inner)).then_some(inner)
}

/// Returns whether a text that something calls an image is one without a digest, and does not read like one by itself: not a
/// picture, a disk or a variable.
pub(super) fn is_called_open(text: &str) -> bool {
    is_path(text) && !is_picture(text) && is_unlike(text)
}

/// Returns whether a word is the name of a picture, a page or a disk.
fn is_picture(word: &str) -> bool {
    const ENDINGS: [&str; 12] =
        ["gif", "html", "ico", "img", "iso", "jpeg", "jpg", "png", "qcow2", "svg", "webp", "xz"];
    word.rsplit_once('.').is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Returns whether a word has the form of an image's name.
pub(super) fn is_path(word: &str) -> bool {
    is_known(word) || word.contains('/') && !word.starts_with(['/', '.'])
}

/// Returns whether a word is an official image with a tag.
fn has_official_name(word: &str) -> bool {
    word.split_once(':').is_some_and(|(name, _)| OFFICIAL.contains(&name))
}

/// Returns whether a word without a tag is the name of an image: an official one's, or one with its registry.
pub(super) fn is_known(word: &str) -> bool {
    let host = word.split_once('/').map(|(host, _)| host);
    OFFICIAL.contains(&word) || host.is_some_and(|host| host.contains('.') && !host.starts_with('.'))
}

/// Returns whether a line is a name and an image with the host of its registry, as properties and arguments have it.
pub(super) fn is_setting_of_image(line: &str) -> bool {
    let Some((_, value)) = line.split_once(['=', ':', ' ']) else { return false };
    let value = value.trim().trim_end_matches(',').trim_matches(['"', '\'']);
    let (host, rest) = value.split_once('/').unwrap_or_default();
    let has_tag = rest.rsplit('/').next().is_some_and(|name| name.contains(':'));
    host.contains('.') && has_tag && !value.contains(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_told_from_addresses_and_words() {
        for image in [
            "nginx:1.27",
            "nginx:mainline",
            "postgres:16",
            "node:22",
            "acme/app:v2",
            "acme/app:prod",
            "localhost:5000/app:prod",
            "docker://acme/app:1",
            "ghcr.io/acme/app:prod",
            "registry.corp:5000/app:20260101",
            "registry.acme.io/web:live",
            "acme.azurecr.io/web:feature-x",
            "gcr.io/web:a1b2c3d",
        ] {
            assert_eq!(likeness(image), Some(Likeness::Image), "{image}");
        }
        for perhaps in [
            "app:release-1.2",
            "tier:1",
            "branch:main",
            "on-failure:5",
            "default/db:5432",
            "registry.acme.io/web:42",
        ] {
            assert_eq!(likeness(perhaps), Some(Likeness::Perhaps), "{perhaps}");
        }
        for other in [
            "redis:6379",
            "web.default.svc:80",
            "localhost:8080",
            "nginx",
            "nginx:1.27@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
            "job:request_rate:sum",
            "kubernetes.io/os:linux",
            "topology.kubernetes.io/zone:a",
            "acme.io/dedicated:NoSchedule",
            "nvidia.com/gpu:1",
            "system:masters",
            "app:app",
            "nginx:nginx",
            "docker:build",
            "0:0",
            "12:30",
            "00:11:22",
            "https://nginx:1.27",
            "${IMAGE}:1.27",
        ] {
            assert_eq!(likeness(other), None, "{other}");
        }
    }

    #[test]
    fn what_a_command_asks_for_needs_no_tag() {
        let asked = |line| asked_for(line).collect::<Vec<_>>();
        assert_eq!(asked("kubectl create deployment web --image nginx --port 80"), ["nginx"]);
        assert_eq!(asked("kubectl run a --image=acme/app"), ["acme/app"]);
        assert_eq!(asked("skopeo copy docker://acme/app dir:a"), ["acme/app"]);
        assert_eq!(
            asked("Mount=type=image,source=docker.io/acme/data,destination=/d"),
            ["docker.io/acme/data"]
        );
        assert_eq!(
            asked("az containerapp update --image acme.azurecr.io/web:42"),
            ["acme.azurecr.io/web:42"]
        );
        assert_eq!(asked("docker buildx create --driver-opt image=moby/buildkit"), ["moby/buildkit"]);
        assert_eq!(asked("kubectl set image deploy/web web=acme/web --record"), ["acme/web"]);
        assert_eq!(asked("yq -i '.spec.containers[0].image = \"acme/web\"' d.yaml"), ["acme/web"]);
        assert_eq!(asked("kubectl patch deploy web -p '{\"image\": \"acme/web\"}'"), ["acme/web"]);
        assert!(asked("--image=$IMAGE --image nginx:1.27 --images a image b docker run --help").is_empty());
        let made = |line| put_together(line).collect::<Vec<_>>();
        assert_eq!(made("IMG=nginx; docker run -d $IMG:1.27"), ["$IMG:1.27"]);
        assert_eq!(made("docker run -d nginx:$TAG"), ["nginx:$TAG"]);
        assert_eq!(made("kubectl run x --image=\"$IMG\""), ["$IMG"]);
        assert!(made("docker build -t $IMG:1 . && docker run $IMG:1; docker run -v $PWD:/a x").is_empty());
    }

    #[test]
    fn what_a_build_makes_is_no_word_of_it() {
        assert_eq!(
            words("docker build -t acme/app:1 . && docker run nginx:1").collect::<Vec<_>>(),
            ["nginx:1"]
        );
        for line in [
            "/kaniko/executor --destination=acme/app:1 --cache-repo acme/cache:1",
            "docker buildx build --cache-from type=registry,ref=acme/app:c --output type=image,name=acme/app:1 .",
            "docker buildx bake --set *.tags=acme/app:1",
        ] {
            assert_eq!(words(line).collect::<Vec<_>>(), Vec::<&str>::new(), "{line}");
        }
        assert_eq!(words("docker run --destination acme/app:1").collect::<Vec<_>>(), ["acme/app:1"]);
    }
}
