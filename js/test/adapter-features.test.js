// What the adapters do beside waiting: bodies, streams, keys, sharing, and what they tell of it.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { after, before, describe, mock, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { context, propagation, SpanKind, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";
import axios from "axios";
import { decisionOf, Policy } from "holdoff";
import { withRetry as axiosWithRetry } from "holdoff/axios";
import { withRetry } from "holdoff/fetch";
import { openTelemetry } from "holdoff/opentelemetry";
import { retryInterceptor } from "holdoff/undici";
import OpenAI from "openai";
import { Agent, request, stream } from "undici";
import { policy } from "./adapter-clients.js";
import { always, closedPort, startFaults } from "./faults-server.js";

const keyed = new Policy({ ...policy.toJSON(), idempotency_key_header: "Idempotency-Key" });

const unavailable = { status: 503, body: { error: { type: "overloaded_error" } } };
const events = ['data: {"choices":[{"delta":{"content":"Hel"}}]}\n\n', "data: [DONE]\n\n"];
const whole = { chunks: events };
const scenario = {
  "/unavailable": { steps: [unavailable, unavailable] },
  "/gateway": { steps: [{ status: 502 }] },
  "/limited": { steps: [{ status: 429, headers: { "retry-after-ms": "60" } }] },
  "/crowded": { steps: [{ status: 429, headers: { "retry-after-ms": "300" } }] },
  "/long": always({ status: 429, headers: { "retry-after": "2" } }),
  "/text": always({ headers: { "content-type": "text/plain" }, body: "x".repeat(2_000_000) }),
  "/cut-before": {
    steps: [{ chunks: events, fault: "close", after_bytes: 0 }],
    ...always(whole),
  },
  "/cut-within": {
    steps: [{ chunks: [events[0], "data: {"], fault: "close", after_bytes: "all" }],
  },
  "/large-failures": {
    steps: Array(2).fill({
      status: 503,
      body: "x".repeat(4_000_000),
      fault: "hang",
      after_bytes: 3_000_000,
    }),
  },
  "/hanging": always({ fault: "hang" }),
  "/open-stream": always({ chunks: events, fault: "hang", after_bytes: "all" }),
  "/error-first": {
    steps: [{ chunks: ['data: {"error":{"type":"overloaded_error"}}\n\n'] }],
    ...always(whole),
  },
};
for (const path of ["/cut-before", "/cut-within", "/error-first", "/limited"]) {
  scenario[`${path}/chat/completions`] = scenario[path];
}

let faults;
before(async () => {
  faults = await startFaults(scenario);
});
after(() => faults.stop());

const options = { policy, upstream: false, idempotent: true };
const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** The same request by each adapter: a POST of a body. */
const posts = {
  fetch: (options) => {
    const send = withRetry(fetch, options);
    return (url, body, init = {}) => send(url, { method: "POST", body, ...init });
  },
  undici: (options) => {
    const dispatcher = new Agent().compose(retryInterceptor(options));
    return async (url, body, init = {}) => {
      const response = await request(url, { method: "POST", body, dispatcher, ...init });
      return { status: response.statusCode, text: () => response.body.text() };
    };
  },
  ...Object.fromEntries(
    ["http", "fetch"].map((kind) => [
      `axios, ${kind}`,
      (options) => {
        const adapter = axiosWithRetry(axios.getAdapter(kind), options);
        const client = axios.create({ adapter, validateStatus: () => true, maxBodyLength: 2e7 });
        return (url, body, init = {}) => client.post(url, body, init);
      },
    ]),
  ),
};

