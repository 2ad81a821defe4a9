//! Templates whose names say what they are rendered to: `compose.yaml.j2`, `values.yaml.gotmpl`, and Salt's states.

use super::language::Language;

/// What names of templates end in: Ansible and Salt, Go, Terraform, consul-template, Puppet, and what `envsubst` and `configure`
/// fill in.
const ENDINGS: [&str; 11] =
    ["ctmpl", "erb", "gotmpl", "in", "j2", "jinja", "jinja2", "template", "tftpl", "tmpl", "tpl"];

/// What Salt renders to YAML keeps its name.
const SALT: &str = ".sls";

/// Returns the name of what the file at `path` is rendered to, where that is YAML or JSON.
pub(in crate::manifest) fn rendered(path: &str) -> Option<&str> {
    if path.ends_with(SALT) {
        return Some(path);
    }
    let (stem, ending) = path.rsplit_once('.')?;
    let is_one = ENDINGS.contains(&ending) && Language::of(path).is_none();
    (is_one && Language::of(stem) == Some(Language::Yaml)).then_some(stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_templates_are_rendered_to() {
        for (path, expected) in [
            ("roles/web/templates/compose.yml.j2", Some("roles/web/templates/compose.yml")),
            ("task.json.tftpl", Some("task.json")),
            ("deploy.yaml.in", Some("deploy.yaml")),
            ("salt/web/init.sls", Some("salt/web/init.sls")),
            ("Dockerfile.j2", None),
            ("api.nomad.tpl", None),
            ("nginx.conf.j2", None),
            ("values.yaml.example", None),
            ("values.yaml", None),
            ("templates/_helpers.tpl", None),
            ("a.in", None),
        ] {
            assert_eq!(rendered(path), expected, "{path}");
        }
    }
}
