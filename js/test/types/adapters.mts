// Compiled, never run: the adapters as their clients' users write them.

import Anthropic from "@anthropic-ai/sdk";
import axios, { type AxiosResponse } from "axios";
import { type Decision, decisionOf, Policy, type SupportReport, Upstream } from "holdoff";
import { type AxiosOptions, withRetry as withAxiosRetry } from "holdoff/axios";
import { type AdapterOptions, withRetry } from "holdoff/fetch";
import { openTelemetry } from "holdoff/opentelemetry";
import { retryInterceptor } from "holdoff/undici";
import ky from "ky";
import ky2 from "ky2";
import OpenAI from "openai";
import OpenAI7 from "openai7";
import { Agent } from "undici";
import { Agent as Agent8 } from "undici8";

const options: AdapterOptions = {
  policy: Policy.tessera(),
  upstream: new Upstream(),
  deadlineMs: 60_000,
  maxRetries: 3,
  idempotent: true,
  telemetry: openTelemetry(),
  logger: console,
  onDecision: ({ decision, explanation, report, response }) => {
    decision satisfies Decision;
    explanation.steps.length satisfies number;
    report satisfies SupportReport | undefined;
    response satisfies Response | undefined;
  },
};
const retrying: typeof fetch = withRetry(fetch, options);
(await retrying("https://a.b", { method: "POST" })) satisfies Response;
const holdoff = { idempotent: true, deadlineMs: 1000 };
(await withRetry(fetch)(new URL("https://a.b"), { body: "x", holdoff })) satisfies Response;
// @ts-expect-error no such option
withRetry(fetch, { retries: 3 });
// @ts-expect-error no such option of a request
withRetry(fetch)("https://a.b", { holdoff: { policy: Policy.tessera() } });
// @ts-expect-error no fetch
withRetry(new Agent());

new OpenAI({ fetch: withRetry(fetch), maxRetries: 0 });
new OpenAI7({ fetch: withRetry(fetch), maxRetries: 0 });
new Anthropic({ fetch: withRetry(fetch), maxRetries: 0 });
ky.create({ fetch: withRetry(fetch), retry: 0 });
ky2.create({ fetch: withRetry(fetch), retry: 0 });

new Agent().compose(retryInterceptor({ upstream: false })).request({ path: "/", method: "GET" });
new Agent8().compose(retryInterceptor());
retryInterceptor({
  onDecision: ({ response }) => response?.headers["x-request-id"] satisfies unknown,
});

const forAxios: AxiosOptions = {
  onDecision: ({ response }) => response satisfies AxiosResponse | undefined,
};
const client = axios.create({ adapter: withAxiosRetry(axios.getAdapter(["http"]), forAxios) });
client.post("/", {}, { holdoff }).catch((error) => decisionOf(error));
// @ts-expect-error no such option of a request
client.post("/", {}, { holdoff: { retries: 3 } });
