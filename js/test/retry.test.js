// `retry` around a function that stands for fetch. No test waits for real.

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { afterEach, beforeEach, describe, mock, test } from "node:test";
import { decisionOf, Policy, retry } from "holdoff";

const policy = Policy.tessera();
const overloaded = JSON.stringify({ error: { type: "overloaded_error", message: "busy" } });

/** Plays these outcomes in turn: a status, a Response or an error. Notes each attempt and wait. */
function play(...outcomes) {
  const attempts = [];
  const waits = [];
  const events = [];
  let now = Date.parse("2026-01-15T12:00:00Z");
  const send = async (attempt) => {
    attempts.push(attempt);
    now += 10;
    const outcome = outcomes[Math.min(attempts.length, outcomes.length) - 1];
    if (typeof outcome === "number") return new Response(`body of ${outcome}`, { status: outcome });
    if (outcome instanceof Response) return outcome;
    throw outcome;
  };
  const options = {
    policy,
    seed: 7,
    clock: () => now,
    sleep: async (ms) => {
      waits.push(ms);
      now += ms;
    },
    onDecision: (event) => events.push(event),
  };
  const run = (more = {}) => retry(send, { ...options, ...more });
  return { run, attempts, waits, events };
}

const failed = (code, more = {}) =>
  new TypeError("fetch failed", { cause: Object.assign(new Error(code), { code, ...more }) });

const deno = (message) =>
  new TypeError("fetch failed", {
    cause: new Error(`error sending request for url (x): ${message}`),
  });

test("a success is given back at once and costs no decision", async () => {
  for (const status of [200, 204, 304, 399]) {
    const { run, attempts, events } = play(new Response(status === 200 ? "hi" : null, { status }));
    const response = await run();
    assert.equal(response.status, status);
    assert.equal(decisionOf(response), undefined);
    assert.deepEqual([attempts, events], [[0], []]);
    if (status === 200) assert.equal(await response.text(), "hi");
  }
});

test("a success is not looked into, whatever its body says", async () => {
  const response = new Response(overloaded);
  response.clone = () => assert.fail("its body is the caller's");
  const { run, attempts } = play(response);
  assert.equal(await run({ policy: undefined }), response);
  assert.deepEqual([attempts, response.bodyUsed], [[0], false]);
});

test("waits as the policy says, with one seed for the whole call", async () => {
  const { run, attempts, waits, events } = play(500, 500, 429, 200);
  assert.equal((await run()).status, 200);
  assert.deepEqual(attempts, [0, 1, 2, 3]);
  const expected = [500, 500, 429].map(
    (status, attempt) => policy.decide({ status, attempt, seed: 7 }).afterMs,
  );
  assert.deepEqual(waits, expected);
  assert.deepEqual(
    events.map(({ attempt, waitMs }) => [attempt, waitMs]),
    expected.map((ms, n) => [n, ms]),
  );
  assert.deepEqual(
    events.map(({ response }) => response.status),
    [500, 500, 429],
  );
});

test("nothing is needed but a function", async () => {
  const response = await retry(() => new Response("", { status: 404 }));
  const recommended = Policy.recommended();
  assert.equal(decisionOf(response).advice, recommended.decide({ status: 404 }).advice);
  assert.notEqual(decisionOf(response).advice, policy.decide({ status: 404 }).advice);
});

test("a hint is waited for, also one that is a date by the clock", async () => {
  const date = new Date("2026-01-15T12:00:30Z").toUTCString();
  const { run, waits } = play(
    new Response("", { status: 429, headers: { "retry-after": "3" } }),
    new Response("", { status: 503, headers: { "retry-after": date } }),
    200,
  );
  await run();
  assert.deepEqual(waits, [3000, 30_000 - 3000 - 20]);
});

test("a stop gives back the response as it came, with its decision", async () => {
  const { run, attempts, events } = play(404);
  const response = await run();
  assert.deepEqual(attempts, [0]);
  assert.equal(await response.text(), "body of 404");
  assert.equal(decisionOf(response).action, "stop");
  assert.equal(decisionOf(response).class, "not_found");
  assert.equal(events.length, 1);
  assert.equal(events[0].response, response);
  assert.equal(events[0].waitMs, undefined);
});

