// Calls the server of serve.mjs through npm's HTTP clients as they are, and prints what each does with
// each value, one JSON object a line. No wait is real: the clock jumps to the next timer whenever no
// request is under way.
//
//     node serve.mjs node clients.mjs PRESET

import { readFileSync } from "node:fs";
import FakeTimers from "@sinonjs/fake-timers";

const { now, retry_after: values } = read("values.json");
const [preset, url] = process.argv.slice(2);
const realSetTimeout = setTimeout;
const clock = FakeTimers.install({
  toFake: ["Date", "setTimeout", "clearTimeout"],
  shouldClearNativeTimers: true,
});
// Without jitter, the clients' own backoff is known from a hint.
Math.random = () => 0;

// Only now, for they may keep the timers that they find.
const { Anthropic } = await import("@anthropic-ai/sdk");
const azure = await import("@azure/core-rest-pipeline");
const { default: axios } = await import("axios");
const { default: axiosRetry, exponentialDelay } = await import("axios-retry");
const { default: got } = await import("got");
const { Policy, retry } = await import("holdoff");
const { default: ky } = await import("ky");
const { default: ky1 } = await import("ky-1");
const { OpenAI } = await import("openai");
const { OpenAI: OpenAI6 } = await import("openai-6");
const { Agent, request, RetryAgent } = await import("undici");

const message = { model: "any", max_tokens: 1, messages: [{ role: "user", content: "Hello" }] };
const openai = (Client) => (url) =>
  new Client({ apiKey: "none", baseURL: url }).chat.completions.create(message);

/** How to send a request, by the folder of the package. */
const clients = {
  openai: openai(OpenAI),
  "openai-6": openai(OpenAI6),
  "@anthropic-ai/sdk": (url) =>
    new Anthropic({ apiKey: "none", baseURL: url }).messages.create(message),
  ky: (url) => ky(url),
  "ky-1": (url) => ky1(url),
  got: (url) => got(url),
  undici: (url) => request(url, { dispatcher: new RetryAgent(new Agent()) }),
  "axios-retry"(url) {
    const client = axios.create();
    axiosRetry(client, { retryDelay: exponentialDelay });
    return client.get(url);
  },
  "@azure/core-rest-pipeline"(url) {
    const request = azure.createPipelineRequest({ url, allowInsecureConnection: true });
    const pipeline = azure.createPipelineFromOptions({});
    return pipeline.sendRequest(azure.createDefaultHttpClient(), request);
  },
  holdoff: (url) => retry(() => fetch(url), { policy: Policy.preset(preset), seed: 7 }),
};

for (const [folder, send] of Object.entries(clients)) {
  const { name, version } = read(`node_modules/${folder}/package.json`);
  for (const [number, { name: value }] of values.entries()) {
    const did = await outcome(() => send(`${url}/${encodeURIComponent(folder)}/${number}`));
    console.log(JSON.stringify({ registry: "npm", client: name, version, value, ...did }));
  }
}

/** How long a call waited, and whether it gave the 429 back or what else it threw. */
async function outcome(send) {
  clock.setSystemTime(new Date(now));
  const start = clock.now;
  let ended;
  send().then(
    (response) => {
      ended = { response };
    },
    (error) => {
      ended = { error };
    },
  );
  while (ended === undefined) {
    await quiet();
    if (ended === undefined) await clock.nextAsync();
  }
  const waited = { wait_ms: Math.round(clock.now - start) };
  const { response, error } = ended;
  const { status, statusCode } = response ?? error.response ?? error;
  if ((status ?? statusCode) === 429) return { ...waited, gives_up: true };
  return error === undefined ? waited : { ...waited, raises: error.constructor.name };
}

/** Waits until no request has been under way for some turns of the event loop. */
async function quiet() {
  for (let turns = 0; turns < 5; turns++) {
    await new Promise((resolve) => realSetTimeout(resolve, 2));
    if (process.getActiveResourcesInfo().some((kind) => kind.startsWith("TCP"))) turns = 0;
  }
}

function read(path) {
  return JSON.parse(readFileSync(new URL(path, import.meta.url), "utf8"));
}