for (const [name, make] of Object.entries(posts)) {
  describe(name, () => {
    test("10 MB are sent again byte for byte", async () => {
      const run = faults.run();
      const body = Buffer.alloc(10_000_000, "0123456789abcdefghi");
      const response = await make(options)(run.url("/unavailable"), body);
      assert.equal(response.status, 200);
      const log = await run.log("/unavailable");
      assert.deepEqual(
        log.map((entry) => entry.body_sha256),
        Array(3).fill(sha256(body)),
      );
    });

    test("a form is the same bytes each time, and reads as such", async () => {
      const run = faults.run();
      const form = new FormData();
      form.append('a"b', "1\n2");
      form.append("file", new File(["contents"], "name.txt", { type: "text/plain" }));
      await make(options)(run.url("/unavailable"), form);
      const log = await run.log("/unavailable");
      assert.equal(log.length, 3);
      assert.equal(new Set(log.map((entry) => entry.body_sha256)).size, 1);
      const type = log[0].headers["content-type"];
      const read = await new Response(log[0].body, {
        headers: { "content-type": type },
      }).formData();
      assert.equal(read.get('a"b').replace("\r\n", "\n"), "1\n2");
      assert.equal(read.get("file").name, "name.txt");
      assert.equal(await read.get("file").text(), "contents");
      assert.equal(Number(log[0].headers["content-length"]), log[0].body_bytes);
    });

    test("a stream is sent once, and the call says why it ends", async () => {
      const run = faults.run();
      const decisions = [];
      const onDecision = ({ decision }) => decisions.push(decision.reason);
      const isFetch = name === "fetch";
      const stream = isFetch
        ? new Blob(["streamed"]).stream()
        : Readable.from([Buffer.from("streamed")]);
      const init = isFetch ? { duplex: "half" } : { maxRedirects: 0 };
      if (name === "undici") delete init.maxRedirects;
      const post = make({ ...options, onDecision });
      const response = await post(run.url("/unavailable"), stream, init);
      assert.equal(response.status, 503);
      assert.deepEqual(decisions, ["not_replayable"]);
      assert.deepEqual(
        (await run.log("/unavailable")).map(({ body }) => body),
        ["streamed"],
      );
    });

    test("a key is the same on all attempts, and another in the next call", async () => {
      const run = faults.run();
      const post = make({ policy: keyed, upstream: false });
      for (let call = 0; call < 2; call++) await post(run.url("/gateway"), "{}");
      const keys = (await run.log("/gateway")).map(({ headers }) => headers["idempotency-key"]);
      assert.equal(keys.length, 3);
      assert.equal(keys[0], keys[1]);
      assert.notEqual(keys[1], keys[2]);
      assert.match(
        keys[0],
        /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    });

    test("the user's own key is left, and counts", async () => {
      const run = faults.run();
      const headers = { "idempotency-key": "mine" };
      await make({ policy: keyed, upstream: false })(run.url("/gateway"), "{}", { headers });
      const keys = (await run.log("/gateway")).map(({ headers }) => headers["idempotency-key"]);
      assert.deepEqual(keys, ["mine", "mine"]);
    });

    test("a request may differ from the options", async () => {
      const run = faults.run();
      const post = make({ policy, upstream: false });
      assert.equal((await post(run.url("/gateway"), "{}")).status, 502);
      const again = faults.run();
      const holdoff = { idempotent: true };
      assert.equal((await post(again.url("/gateway"), "{}", { holdoff })).status, 200);
      const late = await post(faults.run().url("/long"), "{}", { holdoff: { deadlineMs: 500 } });
      assert.equal(late.status, 429);
    });

    test("many calls share what one of them is told", async () => {
      const run = faults.run();
      const shared = new Policy({ ...policy.toJSON(), upstream: { hold: { spread_ms: 200 } } });
      const count = name === "fetch" ? 1000 : 100;
      const begin = performance.now();
      let others = [];
      const onDecision = () => {
        others = Array.from({ length: count - 1 }, () => post(run.url("/crowded"), "{}"));
      };
      const post = make({ policy: shared, onDecision });
      const first = await post(run.url("/crowded"), "{}");
      const statuses = (await Promise.all([first, ...others])).map(({ status }) => status);
      assert.deepEqual(statuses, Array(count).fill(200));
      const log = await run.log("/crowded");
      assert.equal(log.length, count + 1);
      assert.ok(log[1].at_ms - log[0].at_ms >= 290, "the others did not wait");
      assert.ok(performance.now() - begin < 15_000);
    });

    test("no connection is left open by failed attempts", async () => {
      const own = await startFaults(scenario);
      const post = make({ ...options, maxRetries: 1 });
      for (let call = 0; call < 5; call++) {
        const response = await post(own.run().url("/unavailable"), "{}");
        await response.text?.();
      }
      // undici's pool opens two even for requests one after the other, also without an adapter.
      const open = await own.open(2);
      own.stop();
      assert.ok(open <= 2, `${open} open after 10 attempts`);
    });
  });
}

describe("a stream", () => {
  async function stream(path) {
    const run = faults.run();
    const decisions = [];
    const onDecision = ({ decision }) => decisions.push(String(decision));
    const client = new OpenAI({
      apiKey: "secret",
      baseURL: run.url(path),
      fetch: withRetry(fetch, { ...options, onDecision }),
      maxRetries: 0,
    });
    let text = "";
    let error;
    try {
      const chunks = await client.chat.completions.create({
        model: "m",
        messages: [],
        stream: true,
      });
      for await (const chunk of chunks) text += chunk.choices[0].delta.content;
    } catch (thrown) {
      error = thrown;
    }
    return { text, error, decisions, log: await run.log(`${path}/chat/completions`) };
  }

  for (const path of ["/cut-before", "/error-first"]) {
    test(`${path.slice(1)} its first byte is retried`, async () => {
      const { text, error, decisions, log } = await stream(path);
      assert.equal(error, undefined);
      assert.equal(text, "Hel");
      assert.equal(decisions.length, 1);
      assert.match(decisions[0], /^retry/);
      assert.equal(log.length, 2);
    });
  }

  test("is not retried once a byte was delivered", async () => {
    const { text, error, decisions, log } = await stream("/cut-within");
    assert.equal(text, "Hel");
    assert.ok(error instanceof Error);
    assert.deepEqual(decisions, []);
    assert.equal(log.length, 1);
  });

  test("is handed over as it comes", async () => {
    const run = faults.run();
    const response = await withRetry(fetch, options)(run.url("/cut-before"));
    assert.equal(response.url, run.url("/cut-before"));
    assert.equal(response.bodyUsed, false);
    assert.equal(await response.text(), events.join(""));
  });
});

describe("fetch", () => {
  test("a Request is sent again with its body and headers, and is used then", async () => {
    const run = faults.run();
    const headers = { "x-own": "1" };
    const own = new Request(run.url("/unavailable"), {
      method: "PUT",
      body: "of a Request",
      headers,
    });
    const response = await withRetry(fetch, { policy, upstream: false })(own);
    assert.equal(response.status, 200);
    assert.equal(own.bodyUsed, true);
    assert.deepEqual(
      (await run.log("/unavailable")).map(({ body, headers }) => [body, headers["x-own"]]),
      Array(3).fill(["of a Request", "1"]),
    );
  });

  test("an abort reaches the attempt of a Request, whatever the collector has taken", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc");
    const controller = new AbortController();
    const { signal } = controller;
    const own = new Request(faults.run().url("/hanging"), { method: "POST", body: "{}", signal });
    const sent = withRetry(fetch, options)(own).then(assert.fail, (error) => error.name);
    for (let times = 0; times < 4; times++) {
      await sleep(20);
      collect();
    }
    controller.abort();
    assert.equal(await Promise.race([sent, sleep(2000)]), "AbortError");
  });

  test("an abort of what nobody has read yet is no unhandled rejection", async () => {
    for (const deadlineMs of [undefined, 5000]) {
      const controller = new AbortController();
      const { signal } = controller;
      const send = withRetry(fetch, { ...options, deadlineMs });
      const response = await send(faults.run().url("/open-stream"), { signal });
      controller.abort();
      await sleep(20);
      await assert.rejects(response.text());
    }
  });

  test("what fetch refuses is thrown as fetch throws it", async () => {
    const send = withRetry(fetch, options);
    await assert.rejects(send("no url"), { name: "TypeError", message: /parse URL/ });
    await assert.rejects(send("http://127.0.0.1/", { method: "GET", body: "x" }), TypeError);
    const signal = AbortSignal.abort();
    await assert.rejects(send(faults.run().url("/gateway"), { signal }), { name: "AbortError" });
    assert.throws(() => withRetry(), /fetch: missing; give the function that sends/);
  });

  test("the default is recommended, with an upstream for each origin", async () => {
    const run = faults.run();
    const response = await withRetry(fetch)(run.url("/limited"));
    assert.equal(response.status, 200);
    assert.equal((await run.log("/limited")).length, 2);
  });
});

