import { fact, milliseconds, text, time, wholeNumber, wrong } from "./arguments.js";
import { bodyBytes } from "./body.js";
import { core } from "./core.js";
import { Decision } from "./decision.js";
import { Explanation, type Step } from "./explanation.js";
import {
  type Failure,
  failureCodes,
  type ResponseFailure,
  type TransportFailure,
} from "./failure.js";
import type { PresetName, Topic } from "./generated/codes.js";
import { Policy as CorePolicy } from "./generated/core_bg.js";
import { HeaderNames, headerBlock } from "./headers.js";
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

/** A policy document is not as it should be. The message says where, and what would be right. */
export class PolicyError extends Error {
  static {
    PolicyError.prototype.name = "PolicyError";
  }
}

/** The rules by which calls to one API are retried. Immutable. */
export class Policy {
  readonly #core: CorePolicy;
  readonly #headers: HeaderNames;

  /**
   * The policy that a document describes.
   *
   * @param document JSON text, or what such text is parsed to.
   * @throws {PolicyError} where the document is not as it should be.
   */
  constructor(document: string | object) {
    this.#core = document instanceof CorePolicy ? document : load(document);
    this.#headers = new HeaderNames(this.#core.headers());
  }

  /**
   * The policy for any API that has none of its own: it hears everything that servers are known to
   * say, and keeps retries few and spread out.
   */
  static recommended(): Policy {
    return Policy.preset("recommended");
  }

  /** The policy of the Tessera AI API, to the letter of its error page. */
  static tessera(): Policy {
    return Policy.preset("tessera");
  }

  /**
   * The policy that ships under a name. Those of other clients are in `holdoff/clients`.
   *
   * @throws {PolicyError} where there is none of this name.
   */
  static preset(name: PresetName): Policy {
    let policy = presets.get(name);
    if (policy === undefined) {
      policy = new Policy(policyErrors(() => core().Policy.preset(String(name))));
      presets.set(name, policy);
    }
    return policy;
  }

  /** The policy's name. */
  get name(): string {
    return this.#core.name();
  }

  /** One sentence on what the policy is for; may be empty. */
  get description(): string {
    return this.#core.description();
  }

  /** The names of the response headers that a decision reads, in lower case. */
  get headers(): readonly string[] {
    return this.#headers.all;
  }

  /** Whether a decision looks into the response body. */
  get readsBody(): boolean {
    return this.#core.reads_body();
  }

  /** The policy's document with every default spelt out. It is what `JSON.stringify` writes. */
  toJSON(): object {
    return JSON.parse(this.#core.to_json());
  }

  /**
   * Whether the failed attempt may be tried again, and after how long.
   *
   * Pure but for the seed, which comes from the platform's entropy if neither `seed` nor `draw` is
   * given. No status, header or body makes it fail.
   *
   * @throws {TypeError | RangeError} where an argument is of a wrong type or out of its range.
   */
  decide(facts: Failure & Call): Decision {
    return new Decision(this.#decide(facts), this);
  }

  /** The same decision as `decide`, with the steps that led to it. */
  explain(facts: Failure & Call): Explanation {
    const topicsAndTexts: string[] = [];
    const decision = new Decision(this.#decide(facts, topicsAndTexts), this);
    const steps: Step[] = [];
    for (let index = 0; index < topicsAndTexts.length; index += 2) {
      const [topic, text] = topicsAndTexts.slice(index) as [Topic, string];
      steps.push({ topic, text });
    }
    return new Explanation(decision, steps);
  }

  /** What a person should do about a failure, one sentence in this policy's words. */
  advice(decision: Decision): string {
    return this.#core.advice(decision.bits);
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Policy(${this.name})`;
  }

  #decide(facts: Partial<ResponseFailure & TransportFailure> & Call, steps?: string[]): number {
    const { status, transport, phase } = failureCodes(facts);
    const draw = fraction(facts.draw);
    const seed = seedFor(facts.seed, draw);
    return this.#core.decide(
      steps,
      status,
      transport,
      phase,
      facts.attempt == null ? 0 : wholeNumber("attempt", facts.attempt, 2 ** 32 - 1),
      seed.high,
      seed.low,
      draw,
      time("now", facts.now),
      milliseconds("elapsedMs", facts.elapsedMs),
      milliseconds("deadlineMs", facts.deadlineMs),
      facts.maxRetries == null
        ? Number.NaN
        : wholeNumber("maxRetries", facts.maxRetries, 2 ** 32 - 1),
      fact("idempotent", facts.idempotent) |
        (fact("replayable", facts.replayable) << 2) |
        (fact("delivered", facts.delivered) << 4),
      text("method", facts.method),
      headerBlock(facts.headers, this.#headers),
      bodyBytes(facts.body),
    );
  }
}

const presets = new Map<string, Policy>();
const noSeed = { high: 0, low: 0 };

function load(document: string | object): CorePolicy {
  if (typeof document !== "string" && (typeof document !== "object" || document === null)) {
    throw wrong("policy", document, "", "a document: JSON text or an object");
  }
  const json = typeof document === "string" ? document : JSON.stringify(document);
  return policyErrors(() => new (core().Policy)(json));
}

/** The core throws its sentence bare. */
export function policyErrors<T>(make: () => T): T {
  try {
    return make();
  } catch (sentence) {
    throw typeof sentence === "string" ? new PolicyError(sentence) : sentence;
  }
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
