//! Any bytes are the files of one project, which say things of each other: Compose with its `.env`, a Dockerfile and what builds
//! it, the files of a Terraform module, a development container. No panic and no hang, for plans and for the gate; a file
//! ends at a NUL.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::{VendoredTrees, inventory};
use tagpin::source::tree::{EntryKind, Tree, TreeEntry, TreeError};

const PATHS: [&str; 9] = [
    "compose.yaml",
    ".env",
    "Dockerfile",
    "docker-bake.hcl",
    "main.tf",
    "variables.tf",
    "terraform.tfvars",
    ".devcontainer/devcontainer.json",
    ".github/workflows/build.yaml",
];

struct Files<'b>(Vec<(&'static str, &'b [u8])>);

impl Tree for Files<'_> {
    fn entries(&self) -> Result<Vec<TreeEntry>, TreeError> {
        let entry = |(path, bytes): &(&str, &[u8])| TreeEntry {
            path: (*path).to_owned(),
            size: bytes.len() as u64,
            kind: EntryKind::File,
        };
        Ok(self.0.iter().map(entry).collect())
    }

    fn read(&self, path: &str, _: u64) -> Result<Vec<u8>, TreeError> {
        let found = self.0.iter().find(|(known, _)| *known == path);
        found.map(|(_, bytes)| bytes.to_vec()).ok_or_else(|| TreeError::NotFound { path: path.to_owned() })
    }
}

fuzz_target!(|bytes: &[u8]| {
    let tree = Files(PATHS.into_iter().zip(bytes.split(|byte| *byte == 0)).collect());
    let plain = inventory::take(&tree, &BUILT_IN, |_| true, VendoredTrees::Read).expect("it can be read");
    let strict = inventory::take_strictly(&tree, &BUILT_IN, |_| true, VendoredTrees::Read);
    let strict = strict.expect("it can be read");
    for (file, located) in plain.sites().chain(strict.sites()) {
        let (_, bytes) = tree.0.iter().find(|(path, _)| *path == file.path).expect("a file of the tree");
        let site = &located.site;
        assert!(site.awaits.is_none(), "{}", site.path);
        for span in site.fields.values().chain([&site.span]) {
            let text = &bytes[span.start + located.offset..span.end + located.offset];
            assert!(std::str::from_utf8(text).is_ok());
        }
    }
});