describe("axios", () => {
  test("transformRequest runs once, and a cancel token ends the wait", async () => {
    const run = faults.run();
    let times = 0;
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter("http"), options) });
    const transformRequest = (data) => {
      times += 1;
      return JSON.stringify(data);
    };
    const { status } = await client.post(run.url("/unavailable"), { a: 1 }, { transformRequest });
    assert.deepEqual([status, times], [200, 1]);
    assert.deepEqual(
      (await run.log("/unavailable")).map(({ body }) => body),
      Array(3).fill('{"a":1}'),
    );
    const source = axios.CancelToken.source();
    setTimeout(() => source.cancel(), 100);
    const begin = performance.now();
    const { token: cancelToken } = source;
    const cancelled = client.post(faults.run().url("/long"), {}, { cancelToken });
    await assert.rejects(cancelled, (error) => axios.isCancel(error));
    assert.ok(performance.now() - begin < 1500);
  });

  test("a cancel token ends a stream that was handed over, with its message", async () => {
    const source = axios.CancelToken.source();
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter("http"), options) });
    const config = { cancelToken: source.token, responseType: "stream" };
    const { data } = await client.get(faults.run().url("/open-stream"), config);
    setTimeout(() => source.cancel("enough"), 50);
    await assert.rejects(data.toArray(), (error) => axios.isCancel(error));
    await assert.rejects(client.get(faults.run().url("/hanging"), config), { message: "enough" });
  });

  test("a stream that nobody reads leaves no connection open", async () => {
    const own = await startFaults(scenario);
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter("http"), options) });
    const config = { responseType: "stream" };
    const { data } = await client.get(own.run().url("/large-failures"), config);
    await data.toArray();
    const unread = await client.get(own.run().url("/open-stream"), config);
    unread.data.destroy();
    // That of the whole answer is kept alive.
    assert.ok((await own.open(1)) <= 1);
    own.stop();
  });

  test("another library's form is sent as axios sends it", async () => {
    const file = {
      name: "name.txt",
      type: "text/plain",
      size: 8,
      [Symbol.toStringTag]: "File",
      async *[Symbol.asyncIterator]() {
        yield Buffer.from("contents");
      },
    };
    class OtherForm {
      [Symbol.toStringTag] = "FormData";
      append() {}
      entries = () => [["file", file]][Symbol.iterator]();
      [Symbol.iterator] = this.entries;
    }
    const run = faults.run();
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter("http"), options) });
    await client.post(run.url("/unavailable"), new OtherForm());
    const log = await run.log("/unavailable");
    assert.equal(log.length, 3);
    for (const { body } of log) assert.match(body, /filename="name.txt"\r\n.*\r\n\r\ncontents\r\n/);
  });

  test("a stream of events is handed over as a stream", async () => {
    const run = faults.run();
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter("http"), options) });
    const { data } = await client.get(run.url("/cut-before"), { responseType: "stream" });
    let text = "";
    for await (const chunk of data) text += chunk;
    assert.equal(text, events.join(""));
    assert.equal((await run.log("/cut-before")).length, 2);
  });
});

