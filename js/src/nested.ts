/** Retries inside retries: they multiply, so whoever has them is told, once. */

import type { Logger } from "./event.js";

/** What runs inside an attempt finds the attempt here, where the runtime keeps such a thing. */
interface Storage {
  run<T>(attempt: Attempt, send: () => T): T;
  getStore(): Attempt | undefined;
}

interface Attempt {
  readonly url: string;
  active: boolean;
}

interface Runtime {
  process?: {
    getBuiltinModule?: (name: string) => { AsyncLocalStorage?: new () => Storage } | undefined;
  };
}

let storage: Storage | undefined;
const told = new Set<string>();

/** Runs an attempt, so that another adapter within it notices. */
export async function inAttempt<T>(url: string, send: () => Promise<T>): Promise<T> {
  if (storage === undefined) {
    // Node, Deno, Bun and workerd have it; it is asked for in a way that no bundler minds.
    const { process } = globalThis as Runtime;
    const { AsyncLocalStorage } = process?.getBuiltinModule?.("node:async_hooks") ?? {};
    storage = AsyncLocalStorage
      ? new AsyncLocalStorage()
      : { run: (_, send) => send(), getStore: () => undefined };
  }
  const attempt = { url, active: true };
  try {
    return await storage.run(attempt, send);
  } finally {
    attempt.active = false;
  }
}

/** Tells of retries around this call: another adapter's to the same URL, or those of the client. */
export function noticeRetries(
  logger: Pick<Logger, "warn"> | undefined,
  url: string,
  sdkRetries: string | null | undefined,
): void {
  const outer = storage?.getStore();
  if (outer?.active && outer.url === url) noticeAdapters(logger);
  // OpenAI's and Anthropic's clients count their retries in this header.
  if (Number(sdkRetries) >= 1) {
    const advice = "switch the client's own off, with `maxRetries: 0`";
    warnOnce(logger, `the client sends again by itself, too: ${advice}`);
  }
}

/** Tells of an adapter around another. */
export function noticeAdapters(logger: Pick<Logger, "warn"> | undefined): void {
  const advice = "take one of them away, or give it `maxRetries: 0`";
  warnOnce(
    logger,
    `one of holdoff's adapters sends through another, and both send again: ${advice}`,
  );
}

function warnOnce(logger: Pick<Logger, "warn"> | undefined, text: string): void {
  if (told.has(text)) return;
  told.add(text);
  (logger ?? console).warn(`holdoff: a retry inside a retry: ${text}`);
}
