//! A git repository on disk, and the binary run in it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The program; cargo does not build it for the demo, which includes this too.
const PROGRAM: Option<&str> = option_env!("CARGO_BIN_EXE_tagpin");

/// A git repository with one commit, and what is changed on top of it.
pub(crate) struct Scene {
    pub(crate) directory: TempDir,
    pub(crate) git: git2::Repository,
}

impl Scene {
    pub(crate) fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let git = git2::Repository::init(directory.path().join("work")).unwrap();
        let scene = Self { directory, git };
        for (name, text) in files {
            scene.write(name, text);
        }
        scene.commit();
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join("work").join(name)
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs_err::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        fs_err::write(self.path(name), text).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs_err::read_to_string(self.path(name)).unwrap()
    }

    /// Commits everything that is there.
    pub(crate) fn commit(&self) -> git2::Oid {
        let mut index = self.git.index().unwrap();
        index.add_all(["*"], git2::IndexAddOption::DEFAULT, None).unwrap();
        index.update_all(["*"], None).unwrap();
        index.write().unwrap();
        let tree = self.git.find_tree(index.write_tree().unwrap()).unwrap();
        let person = git2::Signature::now("a", "a@example.com").unwrap();
        let parent = self.git.head().ok().and_then(|head| head.peel_to_commit().ok());
        let parents: Vec<_> = parent.iter().collect();
        self.git.commit(Some("HEAD"), &person, &person, "change", &tree, &parents).unwrap()
    }

    /// Returns the command with nothing but HOME in its environment.
    pub(crate) fn command(&self, directory: &Path, args: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM.unwrap());
        command.current_dir(directory).env_clear().env("HOME", self.directory.path()).args(args);
        command
    }

    pub(crate) fn run_in(&self, directory: &Path, args: &[&str], stdin: &[u8]) -> (i32, String, String) {
        let mut command = self.command(directory, args);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Whoever refuses its arguments does not read.
        let _ = child.stdin.take().unwrap().write_all(stdin);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
    }

    pub(crate) fn run(&self, args: &[&str]) -> (i32, String, String) {
        self.run_in(&self.path(""), args, b"")
    }
}
