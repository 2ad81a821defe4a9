//! Servers that agents start, as their editors are told (Model Context Protocol): the image of a `docker run`.

use super::finder::Finder;
use super::module_texts::nodes;
use crate::manifest::syntax::tree::NodeId;

/// Where the servers are, for one editor or another.
const SERVERS: [&str; 2] = ["/mcpServers/*", "/servers/*"];

/// What runs an image.
const ENGINES: [&str; 3] = ["docker", "podman", "nerdctl"];

/// The options of `docker run` that take no value (Docker CLI reference, `docker container run`).
const SWITCHES: [&str; 14] = [
    "--detach",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--replace",
    "--rm",
    "--sig-proxy",
    "--tty",
    "--use-api-socket",
];

/// Adds the images that the servers below `root` run.
pub(super) fn find(finder: &mut Finder<'_, '_>, root: NodeId) {
    let tree = finder.tree;
    for server in SERVERS.iter().flat_map(|path| nodes(tree, root, path)) {
        let command = tree.get_str(server, "command").unwrap_or_default();
        let program = command.rsplit(['/', '\\']).next().unwrap_or(command);
        let Some(arguments) = tree.get(server, "args").filter(|_| ENGINES.contains(&program)) else {
            continue;
        };
        let arguments = tree.items(arguments);
        let texts: Vec<&str> =
            arguments.iter().map(|node| tree.string_of(*node).unwrap_or_default()).collect();
        if let Some(image) = image_at(&texts) {
            finder.add_image(arguments[image]);
        }
    }
}

/// Returns which of the arguments of an engine is the image that it runs.
fn image_at(arguments: &[&str]) -> Option<usize> {
    let start = match arguments {
        ["run", ..] => 1,
        ["container", "run", ..] => 2,
        _ => return None,
    };
    let mut at = start;
    while let Some(argument) = arguments.get(at).filter(|argument| argument.starts_with('-')) {
        at += if takes_next(argument) { 2 } else { 1 };
    }
    arguments.get(at).filter(|argument| !argument.is_empty()).map(|_| at)
}

/// Returns whether the value of an option is the argument behind it.
fn takes_next(option: &str) -> bool {
    match option.strip_prefix('-') {
        Some(long) if long.starts_with('-') => !long.contains('=') && !SWITCHES.contains(&option),
        // `-it`, `-eNAME`, `-e`
        Some(short) => {
            let value = short.trim_start_matches(['d', 'i', 't', 'P', 'q']);
            value.len() == 1
        }
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_stands_behind_the_options_of_run() {
        for (command, image) in [
            ("run -i --rm acme/server:1 --verbose", Some("acme/server:1")),
            ("run -i --rm -e TOKEN -p 8080:80 acme/server:1", Some("acme/server:1")),
            ("run -it --mount type=bind,src=/a,dst=/b --name=web acme/server", Some("acme/server")),
            ("container run -dit -eTOKEN --user 1000:1000 acme/server:1 run x:1", Some("acme/server:1")),
            ("run -i --rm", None),
            ("exec -i web server", None),
            ("mcp gateway run", None),
            ("", None),
        ] {
            let arguments: Vec<&str> = command.split_ascii_whitespace().collect();
            assert_eq!(image_at(&arguments).map(|at| arguments[at]), image, "{command}");
        }
    }
}
