/**
 * An `Upstream` that many processes share, in Redis or Valkey, by the client ioredis or node-redis:
 *
 *     const upstream = new SharedUpstream(new Redis(), { key: "api.example.com" });
 *     await retry(() => fetch(url), { upstream });
 */

import { wrong } from "./arguments.js";
import type { Call } from "./call.js";
import { core } from "./core.js";
import type { Decision } from "./decision.js";
import type { Explanation } from "./explanation.js";
import type { Failure } from "./failure.js";
import type { HeadersLike } from "./headers.js";
import type { Policy } from "./policy.js";
import { type IORedisLike, type NodeRedisLike, type Store, storeOf } from "./store.js";
import { type Admission, Upstream, type UpstreamLike } from "./upstream.js";

export type { IORedisLike, NodeRedisLike } from "./store.js";

/** How a `SharedUpstream` goes about it. */
export interface SharedOptions {
  /** A name for the server that the calls go to. */
  key: string;
  /**
   * What the key in the store begins with: by default `holdoff:`. Give another one where programs with
   * different versions of holdoff use one store.
   */
  prefix?: string | undefined;
  /**
   * For how many milliseconds the store keeps the state when nobody calls any more: by default an
   * hour. It should be longer than any wait that a server may ask for.
   */
  expiryMs?: number | undefined;
  /**
   * How many milliseconds the store has for an answer, before this process goes on alone: by default
   * 100.
   */
  timeoutMs?: number | undefined;
  /**
   * How many milliseconds old the state may be by which a call is sent, and how long what only counts
   * may wait to be written: by default 20. The larger, the less the store has to do: a process asks it
   * once in that time at most, while nothing fails.
   */
  maxAgeMs?: number | undefined;
  /** Called with the error when the store is lost; by default `console.warn` says so. */
  onUnreachable?: ((error: unknown) => void) | undefined;
  /** Called when it is back; by default `console.info` says so. */
  onReachable?: (() => void) | undefined;
}

/** How often changes are tried. Of those who try at the same time one gets through each time. */
const mostTries = 32;
/** How long a store that could not be reached is left alone. */
const pauseMs = 1000;
/** How late something may be written. What merely counts is of no use after that. */
const latestMs = 1000;

/** One operation of `Upstream`, to be applied to whichever state. */
interface Change<T> {
  readonly apply: (upstream: Upstream, now: number) => T;
  /** Whether it may be written later, where it changes nothing but measures. */
  readonly counts?: boolean;
  /** Whether it takes a place among the calls, and must not take another when it is written. */
  readonly takes?: boolean;
  /** What came of it, once it is done; of several times the last counts. */
  answer?: () => T;
}

/**
 * An `Upstream` that any number of processes share, for `retry`.
 *
 * The state is kept in Redis (5 or later) or Valkey, and changed there by compare-and-swap; the time
 * is that of the store's clock, whatever `now` is given. A call is sent by a state that is at most
 * `maxAgeMs` old: so much later, what the server tells one process holds all the others.
 *
 * Where the store does not answer within `timeoutMs`, or has something else at the key, no call fails:
 * this process goes on by what it knows, says so once, and tries the store again after a second. Then
 * both take in what the other knows: the later hold counts, and of the rest what was seen later. A
 * process that has never reached the store goes by its own clock.
 */
export class SharedUpstream implements UpstreamLike {
  readonly #store: Store;
  readonly #maxAgeMs: number;
  readonly #onUnreachable: (error: unknown) => void;
  readonly #onReachable: () => void;
  #local = new Upstream();
  /** The local state as JSON, as long as this process is not alone. */
  #text = JSON.stringify(this.#local);
  #isAlone = false;
  /** Whether the store may lack something that is known here. */
  #isAhead = false;
  #exchanging: Promise<(() => void) | undefined> | undefined;
  #changes: Change<unknown>[] = [];
  #unwritten: Change<unknown>[] = [];
  /** By the clock of this process; and how far ahead that of the store is. */
  #askedAt = Number.NEGATIVE_INFINITY;
  #lostAt = Number.NEGATIVE_INFINITY;
  #aheadMs = Date.now() - performance.now();

