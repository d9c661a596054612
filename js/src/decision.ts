import {
  type Action,
  actions,
  classes,
  type FailureClass,
  type Reason,
  reasons,
  type Source,
  sources,
} from "./generated/codes.js";
import type { Policy } from "./policy.js";

/** What to do with a failed attempt, and why. Immutable; two with the same `bits` are equal. */
export class Decision {
  /**
   * The whole decision as one number below 2^49, for logs and comparisons: from the lowest bit
   * `afterMs` (31 bits), source (5), reason (6), class (5), action (2).
   */
  readonly bits: number;
  readonly #policy: Policy;

  /** Decisions are made by `Policy` and `Upstream`; this is for one that was kept as its bits. */
  constructor(bits: number, policy: Policy) {
    this.bits = bits;
    this.#policy = policy;
  }

  /** What to do. */
  get action(): Action {
    return actions[Math.floor(this.bits / 2 ** 47)] as Action;
  }

  /** What kind of failure it was. */
  get class(): FailureClass {
    return classes[Math.floor(this.bits / 2 ** 42) & 0x1f] as FailureClass;
  }

  /** Which rule decided. */
  get reason(): Reason {
    return reasons[Math.floor(this.bits / 2 ** 36) & 0x3f] as Reason;
  }

  /** Where `afterMs` comes from. */
  get source(): Source {
    return sources[Math.floor(this.bits / 2 ** 31) & 0x1f] as Source;
  }

  /**
   * The wait in milliseconds, at most 2^31 − 1.
   *
   * When the action is to stop because the wait is too long (`hint_too_long`, `deadline`,
   * `held`), it is how long the wait would have been. Otherwise it is 0 unless the action is to retry.
   */
  get afterMs(): number {
    return this.bits % 2 ** 31;
  }

  /** What a person should do about it, one sentence. */
  get advice(): string {
    return this.#policy.advice(this);
  }

  /** Whether the other decision is the same. */
  equals(other: Decision): boolean {
    return this.bits === other.bits;
  }

  /** One line: `retry after 3000 ms (rate_limited, status, retry-after)`. */
  toString(): string {
    const wait = this.afterMs > 0 || this.action === "retry" ? ` after ${this.afterMs} ms` : "";
    return `${this.action}${wait} (${this.class}, ${this.reason}, ${this.source})`;
  }

  /** What `JSON.stringify` writes. */
  toJSON(): DecisionJSON {
    const { action, afterMs, class: kind, reason, source, advice, bits } = this;
    return { action, afterMs, class: kind, reason, source, advice, bits };
  }

  /** What `console.log` shows in Node, Deno and Bun. */
  [Symbol.for("nodejs.util.inspect.custom")](
    _depth: number,
    options: object,
    inspect: (value: unknown, options: object) => string,
  ): string {
    const { bits: _, ...shown } = this.toJSON();
    return `Decision ${inspect(shown, options)}`;
  }
}

/** A decision as plain data. */
export interface DecisionJSON {
  action: Action;
  afterMs: number;
  class: FailureClass;
  reason: Reason;
  source: Source;
  advice: string;
  bits: number;
}
