//! Where files are templates by their place: what does not parse there is no manifest, whatever it looks like.

/// Returns whether the file at `path` below the root is rendered before anybody reads it: a template of a chart, a state
/// of helmfile, or a file in a directory whose name is an action (cookiecutter). `is_chart` returns whether a directory
/// has a `Chart.yaml`.
pub(super) fn is_template_home(path: &str, is_chart: impl Fn(&str) -> bool) -> bool {
    let (directory, name) = path.rsplit_once('/').unwrap_or(("", path));
    let in_chart = || {
        let whole = format!("/{directory}/");
        whole.match_indices("/templates/").any(|(at, _)| is_chart(whole[..at].trim_start_matches('/')))
    };
    name.starts_with("helmfile")
        || directory.split('/').any(|part| part == "helmfile.d" || part.contains("{{"))
        || in_chart()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_have_homes() {
        let is_chart = |directory: &str| matches!(directory, "" | "charts/a");
        for (path, is_home) in [
            ("templates/a.yaml", true),
            ("templates/sub/a.yaml", true),
            ("charts/a/templates/tests/a.yaml", true),
            ("charts/b/templates/a.yaml", false),
            ("charts/a/values.yaml", false),
            ("xtemplates/a.yaml", false),
            ("helmfile.yaml", true),
            ("{{cookiecutter.name}}/deploy/a.yaml", true),
            ("a.yaml", false),
        ] {
            assert_eq!(is_template_home(path, is_chart), is_home, "{path}");
        }
    }
}
