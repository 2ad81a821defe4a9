//! Any bytes are scanned under any name: no panic, no hang, spans inside the file, lines and columns that exist, and
//! nothing missed by reading only the documents that may hold an image.
#![no_main]

#[path = "../../tests/support/whole.rs"]
mod whole;

use libfuzzer_sys::fuzz_target;
use tagpin::manifest::formats::catalogue::BUILT_IN;
use tagpin::manifest::scan;

fuzz_target!(|bytes: &[u8]| {
    for path in [
        "deploy.yaml",
        "kustomization.yaml",
        "values.yaml",
        "cloudbuild.yaml",
        "job.nomad",
        "web.container",
        "config.toml",
        "compose.yml.j2",
        "task.json.tftpl",
    ] {
        let scan = scan(path, bytes, &BUILT_IN);
        whole::same_as_whole(path, bytes, &scan);
        for located in scan.sites {
            let site = &located.site;
            for span in site.fields.values().chain([&site.span]) {
                let text = &bytes[span.start + located.offset..span.end + located.offset];
                assert!(std::str::from_utf8(text).is_ok());
            }
            let text = std::str::from_utf8(bytes).expect("a file with sites is text");
            let lines = text.split(['\n', '\r']).count();
            assert!((1..=lines).contains(&located.line) && located.column >= 1);
        }
    }
});
