import { maxBodyBytes } from "./generated/codes.js";
import { HeaderNames, type HeadersLike, headerBlock } from "./headers.js";

/** How long the body of a failed response is waited for before it is decided without. */
const BODY_WAIT_MS = 1000;

/** JSON up to so many bytes is waited for whole. */
const MAX_JSON_BYTES = 2 ** 20;

/** What `retry` needs of a response: that of fetch, or another of this shape. */
export interface ResponseLike {
  readonly status: number;
  readonly headers?: HeadersLike;
  readonly body?: { cancel?(): unknown } | null | undefined;
  clone?(): { readonly body?: unknown };
}

/**
 * The beginning of a failed response's body, as much as came in time. Like all here it is read from a
 * clone, so that whoever is given the response can still read all of it.
 */
export async function errorBody(
  response: ResponseLike,
  signal: AbortSignal | undefined,
): Promise<ArrayBuffer | undefined> {
  const reader = readerOfClone(response);
  if (reader === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  const enough = new AbortController();
  signal?.addEventListener("abort", () => enough.abort(), { signal: enough.signal });
  const wait = timer(BODY_WAIT_MS, enough.signal);
  // A body that breaks off or stalls is no failure of its own: the status says what failed.
  await Promise.race([read(reader, maxBodyBytes, chunks), wait]).catch(() => {});
  enough.abort();
  reader.cancel().catch(() => {});
  return new Blob(chunks as BlobPart[]).arrayBuffer();
}

/**
 * Waits until a response shows that it is whole, where its type tells how: a stream of events until
 * its first chunk, which is returned; JSON until its end.
 *
 * @throws what reading throws where it breaks off before.
 */
export async function firstEvent(response: ResponseLike): Promise<Uint8Array | undefined> {
  const type = headerBlock(response.headers, contentType)?.toLowerCase() ?? "";
  const isStream = type.includes("text/event-stream");
  if (!isStream && !/application\/json|\+json/.test(type)) return undefined;
  const reader = readerOfClone(response);
  if (reader === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  try {
    await read(reader, isStream ? 1 : MAX_JSON_BYTES, chunks);
  } finally {
    reader.cancel().catch(() => {});
  }
  return isStream ? chunks[0] : undefined;
}

const contentType = new HeaderNames(["content-type"]);

/** Reads at least so many bytes, or all. */
async function read(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  bytes: number,
  chunks: Uint8Array[],
): Promise<void> {
  for (let length = 0; length < bytes; ) {
    const { done, value } = await reader.read();
    if (done) return;
    chunks.push(value);
    length += value.byteLength;
  }
}

function readerOfClone(
  response: ResponseLike,
): ReadableStreamDefaultReader<Uint8Array> | undefined {
  try {
    const body = response.clone?.().body as ReadableStream<Uint8Array> | null | undefined;
    if (response.body instanceof ReadableStream) quietCancel(response.body);
    return body?.getReader();
  } catch {
    // The function that sent the request has read the body itself.
    return undefined;
  }
}

/**
 * Once a request is aborted, fetch of Node 20 and 22 cancels the response's body. As that of the clone
 * was cancelled before, this rejects, and fetch throws it where nobody can catch it.
 */
function quietCancel(body: ReadableStream): void {
  body.cancel = async (reason) => {
    const cancelled = ReadableStream.prototype.cancel.call(body, reason);
    await (body.locked ? cancelled : cancelled.catch(() => {}));
  };
}

/** Lets go of a body that nobody will read, so that its connection is free. */
export function discard(response: ResponseLike | undefined): void {
  // It rejects where somebody else is reading it.
  Promise.resolve(response?.body?.cancel?.()).catch(() => {});
}

/** Waits, or rejects with the signal's reason once that is aborted. */
export function timer(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timeout);
      reject(signal?.reason);
    };
    const timeout = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    if (signal?.aborted) stop();
    else signal?.addEventListener("abort", stop, { once: true });
  });
}
