/** Retries for axios, as an adapter around axios' own. */

import axios, {
  type AxiosAdapter,
  AxiosError,
  type AxiosResponse,
  CanceledError,
  type InternalAxiosRequestConfig,
} from "axios";
import { type AdapterOptions, absolute, caller, type RequestOptions } from "./adapter.js";
import type { ResponseLike } from "./beginning.js";
import type { DecisionEvent } from "./event.js";
import { fixed, isReplayable } from "./replay.js";

export type { AdapterOptions, AttemptSpan, RequestOptions, Telemetry } from "./adapter.js";

declare module "axios" {
  // biome-ignore lint/suspicious/noExplicitAny: the declaration has to be as axios' own
  interface AxiosRequestConfig<D = any> {
    /** What is to differ from the adapter's options for this request. */
    holdoff?: RequestOptions | undefined;
  }
}

/** A response of axios, or the error that axios made of one, as `retry` takes it. */
interface Answer extends ResponseLike {
  readonly response: AxiosResponse;
  readonly error: AxiosError | undefined;
}

/** The options of the adapter; its events have a response of axios. */
export interface AxiosOptions extends Omit<AdapterOptions, "onDecision"> {
  /** Told of each decision, before the wait; once more if `upstream` ends the call after it. */
  onDecision?: ((event: DecisionEvent<AxiosResponse>) => void) | undefined;
}

/**
 * An adapter that sends a request again for as long as the policy says so, with `retry`:
 * `axios.create({ adapter: withRetry(axios.getAdapter(["xhr", "http", "fetch"])) })`.
 *
 * `transformRequest` runs once, before all attempts, and `transformResponse` once, on what is handed
 * over; axios' own `timeout` is that of an attempt. When it gives up, the last AxiosError is thrown as it
 * is, and `decisionOf` tells why. A body that is a stream is sent once.
 *
 * @param adapter What sends each attempt.
 */
export function withRetry(adapter: AxiosAdapter, options: AxiosOptions = {}): AxiosAdapter {
  if (typeof adapter !== "function") {
    const example = 'withRetry(axios.getAdapter(["http", "fetch"]))';
    throw new TypeError(`adapter: missing; give axios' own, as in \`${example}\``);
  }
  const { onDecision, ...rest } = options;
  const call = caller<Answer>({
    ...rest,
    ...(onDecision && {
      onDecision: ({ response, ...event }: DecisionEvent<Answer>) =>
        onDecision(response === undefined ? event : { ...event, response: response.response }),
    }),
  });
  return async (config) => {
    const cancel = cancelling(config);
    const data = fixed(config.data);
    const about = {
      method: config.method ?? "GET",
      url: absolute(axios.getUri(config)),
      header: (name: string) => config.headers.get(name)?.toString(),
      signal: cancel.signal,
      replayable: isReplayable(config.data),
      options: config.holdoff,
    };
    const send = async (
      signal: AbortSignal | undefined,
      more: Readonly<Record<string, string>>,
    ) => {
      // The adapters change the headers that they are given.
      const headers = config.headers.concat(more);
      if (data !== config.data) headers.set("content-type", (data as Blob).type);
      const attempt = { ...config, data, headers };
      try {
        return answerOf(await adapter(signal === undefined ? attempt : { ...attempt, signal }));
      } catch (error) {
        if (!axios.isAxiosError(error)) throw error;
        const { response } = error;
        // A body that breaks off has a response, too; one that is refused is refused for its status.
        const isRefused =
          response !== undefined && config.validateStatus?.(response.status) === false;
        if (isRefused) return answerOf(response, error);
        const isLate = signal?.aborted === true && cancel.signal?.aborted !== true;
        throw isLate ? timeoutError(error, config) : error;
      }
    };
    try {
      const { response, error } = await call(about, send);
      if (error !== undefined) throw error;
      return response;
    } catch (error) {
      const isWaiting = cancel.signal?.aborted && !axios.isCancel(error);
      const canceled = isWaiting ? new CanceledError(undefined, config) : error;
      // It has the message that the user gave.
      throw config.cancelToken?.reason ?? canceled;
    } finally {
      cancel.end();
    }
  };
}

/** One signal for both of axios' ways to cancel a request. */
function cancelling({ signal, cancelToken }: InternalAxiosRequestConfig) {
  if (cancelToken === undefined) return { signal: signal as AbortSignal | undefined, end() {} };
  const controller = new AbortController();
  const cancel = () => controller.abort();
  // axios' types leave out what its own adapters use.
  const token = cancelToken as typeof cancelToken & Record<"subscribe" | "unsubscribe", Subscribe>;
  token.subscribe(cancel);
  signal?.addEventListener?.("abort", cancel);
  if (signal?.aborted) cancel();
  return {
    signal: controller.signal,
    end() {
      token.unsubscribe(cancel);
      signal?.removeEventListener?.("abort", cancel);
    },
  };
}

type Subscribe = (listener: () => void) => void;

/** What axios throws when its `timeout` has passed. */
function timeoutError(error: AxiosError, config: InternalAxiosRequestConfig): AxiosError {
  const { ETIMEDOUT, ECONNABORTED } = AxiosError;
  const code = config.transitional?.clarifyTimeoutError ? ETIMEDOUT : ECONNABORTED;
  return new AxiosError("timeout: the deadline has passed", code, config, error.request);
}

function answerOf(response: AxiosResponse, error?: AxiosError): Answer {
  const { status, data } = response;
  const headers = response.headers as NonNullable<ResponseLike["headers"]>;
  const answer = { status, headers, response, error };
  const isStream = typeof data === "object" && data !== null && "pipe" in data;
  if (isStream) return { ...answer, ...nodeStream(response) };
  if (data instanceof ReadableStream) return { ...answer, ...webStream(response) };
  // Of what is already whole only what an error says is looked into.
  return status < 400 ? answer : { ...answer, clone: () => new Response(data) };
}

function webStream(response: AxiosResponse): Pick<Answer, "body" | "clone"> {
  return {
    body: { cancel: () => response.data.cancel() },
    clone() {
      const [body, rest] = (response.data as ReadableStream).tee();
      response.data = rest;
      return { body };
    },
  };
}

/** A stream of Node, as far as it is needed here. */
interface NodeStream extends AsyncIterable<Uint8Array> {
  destroy(): void;
  _destroy(error: Error | null, done: (error: Error | null) => void): void;
  readonly constructor: {
    from(chunks: AsyncIterable<Uint8Array>, options: { objectMode: false }): NodeStream;
  };
}

function nodeStream(response: AxiosResponse): Pick<Answer, "body" | "clone"> {
  return {
    body: { cancel: () => (response.data as NodeStream).destroy() },
    clone() {
      const stream = response.data as NodeStream;
      const chunks = stream[Symbol.asyncIterator]();
      const taken: Promise<IteratorResult<Uint8Array>>[] = [];
      const whole = async function* () {
        for (;;) {
          const { done, value } = await (taken.shift() ?? chunks.next());
          if (done) return;
          yield value;
        }
      };
      // Every class of streams has Readable's `from`: its module is not there in a browser.
      const data = stream.constructor.from(whole(), { objectMode: false });
      // What `from` does would wait for the next chunk, and not begin where none was read.
      data._destroy = (error, done) => {
        stream.destroy();
        done(error);
      };
      response.data = data;
      const read = () => {
        const chunk = chunks.next();
        chunk.catch(() => {});
        taken.push(chunk);
        return chunk;
      };
      return { body: { getReader: () => ({ read, cancel: async () => {} }) } };
    },
  };
}
