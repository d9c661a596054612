// The world around a client: a clock that stands still, random numbers that are known, timers that are
// written down instead of waited for, and a server that fails as often as the case says.

import { IncomingMessage } from "node:http";

const NOW = 1_800_000_000_000;

/** The error codes of Node's that clients tell transport failures by. */
export const codes = {
  dns: "ENOTFOUND",
  connect: "ECONNREFUSED",
  tls: "CERT_HAS_EXPIRED",
  reset: "ECONNRESET",
  timeout: "ETIMEDOUT",
  protocol: "HPE_INVALID_CONSTANT",
};

let test;
let failures;
let waits;
/** Whether the client was told of a failure, so that the next timer it starts is its wait. */
let deciding;
/** The end of the last other timer: a limit to how long something may take. */
let runOut;
/** What went wrong here, which a client would take for a failure of its own. */
let mistake;

globalThis.Date = class extends Date {
  constructor(...parts) {
    super(...(parts.length === 0 ? [NOW] : parts));
  }

  static now() {
    return NOW;
  }
};
Math.random = () => test.draw;
globalThis.setTimeout = (wake, delay) => {
  if (deciding) {
    deciding = false;
    waits.push(delay);
    queueMicrotask(wake);
  } else {
    runOut = wake;
  }
  return { ref() {}, unref() {}, hasRef: () => false };
};
globalThis.clearTimeout = () => {};

/** What the client does after the case's attempt has failed, and all before it. */
export async function play(next, call, gaveUp) {
  test = next;
  failures = 0;
  waits = [];
  deciding = false;
  mistake = undefined;
  try {
    await call();
  } catch (error) {
    if (!gaveUp(error)) {
      if (!thrownByPackage(error)) throw error;
      return { raises: `${error.name}: ${error.message}`.slice(0, 80) };
    }
  }
  if (mistake !== undefined) throw mistake;
  if (waits.length <= test.attempt) return { retry: false };
  const delay = waits[test.attempt];
  // JSON has no numbers that are not finite.
  const shown = Number.isFinite(delay) ? delay : String(delay).replace("Infinity", "inf");
  return { retry: true, delay_ms: shown };
}

/** Whether a package was the last to run, and not a module of this folder. */
function thrownByPackage({ stack }) {
  const [innermost] = stack.match(/file:\S+|\/\S+\.[cm]?js/g) ?? [""];
  return innermost.includes("/node_modules/");
}

/** Whether the attempt that the client makes now is to fail. Once it has been told, it decides. */
export function fails() {
  deciding = failures <= test.attempt;
  failures += 1;
  return deciding;
}

/** The response as `fetch` gives it. */
export function fetched({ status, headers, body }) {
  const shown = status >= 200 && status < 600;
  try {
    const response = new Response(body || null, { status: shown ? status : 500, headers });
    // A server may answer with any, but `Response` can only be made with these.
    return shown ? response : Object.defineProperty(response, "status", { value: status });
  } catch (error) {
    mistake = error;
    throw error;
  }
}

/**
 * A body that can't be read, whose attempt fails no sooner than that is tried: with the error, or
 * without one by the client's own limit to its time.
 */
export function broken(error) {
  const pull = (body) => {
    if (!fails()) return body.close();
    if (error !== undefined) return body.error(error);
    runOut();
    return new Promise(() => {});
  };
  return new ReadableStream({ pull }, { highWaterMark: 0 });
}

/** The response's headers as `node:http` gives them. */
export function received({ headers }) {
  const message = new IncomingMessage(null);
  // What its parser calls: the first `Retry-After` counts, lines of most others are joined.
  message._addHeaderLines(headers.flat(), 2 * headers.length);
  return message.headers;
}
