// A chat completion by the `openai` client, its own retries off and holdoff's on, with what that logs.
//
//     node openai.mjs BASE_URL [SEED]

import { withRetry } from "holdoff/fetch";
import OpenAI from "openai";

const [baseURL, seed] = process.argv.slice(2);
const start = performance.now();
const say = (text) =>
  console.log(`${((performance.now() - start) / 1000).toFixed(2).padStart(6)} s  ${text}`);
const tell = (line) => say(line.slice(line.indexOf("attempt")));

const client = new OpenAI({
  baseURL,
  apiKey: "none",
  maxRetries: 0,
  fetch: withRetry(fetch, {
    // An answer that is lost may be asked for again.
    idempotent: true,
    logger: { debug: tell, info: tell, warn: tell, error: tell },
    seed: seed && BigInt(seed),
  }),
});

try {
  const messages = [{ role: "user", content: "Hello" }];
  const completion = await client.chat.completions.create({ model: "any", messages });
  say(completion.choices[0].message.content);
} catch (error) {
  if (!(error instanceof OpenAI.APIError)) throw error;
  say(error.message);
}
