import type { Decision } from "./decision.js";
import type { Topic } from "./generated/codes.js";

/** One step that led to a decision. */
export interface Step {
  /** What the step is about. */
  readonly topic: Topic;
  /** What was found, one sentence for a person. */
  readonly text: string;
}

/** The steps as the core gives them, topic and text in turn. */
export function stepsOf(topicsAndTexts: readonly string[]): Step[] {
  const steps: Step[] = [];
  for (let index = 0; index < topicsAndTexts.length; index += 2) {
    const [topic, text] = topicsAndTexts.slice(index) as [Topic, string];
    steps.push({ topic, text });
  }
  return steps;
}

/** The ordered steps that led to a decision, for a person or a log. */
export class Explanation {
  /** The decision, the same that `decide` gives. */
  readonly decision: Decision;
  /** The steps. The last one states the decision. */
  readonly steps: readonly Step[];

  /** Explanations are made by `Policy.explain` and `Upstream.explain`. */
  constructor(decision: Decision, steps: readonly Step[]) {
    this.decision = decision;
    this.steps = steps;
  }

  /** One line for each step. */
  toString(): string {
    return this.steps.map(({ topic, text }) => `${topic.padEnd(9)} ${text}`).join("\n");
  }
}
