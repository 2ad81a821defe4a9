//! `tagpin completions`

use std::io::Write;

use clap::CommandFactory;
use clap_complete::Shell;

use super::local_config;
use crate::commands::args::{Cli, CompletionsArgs, Globals};
use crate::commands::exit::Exit;
use crate::commands::failure::Failure;
use crate::config::Variables;
use crate::report::terminal::Terminal;
use crate::text::printable;

/// Behind what clap writes for bash: the names of environments, where a path or an environment may stand.
const BASH: &str = r#"
_tagpin_with_environments() {
    _tagpin "$@"
    local IFS=$'\n' cur="${COMP_WORDS[COMP_CWORD]}" word
    [[ "${cur}" == -* ]] && return 0
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case "${word}" in
            list|pin|check|live|promote|rollback|history|known-good)
                local names=( $(compgen -W "$(tagpin completions --environments 2>/dev/null)" -- "${cur}") )
                if [[ ${#names[@]} -gt 0 ]]; then
                    COMPREPLY+=( "${names[@]}" $(compgen -f -- "${cur}") )
                fi
                return 0
                ;;
        esac
    done
}

complete -F _tagpin_with_environments -o bashdefault -o default tagpin
"#;

const FISH: &str = r#"
complete -c tagpin -n "__fish_seen_subcommand_from list pin check live promote rollback history known-good" -a "(tagpin completions --environments 2>/dev/null)" -d environment
"#;

/// Before the lines with which clap's script for zsh ends.
const ZSH: &str = r#"_tagpin_places() {
    local -a environments
    environments=(${(f)"$(tagpin completions --environments 2>/dev/null)"})
    _alternative 'environments:environment:compadd -a environments' 'files:file:_files'
}

"#;

/// The arguments that an environment may stand for, as clap's script for zsh describes them.
const ZSH_PLACES: [&str; 5] = ["*::paths", ":from", ":to", ":target", "::environment"];

/// Prints the completion script for a shell, or the names that it asks for.
///
/// # Errors
/// Standard output cannot be written.
pub fn run(
    args: &CompletionsArgs,
    globals: &Globals,
    environment: &Variables,
    terminal: &mut Terminal,
) -> Result<Exit, Failure> {
    let Some(shell) = args.shell else {
        // Where the configuration is wrong there is nothing to complete.
        if let Ok(config) = local_config(globals, environment, terminal) {
            for environment in &*config.settings.environments {
                writeln!(terminal.stdout, "{}", printable(&environment.name))?;
            }
        }
        return Ok(Exit::Done);
    };
    // clap_complete panics where its writer fails, so it writes into memory.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tagpin", &mut script);
    let script = String::from_utf8_lossy(&script);
    let script = match shell {
        Shell::Bash => format!("{script}{BASH}"),
        Shell::Fish => format!("{script}{FISH}"),
        Shell::Zsh => zsh(&script),
        _ => script.into_owned(),
    };
    terminal.stdout.write_all(script.as_bytes())?;
    Ok(Exit::Done)
}

fn zsh(script: &str) -> String {
    let is_place = |line: &str| {
        let line = line.trim_start().trim_start_matches('\'');
        ZSH_PLACES.iter().any(|place| line.starts_with(&format!("{place} -- ")))
    };
    let line = |line: &str| match is_place(line) {
        true => line.replace(":_files'", ":_tagpin_places'").replace(":_default'", ":_tagpin_places'"),
        false => line.to_owned(),
    };
    let script: String = script.split_inclusive('\n').map(line).collect();
    script.replacen("if [ \"$funcstack[1]\"", &format!("{ZSH}if [ \"$funcstack[1]\""), 1)
}