test("after the last retry the last response is given back, to be escalated", async () => {
  const { run, attempts } = play(503);
  const response = await run({ maxRetries: 2 });
  assert.deepEqual(attempts, [0, 1, 2]);
  assert.equal(decisionOf(response).action, "escalate");
  assert.equal(decisionOf(response).reason, "retries_exhausted");
  assert.equal(await response.text(), "body of 503");
});

test("the error body is read for the decision and can still be read whole", async () => {
  const long = overloaded + " ".repeat(200_000);
  const { run, events } = play(new Response(long, { status: 500 }));
  const response = await run({ maxRetries: 0 });
  assert.equal(events[0].decision.class, "overloaded");
  assert.equal(await response.text(), long);
});

test("of an error body that never ends only the beginning is read", async () => {
  let pulled = 0;
  const endless = new ReadableStream(
    {
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(2 ** 14).fill(32));
      },
    },
    { highWaterMark: 0 },
  );
  const { run, events } = play(new Response(endless, { status: 500 }));
  await run({ maxRetries: 0 });
  assert.equal(events[0].decision.class, "server_error");
  assert.ok(pulled >= 4 && pulled <= 6, `${pulled} chunks of 16 KiB`);
});

test("a body that the function has read itself is decided without", async () => {
  const response = new Response(overloaded, { status: 500 });
  await response.text();
  const { run, events } = play(response);
  assert.equal(await run({ maxRetries: 0 }), response);
  assert.equal(events[0].decision.class, "server_error");
});

test("a response that is not given back is cancelled before the wait", async () => {
  const cancelled = [];
  const streaming = (name) =>
    new Response(
      new ReadableStream({
        start: (controller) => controller.enqueue(new TextEncoder().encode(overloaded)),
        pull: (controller) => (name === "read" ? controller.close() : undefined),
        cancel: () => cancelled.push(name),
      }),
      { status: 503 },
    );
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const { run, waits } = play(streaming("endless"), 200);
    const done = run({ sleep: async () => void waits.push([...cancelled]) });
    await tickUntil(done);
    assert.deepEqual(waits, [["endless"]]);
  } finally {
    mock.timers.reset();
  }
});

test("a body that stalls or breaks off is decided without", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  try {
    const stalled = new Response(new ReadableStream({}), { status: 503 });
    const broken = new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode('{"error":{"type":"overloaded_error",'));
          controller.error(new Error("cut"));
        },
      }),
      { status: 500 },
    );
    const { run, events } = play(stalled, broken, 200);
    assert.equal((await tickUntil(run())).status, 200);
    assert.deepEqual(events.map(({ decision }) => decision.class).slice(0, 1), ["unavailable"]);
    assert.equal(events.length, 2);
  } finally {
    mock.timers.reset();
  }
});

/** Lets the mocked timers run until the promise is settled. */
async function tickUntil(promise) {
  let settled = false;
  promise
    .finally(() => {
      settled = true;
    })
    .catch(() => {});
  while (!settled) {
    await new Promise(setImmediate);
    mock.timers.tick(250);
  }
  return promise;
}

