/**
 * Retries for undici's dispatchers, as an interceptor. For fetch, undici's own included, take
 * `holdoff/fetch`: fetch hands its dispatcher every body as a stream, which can be sent only once.
 */

import { type AdapterOptions, caller, type RequestOptions } from "./adapter.js";
import type { ResponseLike } from "./beginning.js";
import { HeaderNames, headerBlock } from "./headers.js";
import { fixed, isReplayable } from "./replay.js";

export type { AdapterOptions, AttemptSpan, RequestOptions, Telemetry } from "./adapter.js";

/** A response of undici, of which an attempt has so far seen the status and the headers. */
export interface DispatchResponse extends ResponseLike {
  readonly status: number;
  readonly headers: Headers;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

/** An interceptor of undici 7 and 8: `dispatcher.compose(interceptor)`. */
export type Interceptor = <D extends (options: never, handler: never) => boolean>(dispatch: D) => D;

/**
 * An interceptor that sends a request again for as long as the policy says so, with `retry`:
 * `new Agent().compose(retryInterceptor())`. `undici.request` takes a `holdoff` with its options:
 * what is to differ for this request.
 *
 * A response is handed on when it is not tried again; JSON up to 1 MiB once it is whole, and a stream of
 * events once its first chunk came. A body that is a stream or an iterator is sent once. An upgrade or
 * CONNECT is not retried.
 */
export function retryInterceptor(options: AdapterOptions<DispatchResponse> = {}): Interceptor {
  const call = caller(options);
  const interceptor = (dispatch: Dispatch): Dispatch => {
    return (request, handler) => {
      if (request.upgrade || request.method === "CONNECT") return dispatch(request, handler);
      const { holdoff, ...given } = request;
      if (given.body != null) given.body = fixed(given.body);
      const control = new CallControl(handler);
      const context = {};
      handler.onRequestStart?.(control, context);
      const about = {
        method: given.method ?? "GET",
        url: `${given.origin ?? ""}${given.path}`,
        header: (name: string) => headerOf(name, given.headers),
        signal: control.signal,
        replayable: isReplayable(given.body),
        options: holdoff,
      };
      const send = (signal: AbortSignal | undefined, more: Readonly<Record<string, string>>) => {
        const attempt = new Attempt(control, context, signal);
        dispatch({ ...given, headers: withHeaders(given.headers, more) }, attempt);
        return attempt.started;
      };
      call(about, send).then(
        (response) => control.handOn(response as Attempt),
        (error) => handler.onResponseError?.(control, error),
      );
      return true;
    };
  };
  return interceptor as unknown as Interceptor;
}

/** How the one who sent the request holds sway over it, whichever attempt is under way. */
class CallControl implements Controller {
  readonly handler: Handler;
  readonly #abort = new AbortController();
  #attempt: Attempt | undefined;
  paused = false;

  constructor(handler: Handler) {
    this.handler = handler;
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  get aborted(): boolean {
    return this.signal.aborted;
  }

  get reason(): Error | null {
    return this.signal.reason ?? null;
  }

  get rawHeaders(): unknown {
    return this.#attempt?.controller?.rawHeaders;
  }

  get rawTrailers(): unknown {
    return this.#attempt?.controller?.rawTrailers;
  }

  abort(reason: Error): void {
    this.#abort.abort(reason);
  }

  pause(): void {
    this.paused = true;
    this.#attempt?.controller?.pause();
  }

  resume(): void {
    this.paused = false;
    this.#attempt?.flow();
  }

  /** From now on the attempt's response is the call's. */
  handOn(attempt: Attempt): void {
    this.#attempt = attempt;
    const { status, headers, message } = attempt;
    try {
      this.handler.onResponseStart?.(this, status, headers, message);
    } catch (error) {
      // As undici does; `stream` lets its user's function throw here.
      this.abort(error as Error);
      this.handler.onResponseError?.(this, error as Error);
      return;
    }
    attempt.handOn();
  }
}

/** One request on the wire. Its response is held back until it is handed on or let go. */
class Attempt implements Handler, DispatchResponse {
  /** Settles when the head of the response is there. */
  readonly started: Promise<Attempt>;
  controller: Controller | undefined;
  status = 0;
  headers: Headers = {};
  message: string | undefined;
  readonly #call: CallControl;
  readonly #context: object;
  readonly #signal: AbortSignal | undefined;
  readonly #held: Uint8Array[] = [];
  #end: { trailers: Headers } | { error: Error } | undefined;
  #isHandedOn = false;
  #start: (attempt: Attempt) => void = () => {};
  #fail: (reason: unknown) => void = () => {};
  /** Wakes who waits for the next chunk. */
  #wake = () => {};

