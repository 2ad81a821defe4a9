//! The table of what may go wrong: each step that writes, and each fault that can strike it. Afterwards, or after the next
//! run, all is as if nothing had happened; or there was a clear error, and nothing is half written.
//!
//! Steps in a checkout edit files (`edit.rs`); the others push and open pull requests, and keep a cache (`remote.rs`,
//! `cache.rs`). A column of the table is a test, so that they run side by side.

#![cfg(target_os = "linux")]

mod cache;
mod edit;
mod fault;
mod remote;

use cache::Damage;
use edit::{CONFIG, Checkout, Edit, KNOWN_GOOD, STAGING};
use fault::Fault;
use remote::{Given, Remote};

use super::by_hand::{PROMOTE, ROLLBACK};
use super::promotion::ENVIRONMENTS;
use crate::support::world::TOKEN;

/// A step, and what is needed to take it.
enum Step {
    Edit(Edit),
    Remote(Remote),
}

/// The token of an App: its commits are made over the API.
const APP_TOKEN: &str = "ghs_loopbackInstallation0123456789";

/// What stands in a clone is read by all alike.
const RUN: Remote = Remote {
    given: Given::Floating,
    settings: "",
    more: "",
    token: TOKEN,
    args: &["run"],
    spoils: "objects/pack",
};

static STEPS: [Step; 15] = [
    Step::Edit(Edit { args: &["pin"], order: &STAGING, asks: true, prepare: Checkout::floating }),
    Step::Edit(Edit { args: &["check", "--fix"], order: &STAGING, asks: true, prepare: Checkout::floating }),
    Step::Edit(Edit {
        args: &["promote", "dev", "staging"],
        order: &STAGING,
        asks: true,
        prepare: |checkout| {
            checkout.scene.write("dev/a.yaml", &checkout.pod(&checkout.new));
            STAGING.iter().for_each(|name| checkout.scene.write(name, &checkout.pod(&checkout.old)));
            checkout.scene.commit();
        },
    }),
    Step::Edit(Edit {
        args: &["rollback", "staging", "--to", "previous", "--reason", "TICKET-1"],
        // The hold comes first: nothing that was rolled back is ever without it.
        order: &["tagpin.toml", STAGING[0], STAGING[1], STAGING[2]],
        asks: true,
        prepare: |checkout| {
            for digest in [&checkout.old, &checkout.new] {
                STAGING.iter().for_each(|name| checkout.scene.write(name, &checkout.pod(digest)));
                checkout.scene.commit();
            }
        },
    }),
    Step::Edit(Edit {
        args: &["hold", "add", "--path", "staging/**", "--reason", "TICKET-1"],
        order: &["tagpin.toml"],
        asks: false,
        prepare: Checkout::floating,
    }),
    Step::Edit(Edit {
        args: &["hold", "remove", "--ended"],
        order: &["tagpin.toml"],
        asks: false,
        prepare: |checkout| {
            let ended = "[[hold]]\npaths = [\"dev/**\"]\nreason = \"TICKET-1\"\nuntil = 2020-01-01\n";
            checkout.scene.write("tagpin.toml", &format!("{CONFIG}{ended}"));
            checkout.floating();
        },
    }),
    Step::Edit(Edit {
        args: &["known-good", "mark", "staging"],
        order: &[KNOWN_GOOD],
        asks: false,
        prepare: |checkout| {
            STAGING.iter().for_each(|name| checkout.scene.write(name, &checkout.pod(&checkout.new)));
            checkout.scene.write(KNOWN_GOOD, &checkout.known_good_elsewhere());
            checkout.scene.commit();
        },
    }),
    Step::Remote(Remote { settings: "[pull-request]\nlabels = [\"dependencies\"]\n", spoils: "", ..RUN }),
    // Where nothing has to change, what the base held is kept.
    Step::Remote(Remote { given: Given::Pinned, spoils: ".sites", ..RUN }),
    Step::Remote(Remote { token: APP_TOKEN, ..RUN }),
    Step::Remote(Remote { settings: "[ledger]\nenabled = true\n", ..RUN }),
    Step::Remote(Remote { settings: "[ledger]\nenabled = true\n", token: APP_TOKEN, ..RUN }),
    Step::Remote(Remote {
        given: Given::Story,
        settings: ENVIRONMENTS,
        more: "promote = \"pull-request\"\n",
        ..RUN
    }),
    Step::Remote(Remote { given: Given::Story, settings: ENVIRONMENTS, args: &PROMOTE, ..RUN }),
    Step::Remote(Remote { given: Given::Story, settings: ENVIRONMENTS, args: &ROLLBACK, ..RUN }),
];

/// Lets each fault strike each step.
async fn column(faults: impl IntoIterator<Item = Fault>) {
    for fault in faults {
        if !fault.can_be_made() {
            continue;
        }
        for step in &STEPS {
            match step {
                Step::Edit(edit) => edit.suffer(fault).await,
                Step::Remote(remote) => remote.suffer(fault).await,
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_killed_at_any_request_is_finished_by_the_next_one() {
    column([Fault::KilledAtRequest]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_killed_in_a_write_is_finished_by_the_next_one() {
    column([Fault::KilledInWrite]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_or_read_only_disk_is_a_clear_error_and_nothing_is_half_written() {
    column([Fault::TooLarge, Fault::DiskFull, Fault::Denied, Fault::ReadOnly]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_is_set_back_changes_nothing() {
    column([Fault::ClockSetBack]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_becomes_of_a_file_of_the_cache_the_end_is_the_same() {
    column(Damage::ALL.map(Fault::Cache)).await;
}
