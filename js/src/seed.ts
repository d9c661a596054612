import { wrong } from "./arguments.js";
import { core } from "./core.js";

/** A number of 64 bits: a bigint from 0 to 2^64 − 1, or a safe integer from 0. */
export type Seed = bigint | number;

/** The halves of a seed, which cross to the core for less than a bigint does. */
export interface SeedHalves {
  high: number;
  low: number;
}

let words = new Uint32Array();
let used = 0;

/**
 * A seed from the platform's entropy. Draw one for each call, and keep it for all of the call's
 * attempts.
 */
export function freshSeed(): bigint {
  const { high, low } = freshHalves();
  return (BigInt(high) << 32n) | BigInt(low);
}

export function freshHalves(): SeedHalves {
  if (used === words.length) {
    const fresh = core().entropy();
    if (fresh === undefined) {
      throw new Error("no entropy: `crypto.getRandomValues` is missing or refuses; give a `seed`");
    }
    words = fresh as typeof words;
    used = 0;
  }
  return { high: words[used++] as number, low: words[used++] as number };
}

export function halvesOf(seed: unknown): SeedHalves {
  if (typeof seed === "number" && Number.isSafeInteger(seed) && seed >= 0) {
    return { high: Math.floor(seed / 2 ** 32), low: seed >>> 0 };
  }
  if (typeof seed === "bigint" && BigInt.asUintN(64, seed) === seed) {
    return { high: Number(seed >> 32n), low: Number(BigInt.asUintN(32, seed)) };
  }
  const type = typeof seed === "bigint" ? "bigint" : "number";
  throw wrong("seed", seed, type, "a bigint from 0 to 2^64 − 1 or a safe integer from 0");
}