  constructor(call: CallControl, context: object, signal: AbortSignal | undefined) {
    this.#call = call;
    this.#context = context;
    this.#signal = signal;
    this.started = new Promise((resolve, reject) => {
      this.#start = resolve;
      this.#fail = reject;
    });
    signal?.addEventListener("abort", this.#stop, { once: true });
    if (signal?.aborted) this.#stop();
  }

  readonly #stop = () => {
    this.#fail(this.#signal?.reason);
    this.controller?.abort(this.#signal?.reason);
  };

  onRequestStart(controller: Controller, context: object): void {
    this.controller = controller;
    Object.assign(this.#context, context);
    if (this.#signal?.aborted) this.#stop();
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Headers,
    message?: string,
  ): void {
    if (status < 200) {
      this.#call.handler.onResponseStart?.(this.#call, status, headers, message);
      return;
    }
    this.status = status;
    this.headers = headers;
    this.message = message;
    controller.pause();
    this.#start(this);
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    // undici's parser gives an empty one whenever it goes on.
    if (chunk.byteLength === 0) return;
    this.#held.push(chunk);
    if (this.#isHandedOn) this.flow();
    if (!this.#isHandedOn || this.#call.paused) controller.pause();
    this.#wake();
  }

  onResponseEnd(_: Controller, trailers: Headers): void {
    this.#over({ trailers });
  }

  onResponseError(_: Controller, error: Error): void {
    this.#fail(error);
    this.#over({ error });
  }

  #over(end: { trailers: Headers } | { error: Error }): void {
    this.#signal?.removeEventListener("abort", this.#stop);
    this.#end = end;
    // Who has aborted waits for no data.
    if (this.#call.aborted) this.#held.length = 0;
    this.#wake();
    if (this.#isHandedOn) this.flow();
  }

  /** What `retry` reads ahead; all of it stays held. */
  clone(): { body: { getReader(): object } } {
    let next = 0;
    const read = async () => {
      while (next >= this.#held.length) {
        if (this.#end !== undefined) {
          if ("error" in this.#end) throw this.#end.error;
          return { done: true };
        }
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
          this.controller?.resume();
        });
      }
      return { done: false, value: this.#held[next++] };
    };
    return { body: { getReader: () => ({ read, cancel: async () => {} }) } };
  }

  /** Lets go of a response that nobody is given. */
  readonly body = {
    cancel: () => {
      if (this.#end === undefined) this.controller?.abort(new Error("the response is not needed"));
    },
  };

  handOn(): void {
    this.#isHandedOn = true;
    this.flow();
  }

  /** Hands on what is held, for as long as it is taken. */
  flow(): void {
    const { handler } = this.#call;
    while (this.#held.length > 0 && !this.#call.paused) {
      handler.onResponseData?.(this.#call, this.#held.shift() as Uint8Array);
    }
    if (this.#call.paused && !this.#call.aborted) return;
    if (this.#end === undefined) {
      this.controller?.resume();
    } else if (this.#isHandedOn) {
      this.#isHandedOn = false;
      if ("error" in this.#end) handler.onResponseError?.(this.#call, this.#end.error);
      else handler.onResponseEnd?.(this.#call, this.#end.trailers);
    }
  }
}

/** The headers that undici takes: an object, names and values in turn, or pairs of them. */
type RequestHeaders = Record<string, unknown> | readonly string[] | Iterable<[string, unknown]>;

function pairs(headers: RequestHeaders): Iterable<[string, unknown]> {
  if (Array.isArray(headers)) {
    const names = headers.filter((_, index) => index % 2 === 0);
    return names.map((name, index) => [String(name), headers[2 * index + 1]]);
  }
  if (Symbol.iterator in headers) return headers as Iterable<[string, unknown]>;
  return Object.entries(headers);
}

function headerOf(name: string, headers: RequestHeaders | null | undefined): string | undefined {
  const own = [...pairs(headers ?? {})] as [string, string][];
  return headerBlock(own, new HeaderNames([name.toLowerCase()]))
    ?.slice(name.length + 2)
    .trim();
}

function withHeaders(
  headers: RequestHeaders | null | undefined,
  more: Readonly<Record<string, string>>,
): RequestHeaders | null | undefined {
  const names = Object.keys(more);
  if (names.length === 0) return headers;
  const added = new HeaderNames(names.map((name) => name.toLowerCase()));
  const kept = [...pairs(headers ?? {})].filter(([name]) => added.find(name) === undefined);
  return new Map<string, unknown>([...kept, ...Object.entries(more)]);
}

/** What of undici's types is needed here; they are the same in 7 and 8. */
interface Controller {
  readonly aborted: boolean;
  readonly paused: boolean;
  readonly reason: Error | null;
  readonly rawHeaders?: unknown;
  readonly rawTrailers?: unknown;
  abort(reason: Error): void;
  pause(): void;
  resume(): void;
}

interface Handler {
  onRequestStart?(controller: Controller, context: object): void;
  onResponseStart?(
    controller: Controller,
    status: number,
    headers: Headers,
    message: string | undefined,
  ): void;
  onResponseData?(controller: Controller, chunk: Uint8Array): void;
  onResponseEnd?(controller: Controller, trailers: Headers): void;
  onResponseError?(controller: Controller, error: Error): void;
}

interface DispatchOptions {
  origin?: string | URL;
  path: string;
  method?: string;
  headers?: RequestHeaders | null | undefined;
  body?: unknown;
  upgrade?: unknown;
  holdoff?: RequestOptions;
}

type Dispatch = (options: DispatchOptions, handler: Handler) => boolean;
