//! Standard output and standard error: colour, terminals, and pipes that nobody reads any more.

use std::ffi::OsStr;
use std::io::{self, BufWriter, IsTerminal, LineWriter, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use clap::ValueEnum;

use crate::text::printable;

/// When output is coloured.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On terminals, unless NO_COLOR is set or TERM is `dumb`
    #[default]
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

const STDERR: &str = "standard error";

/// A style for people. Colour never carries a meaning alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextStyle {
    /// Headings.
    Bold,
    /// What is less important.
    Dim,
    /// What is wrong.
    Red,
    /// What is good, or was added.
    Green,
    /// What deserves a look.
    Yellow,
    /// Places and hunks.
    Cyan,
}

impl TextStyle {
    /// SGR parameters (ECMA-48).
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Red => "31",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Cyan => "36",
        }
    }
}

/// The two streams of the process: results go to `stdout`, messages and progress to `stderr`.
#[derive(Debug)]
pub struct Terminal {
    /// Results.
    pub stdout: Stream,
    /// Messages and progress.
    pub stderr: Stream,
}

impl Terminal {
    /// Returns the streams of this process, coloured as `color`, `NO_COLOR`, `TERM` and the terminals say.
    pub fn new(color: ColorChoice) -> Self {
        let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        let colors = |tty| colored(color, tty, no_color.as_deref(), term.as_deref());
        let (out, err) = (io::stdout(), io::stderr());
        let (out_tty, err_tty) = (out.is_terminal(), err.is_terminal());
        let width = width();
        let mut stdout = Stream::new("standard output", Box::new(out), out_tty, colors(out_tty));
        let mut stderr = Stream::new(STDERR, Box::new(err), err_tty, colors(err_tty)).behind(&stdout);
        (stdout.width, stderr.width) = (width, width);
        Self { stdout, stderr }
    }
}

/// Returns how many columns the terminal has: what COLUMNS says, else what the terminal itself says.
fn width() -> usize {
    let said = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size = || {
        rustix::termios::tcgetwinsize(io::stdout()).or_else(|_| rustix::termios::tcgetwinsize(io::stderr()))
    };
    let columns = said.or_else(|| size().ok().map(|size| usize::from(size.ws_col)));
    columns.filter(|columns| *columns > 0).unwrap_or(WIDTH)
}

/// Returns whether a stream is coloured (<https://no-color.org>: set and not empty).
fn colored(choice: ColorChoice, tty: bool, no_color: Option<&OsStr>, term: Option<&OsStr>) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            tty && no_color.is_none_or(OsStr::is_empty) && term.is_none_or(|term| term != "dumb")
        }
    }
}

type Sink = BufWriter<Box<dyn Write + Send>>;

/// A buffered stream. Once its reader is gone it swallows what is written: `tagpin pin | head` ends what it began,
/// and ends with the exit code that it would have had.
pub struct Stream {
    name: &'static str,
    inner: Arc<Mutex<Sink>>,
    /// The stream that shows everything it has before this one says more.
    first: Option<Arc<Mutex<Sink>>>,
    is_terminal: bool,
    colored: bool,
    closed: bool,
    /// How many columns its terminal has.
    width: usize,
}

/// How many columns a terminal has that does not say.
const WIDTH: usize = 80;

impl Stream {
    fn new(name: &'static str, inner: Box<dyn Write + Send>, is_terminal: bool, colored: bool) -> Self {
        // What a person looks at, and every message, is shown line by line; the rest goes in large pieces.
        let inner = if is_terminal || name == STDERR {
            BufWriter::with_capacity(0, Box::new(LineWriter::new(inner)) as Box<dyn Write + Send>)
        } else {
            BufWriter::new(inner)
        };
        let inner = Arc::new(Mutex::new(inner));
        Self { name, inner, first: None, is_terminal, colored, closed: false, width: WIDTH }
    }

    /// Returns this stream so that what was written to `first` before stands before what is written to it: both may go to one
    /// place.
    fn behind(self, first: &Self) -> Self {
        Self { first: Some(Arc::clone(&first.inner)), ..self }
    }

    fn sink(&self) -> MutexGuard<'_, Sink> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns a stream into `inner`, which is not a terminal and has no colour: for tests.
    pub fn plain(inner: impl Write + Send + 'static) -> Self {
        Self::new("a buffer", Box::new(inner), false, false)
    }

