//! What container engines are given, and what else commands do with images.

use std::collections::{BTreeMap, HashSet};

use super::super::image_like::{is_path, likeness};
use super::filled_commands::filled;
use super::programs::{ProgramRole, has_role, name_of};
use super::words::commands;
use crate::reference::Reference;

/// What the variable with a container engine is called.
const ENGINE_VARIABLES: [&str; 5] = ["CONTAINER_CLI", "CONTAINER_CMD", "CONTAINER_TOOL", "DOCKER", "ENGINE"];

/// What an engine does with an image, after one of [`GROUPS`] or without.
const VERBS: [&str; 6] = ["create", "from", "install", "pull", "run", "switch"];

/// What the verbs of an engine are about.
const GROUPS: [&str; 4] = ["container", "image", "plugin", "service"];

/// Flags of [`VERBS`] without a value (docs.docker.com, `docker container run`; docs.podman.io, `podman-run`); all others have one.
const BARE: [&str; 31] = [
    "--all-tags",
    "--detach",
    "--disable-content-trust",
    "--env-host",
    "--grant-all-permissions",
    "--group-entry",
    "--help",
    "--http-proxy",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--no-hostname",
    "--no-hosts",
    "--no-trunc",
    "--oom-kill-disable",
    "--passwd",
    "--privileged",
    "--publish-all",
    "--pull-always",
    "--pull-never",
    "--quiet",
    "--read-only",
    "--read-only-tmpfs",
    "--replace",
    "--rm",
    "--rmi",
    "--sig-proxy",
    "--tls-verify",
    "--tty",
    "--unsetenv-all",
    "--use-api-socket",
];

/// Those of one letter.
const BARE_LETTERS: &str = "ditPq";

/// An image that a command has an engine run or fetch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct EngineImage<'w> {
    /// It, as it is written.
    pub(in super::super) written: &'w str,
    /// Whether the engine asks the registry for it even where it has one of that name, such as one that was just built.
    pub(in super::super) is_fetched: bool,
    /// Whether it is a name with a tag that looks like nothing else, as what is built here has one, too.
    pub(in super::super) is_plain: bool,
}

/// Returns the image that a command has an engine run or fetch, if it is written there and has no digest.
pub(in super::super) fn run(words: &[String]) -> Option<EngineImage<'_>> {
    let (verb, mut is_fetched, rest) = run_verb(words)?;
    is_fetched |= matches!(verb, "pull" | "new-app");
    let mut flag = None;
    let written = rest.iter().map(String::as_str).find(|word| {
        let of_flag = flag.take();
        is_fetched |= *word == "--pull=always" || of_flag == Some("--pull") && *word == "always";
        flag = Some(*word).filter(|word| of_flag.is_none() && has_value_behind(word));
        of_flag.is_none() && !word.starts_with('-')
    })?;
    floats(written).then_some(EngineImage { written, is_fetched, is_plain: !is_path(without_tag(written)) })
}

/// Returns what a command has an engine do with an image, whether the engines of a swarm do it, which fetch it each for itself, and the
/// words behind that.
fn run_verb(words: &[String]) -> Option<(&str, bool, &[String])> {
    let engine = words.iter().position(|word| is_engine(word))?;
    let rest = words.get(engine + 1..)?;
    let mut flag = None;
    let at = rest.iter().map(String::as_str).position(|word| {
        let of_flag = flag.take();
        flag = Some(word).filter(|word| word.starts_with('-') && !word.contains('='));
        // What stands behind a flag of the engine may be its value.
        !word.starts_with('-') && (of_flag.is_none() || VERBS.contains(&word) || GROUPS.contains(&word))
    })?;
    let is_group = GROUPS.contains(&rest[at].as_str());
    let verb = at + usize::from(is_group);
    let is_known = |verb: &&String| VERBS.contains(&verb.as_str()) || *verb == "new-app";
    let known = rest.get(verb).filter(is_known)?;
    Some((known, rest[at] == "service", &rest[verb + 1..]))
}

/// What such programs do to have the content of an image, which may run then.
const TAKING: [&str; 6] = ["copy", "cp", "export", "get-file", "pull", "sync"];

/// What an engine does with an image that it has, or gives away, and with what is known of it.
const IDLE: [&str; 8] = ["history", "images", "inspect", "push", "rm", "rmi", "save", "tag"];

/// What a line does with an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum ImageUse {
    /// It only says it, or gives it to what nobody knows.
    Said,
    /// It has it looked at, and does nothing else with it.
    LookedAt,
    Run,
}

