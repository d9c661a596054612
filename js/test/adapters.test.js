// The adapters, each with its real client, against a server that really misbehaves.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { decisionOf } from "holdoff";
import { clients, paths, policy } from "./adapter-clients.js";
import { always, closedPort, startFaults } from "./faults-server.js";

const limited = (headers) => ({
  status: 429,
  headers,
  body: { error: { message: "Rate limit reached", type: "rate_limit_error" } },
});
const cut = (fault, after_bytes) => ({
  body: { ok: true, text: "the rest of this never arrives" },
  fault,
  after_bytes,
});

/** What the server does, what is decided, and how long the second request is apart from the first. */
const cases = {
  "/seconds": { steps: [limited({ "retry-after": "1" })], decided: ["retry-after"], apart: 990 },
  "/date": { steps: [limited({ "retry-after": { date_in_s: 1 } })], decided: ["retry-after"] },
  "/ms": { steps: [limited({ "retry-after-ms": "150" })], decided: ["retry-after-ms"], apart: 145 },
  "/reset-header": {
    steps: [
      limited({ "x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms" }),
    ],
    decided: ["x-ratelimit-reset"],
    apart: 115,
  },
  "/unavailable": { steps: [{ status: 503 }, { status: 503 }], decided: ["backoff", "backoff"] },
  "/closed": { steps: [{ fault: "close" }], decided: ["backoff"] },
  "/reset": { steps: [{ fault: "reset" }], decided: ["backoff"] },
  "/truncated": { steps: [cut("close", 20)], decided: ["backoff"] },
  "/reset-body": { steps: [cut("reset", 20)], decided: ["backoff"] },
};
const failing = {
  status: 500,
  headers: { "x-request-id": "req_1" },
  body: { error: { message: "Internal server error", type: "api_error" } },
};
const scripts = {
  ...cases,
  "/bad": always({
    status: 400,
    body: { error: { message: "no", type: "invalid_request_error" } },
  }),
  "/failing": always(failing),
  "/slowly": { steps: [limited({ "retry-after": "20" })] },
  "/hanging": always({ fault: "hang" }),
  "/stalled": always(cut("hang", 20)),
};

let faults;
before(async () => {
  const everywhere = Object.entries(scripts).flatMap(([path, { decided, apart, ...script }]) =>
    paths(path).map((path) => [path, script]),
  );
  faults = await startFaults(Object.fromEntries(everywhere));
});
after(() => faults.stop());

for (const [name, client] of Object.entries(clients)) {
  /** Calls a path and tells what came of it and what the server saw. */
  async function call(path, { init, ...options } = {}) {
    const run = faults.run();
    const events = [];
    const begin = performance.now();
    const send = client({
      policy,
      idempotent: true,
      onDecision: (event) => events.push(event),
      ...options,
    });
    const settled = await send(run.url(path), init).then(
      (answer) => ({ answer }),
      (error) => ({ error }),
    );
    const elapsed = performance.now() - begin;
    const log = (await Promise.all(paths(path).map(run.log))).flat();
    return { ...settled, events, elapsed, log };
  }

  describe(name, { concurrency: true }, () => {
    for (const [path, { decided, apart = 0 }] of Object.entries(cases)) {
      test(`${path.slice(1)} is waited for, then answered`, async () => {
        const { answer, error, events, log } = await call(path);
        assert.equal(error, undefined);
        assert.equal(answer.ok, true);
        assert.deepEqual(
          events.map(({ decision }) => decision.source),
          decided,
        );
        assert.equal(log.length, decided.length + 1);
        assert.ok(log[1].at_ms - log[0].at_ms >= apart, "the wait was too short");
        assert.ok(log[1].at_ms - log[0].at_ms < apart + 2500, "the wait was too long");
        assert.deepEqual(new Set(log.map((entry) => entry.body_sha256)).size, 1);
        assert.match(String(events[0].explanation), /^failure .*\n(.*\n)*decision {2}retry/);
      });
    }

    test("a refused connection is tried again, and thrown as the client throws it", async () => {
      const port = await closedPort();
      const events = [];
      const onDecision = (event) => events.push(event);
      const send = client({ policy, maxRetries: 1, idempotent: false, onDecision });
      const error = await send(`http://127.0.0.1:${port}`).catch((error) => error);
      assert.ok(error instanceof Error);
      assert.deepEqual(
        events.map(({ decision }) => decision.class),
        ["transport", "transport"],
      );
      assert.equal(events[1].report.endpoint.startsWith(`http://127.0.0.1:${port}/`), true);
      assert.equal(decisionOf(error)?.action, "escalate");
    });

    test("what no retry will mend is thrown as the client throws it", async () => {
      const { error, events, log } = await call("/bad");
      assert.equal(error.status ?? error.response.status, 400);
      assert.equal(log.length, 1);
      assert.equal(events[0].report, undefined);
      if (name !== "undici") assert.equal(decisionOf(error).class, "invalid_request");
    });

    test("a server that goes on failing is escalated, with a report", async () => {
      const { error, events, log } = await call("/failing", { maxRetries: 2 });
      assert.equal(error.status ?? error.response.status, 500);
      assert.equal(log.length, 3);
      assert.equal(events[2].waitMs, undefined);
      assert.equal(events[2].report.requestId, "req_1");
      assert.match(events[2].report.endpoint, /^http:\/\/127\.0\.0\.1:\d+\/~.*\/failing/);
      assert.match(events[2].report.body, /api_error/);
    });

    for (const path of ["/hanging", "/stalled"]) {
      test(`${path.slice(1)} is cut off by the deadline`, async () => {
        const { error, events, elapsed, log } = await call(path, { deadlineMs: 300 });
        assert.ok(error instanceof Error);
        assert.match(`${error.name} ${error.message} ${error.code}`, /time|ECONNABORTED/i);
        assert.ok(elapsed >= 290 && elapsed < 2000, `${elapsed} ms`);
        assert.deepEqual(
          events.map(({ decision }) => [decision.class, decision.action]),
          [["timeout", "stop"]],
        );
        assert.equal(log.length, 1);
      });
    }

    test("an abort ends the wait at once", async () => {
      const controller = new AbortController();
      const { error, elapsed, log } = await call("/slowly", {
        init: { signal: controller.signal },
        onDecision: () => setTimeout(() => controller.abort(), 50),
      });
      assert.match(`${error?.name} ${error?.message}`, /abort|cancel/i);
      assert.ok(elapsed < 1500, `${elapsed} ms`);
      assert.equal(log.length, 1);
    });

    test("an abort ends an attempt at once", async () => {
      const controller = new AbortController();
      setTimeout(() => controller.abort(), 300);
      const { error, elapsed, log } = await call("/hanging", {
        init: { signal: controller.signal },
      });
      assert.match(`${error?.name} ${error?.message}`, /abort|cancel/i);
      assert.ok(elapsed < 1500, `${elapsed} ms`);
      assert.equal(log.length, 1);
    });
  });
}
