//! How the charts of a tree want digests at places that are asked for one by one.

use std::collections::HashMap;

use super::charts::Charts;
use super::digest_form::{ChartFlow, DigestForm};

/// The values of the charts that were asked for, by directory.
#[derive(Default)]
pub(in crate::manifest) struct ChartForms(HashMap<String, ChartFlow>);

impl ChartForms {
    /// Returns how the chart in `directory` wants the digest at a JSON pointer; `None` where its templates are not there.
    pub(in crate::manifest) fn form(
        &mut self,
        charts: &Charts,
        directory: &str,
        pointer: &str,
    ) -> Option<DigestForm> {
        if !charts.has(directory) {
            return None;
        }
        let texts = charts.templates(directory)?;
        Some(self.0.entry(directory.to_owned()).or_insert_with(|| ChartFlow::of(&texts)).form(pointer))
    }

    /// Returns the keys of the values that come out together in each image of the chart in `directory`.
    pub(in crate::manifest) fn images(&mut self, charts: &Charts, directory: &str) -> Vec<Vec<Vec<String>>> {
        let Some(texts) = charts.templates(directory).filter(|_| charts.has(directory)) else {
            return Vec::new();
        };
        let flow = self.0.entry(directory.to_owned()).or_insert_with(|| ChartFlow::of(&texts));
        flow.images().map(|image| image.iter().cloned().collect()).collect()
    }
}
