// The installed package in headless Chromium, as a page would use it without any tool.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { delimiter, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { chromium } from "playwright-core";
import { startFaults } from "./faults-server.js";

const executablePath = process.env.PATH.split(delimiter)
  .flatMap((folder) =>
    ["chromium", "chromium-browser", "google-chrome"].map((name) => join(folder, name)),
  )
  .find(existsSync);
const skip =
  executablePath || process.env.CI === "true" ? false : "there is no Chromium on the PATH";

describe("in Chromium", { skip }, () => {
  let browser;
  let faults;
  let server;

  before(async () => {
    faults = await startFaults();
    server = createServer(serve).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  });
  after(async () => {
    await browser?.close();
    server?.close();
    faults?.stop();
  });

  /** Runs the function on a page whose Content-Security-Policy has this script-src. */
  async function onPage(scriptSource, run, argument) {
    const page = await browser.newPage();
    try {
      const { port } = server.address();
      await page.goto(`http://127.0.0.1:${port}/?${encodeURIComponent(scriptSource)}`);
      await page.waitForFunction(() => globalThis.holdoff);
      return await page.evaluate(run, argument);
    } finally {
      await page.close();
    }
  }

  const decide = () => {
    try {
      const { Policy } = globalThis.holdoff;
      const headers = new Headers({ "retry-after": "3" });
      return String(Policy.tessera().decide({ status: 429, headers }));
    } catch (error) {
      return error.message;
    }
  };
  const decided = "retry after 3000 ms (rate_limited, status, retry-after)";

  test("a plain module script decides with no await", async () => {
    assert.equal(await onPage("'self' 'unsafe-inline' 'unsafe-eval'", decide), decided);
  });

  test("a page whose policy allows WebAssembly decides", async () => {
    assert.equal(await onPage("'self' 'wasm-unsafe-eval'", decide), decided);
  });

  test("a page whose policy forbids WebAssembly is told what to allow", async () => {
    const message = await onPage("'self'", decide);
    assert.match(message, /^holdoff may not compile its WebAssembly here \(CompileError: /);
    assert.match(message, /add 'wasm-unsafe-eval' to script-src/);
  });

  test("retry waits out what a real server does", async () => {
    const run = faults.run();
    const paths = ["/reset", "/rate-limited", "/stalled-error-body", "/truncated", "/not-found"];
    const urls = paths.map((path) => [path, run.url(path)]);
    const outcomes = await onPage(
      "'self' 'wasm-unsafe-eval'",
      async (urls) => {
        const { Policy, retry } = globalThis.holdoff;
        const document = Policy.tessera().toJSON();
        document.backoff.base_ms = 5;
        document.backoff.jitter = { kind: "none" };
        const policy = new Policy(document);
        const outcomes = [];
        // One after the other, and the resets first: Chromium itself resends a POST whose reused
        // connection was reset, so they need connections that nothing has used before.
        for (const [path, url] of urls) {
          const decisions = [];
          const send = async () => {
            const response = await fetch(url, { method: "POST", body: "x" });
            if (response.ok) await response.clone().text();
            return response;
          };
          const onDecision = ({ decision }) => decisions.push(decision.class);
          const response = await retry(send, { policy, onDecision });
          const kinds = [...new Set(decisions)];
          outcomes.push([path, response.status, (await response.text()).length > 0, kinds]);
        }
        return outcomes;
      },
      urls,
    );
    const expected = [
      ["/reset", 200, true, ["transport"]],
      ["/rate-limited", 200, true, ["rate_limited"]],
      ["/stalled-error-body", 200, true, ["unavailable"]],
      ["/truncated", 200, true, ["transport"]],
      ["/not-found", 404, true, ["not_found"]],
    ];
    assert.deepEqual(outcomes, expected);
  });

  test("a fetch that retries takes what a page gives it", async () => {
    const url = faults.run().url("/truncated/chat/completions");
    const [name, seen] = await onPage(
      "'self' 'wasm-unsafe-eval'",
      async (url) => {
        const { withRetry } = globalThis.holdoff;
        const seen = [];
        const onDecision = ({ decision }) => seen.push(decision.class);
        const send = withRetry(fetch, { idempotent: true, onDecision, seed: 7 });
        const response = await send(new Request(url, { method: "POST", body: "{}" }));
        return [(await response.json()).object, seen];
      },
      url,
    );
    assert.equal(name, "chat.completion");
    assert.deepEqual(seen, ["transport"]);
  });
});

const page = `<!doctype html><script type="module" src="/page.js"></script>`;
const script = `import * as holdoff from "/holdoff/dist/index.js";
import { withRetry } from "/holdoff/dist/fetch.js";
globalThis.holdoff = { ...holdoff, withRetry };`;

async function serve(request, response) {
  const { pathname, search } = new URL(request.url, "http://page");
  if (pathname === "/") {
    const policy = `script-src ${decodeURIComponent(search.slice(1))}`;
    response.writeHead(200, { "content-type": "text/html", "content-security-policy": policy });
    response.end(page);
    return;
  }
  const installed = new URL(`node_modules${pathname}`, import.meta.url);
  const source =
    pathname === "/page.js" ? script : await readFile(installed).catch(() => undefined);
  response.writeHead(source ? 200 : 404, { "content-type": "text/javascript" });
  response.end(source);
}
