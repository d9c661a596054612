// `holdoff/redis` against a real redis-server: what processes know of each other, and when.

import assert from "node:assert/strict";
import { execFileSync, fork } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Policy, PolicyError, retry, Upstream } from "holdoff";
import { SharedUpstream } from "holdoff/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { freePort, Store, skip } from "./store.js";

const document = Policy.tessera().toJSON();
const sharing = (upstream) => new Policy({ ...document, upstream });
const holding = sharing({ hold: {} });
const paying = sharing({ budget: { capacity: 100, cost: 1 } });

const clients = {
  ioredis: async (port) => {
    const client = new Redis(port);
    client.on("error", () => {});
    return { client, close: () => client.disconnect() };
  },
  "node-redis": async (port) => {
    const client = createClient({ socket: { port, reconnectStrategy: 20 } });
    client.on("error", () => {});
    // It is awaited by nobody where there is no server.
    const connected = client.connect().catch(() => {});
    await Promise.race([connected, sleep(100)]);
    return { client, close: () => client.destroy() };
  },
};

for (const [name, connect] of Object.entries(clients)) {
  describe(`a SharedUpstream over ${name}`, () => {
    const closing = [];
    let store;
    let keys = 0;
    let key;

    before(async () => {
      if (!skip) store = await Store.start();
    });
    after(async () => {
      for (const close of closing) close();
      await store?.kill();
    });

    /** What stands for a process. */
    async function share(options = {}, port = store.port) {
      const { client, close } = await connect(port);
      closing.push(close);
      return new SharedUpstream(client, { key, timeoutMs: 1000, ...options });
    }

    async function stored(command, ...words) {
      const client = new Redis(store.port);
      const answer = await client.call(command, ...words);
      client.disconnect();
      return answer;
    }

    /** A key of its own for each test. */
    const alone = (title, body) =>
      test(title, { skip }, async () => {
        key = `key-${keys++}`;
        await body();
      });

    alone("holds all for as long as the server told one", async () => {
      const [one, other, stranger] = [await share(), await share(), await share({ key: "else" })];
      assert.equal(await heldMs(other), 0);
      await limit(one, 30);
      await sleep(25);
      for (const upstream of [one, other]) assertNear(await heldMs(upstream), 30_000);
      assert.equal(await heldMs(stranger), 0);
    });

    alone("answers as an Upstream does", async () => {
      const shared = await share();
      const local = new Upstream();
      const facts = { status: 503, seed: 3, attempt: 1 };
      for (const policy of [holding, paying, Policy.recommended()]) {
        const now = Date.now();
        const decision = await shared.decide(policy, facts);
        assert.ok(decision.equals(local.decide(policy, { ...facts, now })));
        const { steps } = await shared.explain(policy, facts);
        assert.deepEqual(steps, local.explain(policy, { ...facts, now }).steps);
        const call = { seed: 3 };
        assert.deepEqual(await shared.admit(policy, call), local.admit(policy, { ...call, now }));
        assert.equal(await shared.succeed(policy, call, decision), undefined);
      }
    });

    alone("has a key that expires, and a prefix", async () => {
      await limit(await share({ prefix: "mine:", expiryMs: 5000 }), 30);
      const left = await stored("PTTL", `mine:${key}`);
      assert.ok(left > 4000 && left <= 5000, left);
      Upstream.fromJSON(await stored("GET", `mine:${key}`));
    });

    alone("goes by the store's clock, whatever `now` is", async () => {
      const real = Date.now;
      Date.now = () => real() + 7_200_000;
      const fast = await share();
      Date.now = real;
      await fast.admit(holding, { now: 1 });
      await fast.decide(holding, { ...limited(30), now: real() + 7_200_000 });
      await sleep(25);
      assertNear(await heldMs(await share()), 30_000);
    });

    alone("writes together what only counts", async () => {
      const policy = Policy.recommended();
      const upstream = await share();
      await stored("CONFIG", "RESETSTAT");
      const begin = performance.now();
      for (let calls = 0; calls < 1000; calls++) {
        assert.equal((await upstream.admit(policy, {})).action, "send");
        await upstream.succeed(policy, {});
      }
      const tookMs = performance.now() - begin;
      const asked = Number(
        /cmdstat_eval:calls=(\d+)/.exec(await stored("INFO", "commandstats"))[1],
      );
      assert.ok(asked <= 2 * (tookMs / 20 + 2), `${asked} times in ${tookMs} ms`);
      const { rate } = JSON.parse(await stored("GET", `holdoff:${key}`));
      // Were only those counted that ask the store, it would be 20 ms.
      const gapMs = rate.span_ms / rate.calls;
      assert.ok(gapMs > 0 && gapMs < 10, `${gapMs} ms`);
    });

    alone("pays each token out once, to calls at the same time", async () => {
      const upstreams = [await share({ timeoutMs: 5000 }), await share({ timeoutMs: 5000 })];
      const decisions = await Promise.all(
        Array.from({ length: 200 }, (_, n) => upstreams[n % 2].decide(paying, { status: 500 })),
      );
      assert.equal(decisions.filter(({ action }) => action === "retry").length, 100);
    });

    alone("tells of wrong arguments only who gave them", async () => {
      const upstream = await share();
      const [wrong, right] = await Promise.allSettled([
        upstream.succeed(holding, { elapsedMs: -1 }),
        upstream.decide(holding, { status: 500 }),
      ]);
      assert.match(wrong.reason.message, /^elapsedMs: -1 is not a number of milliseconds/);
      assert.equal(right.status, "fulfilled");
      const { client } = await connect(store.port).then((it) => closing.push(it.close) && it);
      for (const [options, expected] of [
        [{ key: "" }, /^key: `` is not a name for the server that the calls go to$/],
        [{ key, maxAgeMs: 0 }, /^maxAgeMs: 0 is not a whole number from 1$/],
      ]) {
        assert.throws(() => new SharedUpstream(client, options), { message: expected });
      }
      assert.throws(() => new SharedUpstream({}, { key }), /^TypeError: client: .* of ioredis or/);
    });

    alone("loses no hold though another always wins the race", async () => {
      const { client, close } = await connect(store.port);
      closing.push(close);
      const real = client.eval.bind(client);
      const read = (words) => words.with(-2, "");
      client.eval = (script, first, ...rest) =>
        typeof first === "number"
          ? real(script, first, ...read(rest))
          : real(script, { ...first, arguments: read(first.arguments) });
      const upstream = new SharedUpstream(client, { key, timeoutMs: 1000 });
      await limit(upstream, 30);
      assert.equal(await stored("EXISTS", `holdoff:${key}`), 0);
      client.eval = real;
      assertNear(await heldMs(upstream), 30_000);
      assertNear(await heldMs(await share()), 30_000);
    });

    alone("leaves alone what else is at the key", async () => {
      const words = [];
      const upstream = await share(telling(words));
      await stored("SET", `holdoff:${key}`, "what another program keeps");
      await limit(upstream, 30);
      assert.ok(words[0] instanceof PolicyError && words.length === 1);
      assert.equal(await stored("GET", `holdoff:${key}`), "what another program keeps");
      assertNear(await heldMs(upstream), 30_000);
    });

    alone("goes on alone where nobody answers, and says so once", async () => {
      const silent = createServer(() => {}).listen(0, "127.0.0.1");
      await once(silent, "listening");
      for (const port of [silent.address().port, await freePort()]) {
        const words = [];
        const upstream = await share({ ...telling(words), timeoutMs: 100 }, port);
        const begin = performance.now();
        await limit(upstream, 30);
        for (let calls = 0; calls < 100; calls++) assertNear(await heldMs(upstream), 30_000);
        assert.ok(performance.now() - begin < 900);
        assert.equal(words.length, 1);
        assert.match(String(words[0]), /^Error: /);
      }
      for (const close of closing.splice(-2)) close();
      silent.close();
    });

    alone("is awaited by retry", async () => {
      const [one, other] = [await share(), await share()];
      const outcomes = [new Response("", limited(1)), new Response("done")];
      const send = async () => outcomes.shift();
      const options = { policy: holding, maxRetries: 0 };
      assert.equal((await retry(send, { ...options, upstream: one })).status, 429);
      await sleep(25);
      const begin = performance.now();
      assert.equal((await retry(send, { ...options, upstream: other })).status, 200);
      const tookMs = performance.now() - begin;
      assert.ok(tookMs > 800 && tookMs < 2000, `${tookMs} ms`);
      await assert.rejects(async () => {
        await limit(one, 30);
        await retry(send, { ...options, upstream: one, deadlineMs: 100 });
      }, /^HeldBackError: not sent: `hold` holds it back/);
    });
  });
}

