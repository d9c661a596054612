import { wrong } from "./arguments.js";
import { type Call, callArguments } from "./call.js";
import { core } from "./core.js";
import { Decision } from "./decision.js";
import { Explanation, stepsOf } from "./explanation.js";
import { type Failure, failureArguments } from "./failure.js";
import type { PresetName } from "./generated/codes.js";
import { Policy as CorePolicy } from "./generated/core_bg.js";
import { HeaderNames } from "./headers.js";

/**
 * A policy document, or the state of an `Upstream`, is not as it should be. The message says where,
 * and what would be right.
 */
export class PolicyError extends Error {
  static {
    PolicyError.prototype.name = "PolicyError";
  }
}

/** What `Upstream` needs of a policy. */
export let partsOf: (policy: Policy) => { core: CorePolicy; headers: HeaderNames };

/** The rules by which calls to one API are retried. Immutable. */
export class Policy {
  readonly #core: CorePolicy;
  readonly #headers: HeaderNames;

  static {
    partsOf = (policy) => {
      if (typeof policy !== "object" || policy === null || !(#core in policy)) {
        throw wrong("policy", policy, "", "a Policy");
      }
      return { core: policy.#core, headers: policy.#headers };
    };
  }

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

  /**
   * The request header in which the policy asks for an idempotency key, such as `Idempotency-Key`: the
   * same on all attempts of a call. Undefined where it asks for none. The adapters set it.
   */
  get idempotencyKeyHeader(): string | undefined {
    return this.#core.idempotency_key_header();
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
    const steps: string[] = [];
    const decision = new Decision(this.#decide(facts, steps), this);
    return new Explanation(decision, stepsOf(steps));
  }

  /** What a person should do about a failure, one sentence in this policy's words. */
  advice(decision: Decision): string {
    return this.#core.advice(decision.bits);
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return `Policy(${this.name})`;
  }

  #decide(facts: Failure & Call, steps?: string[]): number {
    return this.#core.decide(
      steps,
      ...failureArguments(facts, this.#headers),
      ...callArguments(facts),
    );
  }
}

const presets = new Map<string, Policy>();

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
