//! How a fault is brought about: by a shell that becomes the program, or that runs it where nothing else sees what is mounted.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use super::cache::Damage;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// While git host, forge or registry are asked.
    KilledAtRequest,
    /// In the middle of a write: no file may become so large (RLIMIT_FSIZE), and the signal kills.
    KilledInWrite,
    /// The same where the signal is ignored: the write fails.
    TooLarge,
    /// A file system without room.
    DiskFull,
    /// The directory cannot be written.
    Denied,
    /// Nothing can be written.
    ReadOnly,
    /// By more than a year.
    ClockSetBack,
    /// A file of the cache is not what it was.
    Cache(Damage),
}

/// Root may write everywhere, but for a root without that capability.
const DENIED: &str = "exec setpriv --bounding-set -dac_override,-dac_read_search,-fowner \"$0\" \"$@\"";

const READ_ONLY: &str = "exec unshare --mount sh -c 'mount --bind \"$SPOILT\" \"$SPOILT\" && \
                         mount -o remount,bind,ro \"$SPOILT\" && cd \"$PWD\" && exec \"$0\" \"$@\"' \"$0\" \"$@\"";

/// What is left there is what the next run finds.
const DISK_FULL: &str = "exec unshare --mount sh -c '
    kept=$(mktemp -d) && mount --bind \"$SPOILT\" \"$kept\" && mount -t tmpfs -o size=16m tmpfs \"$SPOILT\" || exit 99
    cp -a \"$kept/.\" \"$SPOILT\" && cd \"$PWD\"
    cat /dev/zero >\"$SPOILT/.filler\" 2>/dev/null
    \"$0\" \"$@\"
    code=$?
    rm \"$SPOILT/.filler\" && find \"$kept\" -mindepth 1 -delete && cp -a \"$SPOILT/.\" \"$kept\"
    umount \"$kept\" && rmdir \"$kept\"
    exit $code' \"$0\" \"$@\"";

/// What the system tells of the time, 400 days late.
const CLOCK: &str = "\
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t clock, struct timespec *now) {
    int result = syscall(SYS_clock_gettime, clock, now);
    if (result == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec -= 400L * 24 * 60 * 60;
    return result;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    int result = clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec;
    now->tv_usec = exact.tv_nsec / 1000;
    return result;
}
time_t time(time_t *now) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (now) *now = exact.tv_sec;
    return exact.tv_sec;
}
";

impl Fault {
    /// Returns the program where the fault strikes what it writes in the directory `spoilt`; a file may have so many `blocks`
    /// of 512 or 1024 bytes, as the shell counts them.
    pub(super) fn program(self, spoilt: &Path, blocks: u32) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &self.script(blocks), env!("CARGO_BIN_EXE_tagpin")]).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("SPOILT", spoilt);
        if self == Self::ClockSetBack {
            command.env("LD_PRELOAD", slow_clock().unwrap());
        }
        command
    }

    fn script(self, blocks: u32) -> String {
        match self {
            Self::KilledInWrite => format!("ulimit -c 0 && ulimit -f {blocks} && exec \"$0\" \"$@\""),
            Self::TooLarge => format!("trap '' XFSZ && ulimit -f {blocks} && exec \"$0\" \"$@\""),
            Self::DiskFull => DISK_FULL.to_owned(),
            Self::Denied if rustix::process::geteuid().is_root() => DENIED.to_owned(),
            Self::ReadOnly => READ_ONLY.to_owned(),
            _ => "exec \"$0\" \"$@\"".to_owned(),
        }
    }

    /// Returns whether it hits whatever is written, and not one file alone.
    pub(super) fn hits_all(self) -> bool {
        matches!(self, Self::Denied | Self::ReadOnly | Self::DiskFull)
    }

    /// Returns what the system says of it.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::TooLarge => "too large",
            Self::DiskFull => "No space left on device",
            Self::Denied => "ermission denied",
            Self::ReadOnly => "ead-only file system",
            _ => "",
        }
    }

    /// Returns the mode of the directory that is spoilt.
    pub(super) fn mode(self) -> u32 {
        if self == Self::Denied { 0o555 } else { 0o755 }
    }

    /// Returns whether this machine can be made to have it.
    #[expect(clippy::print_stderr, reason = "a fault that is skipped says so")]
    pub(super) fn can_be_made(self) -> bool {
        let can = match self {
            Self::ClockSetBack => slow_clock().is_some(),
            Self::ReadOnly | Self::DiskFull => {
                let directory = tempfile::tempdir().unwrap();
                let mut probe = Command::new("sh");
                probe.args(["-c", &self.script(0), "true"]).env("SPOILT", directory.path());
                probe.stderr(Stdio::null()).status().is_ok_and(|status| status.success())
            }
            _ => true,
        };
        if !can {
            eprintln!("skipped: {self:?} needs the right to mount, or a C compiler");
        }
        can
    }
}

/// Returns the library that sets the clock back for whoever loads it; `None` without a C compiler.
fn slow_clock() -> Option<&'static Path> {
    static LIBRARY: OnceLock<Option<(tempfile::TempDir, PathBuf)>> = OnceLock::new();
    let made = LIBRARY.get_or_init(|| {
        let directory = tempfile::tempdir().unwrap();
        let (source, library) = (directory.path().join("clock.c"), directory.path().join("clock.so"));
        fs_err::write(&source, CLOCK).unwrap();
        let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).status();
        status.is_ok_and(|status| status.success()).then_some((directory, library))
    });
    made.as_ref().map(|(_, library)| library.as_path())
}
