import { fact, milliseconds, text, time, wholeNumber, wrong } from "./arguments.js";
import { freshHalves, halvesOf, type Seed } from "./seed.js";

/** What is known of the call; everything may be unknown. */
export interface Call {
  /** The attempt that just failed, from zero: 0, the default, is the first request. */
  attempt?: number | undefined;
  /** What the jitter is a function of: one for each call. By default from the platform's entropy. */
  seed?: Seed | undefined;
  /** The jitter's random part itself, from 0 to less than 1, in place of a seed. For tests. */
  draw?: number | undefined;
  /**
   * The time at which the response came, as a Date or in milliseconds since 1970. `decide` reads no
   * clock: without it, a hint given as a date can be read only if the response has its own `date`.
   */
  now?: Date | number | undefined;
  /** Milliseconds since the call began; unknown counts as 0. */
  elapsedMs?: number | undefined;
  /** Milliseconds from the beginning of the call to when its answer is worthless. */
  deadlineMs?: number | undefined;
  /** Takes the place of the policy's own number of retries. */
  maxRetries?: number | undefined;
  /** The request's method, as sent. Where `idempotent` is unknown, it tells in its place. */
  method?: string | undefined;
  /**
   * Whether sending the request twice has the effect of sending it once; also true where the
   * request carries an idempotency key that the server honours.
   */
  idempotent?: boolean | undefined;
  /** Whether the request body can be sent again. */
  replayable?: boolean | undefined;
  /** Whether the user was already given a part of the answer. */
  delivered?: boolean | undefined;
}

/** A call as the core takes it: numbers, of which `NaN` is unknown. */
export function callArguments(call: Call) {
  const draw = fraction(call.draw);
  const seed = seedFor(call.seed, draw);
  return [
    call.attempt == null ? 0 : count("attempt", call.attempt),
    seed.high,
    seed.low,
    draw,
    time("now", call.now),
    milliseconds("elapsedMs", call.elapsedMs),
    milliseconds("deadlineMs", call.deadlineMs),
    call.maxRetries == null ? Number.NaN : count("maxRetries", call.maxRetries),
    fact("idempotent", call.idempotent) |
      (fact("replayable", call.replayable) << 2) |
      (fact("delivered", call.delivered) << 4),
    text("method", call.method),
  ] as const;
}

const noSeed = { high: 0, low: 0 };

function count(name: string, value: unknown): number {
  return wholeNumber(name, value, 2 ** 32 - 1);
}

function fraction(draw: unknown): number {
  if (draw == null) return Number.NaN;
  if (typeof draw === "number" && draw >= 0 && draw < 1) return draw;
  throw wrong("draw", draw, "number", "a number from 0 to less than 1");
}

function seedFor(seed: unknown, draw: number) {
  if (seed != null) return halvesOf(seed);
  return Number.isNaN(draw) ? freshHalves() : noSeed;
}