    #[cfg(test)]
    pub(crate) fn assume_terminal(&mut self) {
        self.is_terminal = true;
    }

    /// Returns a stream into a terminal of `width` columns without colour, of which nothing is shown.
    #[cfg(test)]
    pub(crate) fn terminal(width: usize) -> Self {
        Self { is_terminal: true, width, ..Self::plain(io::sink()) }
    }

    /// Returns how many columns its terminal has; `None` where it is not a terminal.
    pub fn width(&self) -> Option<usize> {
        self.is_terminal.then_some(self.width)
    }

    /// Returns whether a person may be looking on: progress is shown only then.
    pub fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Returns whether this stream is coloured.
    pub fn colored(&self) -> bool {
        self.colored
    }

    /// Returns `text` in `style` where this stream is coloured, with control characters escaped either way.
    pub fn paint(&self, style: TextStyle, text: &str) -> String {
        let text = printable(text);
        if self.colored { format!("\u{1b}[{}m{text}\u{1b}[0m", style.code()) } else { text.into_owned() }
    }

    fn unless_closed<T>(&mut self, result: io::Result<T>, instead: T) -> io::Result<T> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed = true;
                Ok(instead)
            }
            other => other.map_err(|error| {
                io::Error::new(error.kind(), format!("cannot write to {}: {error}", self.name))
            }),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.closed {
            return Ok(bytes.len());
        }
        if let Some(first) = &self.first {
            // What goes wrong there is told when that stream is flushed itself: what could not be written is still in it.
            let _ = first.lock().unwrap_or_else(PoisonError::into_inner).flush();
        }
        let result = self.sink().write(bytes);
        self.unless_closed(result, bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.closed {
            return Ok(());
        }
        let result = self.sink().flush();
        self.unless_closed(result, ())
    }
}

impl std::fmt::Debug for Stream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Stream")
            .field("is_terminal", &self.is_terminal)
            .field("colored", &self.colored)
            .field("closed", &self.closed)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_and_yields_to_no_color() {
        let (auto, set, empty, dumb) =
            (ColorChoice::Auto, OsStr::new("1"), OsStr::new(""), OsStr::new("dumb"));
        assert!(colored(auto, true, None, None));
        assert!(colored(auto, true, Some(empty), Some(OsStr::new("xterm"))));
        assert!(!colored(auto, false, None, None));
        assert!(!colored(auto, true, Some(set), None));
        assert!(!colored(auto, true, None, Some(dumb)));
        assert!(colored(ColorChoice::Always, false, Some(set), Some(dumb)));
        assert!(!colored(ColorChoice::Never, true, None, None));
    }

    #[test]
    fn painted_text_cannot_steer_the_terminal() {
        let plain = Stream::plain(io::sink());
        assert_eq!(plain.paint(TextStyle::Red, "a\u{1b}b"), r"a\u{1b}b");
        let coloured = Stream::new("a buffer", Box::new(io::sink()), true, true);
        assert_eq!(coloured.paint(TextStyle::Red, "a"), "\u{1b}[31ma\u{1b}[0m");
    }

    /// A pipe whose reader is gone.
    struct Gone(io::ErrorKind);

    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn messages_stand_behind_the_results_that_were_there_before() {
        let log = Log::default();
        let mut out = Stream::plain(log.clone());
        let mut err = Stream::new(STDERR, Box::new(log.clone()), false, false).behind(&out);
        for number in [0, 2] {
            writeln!(out, "{number}").unwrap();
            writeln!(err, "{}", number + 1).unwrap();
        }
        out.flush().unwrap();
        assert_eq!(String::from_utf8(log.0.lock().unwrap().clone()).unwrap(), "0\n1\n2\n3\n");
    }

    #[test]
    fn a_reader_that_left_is_no_error_and_a_full_disk_is() {
        let big = vec![b'x'; 100_000];
        let mut left = Stream::plain(Gone(io::ErrorKind::BrokenPipe));
        left.write_all(&big).unwrap();
        left.write_all(&big).unwrap();
        left.flush().unwrap();
        let mut full = Stream::plain(Gone(io::ErrorKind::StorageFull));
        assert!(full.write_all(&big).and_then(|()| full.flush()).is_err());
    }
}