/// Returns what the commands of a line do with an image.
pub(in super::super) fn uses(commands: &[Vec<String>], image: &str) -> ImageUse {
    let all = commands.iter().filter(|words| words.iter().any(|word| word.contains(image)));
    let mut uses = all.map(|words| {
        let is_program = |word: &&String| !word.contains('=') && !matches!(word.as_str(), "sudo" | "-");
        let mut rest = words.iter().filter(is_program);
        let Some(first) = rest.next() else { return ImageUse::Said };
        if has_role(first, ProgramRole::Looker) && !rest.any(|word| TAKING.contains(&word.as_str())) {
            return ImageUse::LookedAt;
        }
        let is_idle = |word: &String| IDLE.contains(&word.as_str());
        if is_engine(first) && words.iter().skip(1).take(3).any(is_idle) && run_verb(words).is_none() {
            return ImageUse::LookedAt;
        }
        let is_run = is_engine(first) && run_verb(&words[..]).is_some()
            || has_role(first, ProgramRole::Setter)
            || matches!(name_of(first), "kubectl" | "kind");
        if is_run { ImageUse::Run } else { ImageUse::Said }
    });
    let Some(first) = uses.next() else { return ImageUse::Said };
    uses.fold(first, |one, other| match (one, other) {
        (ImageUse::Run, _) | (_, ImageUse::Run) => ImageUse::Run,
        (ImageUse::LookedAt, ImageUse::LookedAt) => ImageUse::LookedAt,
        _ => ImageUse::Said,
    })
}

/// Returns whether a command, as its first word says, has an engine run or fetch an image without a digest.
pub(in super::super) fn is_run(words: &[String]) -> bool {
    let words = words.strip_prefix(&["sudo".to_owned()]).unwrap_or(words);
    words.first().is_some_and(|first| is_engine(first)) && run(words).is_some()
}

/// Returns whether the next word is the value of a flag.
fn has_value_behind(flag: &str) -> bool {
    if flag.starts_with("--") {
        return !flag.contains('=') && !BARE.contains(&flag);
    }
    // Of letters in one word only the last may have its value behind it; of one that has, the rest is the value.
    let letters = flag.strip_prefix('-').unwrap_or_default();
    let valued = letters.find(|letter| !BARE_LETTERS.contains(letter));
    valued.is_some_and(|at| at + 1 == letters.len())
}

fn is_engine(word: &str) -> bool {
    let variable =
        || word.trim_matches(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).to_ascii_uppercase();
    has_role(word, ProgramRole::Engine)
        || name_of(word) == "oc"
        || word.starts_with('$') && ENGINE_VARIABLES.iter().any(|end| variable().ends_with(end))
}

/// Returns the name of an image.
fn without_tag(image: &str) -> &str {
    image.rsplit_once(':').map_or(image, |(name, tag)| if tag.contains('/') { image } else { name })
}

fn floats(image: &str) -> bool {
    (is_path(without_tag(image)) || likeness(image).is_some())
        && Reference::parse(image).is_ok_and(|image| image.digest().is_none())
}

/// Returns the names that the builds of a text give to what they make.
pub(in super::super) fn made(text: &str) -> HashSet<String> {
    let mut made = HashSet::new();
    if !text.contains(" build") {
        return made;
    }
    let mut all = commands(text);
    all.extend(filled(&all, BTreeMap::new(), &made));
    for words in all {
        // What is only said builds nothing.
        let first = words.iter().find(|word| *word != "-" && !word.ends_with(':'));
        let is_told = first.is_some_and(|word| !is_engine(word) && word != "sudo");
        let builds = !is_told
            && words
                .windows(2)
                .any(|pair| is_engine(&pair[0]) && matches!(pair[1].as_str(), "build" | "buildx"));
        let pairs = words.windows(2).filter(|pair| builds && matches!(pair[0].as_str(), "-t" | "--tag"));
        made.extend(pairs.map(|pair| pair[1].clone()));
        let joined = words.iter().filter_map(|word| word.strip_prefix("--tag="));
        made.extend(joined.filter(|_| builds).map(str::to_owned));
    }
    made
}

#[cfg(test)]
mod tests {
    use super::super::words::commands;
    use super::*;

    fn images(text: &str) -> Vec<String> {
        commands(text).iter().filter_map(|words| run(words)).map(|image| image.written.to_owned()).collect()
    }