test("eight processes keep a hold though the store is killed", { skip }, async () => {
  const store = await Store.start();
  const client = new Redis(store.port);
  client.on("error", () => {});
  const program = fileURLToPath(new URL("sharing-process.js", import.meta.url));
  const processes = Array.from({ length: 8 }, () => fork(program, [String(store.port)]));
  try {
    await Promise.all(processes.map((process) => once(process, "message")));
    const teller = new SharedUpstream(client, { key: "api" });
    await sleep(500);
    const toldAt = Date.now();
    await limit(teller, 60);
    const heldAt = Date.now();
    await sleep(500);
    await store.kill();
    await sleep(1000);
    await store.start();
    const backAt = Date.now();
    await sleep(3000);
    // It has nothing but what the processes brought back.
    const another = new Redis(store.port);
    const newcomer = new SharedUpstream(another, { key: "api", timeoutMs: 1000 });
    const heldFor = await heldMs(newcomer);
    another.disconnect();
    assert.ok(heldFor > 50_000 && heldFor <= 60_000, heldFor);

    const reports = processes.map((process) => once(process, "message"));
    for (const process of processes) process.send("stop");
    for (const [{ answers, words }] of await Promise.all(reports)) {
      const sent = answers.filter(([, action]) => action === "send");
      assert.ok(answers.every(([at, action]) => at >= toldAt - 100 || action === "send"));
      assert.ok(sent.at(-1)[0] - heldAt < 50, `${sent.at(-1)[0] - heldAt} ms`);
      // All the time, with no call that failed or hung.
      assert.ok(answers.filter(([at]) => at > backAt).length > 50);
      assert.ok(Math.max(...answers.map(([, , took]) => took)) < 1000);
      assert.deepEqual(words, ["lost", "back"]);
    }
  } finally {
    for (const process of processes) process.kill();
    client.disconnect();
    await store.kill();
  }
});

