import { wholeNumber, wrong } from "./arguments.js";
import { type Call, callArguments } from "./call.js";
import { core } from "./core.js";
import { Decision } from "./decision.js";
import { Explanation, stepsOf } from "./explanation.js";
import { type Failure, failureArguments } from "./failure.js";
import { type Source, sources } from "./generated/codes.js";
import type { Upstream as CoreUpstream } from "./generated/core_bg.js";
import { type HeadersLike, headerBlock } from "./headers.js";
import { type Policy, partsOf, policyErrors } from "./policy.js";

/**
 * Whether an attempt may be sent: now; not yet, then ask again after `afterMs` with the `ticket`; or
 * not at all, for the wait would be too long for the call or for the policy.
 */
export type Admission =
  | { readonly action: "send" }
  | {
      readonly action: "wait";
      /** The wait in milliseconds. */
      readonly afterMs: number;
      /** What holds it back: `hold`, `breaker` or `pace`. */
      readonly source: Source;
      /** The place in the queue, to ask again with. */
      readonly ticket: number;
    }
  | {
      readonly action: "refuse";
      /** What holds it back and for how long, and the class of what last failed. */
      readonly decision: Decision;
    };

/**
 * What many calls to one server share: a wait that the server told one of them, a breaker, a retry
 * budget and the rate of calls, each only where the policy's `upstream` has it.
 *
 * Make one for each server, and give it to `retry` with every call; any number of them may be under
 * way. Or do it yourself, for each attempt: `admit` before it is sent, then `succeed`, or `decide` in
 * place of `Policy.decide`. It is a value and reads no clock: a call whose `now` is not given is sent,
 * and tells it nothing.
 */
export class Upstream {
  #core: CoreUpstream;

  /** A state in which nothing is known of the server. */
  constructor() {
    this.#core = new (core().Upstream)();
  }

  /**
   * The state that `toJSON` gave.
   *
   * @param state JSON text, or what such text is parsed to.
   * @throws {PolicyError} where it is not such a state.
   */
  static fromJSON(state: string | object): Upstream {
    if (typeof state !== "string" && (typeof state !== "object" || state === null)) {
      throw wrong("upstream", state, "", "a state: JSON text or an object");
    }
    const json = typeof state === "string" ? state : JSON.stringify(state);
    const upstream = new Upstream();
    upstream.#core = policyErrors(() => core().Upstream.from_json(json));
    return upstream;
  }

  /** The state, to be kept or handed on. It is what `JSON.stringify` writes. */
  toJSON(): object {
    return JSON.parse(this.#core.to_json());
  }

  /**
   * Takes in what another copy of the same state knows: of the holds the later counts, and of all the
   * rest what was seen later.
   */
  merge(other: Upstream): void {
    if (typeof other !== "object" || other === null || !(#core in other)) {
      throw wrong("other", other, "", "an Upstream");
    }
    if (other !== this) this.#core.merge(other.#core);
  }

  /**
   * Whether an attempt may be sent. Ask before each, the first included.
   *
   * @param call `attempt` is the attempt that is to be sent. Give the same `seed` each time: it tells
   *   where in the queue the call is.
   * @param ticket That of the call's last answer, if it was to wait.
   * @throws {TypeError | RangeError} where an argument is of a wrong type or out of its range.
   */
  admit(policy: Policy, call: Call, ticket = 0): Admission {
    const { core } = partsOf(policy);
    const place = wholeNumber("ticket", ticket, 2 ** 32 - 1);
    return admissionOf(this.#core.admit(core, place, ...callArguments(call)), policy);
  }

  /**
   * Takes in that an attempt succeeded.
   *
   * @param after The decision that led to the attempt; none for a first attempt.
   * @param headers The answer's, which may say what is left of the server's limits.
   * @throws {TypeError | RangeError} where an argument is of a wrong type or out of its range.
   */
  succeed(
    policy: Policy,
    call: Call,
    after?: Decision | undefined,
    headers?: HeadersLike | null | undefined,
  ): void {
    const { core, headers: names } = partsOf(policy);
    if (after !== undefined && !(after instanceof Decision)) {
      throw wrong("after", after, "", "a Decision");
    }
    const block = headerBlock(headers, names);
    this.#core.succeed(core, after?.bits ?? 0, block, ...callArguments(call));
  }

  /**
   * Takes in that an attempt failed, and decides like `Policy.decide`, but that a retry must be paid
   * from the budget.
   *
   * @throws {TypeError | RangeError} where an argument is of a wrong type or out of its range.
   */
  decide(policy: Policy, facts: Failure & Call): Decision {
    return new Decision(this.#decide(policy, facts), policy);
  }

  /** What `decide` does, in place of it: the failure is taken in. With the steps to the decision. */
  explain(policy: Policy, facts: Failure & Call): Explanation {
    const steps: string[] = [];
    const decision = new Decision(this.#decide(policy, facts, steps), policy);
    return new Explanation(decision, stepsOf(steps));
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    return `Upstream ${inspect(this.toJSON(), options)}`;
  }

  #decide(policy: Policy, facts: Failure & Call, steps?: string[]): number {
    const { core, headers } = partsOf(policy);
    return this.#core.decide(
      core,
      steps,
      ...failureArguments(facts, headers),
      ...callArguments(facts),
    );
  }
}

/** What `retry` needs of an upstream: an `Upstream`, or what answers as it does, at once or later. */
export interface UpstreamLike {
  admit(policy: Policy, call: Call, ticket?: number): Admission | Promise<Admission>;
  succeed(
    policy: Policy,
    call: Call,
    after?: Decision | undefined,
    headers?: HeadersLike | null | undefined,
  ): void | Promise<void>;
  decide(policy: Policy, facts: Failure & Call): Decision | Promise<Decision>;
  explain(policy: Policy, facts: Failure & Call): Explanation | Promise<Explanation>;
}

/**
 * 0 is to send, a negative number the decision to refuse, and a positive one to wait: from the lowest
 * bit `afterMs` (31 bits), source (5), ticket (17).
 */
function admissionOf(bits: number, policy: Policy): Admission {
  if (bits === 0) return { action: "send" };
  if (bits < 0) return { action: "refuse", decision: new Decision(-bits, policy) };
  return {
    action: "wait",
    afterMs: bits % 2 ** 31,
    source: sources[Math.floor(bits / 2 ** 31) & 0x1f] as Source,
    ticket: Math.floor(bits / 2 ** 36),
  };
}
