//! What keeps a part of a document from running: `enabled: false`, no replicas, a profile of Compose, a condition of a chart's
//! template. What did not run before a change and does since is new, though it stood there.

mod boolean;
mod chart_switches;
mod conditions;
mod elsewhere;
mod helmfile_switches;
mod ignore_files;
mod includes;
mod kept_off;
mod known_kinds;
mod related;
mod release;
mod selectors;
mod statements;
mod switch;
mod switch_index;
mod switch_words;
mod tasks;
mod template_names;
mod terraform_modules;
mod unit_switches;
mod unused_anchors;
mod variable_switches;
mod variable_value;

pub(super) use elsewhere::settle;
pub(super) use related::RelatedValues;
pub(super) use release::said_of_release;
pub(super) use statements::{SaidValue, Statements};
pub(super) use switch::of_tree;
pub use switch::{OffCondition, Switch};
pub use switch_index::SwitchIndex;
pub(super) use switch_words::is_no;
pub(super) use variable_switches::off_alone;