    #[test]
    fn what_an_engine_is_given_is_its_first_word_that_is_no_flag() {
        for (text, image) in [
            ("sudo docker run -d --name w acme/web", "acme/web"),
            (
                "/usr/bin/docker run --rm -v \"$PWD:/a b\" -w /src golangci/golangci-lint run acme/x",
                "golangci/golangci-lint",
            ),
            ("$CONTAINER_ENGINE run --rm -it -e A=b acme/web sh", "acme/web"),
            ("podman run -itv /a:/b -p80:80 \\\n  --network=host acme/web:live", "acme/web:live"),
            ("echo a && docker pull -q gcr.io/web:live; true", "gcr.io/web:live"),
            ("docker container create nginx", "nginx"),
            ("docker run --rm debian:sid apt list", "debian:sid"),
            ("docker run localhost:5000/web", "localhost:5000/web"),
            ("docker service create --replicas 3 acme/web", "acme/web"),
            ("oc new-app acme/web --name w", "acme/web"),
            ("docker --context prod run acme/web", "acme/web"),
            ("docker -H tcp://a:1 --debug run acme/web", "acme/web"),
            ("docker --context run ps acme/web", ""),
            ("docker -l debug ps --filter acme/web", ""),
            ("buildah from acme/web", "acme/web"),
            ("docker plugin install --grant-all-permissions acme/web", "acme/web"),
            ("bootc switch quay.io/acme/os", "quay.io/acme/os"),
            ("# don't\ndocker run acme/web", "acme/web"),
            ("bash -c 'set -e\ndocker run -d acme/web'", "acme/web"),
            ("ssh host \"docker pull acme/web && docker restart web\"", "acme/web"),
        ] {
            let found = images(text);
            assert_eq!(found.first().map_or("", String::as_str), image, "{text}");
        }
        let digest = "a".repeat(64);
        for text in [
            &format!("docker run acme/web@sha256:{digest}"),
            "docker run $IMAGE",
            "docker run my-app",
            "docker compose run a/b c/d",
            "docker exec -it acme/web sh",
            "the docker run",
            "# docker run acme/web",
            "true # it's docker run acme/web",
        ] {
            assert_eq!(images(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn what_is_fetched_is_not_what_was_built() {
        let fetched =
            |text: &str| commands(text).iter().filter_map(|words| run(words)).any(|it| it.is_fetched);
        for text in [
            "docker pull acme/web",
            "docker image pull -q acme/web",
            "docker run --pull always --rm acme/web",
            "docker run --pull=always acme/web",
            "docker service create acme/web",
        ] {
            assert!(fetched(text), "{text}");
        }
        for text in [
            "docker run --rm acme/web",
            "docker run --pull missing acme/web always",
            "docker create acme/web",
        ] {
            assert!(!fetched(text), "{text}");
        }
    }

    #[test]
    fn what_a_line_does_with_an_image_is_known() {
        let image = "ghcr.io/acme/web:1.2";
        for (line, expected) in [
            ("docker run --rm IMAGE", ImageUse::Run),
            ("helm upgrade w c --set image=IMAGE", ImageUse::Run),
            ("trivy image IMAGE && docker run IMAGE", ImageUse::Run),
            ("A=b sudo docker create IMAGE", ImageUse::Run),
            ("trivy image --severity HIGH IMAGE", ImageUse::LookedAt),
            ("cosign verify --key k IMAGE | jq .", ImageUse::LookedAt),
            ("skopeo copy docker://IMAGE dir:x", ImageUse::Said),
            ("crane export IMAGE - | tar x", ImageUse::Said),
            ("echo docker run IMAGE", ImageUse::Said),
            ("docker rmi IMAGE", ImageUse::LookedAt),
            ("docker image inspect IMAGE", ImageUse::LookedAt),
            ("docker manifest inspect IMAGE", ImageUse::LookedAt),
            ("docker inspect IMAGE; docker run IMAGE", ImageUse::Run),
            ("# docker run IMAGE", ImageUse::Said),
            ("IMAGE", ImageUse::Said),
        ] {
            assert_eq!(uses(&commands(&line.replace("IMAGE", image)), image), expected, "{line}");
        }
    }

    #[test]
    fn what_a_build_makes_is_known() {
        let made = made(
            "docker build -t acme/web . && docker buildx build --tag=acme/b .\n# docker build -t acme/c\n",
        );
        let mut made: Vec<String> = made.into_iter().collect();
        made.sort_unstable();
        assert_eq!(made, ["acme/b", "acme/web"]);
    }
}
