//! The title, and the commit message that starts with it.

use std::collections::BTreeSet;

use super::{ImageChange, Occasion, Proposal};
use crate::markdown::plain;

/// What every title starts with (Conventional Commits).
const PREFIX: &str = "chore(deps): ";

/// A title past this is told in general words: git's tools and the lists of forges cut longer ones.
const LONGEST: usize = 72;

/// How many images a commit message names.
const NAMED: usize = 20;

const DIGITS: usize = 7;

/// Returns the title: one image by its name, several by their number, and the group where there are several.
pub fn title(proposal: &Proposal, group: Option<&str>) -> String {
    let occasion = &proposal.occasion;
    let group = group.filter(|_| *occasion == Occasion::Tags);
    let group = group.map(|group| format!(" ({})", plain(group))).unwrap_or_default();
    let short = |words: &String| format!("{PREFIX}{words}{group}").chars().count() <= LONGEST;
    let words = Some(summary(proposal)).filter(short).unwrap_or_else(|| general(proposal));
    format!("{PREFIX}{words}{group}")
}

/// Returns what happens in a few words: one image by its name where the title has room, several by their number.
pub(super) fn summary(proposal: &Proposal) -> String {
    let (pinned, updated) = counts(proposal);
    let digests =
        proposal.images.iter().map(|image| (&image.name, &image.tag, &image.new)).collect::<BTreeSet<_>>();
    let named = match (proposal.images.first(), digests.len(), pinned, updated) {
        (Some(image), 1, 1, 0) if proposal.occasion == Occasion::Tags => Some(one("pin", image)),
        (Some(image), 1, 0, 1) if proposal.occasion == Occasion::Tags => Some(one("update", image)),
        (Some(image), 1, ..) if proposal.occasion != Occasion::Tags => {
            let what = format!("{} {} {}", proposal.occasion.verb(), plain(&image.name), plain(&image.tag));
            Some(what + &proposal.occasion.suffix())
        }
        _ => None,
    };
    let fits = |named: &String| PREFIX.len() + named.chars().count() <= LONGEST;
    named.filter(fits).unwrap_or_else(|| general(proposal))
}

pub(super) fn general(proposal: &Proposal) -> String {
    let images = |count: usize| if count == 1 { "1 image".to_owned() } else { format!("{count} images") };
    if proposal.occasion != Occasion::Tags {
        let (pinned, updated) = counts(proposal);
        let Proposal { occasion, .. } = proposal;
        return format!("{} {}{}", occasion.verb(), images(pinned + updated), occasion.suffix());
    }
    match counts(proposal) {
        (1, 0) => "pin 1 image to its digest".to_owned(),
        (pinned, 0) => format!("pin {} to digests", images(pinned)),
        (0, 1) => "update 1 image digest".to_owned(),
        (0, updated) => format!("update {updated} image digests"),
        (pinned, 1) => format!("pin {} and update 1 digest", images(pinned)),
        (pinned, updated) => format!("pin {} and update {updated} digests", images(pinned)),
    }
}

/// Returns how many images get their first digest, and how many another one.
fn counts(proposal: &Proposal) -> (usize, usize) {
    let tags = |first_pin: bool| {
        let rows = proposal.images.iter().filter(|image| image.old.is_none() == first_pin);
        rows.map(|image| (&image.name, &image.tag)).collect::<BTreeSet<_>>().len()
    };
    (tags(true), tags(false))
}

fn one(verb: &str, image: &ImageChange) -> String {
    let hex = image.new.hex().get(..DIGITS).unwrap_or_default();
    format!("{verb} {} {} to {}:{hex}…", plain(&image.name), plain(&image.tag), image.new.algorithm())
}

/// Returns the commit message: the title, an empty line, and the first images with what they are now.
///
/// [`Proposal::head`] plays no part: the commit does not exist yet. Trailers are left to git.
pub fn commit_message(proposal: &Proposal, title: &str) -> String {
    let mut message = format!("{title}\n");
    let rows = proposal.images.iter().map(|image| {
        let name = format!("- {}:{}", plain(&image.name), plain(&image.tag));
        let digest = format!("{}:{}", image.new.algorithm(), image.new.short());
        let space = if name.len() + digest.len() < LONGEST { " " } else { "\n  " };
        format!("{name}{space}{digest}")
    });
    let rows = rows.collect::<BTreeSet<_>>();
    for row in rows.iter().take(NAMED) {
        message.push('\n');
        message.push_str(row);
    }
    if rows.len() > NAMED {
        message.push_str(&format!("\n- and {} more", rows.len() - NAMED));
    }
    message.push('\n');
    message
}