test("the README's example shares what it learns", { skip }, async () => {
  const readme = readFileSync(new URL("../README.md", import.meta.url), "utf8");
  const blocks = [...readme.matchAll(/^```js\n((?:(?!```).*\n)+)```/gm)].map(([, code]) => code);
  const code = blocks.find((code) => code.includes("holdoff/redis"));
  const store = await Store.start();
  try {
    const fetch = "globalThis.fetch = async () => new Response();";
    const printed = execFileSync(
      process.execPath,
      [
        "--input-type=module",
        "--eval",
        `${code.replace("const response", `${fetch}\nconst response`)}\nclient.disconnect();\nconsole.log(response.status)`,
      ],
      {
        cwd: fileURLToPath(new URL(".", import.meta.url)),
        env: { ...process.env, REDIS_URL: `redis://127.0.0.1:${store.port}` },
        encoding: "utf8",
      },
    );
    assert.equal(printed, "200\n");
    const client = new Redis(store.port);
    Upstream.fromJSON(await client.get("holdoff:api.example.com"));
    client.disconnect();
  } finally {
    await store.kill();
  }
});

function limited(seconds) {
  return { status: 429, headers: { "retry-after": String(seconds) } };
}

/** Lets some call be told to come back later. */
function limit(upstream, seconds) {
  return upstream.decide(holding, { ...limited(seconds), draw: 0 });
}

/** How long a call would have to wait. */
async function heldMs(upstream) {
  return (await upstream.admit(holding, { draw: 0 })).afterMs ?? 0;
}

function assertNear(ms, expected) {
  assert.ok(ms > expected - 2000 && ms <= expected, `${ms} ms`);
}

function telling(words) {
  return {
    onUnreachable: (error) => words.push(error),
    onReachable: () => words.push("back"),
  };
}
