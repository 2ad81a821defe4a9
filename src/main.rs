//! The binary: parse, run, exit code. Everything else is in the library.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tagpin::commands;
use tagpin::commands::args::{Cli, Command, Globals, LogFormat};
use tagpin::commands::exit::Exit;
use tagpin::commands::failure::{Failure, guarded};
use tagpin::config::Variables;
use tagpin::report::fold;
use tagpin::report::terminal::Terminal;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody reads it any more where this fails.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let mut terminal = Terminal::new(cli.globals.color);
    let result = prepare(&cli, &terminal)
        .and_then(|()| cli.globals.require_format(&cli.command))
        .and_then(|()| guarded(|| dispatch(&cli, &mut terminal)))
        .and_then(|exit| terminal.stdout.flush().map(|()| exit).map_err(Failure::from));
    let exit = result.unwrap_or_else(|failure| {
        let text = fold::message(&failure.to_string(), &terminal.stderr);
        let _ = terminal.stderr.write_all(text.as_bytes());
        failure.exit()
    });
    let _ = terminal.stderr.flush();
    exit.into()
}

fn dispatch(cli: &Cli, terminal: &mut Terminal) -> Result<Exit, Failure> {
    let environment = Variables::from_process();
    match &cli.command {
        Command::List(args) => commands::list::run(args, &cli.globals, &environment, terminal),
        Command::Explain(args) => commands::explain::run(args, &cli.globals, &environment, terminal),
        Command::Pin(args) => commands::pin::run(args, &cli.globals, &environment, terminal),
        Command::Check(args) => commands::check::run(args, &cli.globals, &environment, terminal),
        Command::Run(args) => commands::run::run(args, &cli.globals, &environment, terminal),
        Command::Serve(args) => commands::serve::run(args, &cli.globals, &environment),
        Command::Promote(args) => commands::promote::run(args, &cli.globals, &environment, terminal),
        Command::Rollback(args) => commands::rollback::run(args, &cli.globals, &environment, terminal),
        Command::KnownGood(args) => commands::known_good::run(args, &cli.globals, &environment, terminal),
        Command::History(args) => commands::history::run(args, &cli.globals, &environment, terminal),
        Command::Ledger(args) => commands::ledger::run(args, &cli.globals, &environment, terminal),
        Command::Hold(args) => commands::hold::run(args, &cli.globals, &environment, terminal),
        Command::Live(args) => commands::live::run(args, &cli.globals, &environment, terminal),
        Command::Resolve(args) => commands::resolve::run(args, &cli.globals, &environment, terminal),
        Command::Config(args) => commands::config::run(args, &cli.globals, &environment, terminal),
        Command::Completions(args) => commands::completions::run(args, &cli.globals, &environment, terminal),
    }
}

fn prepare(cli: &Cli, terminal: &Terminal) -> Result<(), Failure> {
    let (standard, serve) = match &cli.command {
        Command::Serve(args) => ("warn,tagpin=info", Some(args.log_format)),
        _ => ("warn", None),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(log_filter(&cli.globals, standard)?)
        .with_writer(std::io::stderr)
        .with_ansi(terminal.stderr.colored())
        .with_target(false);
    match serve {
        None => log.without_time().init(),
        Some(LogFormat::Text) => log.init(),
        Some(LogFormat::Json) => log.json().flatten_event(true).with_current_span(false).init(),
    }
    // An error means that a provider is installed already, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Ok(())
}

/// Flags win over `TAGPIN_LOG`, which wins over `RUST_LOG`, which wins over what is `standard`. The flags never open the logs of the HTTP libraries.
fn log_filter(globals: &Globals, standard: &str) -> Result<EnvFilter, Failure> {
    // clap sees conflicts only between options on the same side of the command.
    if globals.quiet && globals.verbose > 0 {
        return Err(Failure::usage(
            "`--quiet` and `--verbose` contradict each other",
            "leave one of them out",
        ));
    }
    let flag = match (globals.quiet, globals.verbose) {
        (true, _) => Some("error"),
        (false, 0) => None,
        (false, 1) => Some("warn,tagpin=info"),
        (false, _) => Some("warn,tagpin=debug"),
    };
    if let Some(filter) = flag {
        return Ok(EnvFilter::new(filter));
    }
    let variable = ["TAGPIN_LOG", "RUST_LOG"].into_iter().find_map(|name| {
        std::env::var(name).ok().filter(|filter| !filter.is_empty()).map(|filter| (name, filter))
    });
    let Some((name, filter)) = variable else { return Ok(EnvFilter::new(standard)) };
    EnvFilter::try_new(&filter).map_err(|error| {
        Failure::usage(format!("{name} is not a log filter: {error}"), "write for example `tagpin=debug`")
    })
}
