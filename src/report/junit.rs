//! JUnit's XML, which CI systems show as tests: one suite for each file, one test for each finding. Pure.
//!
//! There is no standard; this is what GitLab, Jenkins and Azure Pipelines read. An error is a failure, a warning or a
//! note is skipped with its message, what could not be checked is an error, and a file without findings has one test
//! that passes.

use std::collections::BTreeMap;
use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::Report;
use crate::check::{Finding, Severity};
use crate::text::one_line;

/// One test.
struct Case {
    name: String,
    line: Option<usize>,
    result: TestResult,
}

enum TestResult {
    Passed,
    Failed(Said),
    Skipped(Said),
    Broken(Said),
}

/// What is said of a test that did not pass.
struct Said {
    kind: &'static str,
    message: String,
    /// Line by line.
    detail: Vec<String>,
}

/// Returns the document.
///
/// # Errors
/// Never in practice: it is written into memory.
pub fn document(report: &Report<'_>) -> io::Result<Vec<u8>> {
    let mut suites: BTreeMap<&str, Vec<Case>> = BTreeMap::new();
    for row in &report.rows {
        suites.entry(row.file).or_default();
    }
    for finding in &report.findings {
        suites.entry(&finding.file).or_default().push(Case::of(finding));
    }
    for row in report.unread.iter().filter(|row| row.incomplete) {
        let message = row.unread.detail.clone().unwrap_or_default();
        suites.entry(row.file).or_default().push(Case::broken(
            "read",
            None,
            row.unread.reason.as_str(),
            message,
        ));
    }
    for unchecked in &report.unchecked {
        let Some(row) = report.rows.get(unchecked.reference) else { continue };
        let name = format!("{} at {}:{}", row.image, row.line, row.column);
        let case = Case::broken(&name, Some(row.line), unchecked.reason.as_str(), unchecked.detail.clone());
        suites.entry(row.file).or_default().push(case);
    }
    for cases in suites.values_mut().filter(|cases| cases.is_empty()) {
        cases.push(Case { name: "every image".to_owned(), line: None, result: TestResult::Passed });
    }
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = Counts::of(suites.values().flatten());
    let root = all.add_to(writer.create_element("testsuites").with_attribute(("name", "tagpin check")));
    root.write_inner_content(|writer| {
        for (file, cases) in &suites {
            let file = text(file);
            let suite = writer.create_element("testsuite").with_attribute(("name", file.as_str()));
            Counts::of(cases)
                .add_to(suite)
                .write_inner_content(|writer| cases.iter().try_for_each(|case| case.write(&file, writer)))?;
        }
        Ok(())
    })?;
    let mut bytes = writer.into_inner();
    bytes.push(b'\n');
    Ok(bytes)
}

impl Case {
    fn of(finding: &Finding) -> Self {
        let place = finding.place.as_ref();
        let at = place.map(|place| format!(" at {}:{}", place.line, place.column)).unwrap_or_default();
        let (level, file, message) = (finding.level.as_str(), &finding.file, &finding.message);
        let mut detail = vec![format!("{level}: {file}{at}: {message}")];
        detail.extend(finding.fix.as_ref().map(|fix| format!("hint: {}", fix.hint())));
        let said = Said { kind: finding.rule.id, message: message.clone(), detail };
        let result = if finding.level == Severity::Error {
            TestResult::Failed(said)
        } else {
            TestResult::Skipped(said)
        };
        Self { name: format!("{}{at}", finding.rule.id), line: place.map(|place| place.line), result }
    }

    fn broken(name: &str, line: Option<usize>, kind: &'static str, message: String) -> Self {
        let said = Said { kind, detail: vec![message.clone()], message };
        Self { name: name.to_owned(), line, result: TestResult::Broken(said) }
    }

    fn write(&self, file: &str, writer: &mut Writer<Vec<u8>>) -> io::Result<()> {
        let name = text(&self.name);
        let mut element = writer.create_element("testcase").with_attributes([
            ("classname", file),
            ("name", &name),
            ("file", file),
            ("time", "0"),
        ]);
        if let Some(line) = self.line {
            element = element.with_attribute(("line", line.to_string().as_str()));
        }
        let (tag, said) = match &self.result {
            TestResult::Passed => return element.write_empty().map(|_| ()),
            TestResult::Failed(said) => ("failure", said),
            TestResult::Skipped(said) => ("skipped", said),
            TestResult::Broken(said) => ("error", said),
        };
        element.write_inner_content(|writer| {
            let message = text(&said.message);
            let element = writer
                .create_element(tag)
                .with_attributes([("type", said.kind), ("message", message.as_str())]);
            let detail: Vec<String> = said.detail.iter().map(|line| text(line)).collect();
            element.write_text_content(BytesText::new(&detail.join("\n"))).map(|_| ())
        })?;
        Ok(())
    }
}

/// How many tests there are, and how they ended.
#[derive(Default)]
struct Counts {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Counts {
    fn of<'c>(cases: impl IntoIterator<Item = &'c Case>) -> Self {
        let mut counts = Self::default();
        for case in cases {
            counts.tests += 1;
            match case.result {
                TestResult::Passed => {}
                TestResult::Failed(_) => counts.failures += 1,
                TestResult::Skipped(_) => counts.skipped += 1,
                TestResult::Broken(_) => counts.errors += 1,
            }
        }
        counts
    }

    fn add_to<'w>(
        &self,
        element: quick_xml::writer::ElementWriter<'w, Vec<u8>>,
    ) -> quick_xml::writer::ElementWriter<'w, Vec<u8>> {
        let counts = [
            ("tests", self.tests),
            ("failures", self.failures),
            ("errors", self.errors),
            ("skipped", self.skipped),
        ];
        counts.into_iter().fold(element, |element, (name, number)| {
            element.with_attribute((name, number.to_string().as_str()))
        })
    }
}

/// Returns one line without the characters that XML 1.0 has no way to write (section 2.2).
fn text(text: &str) -> String {
    one_line(text).replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}
