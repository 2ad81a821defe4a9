//! A file of the cache that is damaged, of another version or from the future: the same end state as without it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::remote::{End, Remote, Scene, plain};
use crate::support::world::World;

type Content = BTreeMap<PathBuf, Vec<u8>>;

/// What becomes of one file of the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    FlippedBit,
    Emptied,
    /// What another version might have left under that name.
    Foreign,
    /// The clock was set back since it was written.
    FromTheFuture,
}

impl Damage {
    pub(super) const ALL: [Self; 4] = [Self::FlippedBit, Self::Emptied, Self::Foreign, Self::FromTheFuture];

    fn strike(self, path: &Path, bytes: &[u8]) {
        let half = bytes.len() / 2;
        let damaged = match self {
            Self::FlippedBit => {
                let mut damaged = bytes.to_vec();
                damaged.get_mut(half).into_iter().for_each(|byte| *byte ^= 1);
                damaged
            }
            Self::Emptied => Vec::new(),
            Self::Foreign => b"tagpin-from-elsewhere 99\n{}\n".to_vec(),
            Self::FromTheFuture => {
                let file = fs_err::File::options().write(true).open(path).unwrap();
                let later = SystemTime::now() + Duration::from_secs(20 * 365 * 24 * 60 * 60);
                return file.file().set_modified(later).unwrap();
            }
        };
        fs_err::write(path, damaged).unwrap();
    }
}

/// Runs a step that was done again, after each file of the cache was damaged.
pub(super) async fn spoil_every_file(step: &Remote, scene: &Scene, damage: Damage) {
    let (end, cache) = (End::of(&scene.world), scene.cache());
    let whole = content(&cache);
    let mut told = Vec::new();
    // Nobody reads some of a clone's files.
    let is_idle = |path: &str| ["hooks", "description", "info"].iter().any(|name| path.contains(name));
    let is_meant = |path: &Path| {
        let path = path.to_string_lossy();
        !is_idle(&path) && path.contains(step.spoils)
    };
    assert!(whole.keys().any(|path| is_meant(path)), "{:?}", whole.keys());
    for (path, bytes) in whole.iter().filter(|(path, _)| is_meant(path)) {
        restore(&cache, &whole);
        damage.strike(path, bytes);
        let name = path.strip_prefix(&cache).unwrap().display();
        let at = format!("{:?}, {name}, {damage:?}", step.args);
        let (code, said) = step.run(scene, plain()).await;
        assert_eq!(End::of(&scene.world), end, "{at}: {said}");
        assert!(scene.world.forge.writes().is_empty() && !World::pushes(&scene.world.git.requests()), "{at}");
        if code != Some(0) {
            told.push(format!("{at}: {said}"));
        }
    }
    assert!(told.is_empty(), "{}", told.join("\n"));
}

/// Returns every file below `directory`.
fn content(directory: &Path) -> Content {
    let mut all = Content::new();
    for entry in fs_err::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.extend(content(&path));
        } else {
            all.insert(path.clone(), fs_err::read(&path).unwrap());
        }
    }
    all
}

/// Makes `directory` what it was.
fn restore(directory: &Path, all: &Content) {
    fs_err::remove_dir_all(directory).unwrap();
    for (path, bytes) in all {
        fs_err::create_dir_all(path.parent().unwrap()).unwrap();
        fs_err::write(path, bytes).unwrap();
    }
}
