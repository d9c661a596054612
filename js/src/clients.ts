/**
 * Policies that do what other clients do, each compared with the client itself: to see what a client
 * makes of a response, or to keep its behaviour when moving to holdoff. They are apart from the rest
 * so that nobody loads them who does not need them.
 */

import { core } from "./core.js";
import { type Client, documents } from "./generated/clients.js";
import { presetNames as own, type PresetName } from "./generated/codes.js";
import { Policy, policyErrors } from "./policy.js";

export type { Client } from "./generated/clients.js";

/** The names of all policies that ship, of each client the newest first. */
export const presetNames: readonly string[] = [...own, ...Object.keys(documents)];

/**
 * The policy that ships under a name.
 *
 * @param name A name out of `presetNames`; a client alone, `openai-node`, for its newest; or a client
 *   and a version of it, `openai-node@6.49.0`.
 * @throws {PolicyError} where there is none of this name.
 */
export function preset(name: PresetName | Client | `${Client}@${string}`): Policy {
  const match = policyErrors(() => core().match_preset(String(name), presetNames.join("\n")));
  const document = documents[match];
  if (document === undefined) return Policy.preset(match as PresetName);
  let policy = policies.get(match);
  if (policy === undefined) {
    policy = new Policy(document);
    policies.set(match, policy);
  }
  return policy;
}

const policies = new Map<string, Policy>();
