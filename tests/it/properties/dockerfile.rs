//! The same properties for Dockerfiles: a generator of instructions, each as it is before and as it must be after.

use super::*;

/// What may stand in a file: `{0}` and `{1}` are images, which get their digests.
const BLOCKS: [&str; 22] = [
    "FROM {0}",
    "from\t--platform=linux/amd64  {0}\tAs Base-1 ",
    "FROM \"{0}\" as two",
    "FROM ^\n# FROM not:1\n\n   {0} ^ \n  AS three",
    "FROM scratch",
    "FROM two",
    "COPY --chown=1:1 --from={0} /a /b",
    "COPY --from=0 --link /a ^\n  /b",
    "COPY --from=TWO /a /b",
    "RUN --mount=type=cache,target=/x --mount=type=bind,from={0},target=/y ^\n --mount=from={1} make",
    "RUN cat <<A <<-'B C' > x && echo ^\n$((1<<2))\nFROM not:1\nA\nCOPY --from=not:1 . .\n\tB C",
    "RUN [\"cat\", \"<<EOF\"]",
    "RUN echo 'it is' \"<<EOF\" # FROM not:1",
    "COPY <<EOF /etc/x\nFROM not:1\nEOF",
    "ONBUILD COPY --from={0} /a /b",
    "ONBUILD RUN --mount=from={0},target=/z true <<E\nFROM not:1\nE",
    "ARG not=not:1 \"and this=not:1\"",
    "ENV A=not:1 B=é",
    "# FROM not:1",
    "   ",
    "LABEL a=\"b ^\nFROM not:1\"",
    "CMD [\"FROM not:1\"]",
];

/// What stands above the first stage.
const HEADS: [&str; 6] = [
    "",
    "# syntax={0}",
    "# a comment\n# syntax=not:1",
    "ARG ONE={0} TWO='{1}'\nFROM ${ONE}\nFROM \"$TWO\" AS two",
    "ARG ONE={0}\nFROM $ONE:-\nARG ONE",
    "ARG ONE=not:1\nFROM $ONE AS first\nARG ONE",
];

fn render(text: &str, images: &[String; 2], after: bool) -> String {
    let mut text = text.to_owned();
    for (index, image) in images.iter().enumerate() {
        let reference = Reference::parse(image).unwrap();
        let digest = digest_of(&TagRef::new(&reference));
        let written = if after { reference.pinned(&digest).to_string() } else { image.clone() };
        text = text.replace(&format!("{{{index}}}"), &written);
    }
    text
}

prop_compose! {
    /// Returns a Dockerfile before and after.
    fn build_file()(
        head in select(HEADS.to_vec()),
        blocks in vec((select(BLOCKS.to_vec()), 0..9usize, 0..9usize), 1..12),
        is_backtick in any::<bool>(),
        end in select(vec!["\n", "\r\n"]),
        bom in any::<bool>(),
        has_last_end in any::<bool>(),
    ) -> (String, String) {
        let [before, after] = [false, true].map(|after| {
            let images = |a: usize, b: usize| [format!("ghcr.io/acme/a{a}:1.{b}"), format!("b{b}:{a}")];
            let mut lines = Vec::new();
            // No other comment may stand before a directive.
            lines.extend(is_backtick.then(|| "# Escape = `".to_owned()));
            let head = if head.contains("$ONE:-") { "ARG ONE={0}\nFROM $ONE" } else { head };
            lines.extend((!head.is_empty()).then(|| render(head, &images(1, 2), after)));
            if !head.contains("AS two") {
                lines.push(render("FROM {0} AS two", &images(3, 4), after));
            }
            lines.extend(blocks.iter().map(|(block, a, b)| render(block, &images(*a, *b), after)));
            let text = lines.join("\n").replace('^', if is_backtick { "`" } else { "\\" });
            let text = format!("{}{text}{}", if bom { "\u{feff}" } else { "" }, if has_last_end { "\n" } else { "" });
            text.replace('\n', end)
        });
        (before, after)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exactly_the_images_of_a_build_change((before, after) in build_file()) {
        let run = pin_twice("Dockerfile", before.as_bytes(), &POLICY, None);
        prop_assert_eq!(&run.inventory.files[0].scan.unread, &vec![], "{}", before);
        let found = run.edited.map_or(before.clone().into_bytes(), |edited| edited.after);
        prop_assert_eq!(String::from_utf8(found).unwrap(), after);
    }

    #[test]
    fn damaged_build_files_are_pinned_as_planned_or_refused(
        (before, _) in build_file(),
        damages in vec((any::<prop::sample::Index>(), select(TOKENS.to_vec()), any::<bool>()), 1..6),
    ) {
        let mut text = before;
        for (at, token, is_removed) in damages {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).collect();
            let Some(at) = places.get(at.index(places.len().max(1))).copied() else { break };
            if is_removed {
                text.remove(at);
            }
            text.insert_str(at, token);
        }
        pin_twice("Dockerfile", text.as_bytes(), &POLICY, None);
        pin_twice("Dockerfile", text.as_bytes(), &DIGEST, None);
    }
}
