//! What commands set: the tags and the images that deployers are told on the command line.

use super::super::image_like::{is_path, says_image};
use super::programs::{ProgramRole, has_role};

/// How they are told.
const SETTING: [&str; 17] = [
    "--extra-vars",
    "--helm-set",
    "--helm-set-string",
    "--parameter",
    "--parameter-overrides",
    "--parameters",
    "--set",
    "--set-file",
    "--set-json",
    "--set-literal",
    "--set-string",
    "--state-values-set",
    "--state-values-set-string",
    "--var",
    "-e",
    "-p",
    "-var",
];

/// Those that have more than one value.
const MANY: [&str; 2] = ["--parameter-overrides", "--parameters"];

/// Returns what a command has a deployer set a tag or an image to, without a digest: `--set image.tag=main`, `-var tag=main`.
pub(in super::super) fn sets(words: &[String]) -> Vec<&str> {
    let is_setter = words.iter().any(|word| has_role(word, ProgramRole::Setter));
    // That of Helm means the same to all who render charts.
    let is_known = |flag: &&str| SETTING.contains(flag) && (is_setter || flag.starts_with("--set"));
    let mut flag = "";
    let given = words.iter().map(String::as_str).filter_map(|word| {
        let before = flag;
        // Some have all words behind them up to the next flag.
        if word.starts_with('-') || !MANY.contains(&before) {
            flag = word;
        }
        let joined = || word.split_once('=').filter(|(flag, _)| is_known(flag)).map(|(_, set)| set);
        is_known(&before).then_some(word).or_else(joined)
    });
    let sets = given.flat_map(|set| if set.contains('{') { vec![set] } else { set.split(',').collect() });
    let has_digest = words.iter().any(|word| word.contains("sha256:"));
    let floats = |set: &&str| {
        let Some((key, value)) = set.split_once('=') else { return false };
        let last = key.rsplit('.').next().unwrap_or(key).to_ascii_lowercase();
        let is_tag = last.ends_with("tag") && !value.is_empty();
        let is_repository = key.ends_with("image.repository") && is_path(value) && !has_digest;
        let is_image = says_image(&last) && (is_path(value) || value.contains("\"tag\""));
        let is_gone = (last.ends_with("digest") || last.ends_with("sha"))
            && matches!(value, "" | "null" | "\"\"" | "''" | "/dev/null");
        (is_tag || is_image || is_repository || is_gone) && !value.contains("sha256:")
    };
    sets.filter(floats).collect()
}

/// Returns the variables that a command gives values: `TAG=7 docker compose up`, `export TAG=7`, `echo TAG=7 >> .env`, and as recipes
/// have it, `TAG := 7`.
pub(in super::super) fn assignments(words: &[String]) -> Vec<(&str, &str)> {
    let is_name = |name: &&str| {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.bytes().all(is_word)
    };
    let unit = |word| str::strip_prefix(word, "Environment=").unwrap_or(word);
    let joined = words.iter().filter_map(|word| unit(word.as_str()).split_once('='));
    let apart = words.windows(3).filter_map(|three| match three {
        [name, sign, value] if matches!(sign.as_str(), "=" | ":=" | "::=" | "?=" | ":::=") => {
            Some((name.strip_prefix("$env:").unwrap_or(name), value.as_str()))
        }
        _ => None,
    });
    joined.chain(apart).filter(|(name, _)| is_name(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::super::words::commands;
    use super::*;

    #[test]
    fn variables_get_values_in_every_shell() {
        for text in [
            "TAG=7 docker compose up",
            "export TAG=7",
            "echo 'TAG=7' >> $GITHUB_ENV",
            "TAG := 7",
            "export TAG ?= 7",
            "$env:TAG = \"7\"",
            "Environment=\"TAG=7\" A=2",
            "docker compose run -e TAG=7 web",
        ] {
            assert!(assignments(&commands(text)[0]).contains(&("TAG", "7")), "{text}");
        }
        assert!(assignments(&commands("helm upgrade --set image.tag=7 --v=1")[0]).is_empty());
    }

    #[test]
    fn what_is_set_to_a_tag_floats() {
        for (text, set) in [
            ("helm upgrade a ./c --set image.tag=main", "image.tag=main"),
            ("helm upgrade w r/w --set a=b,image.tag=live", "image.tag=live"),
            ("helm upgrade w r/w --set-string=imageTag=live", "imageTag=live"),
            (
                "helm upgrade w r/w --set-json 'image={\"repository\":\"a/b\",\"tag\":\"c\"}'",
                "image={\"repository\":\"a/b\",\"tag\":\"c\"}",
            ),
            ("argocd app set web -p image.tag=live", "image.tag=live"),
            ("helm upgrade w ./c --set image.digest=", "image.digest="),
            ("helm upgrade w ./c --set-json image.digest=null", "image.digest=null"),
            ("werf converge --set image.tag=live", "image.tag=live"),
            ("ansible-playbook -e web_tag=live site.yml", "web_tag=live"),
            ("nomad job run -var tag=live web.nomad", "tag=live"),
            ("cilium install --set image.tag=live", "image.tag=live"),
            ("terraform apply -auto-approve -var=image_tag=live", "image_tag=live"),
            ("helmfile apply --state-values-set tag=live", "tag=live"),
            ("aws cloudformation deploy --parameter-overrides A=b Tag=live --no-x", "Tag=live"),
        ] {
            assert_eq!(sets(&commands(text)[0]), [set], "{text}");
        }
        for text in [
            "helm upgrade a ./c --set stage=tag",
            "git commit -p image.tag=a",
            "helm install a --set image.tag=1@sha256:a",
        ] {
            assert_eq!(sets(&commands(text)[0]), Vec::<&str>::new(), "{text}");
        }
    }
}
