import { wrong } from "./arguments.js";
import { compareAndSwap } from "./generated/codes.js";

/** What is needed of ioredis. */
export interface IORedisLike {
  eval(script: string, keys: number, ...keysAndArguments: string[]): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: only that it is there tells the clients apart
  evalsha: any;
}

/** What is needed of node-redis. */
export interface NodeRedisLike {
  eval(script: string, options: { keys: string[]; arguments: string[] }): Promise<unknown>;
  // biome-ignore lint/suspicious/noExplicitAny: only that it is there tells the clients apart
  evalSha: any;
}

/**
 * Compares and swaps, where the state at the key is `expected`; only reads, where it is to be "". The
 * time is the store's, in milliseconds since 1970.
 */
export type Store = (
  expected: string,
  changed: string,
) => Promise<{ isWritten: boolean; now: number; text: string }>;

/** A key in the store that the client is of. What it asks for is rejected after the time limit. */
export function storeOf(
  client: IORedisLike | NodeRedisLike,
  key: string,
  expiryMs: number,
  timeoutMs: number,
): Store {
  const evaluate = evaluatorOf(client);
  return async (expected, changed) => {
    // `[now]` where it has swapped, and else `[now, state]`.
    const answer = await within(timeoutMs, evaluate(key, [expected, changed, String(expiryMs)]));
    const [now, text] = answer as [number, string?];
    return { isWritten: text === undefined, now: Number(now), text: String(text ?? "") };
  };
}

function evaluatorOf(client: IORedisLike | NodeRedisLike) {
  const isObject = typeof client === "object" && client !== null;
  if (isObject && "evalSha" in client) {
    return (key: string, values: string[]) =>
      client.eval(compareAndSwap, { keys: [key], arguments: values });
  }
  if (isObject && "evalsha" in client) {
    return (key: string, values: string[]) => client.eval(compareAndSwap, 1, key, ...values);
  }
  throw wrong("client", client, "", "a client of ioredis or node-redis");
}

async function within<T>(ms: number, answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const limit = new Promise<never>((_, reject) => {
    const late = () => reject(new Error(`no answer in ${ms} ms`));
    // Where this process was busy for so long, an answer that has come is read before the next timer.
    timer = setTimeout(() => {
      timer = setTimeout(late);
    }, ms);
  });
  try {
    return await Promise.race([answer, limit]);
  } finally {
    clearTimeout(timer);
  }
}
