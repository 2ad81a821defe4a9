//! What many runs of one process leave behind: memory, open files, threads and the cache, in a world in which images move,
//! registries fail and the forge says no.
//!
//! `cargo run --release --example long_service -- 10000` does so many runs, an hour apart by a clock that moves with them, prints
//! a table for docs/performance.md and fails where something grows. The servers are in the same process.

#[path = "../tests/support/mod.rs"]
mod support;

use std::io::Write as _;
use std::path::Path;

use anyhow::{Result, ensure};
use jiff::{SignedDuration, Timestamp};
use support::github_answers::Mood as ForgeMood;
use support::world::{TOKEN, World};

const NGINX: &str = "docker.io/library/nginx:1.27";
const FILE: &str = "apps/web.yaml";
const POD: &str =
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: a, image: 'nginx:1.27'}]}\n";

/// What is there after some runs.
#[derive(Clone, Copy, Debug)]
struct Left {
    memory_mb: u64,
    files: usize,
    threads: usize,
    cache_kb: u64,
}

impl Left {
    fn now(cache: &Path) -> Result<Self> {
        let status = fs_err::read_to_string("/proc/self/status")?;
        let resident =
            status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        Ok(Self {
            memory_mb: resident.map_or(Ok(0), |text| text.trim().parse::<u64>())? >> 10,
            files: fs_err::read_dir("/proc/self/fd")?.count(),
            threads: fs_err::read_dir("/proc/self/task")?.count(),
            cache_kb: size(cache)? >> 10,
        })
    }
}

fn size(directory: &Path) -> Result<u64> {
    let mut all = 0;
    for entry in fs_err::read_dir(directory)? {
        let path = entry?.path();
        all += if path.is_dir() { size(&path)? } else { fs_err::metadata(&path)?.len() };
    }
    Ok(all)
}

#[tokio::main]
async fn main() -> Result<()> {
    let runs: usize = std::env::args().nth(1).map_or(Ok(10_000), |count| count.parse())?;
    let mut world = World::start().await;
    world.repository().seed(&[(FILE, POD)]);
    world.publish(NGINX, "0");
    let config = world.config_with("[ledger]\nenabled = true\n");
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "| runs | ended well | failed | MB | files | threads | cache KB |\n|---:|---:|---:|---:|---:|---:|---:|"
    )?;
    let (mut well, mut failed, mut first) = (0, 0, None);
    for run in 1..=runs {
        // An image moves back and forth, a registry is down for a while, and the forge says no.
        if run % 5 == 0 {
            world.publish(NGINX, &(run % 2).to_string());
        }
        world.registry.set(|mood| mood.always = (run % 50 == 7).then_some(404));
        world.forge.always((run % 50 == 17).then_some(ForgeMood::ServerError));
        world.now = Timestamp::checked_add(world.now, SignedDuration::from_hours(1))?;
        match world.run_as(&config, Some(TOKEN), false).await {
            Ok(done) if done.pull_request_error.is_none() => well += 1,
            _ => failed += 1,
        }
        if run == (runs / 10).max(1) || run % (runs / 5).max(1) == 0 {
            let left = Left::now(&world.cache())?;
            let Left { memory_mb, files, threads, cache_kb } = left;
            writeln!(out, "| {run} | {well} | {failed} | {memory_mb} | {files} | {threads} | {cache_kb} |")?;
            let first = *first.get_or_insert(left);
            ensure!(left.files <= first.files + 8, "open files grow: {first:?} to {left:?}");
            ensure!(left.threads <= first.threads + 4, "threads grow: {first:?} to {left:?}");
        }
    }
    Ok(())
}