describe("an error that fetch threw", () => {
  const aggregate = Object.assign(new AggregateError([failed("ECONNREFUSED").cause]), {
    code: "ECONNREFUSED",
  });
  for (const [name, error, transport, phase] of [
    ["ENOTFOUND", failed("ENOTFOUND"), "dns", "connect"],
    ["EAI_AGAIN", failed("EAI_AGAIN"), "dns", "connect"],
    ["ECONNREFUSED", failed("ECONNREFUSED"), "connect", "connect"],
    [
      "of happy eyeballs",
      new TypeError("fetch failed", { cause: aggregate }),
      "connect",
      "connect",
    ],
    [
      "of errors without a code",
      new AggregateError([failed("EHOSTUNREACH").cause]),
      "connect",
      "connect",
    ],
    ["ETIMEDOUT of connect", failed("ETIMEDOUT", { syscall: "connect" }), "timeout", "connect"],
    ["ETIMEDOUT", failed("ETIMEDOUT", { syscall: "read" }), "timeout", "sent"],
    ["UND_ERR_CONNECT_TIMEOUT", failed("UND_ERR_CONNECT_TIMEOUT"), "timeout", "connect"],
    ["UND_ERR_HEADERS_TIMEOUT", failed("UND_ERR_HEADERS_TIMEOUT"), "timeout", "sent"],
    ["UND_ERR_BODY_TIMEOUT", failed("UND_ERR_BODY_TIMEOUT"), "timeout", "body"],
    ["ECONNRESET", failed("ECONNRESET"), "reset", "sent"],
    ["EPIPE", failed("EPIPE"), "reset", "sent"],
    ["UND_ERR_SOCKET", failed("UND_ERR_SOCKET"), "reset", "sent"],
    ["HPE_INVALID_CONSTANT", failed("HPE_INVALID_CONSTANT"), "protocol", "sent"],
    ["CERT_HAS_EXPIRED", failed("CERT_HAS_EXPIRED"), "tls", "connect"],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", failed("DEPTH_ZERO_SELF_SIGNED_CERT"), "tls", "connect"],
    ["ERR_TLS_CERT_ALTNAME_INVALID", failed("ERR_TLS_CERT_ALTNAME_INVALID"), "tls", "connect"],
    [
      "a code of its own",
      Object.assign(new Error("read"), { code: "ECONNRESET" }),
      "reset",
      "sent",
    ],
    [
      "in the body",
      new TypeError("terminated", { cause: failed("UND_ERR_SOCKET").cause }),
      "reset",
      "body",
    ],
    ["AbortSignal.timeout", new DOMException("late", "TimeoutError"), "timeout", "sent"],
    ["Deno for a name", deno("client error (Connect): dns error: failed"), "dns", "connect"],
    [
      "Deno for a port",
      deno("client error (Connect): tcp connect error: no"),
      "connect",
      "connect",
    ],
    ["Deno for a certificate", deno("client error (Connect): invalid peer"), "tls", "connect"],
    ["Deno for a reset", deno("connection closed"), "reset", "sent"],
    ["Chromium", new TypeError("Failed to fetch"), "reset", "sent"],
    ["Chromium with the host", new TypeError("Failed to fetch (api.tessera.ai)"), "reset", "sent"],
    ["Firefox", new TypeError("NetworkError when attempting to fetch resource."), "reset", "sent"],
    ["Safari", new TypeError("Load failed"), "reset", "sent"],
    ["Chromium in the body", new TypeError("network error"), "reset", "body"],
  ]) {
    test(`${name} is ${transport} in phase ${phase}`, async () => {
      const { run, events } = play(error);
      const steps = [];
      const spying = Object.create(policy, {
        explain: {
          value: (facts) => {
            steps.push(String(policy.explain(facts)));
            return policy.explain(facts);
          },
        },
        readsBody: { value: false },
      });
      await assert.rejects(run({ policy: spying, maxRetries: 0 }), (thrown) => thrown === error);
      assert.match(steps[0], new RegExp(`: ${transport} in phase ${phase}\\n`));
      assert.equal(events[0].error, error);
      assert.equal(decisionOf(error), events[0].decision);
    });
  }

  test("is retried where the policy says so", async () => {
    const { run, attempts } = play(failed("ECONNRESET"), failed("ENOTFOUND"), 200);
    assert.equal((await run()).status, 200);
    assert.deepEqual(attempts, [0, 1, 2]);
  });

  test("is thrown at once where it is no failed connection", async () => {
    for (const bug of [
      new TypeError("x is not a function"),
      new TypeError("Failed to parse URL from /x", { cause: failed("ERR_INVALID_URL").cause }),
      new TypeError("fetch failed", { cause: new Error("bad port") }),
      failed("UND_ERR_INVALID_ARG"),
      new Error("mine"),
      "a text",
      undefined,
    ]) {
      const { run, attempts, events } = play(bug);
      await assert.rejects(run(), (thrown) => thrown === bug);
      assert.deepEqual([attempts, events], [[0], []]);
    }
  });

  test("of a function that throws before it sends anything is thrown too", async () => {
    const bug = new RangeError("mine");
    const send = () => {
      throw bug;
    };
    await assert.rejects(retry(send, { policy }), (thrown) => thrown === bug);
  });
});

