// What the README shows is what is printed.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
/** Code, and the indented lines that follow it. */
const examples = [...readme.matchAll(/^```js\n((?:(?!```).*\n)+)```\n\n((?: {4}.*\n)+)/gm)];

test("the README's examples print what it shows", () => {
  assert.ok(examples.length > 0);
  for (const [, code, shown] of examples) {
    const printed = execFileSync(process.execPath, ["--input-type=module", "--eval", code], {
      // There the bare name is the installed package.
      cwd: fileURLToPath(new URL(".", import.meta.url)),
      encoding: "utf8",
    });
    assert.equal(printed.replace(/^(?=.)/gm, "    "), shown);
  }
});
