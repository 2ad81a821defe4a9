//! libgit2 as a whole: its settings are global to the process.

use std::sync::Once;

use super::transport;

/// Prepares libgit2 for this process; later calls do nothing. Everything that opens a repository calls it first.
///
/// Configuration outside the repository has no say: no global ignores, no `url.*.insteadOf`, no `safe.directory`. The
/// owner check goes with the latter. It protects programs that run what a repository's config names (hooks, pagers,
/// monitors), which libgit2 never does, and it would refuse every checkout that is mounted into a container.
#[expect(
    unsafe_code,
    reason = "git2 marks process-wide settings unsafe; `Once` makes them happen once, before use"
)]
pub(crate) fn initialise() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        use git2::ConfigLevel::{Global, ProgramData, System, XDG};
        // SAFETY: these calls write libgit2's globals. `Once` keeps other threads of this crate waiting until the
        // end of this block, and no other code in the process uses libgit2.
        let done = unsafe {
            [System, Global, XDG, ProgramData]
                .into_iter()
                .try_for_each(|level| git2::opts::set_search_path(level, ""))
                .and_then(|()| git2::opts::set_verify_owner_validation(false))
                .and_then(|()| git2::transport::register("http", transport::open))
                .and_then(|()| git2::transport::register("https", transport::open))
        };
        if let Err(error) = done {
            // Without the transport, every remote fails with libgit2's own words: nothing to add here.
            tracing::error!(message = error.message(), "libgit2 cannot be set up");
        }
    });
}
