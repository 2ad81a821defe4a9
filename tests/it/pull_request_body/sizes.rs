//! Bodies of every size: what has to stand in them does.

use super::*;

/// Returns a proposal of any size and shape: names, paths, objects, left-out images and warnings as long as they may be.
pub(super) fn any_size(images: usize, path: usize, name: usize, left_out: usize, hostile: bool) -> Proposal {
    let wide = if hostile { "|`𝕏" } else { "x" };
    let long = |what: &str, i: usize, length: usize| format!("{what}-{i}-{}", wide.repeat(length));
    let image = |i: usize| ImageChange {
        name: long("registry.example/acme/api", i, name),
        tag: "1.27.3".to_owned(),
        old: Some(digest("01")).filter(|_| !i.is_multiple_of(3)),
        new: digest("02"),
        platforms: "index".to_owned(),
        index: None,
        files: vec![format!("{}/deploy.yaml", long("apps", i, path))],
        objects: vec![ObjectRef {
            file: format!("{}/deploy.yaml", long("apps", i, path)),
            kind: if i.is_multiple_of(2) { "Job" } else { "Deployment" }.to_owned(),
            name: Some(long("api", i, name)),
        }],
        proofs: Vec::new(),
        details: None,
        moves: Some(Moves { last: "2026-11-20T09:12:00Z".parse().unwrap(), lately: 3, back: None }),
        unconfirmed: Some("unavailable".to_owned()).filter(|_| i.is_multiple_of(5)),
    };
    let left = |i: usize| Omitted {
        image: long("registry.example/acme/gone", i, name),
        file: long("apps", i, path),
        line: 19,
        outcome: "failed".to_owned(),
        reason: "not-found".to_owned(),
        detail: Some(long("it is not there", i, path)),
    };
    Proposal {
        images: (0..images).map(image).collect(),
        left_out: (0..left_out).map(left).collect(),
        spans: images,
        files: images,
        head: "a1".repeat(20),
        ..Proposal::default()
    }
}

/// Panics where something is missing of `body` that has to stand in it, or where it is too long.
fn assert_whole(body: &str, proposal: &Proposal, longest: usize, what: &str) {
    assert!(characters(body) <= longest, "{what}: {} characters", characters(body));
    let found = marker::read(body).unwrap_or_else(|| panic!("{what}: no marker"));
    assert!(found.same_changes(&marker::Marker::of(proposal)) && found.head == proposal.head, "{what}");
    for part in [
        "- [ ] Rebuild this pull request on its base. Commits that others have added to its branch are lost.\n",
        "\n---\n\nOpened by tagpin. It keeps this text and the branch up to date, and leaves the branch alone once somebody \
         else has committed to it.\n",
        &format!("This text is about the commit `{}`.\n", proposal.head),
    ] {
        assert_eq!(body.matches(part).count(), 1, "{what}: {part}\n{body}");
    }
    let warns = proposal.images.iter().any(|image| image.old.is_some());
    assert_eq!(body.contains("Find out why before you merge."), warns, "{what}");
    let doubts = proposal.images.iter().any(|image| image.unconfirmed.is_some());
    assert_eq!(body.contains("could not confirm what this branch holds"), doubts, "{what}");
    assert_eq!(body.matches("<details>").count(), body.matches("</details>").count(), "{what}");
    let rows = body.lines().filter(|line| line.starts_with("| `")).count();
    let hidden = proposal.images.len().saturating_sub(rows);
    let said = body.contains(&format!("{hidden} more row"));
    assert!(
        proposal.images.len() < 2 || hidden == 0 || said,
        "{what}: {hidden} rows are hidden, and nobody says so"
    );
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config::with_cases(24))]

    #[test]
    fn what_has_to_stand_in_a_body_does_at_every_size(
        images in 0_usize..700,
        path in 0_usize..300,
        name in 0_usize..120,
        left_out in 0_usize..200,
        hostile in proptest::bool::ANY,
        small in proptest::bool::ANY,
    ) {
        let proposal = any_size(images, path, name, left_out, hostile);
        let longest = if small { 2 * SMALL } else { 65_536 };
        let forge = Capabilities { body_max: longest, ..Capabilities::NONE };
        let what = format!("{images} images, path {path}, name {name}, {left_out} left out, {hostile}, {longest}");
        assert_whole(&tagpin::pull_request::body(&proposal, None, &forge), &proposal, longest, &what);
    }
}

#[test]
fn around_the_number_of_rows_that_fills_a_body_nothing_is_cut() {
    // Seen with 500 images whose folder had a name of 2, 5, 7 or 9 letters: the footer was gone, for some the box, too.
    for images in [450, 480, 490, 500, 510] {
        for path in 0..12 {
            let mut proposal = any_size(images, path, 0, 0, false);
            for image in &mut proposal.images {
                (image.moves, image.unconfirmed, image.old) = (None, None, None);
            }
            let body = render(&proposal).1;
            assert_whole(&body, &proposal, 65_536, &format!("{images} images, {path} letters"));
        }
    }
}

#[test]
fn a_template_that_is_too_long_is_cut_and_keeps_what_has_to_stand_in_it() {
    let proposal = any_size(300, 40, 10, 50, false);
    for text in [
        "{{ table }}{{ table }}{{ table }}\n{{ rebuild }}\n\n{{ footer }}",
        "{% for image in images %}{{ unwanted }}{{ unwanted }}\n{% endfor %}",
    ] {
        let Ok(template) = Template::parse(text) else { continue };
        let body = render_with(&proposal, Some(&template)).1;
        assert!(characters(&body) <= 65_536 && marker::read(&body).is_some(), "{text}");
        for part in ["- [ ] Rebuild", "Opened by tagpin", "about the commit"] {
            assert!(body.contains(part), "{text}: {part}\n{}", &body[body.len() - 3000..]);
        }
    }
}