test("a function that gives no response is told so", async () => {
  for (const value of [undefined, null, {}, "text"]) {
    await assert.rejects(
      retry(async () => value, { policy }),
      {
        name: "TypeError",
        message: "retry: the function gave no response; return what fetch gives",
      },
    );
  }
});

describe("a signal", () => {
  beforeEach(() => mock.timers.enable({ apis: ["setTimeout"] }));
  afterEach(() => mock.timers.reset());

  test("aborted before the call sends nothing", async () => {
    const { run, attempts } = play(200);
    const reason = new Error("not wanted");
    await assert.rejects(run({ signal: AbortSignal.abort(reason) }), (thrown) => thrown === reason);
    assert.deepEqual(attempts, []);
  });

  test("ends a wait at once with its reason", async () => {
    const { run, attempts } = play(500);
    const controller = new AbortController();
    const reason = new Error("not wanted any more");
    const onDecision = () => setImmediate(() => controller.abort(reason));
    const call = run({ sleep: undefined, signal: controller.signal, onDecision });
    await assert.rejects(call, (thrown) => thrown === reason);
    assert.deepEqual(attempts, [0]);
  });

  test("ends the reading of an error body at once", async () => {
    const { run } = play(new Response(new ReadableStream({}), { status: 500 }));
    const controller = new AbortController();
    setImmediate(() => controller.abort());
    const call = run({ sleep: undefined, signal: controller.signal });
    await assert.rejects(call, { name: "AbortError" });
  });

  test("aborted while sending throws what fetch throws, and is decided as aborted", async () => {
    const controller = new AbortController();
    const reason = new Error("not wanted any more");
    const events = [];
    const send = async () => {
      controller.abort(reason);
      throw controller.signal.reason;
    };
    const call = retry(send, {
      policy,
      signal: controller.signal,
      onDecision: (e) => events.push(e),
    });
    await assert.rejects(call, (thrown) => thrown === reason);
    assert.deepEqual(
      events.map(({ decision }) => decision.reason),
      ["aborted"],
    );
    assert.equal(decisionOf(reason), events[0].decision);
  });

  test("that is never aborted keeps no listener", async () => {
    const { signal } = new AbortController();
    const { run, attempts } = play(500, 500, 200);
    await tickUntil(run({ sleep: undefined, signal }));
    assert.equal(attempts.length, 3);
    assert.deepEqual(getEventListeners(signal, "abort"), []);
  });
});

test("a deadline bounds the waits", async () => {
  const { run, attempts, waits } = play(500);
  const response = await run({ deadlineMs: 4000 });
  assert.equal(decisionOf(response).reason, "deadline");
  assert.ok(waits.reduce((sum, ms) => sum + ms, 0) <= 4000);
  assert.ok(attempts.length >= 2);
});

test("facts of the call reach the policy", async () => {
  const reason = async (more, ...outcomes) => decisionOf(await play(...outcomes).run(more)).reason;
  assert.equal(await reason({ replayable: false }, 500), "not_replayable");
  assert.equal(await reason({ delivered: true }, 500), "delivered");
  let delivered = false;
  const told = reason(
    {
      delivered: () => delivered,
      onDecision: () => {
        delivered = true;
      },
    },
    500,
    500,
  );
  assert.equal(await told, "delivered");
  const gets = new Policy({ ...policy.toJSON(), methods: ["GET"] });
  assert.equal(await reason({ policy: gets, method: "POST" }, 500), "not_idempotent");
  const post = { policy: undefined, method: "POST", maxRetries: 1 };
  assert.equal(await reason(post, 502), "possibly_executed");
  assert.equal(await reason({ ...post, idempotent: true }, 502), "retries_exhausted");
});

test("an error of onDecision is thrown", async () => {
  const bug = new Error("mine");
  const onDecision = () => {
    throw bug;
  };
  await assert.rejects(play(500).run({ onDecision }), (thrown) => thrown === bug);
});