  /**
   * Shares what the calls to one server learn of it. Nothing is sent yet.
   *
   * @param client Of ioredis or node-redis, connected or about to be.
   * @throws {TypeError | RangeError} where an option is of a wrong type or out of its range.
   */
  constructor(client: IORedisLike | NodeRedisLike, options: SharedOptions) {
    const { key, prefix = "holdoff:", onUnreachable, onReachable } = options;
    if (typeof key !== "string" || key === "") {
      throw wrong("key", key, "string", "a name for the server that the calls go to");
    }
    const name = prefix + key;
    const expiryMs = positive("expiryMs", options.expiryMs ?? 3_600_000);
    const timeoutMs = positive("timeoutMs", options.timeoutMs ?? 100);
    this.#store = storeOf(client, name, expiryMs, timeoutMs);
    this.#maxAgeMs = positive("maxAgeMs", options.maxAgeMs ?? 20);
    this.#onUnreachable =
      onUnreachable ??
      ((error) => {
        const lost = `holdoff: the store of \`${name}\` can't be used, so this process goes on by what it knows:`;
        console.warn(lost, error);
      });
    this.#onReachable =
      onReachable ?? (() => console.info(`holdoff: the store of \`${name}\` can be used again`));
  }

  /** Whether an attempt may be sent, as `Upstream.admit`. */
  admit(policy: Policy, call: Call, ticket = 0): Promise<Admission> {
    return this.#apply({
      apply: (upstream, now) => upstream.admit(policy, { ...call, now }, ticket),
      counts: true,
      takes: true,
    });
  }

  /** Takes in that an attempt succeeded, as `Upstream.succeed`. */
  succeed(
    policy: Policy,
    call: Call,
    after?: Decision | undefined,
    headers?: HeadersLike | null | undefined,
  ): Promise<void> {
    return this.#apply({
      apply: (upstream, now) => upstream.succeed(policy, { ...call, now }, after, headers),
      counts: true,
    });
  }

  /** Takes in that an attempt failed, and decides as `Upstream.decide`. */
  decide(policy: Policy, facts: Failure & Call): Promise<Decision> {
    return this.#apply({ apply: (upstream, now) => upstream.decide(policy, { ...facts, now }) });
  }

  /** What `decide` does, in place of it: the failure is taken in. With the steps to the decision. */
  explain(policy: Policy, facts: Failure & Call): Promise<Explanation> {
    return this.#apply({ apply: (upstream, now) => upstream.explain(policy, { ...facts, now }) });
  }

  async #apply<T>(change: Change<T>): Promise<T> {
    let tell: (() => void) | undefined;
    if (!this.#settles(change)) {
      this.#changes.push(change);
      // Whoever finds no exchange under way begins one, and takes the changes of all along.
      while (change.answer === undefined) {
        if (this.#exchanging !== undefined) await this.#exchanging;
        else tell = await this.#begin();
      }
    }
    tell?.();
    return (change.answer as () => T)();
  }

  /** Answers by what is known here, if that will do. If not, the change needs an exchange. */
  #settles(change: Change<unknown>): boolean {
    if (this.#isAlone) {
      const rests = performance.now() < this.#lostAt + pauseMs;
      if (!rests && this.#exchanging === undefined) return false;
      run(change, this.#local, this.#now());
      if (this.#exchanging !== undefined) this.#unwritten.push(change);
      return true;
    }
    const isFresh = performance.now() < this.#askedAt + this.#maxAgeMs;
    if (!change.counts || !isFresh) return false;
    run(change, this.#local, this.#now());
    const text = JSON.stringify(this.#local);
    if (!core().differ_in_counts_only(this.#text, text)) {
      this.#local = Upstream.fromJSON(this.#text);
      delete change.answer;
      return false;
    }
    this.#text = text;
    this.#unwritten.push(change);
    return true;
  }

  #begin() {
    this.#exchanging = this.#exchange();
    return this.#exchanging;
  }

  /** Takes all changes that wait to the store. Gives what is to be called then, if anything. */
  async #exchange(): Promise<(() => void) | undefined> {
    const askedAt = performance.now();
    const changes = this.#changes;
    const unwritten = this.#unwritten.filter(
      ({ counts }) => !counts || askedAt <= this.#askedAt + latestMs,
    );
    this.#changes = [];
    this.#unwritten = [];
    const wasAlone = this.#isAlone;
    try {
      const { state, isWritten } = await this.#write(changes, unwritten);
      this.#local = state;
      this.#text = JSON.stringify(state);
      this.#isAhead = !isWritten;
      this.#isAlone = false;
      // Where a failure wasn't written yet, the next change does it, however soon.
      const isAll = isWritten && this.#unwritten.every(({ counts }) => counts);
      this.#askedAt = isAll ? askedAt : Number.NEGATIVE_INFINITY;
      return wasAlone ? this.#onReachable : undefined;
    } catch (error) {
      this.#isAlone = true;
      this.#isAhead = true;
      this.#lostAt = performance.now();
      // They were answered by the local state, which has them.
      this.#unwritten = [];
      for (const change of [...changes, ...this.#changes]) run(change, this.#local, this.#now());
      this.#changes = [];
      return wasAlone ? undefined : () => this.#onUnreachable(error);
    } finally {
      this.#exchanging = undefined;
    }
  }

  /** Applies the changes to the store's state. Gives that, and whether the store has it now. */
  async #write(changes: Change<unknown>[], unwritten: Change<unknown>[]) {
    let state = this.#local;
    let { now, text } = await this.#store("", "");
    for (let tries = 0; tries < mostTries; tries++) {
      this.#aheadMs = now - performance.now();
      state = text === "" ? new Upstream() : Upstream.fromJSON(text);
      if (this.#isAhead || text === "") state.merge(this.#local);
      state = repeated(state, unwritten, now);
      for (const change of changes) run(change, state, now);
      const changed = JSON.stringify(state);
      if (changed === text) return { state, isWritten: true };
      const answer = await this.#store(text, changed);
      if (answer.isWritten) return { state, isWritten: true };
      ({ now, text } = answer);
    }
    return { state, isWritten: false };
  }

  #now(): number {
    return Math.floor(performance.now() + this.#aheadMs);
  }
}

function run<T>(change: Change<T>, upstream: Upstream, now: number): void {
  try {
    const answer = change.apply(upstream, now);
    change.answer = () => answer;
  } catch (error) {
    change.answer = () => {
      throw error;
    };
  }
}

/**
 * The state with what was answered before it was known.
 *
 * It is spread out over the time since somebody last wrote. All processes write of the same time, but
 * one after the other: with its true times, the usual rate of calls would seem to be a rush.
 */
function repeated(state: Upstream, unwritten: Change<unknown>[], now: number): Upstream {
  if (unwritten.length === 0) return state;
  const before = JSON.stringify(state);
  const begin = Math.min(Math.max(now - latestMs, JSON.parse(before).now_ms), now);
  const at = (index: number) =>
    begin + Math.floor(((now - begin) * (index + 1)) / unwritten.length);
  const repeat = ({ apply }: Change<unknown>, upstream: Upstream, index: number) => {
    try {
      apply(upstream, at(index));
    } catch {
      // Who asked was told so.
    }
  };
  for (const [index, change] of unwritten.entries()) repeat(change, state, index);
  if (core().differ_in_counts_only(before, JSON.stringify(state))) return state;
  let text = before;
  let careful = Upstream.fromJSON(text);
  for (const [index, change] of unwritten.entries()) {
    repeat(change, careful, index);
    const after = JSON.stringify(careful);
    if (change.takes && !core().differ_in_counts_only(text, after))
      careful = Upstream.fromJSON(text);
    else text = after;
  }
  return careful;
}

function positive(name: string, value: number): number {
  if (Number.isInteger(value) && value > 0) return value;
  throw wrong(name, value, "number", "a whole number from 1");
}