describe("undici", () => {
  const dispatcher = new Agent().compose(retryInterceptor(options));

  test("backpressure and an abort within the body reach the connection", async () => {
    const url = faults.run().url("/text");
    const { body } = await request(url, { dispatcher });
    let bytes = 0;
    for await (const chunk of body) {
      bytes += chunk.length;
      await new Promise(setImmediate);
    }
    assert.equal(bytes, 2_000_000);
    const controller = new AbortController();
    const { signal } = controller;
    const aborted = await request(url, { dispatcher, signal });
    controller.abort();
    await assert.rejects(aborted.body.text(), { name: "AbortError" });
  });
});

describe("undici's stream", () => {
  test("rejects with what its factory throws", async () => {
    const dispatcher = new Agent().compose(retryInterceptor(options));
    const factory = () => {
      throw new Error("no place for it");
    };
    const streamed = stream(faults.run().url("/text"), { method: "GET", dispatcher }, factory);
    await assert.rejects(streamed, { message: "no place for it" });
  });
});

describe("what is told", () => {
  test("one line a decision, without anything secret", async () => {
    const lines = [];
    const logger = Object.fromEntries(
      ["info", "warn", "error"].map((level) => [level, (line) => lines.push(`${level} ${line}`)]),
    );
    const run = faults.run();
    const send = withRetry(fetch, { ...options, logger, seed: 7, maxRetries: 1 });
    const url = run.url("/unavailable");
    const headers = { authorization: "Bearer secret" };
    const response = await send(`${url}?key=secret`, { method: "POST", body: "secret", headers });
    assert.equal(decisionOf(response).action, "escalate");
    const what = `holdoff: POST ${url}: attempt`;
    assert.deepEqual(lines, [
      `info ${what} 0: retry after 55 ms (overloaded, error_class, backoff)`,
      `error ${what} 1: escalate (overloaded, retries_exhausted, none)`,
    ]);
  });

  test("a retry inside a retry, once", async () => {
    const warn = mock.method(console, "warn", () => {});
    try {
      const inner = withRetry(fetch, options);
      const outer = withRetry((...request) => inner(...request), options);
      const client = new OpenAI({
        apiKey: "secret",
        baseURL: faults.run().url("/limited"),
        fetch: withRetry(fetch, { ...options, maxRetries: 0 }),
        maxRetries: 1,
      });
      for (let time = 0; time < 2; time++) {
        await outer(faults.run().url("/gateway"));
        await client.chat.completions.create({ model: "m", messages: [] });
        client.baseURL = faults.run().url("/limited");
      }
      const said = warn.mock.calls.map(({ arguments: [line] }) => line);
      assert.equal(said.length, 2, said.join("\n"));
      assert.match(said[0], /^holdoff: a retry inside a retry: one of holdoff's adapters/);
      assert.match(said[1], /^holdoff: a retry inside a retry: the client .* `maxRetries: 0`$/);
    } finally {
      warn.mock.restore();
    }
  });

  test("one span an attempt, by OpenTelemetry's conventions", async () => {
    const exporter = new InMemorySpanExporter();
    const processor = new SimpleSpanProcessor(exporter);
    const tracerProvider = new BasicTracerProvider({ spanProcessors: [processor] });
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    trace.setGlobalTracerProvider(tracerProvider);
    // Stands for the instrumentation of a transport beneath.
    const instrumented = (...request) => {
      trace.getTracer("beneath").startSpan("GET").end();
      return fetch(...request);
    };
    try {
      const run = faults.run();
      const telemetry = openTelemetry();
      const url = run.url("/gateway").replace("http://", "http://user:secret@");
      const send = withRetry((_url, init) => instrumented(run.url("/gateway"), init), {
        ...options,
        telemetry,
      });
      await trace.getTracer("test").startActiveSpan("parent", async (parent) => {
        await send(`${url}?key=secret`);
        parent.end();
      });
      const refused = withRetry(fetch, { ...options, telemetry, maxRetries: 0 });
      await assert.rejects(refused(`http://127.0.0.1:${await closedPort()}/`));
      const spans = exporter.getFinishedSpans();
      const parent = spans.find(({ name }) => name === "parent");
      assert.deepEqual(
        spans.map(({ name }) => name),
        ["GET", "GET", "parent", "GET"],
      );
      const port = Number(new URL(run.url("/")).port);
      const common = {
        "http.request.method": "GET",
        "server.address": "127.0.0.1",
        "server.port": port,
        "url.full": run.url("/gateway"),
      };
      assert.deepEqual(spans[0].attributes, {
        ...common,
        "http.response.status_code": 502,
        "error.type": "502",
      });
      assert.deepEqual(spans[1].attributes, {
        ...common,
        "http.request.resend_count": 1,
        "http.response.status_code": 200,
      });
      assert.equal(spans[0].kind, SpanKind.CLIENT);
      assert.equal(spans[0].parentSpanContext.spanId, parent.spanContext().spanId);
      const [{ name, attributes }] = spans[0].events;
      assert.equal(name, "holdoff.decision");
      assert.equal(attributes.action, "retry");
      assert.equal(attributes.source, "backoff");
      assert.ok(attributes.after_ms >= 5);
      assert.equal(spans[3].attributes["error.type"], "ECONNREFUSED");
      assert.deepEqual(
        (await run.log("/gateway")).map(({ headers }) => headers.traceparent.split("-")[2]),
        [spans[0], spans[1]].map((span) => span.spanContext().spanId),
      );
    } finally {
      context.disable();
      propagation.disable();
      trace.disable();
    }
  });
});
