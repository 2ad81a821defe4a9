//! A headless browser, where one is installed.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::process::{Command, Stdio};

/// A browser with a profile of its own.
pub(crate) struct Browser(tempfile::TempDir);

impl Browser {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Returns what the browser prints for a page on disk; `None` where there is no browser.
    fn browse(&self, args: &[&str], page: &str, fragment: &str) -> Option<Vec<u8>> {
        let file = self.0.path().join("page.html");
        fs_err::write(&file, page).unwrap();
        let mut command = Command::new("chromium");
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"]);
        command.args(["--disable-component-update", "--disable-sync", "--no-first-run", "--hide-scrollbars"]);
        command.arg(format!("--user-data-dir={}", self.0.path().join("profile").display())).args(args);
        command.arg(format!("file://{}{fragment}", file.display()));
        match command.stdin(Stdio::null()).output() {
            Ok(output) => Some(output.stdout),
            Err(error) => {
                let _ = writeln!(std::io::stderr(), "skipped: chromium is not installed: {error}");
                None
            }
        }
    }

    /// Returns what a page has become when its script has run; `None` where there is no browser.
    pub(crate) fn dom(&self, page: &str, fragment: &str, args: &[&str]) -> Option<String> {
        let dom = self.browse(&[&["--dump-dom"], args].concat(), page, fragment)?;
        Some(String::from_utf8(dom).unwrap())
    }

    /// Returns the title that a page has in the end.
    pub(crate) fn title(&self, page: &str, args: &[&str]) -> String {
        let dom = self.dom(page, "", args).unwrap();
        let (_, rest) = dom.split_once("<title>").unwrap();
        rest.split("</title>").next().unwrap().to_owned()
    }

    /// Returns the size of a picture of a page, in bytes.
    pub(crate) fn picture(&self, page: &str) -> u64 {
        let file = self.0.path().join("picture.png");
        let args = ["--window-size=1200,1400", &format!("--screenshot={}", file.display())];
        self.browse(&args, page, "").unwrap();
        fs_err::metadata(file).unwrap().len()
    }
}

/// Returns a page without its policy, in which a script does what a person would.
pub(crate) fn without_policy(page: &str, person: &str) -> String {
    let policy = page.find("<meta http-equiv").unwrap();
    let policy = &page[policy..policy + page[policy..].find('>').unwrap() + 1];
    page.replace(policy, "").replace("</body>", &format!("<script>{person}</script></body>"))
}