#[cfg(test)]
mod tests {
    use super::super::tests::{change, digest, proposal};
    use super::*;

    #[test]
    fn a_title_names_one_image_and_counts_several() {
        let first = |name: &str| change(name, "1.27", None, 0xab);
        let moved = |name: &str| change(name, "1.27", Some(1), 0xab);
        for (images, expected) in [
            (vec![first("nginx")], "chore(deps): pin nginx 1.27 to sha256:abababa…"),
            (vec![moved("nginx")], "chore(deps): update nginx 1.27 to sha256:abababa…"),
            (vec![first("nginx"), first("redis")], "chore(deps): pin 2 images to digests"),
            (vec![moved("nginx"), moved("redis")], "chore(deps): update 2 image digests"),
            (vec![first("nginx"), moved("redis")], "chore(deps): pin 1 image and update 1 digest"),
            (
                vec![first("a"), first("b"), moved("c"), moved("d")],
                "chore(deps): pin 2 images and update 2 digests",
            ),
            // Two old digests of one tag are one image.
            (
                vec![moved("nginx"), change("nginx", "1.27", Some(2), 0xab)],
                "chore(deps): update nginx 1.27 to sha256:abababa…",
            ),
            (
                vec![first("nginx"), change("nginx", "1.27", None, 0xcd)],
                "chore(deps): pin 1 image to its digest",
            ),
            (vec![first(&"a/".repeat(40))], "chore(deps): pin 1 image to its digest"),
            (vec![first("nginx"), moved("nginx")], "chore(deps): pin 1 image and update 1 digest"),
        ] {
            let title = title(&proposal(images), None);
            assert_eq!(title, expected);
            assert!(title.chars().count() <= LONGEST);
        }
    }

    #[test]
    fn a_title_says_what_a_person_asked_for() {
        let moved = |name: &str| change(name, "1.27", Some(1), 0xab);
        let promotion = || Occasion::Promotion { from: "dev".to_owned(), to: "x@y #1".to_owned() };
        let target = "a.yaml".to_owned();
        let rollback = Occasion::Rollback {
            target,
            to: "then".to_owned(),
            reason: "why".to_owned(),
            file: "tagpin.toml".to_owned(),
        };
        for (images, occasion, expected) in [
            (vec![moved("a")], promotion(), "chore(deps): promote a 1.27 from dev to x_y__1"),
            (vec![moved("a"), moved("b")], promotion(), "chore(deps): promote 2 images from dev to x_y__1"),
            (vec![moved("a")], rollback.clone(), "chore(deps): roll back a 1.27 in a.yaml"),
            (vec![moved("a"), moved("b")], rollback, "chore(deps): roll back 2 images in a.yaml"),
        ] {
            let proposal = Proposal { occasion, ..proposal(images) };
            assert_eq!(title(&proposal, Some("promotion to x")), expected);
        }
    }

    #[test]
    fn a_commit_message_lists_images_in_short_lines_and_cannot_be_given_a_trailer() {
        let long = format!("registry.example.com/{}", "a".repeat(45));
        let hostile = "x\n\nSigned-off-by: @a fixes #1";
        let three = proposal(vec![
            change("nginx", "1.27", None, 0xab),
            change(&long, "1", None, 0xab),
            change(hostile, "1", None, 0xab),
        ]);
        let message = commit_message(&three, &title(&three, None));
        let short = format!("sha256:{}", digest(0xab).short());
        assert_eq!(
            message,
            format!(
                "chore(deps): pin 3 images to digests\n\n- nginx:1.27 {short}\n- {long}:1\n  {short}\n\
                 - x__Signed-off-by:__a_fixes__1:1 {short}\n"
            )
        );
        assert!(message.lines().all(|line| line.len() <= LONGEST));
        let many = (0..30).map(|i| change(&format!("image-{i:02}"), "1", None, 1)).collect();
        assert!(commit_message(&proposal(many), "t").ends_with("\n- and 10 more\n"));
    }

    #[test]
    fn a_group_is_named_in_the_title() {
        let one = proposal(vec![change("nginx", "1.27", Some(1), 0xab)]);
        assert_eq!(
            title(&one, Some("production")),
            "chore(deps): update nginx 1.27 to sha256:abababa… (production)"
        );
        assert_eq!(
            title(&one, Some("clusters/production/eu west")),
            "chore(deps): update 1 image digest (clusters/production/eu_west)"
        );
    }
}
