// The clients that have an adapter, each with the least that its user would write.

import Anthropic from "@anthropic-ai/sdk";
import axios from "axios";
import { Policy } from "holdoff";
import { withRetry as axiosWithRetry } from "holdoff/axios";
import { withRetry } from "holdoff/fetch";
import { retryInterceptor } from "holdoff/undici";
import ky from "ky";
import ky2 from "ky2";
import OpenAI from "openai";
import OpenAI7 from "openai7";
import { Agent, request } from "undici";

const document = Policy.recommended().toJSON();

/** The rules are recommended's; its own waits are such as a test can afford. */
export const policy = new Policy({
  ...document,
  retries: 2,
  backoff: { ...document.backoff, base_ms: 5, jitter: { kind: "none" } },
  rules: document.rules.map(({ min_ms: _, ...rule }) => rule),
  upstream: undefined,
});

const messages = [{ role: "user", content: "Hello" }];

function openai(Client) {
  return (options) => {
    const fetchWithRetry = withRetry(fetch, options);
    return async (url, { signal } = {}) => {
      const client = new Client({
        apiKey: "secret",
        baseURL: `${url}/v1`,
        fetch: fetchWithRetry,
        maxRetries: 0,
      });
      return client.chat.completions.create({ model: "m", messages }, { signal });
    };
  };
}

function kyOf(ky) {
  return (options) => {
    const client = ky.create({ fetch: withRetry(fetch, options), retry: 0, timeout: false });
    return async (url, { signal } = {}) => client.post(url, { json: { messages }, signal }).json();
  };
}

function axiosWith(adapter) {
  return (options) => {
    const client = axios.create({ adapter: axiosWithRetry(axios.getAdapter(adapter), options) });
    return async (url, { signal } = {}) => (await client.post(url, { messages }, { signal })).data;
  };
}

/** Each makes a client with the options; that posts to a URL and gives the parsed answer or throws. */
export const clients = {
  fetch(options) {
    const fetchWithRetry = withRetry(fetch, options);
    return async (url, { signal } = {}) => {
      const response = await fetchWithRetry(url, { method: "POST", body: "{}", signal });
      if (!response.ok)
        throw Object.assign(new Error("not ok"), { response, status: response.status });
      return response.json();
    };
  },
  "openai 6": openai(OpenAI),
  "openai 7": openai(OpenAI7),
  anthropic(options) {
    const fetchWithRetry = withRetry(fetch, options);
    return async (url, { signal } = {}) => {
      const client = new Anthropic({
        apiKey: "secret",
        baseURL: url,
        fetch: fetchWithRetry,
        maxRetries: 0,
      });
      return client.messages.create({ model: "m", max_tokens: 9, messages }, { signal });
    };
  },
  "ky 1": kyOf(ky),
  "ky 2": kyOf(ky2),
  undici(options) {
    const dispatcher = new Agent().compose(retryInterceptor(options));
    return async (url, { signal } = {}) => {
      const response = await request(url, { method: "POST", body: "{}", dispatcher, signal });
      const { statusCode: status, body } = response;
      if (status >= 400)
        throw Object.assign(new Error("not ok"), { status, text: await body.text() });
      return body.json();
    };
  },
  "axios, http": axiosWith("http"),
  "axios, fetch": axiosWith("fetch"),
};

/** The paths to which these clients post, by the one that they are given. */
export const paths = (path) => [path, `${path}/v1/chat/completions`, `${path}/v1/messages`];
