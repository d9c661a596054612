package io.holdoff

import io.holdoff.ffi.ExplanationParts

/**
 * The steps that led to a decision, for a person or a log. Its text has one line for each step.
 *
 * @property decision The decision, the same that [Policy.decide] or [Upstream.decide] gives.
 * @property steps The steps, in order. The last one states the decision.
 */
public class Explanation internal constructor(
    @get:JvmExposeBoxed public val decision: Decision,
    public val steps: List<Step>,
    private val text: String,
) {
    override fun toString(): String = text
}

/**
 * One step of an [Explanation].
 *
 * @property topic What the step is about: `failure`, `verdict`, `call`, `retries`, `hint`, `backoff`,
 *   `jitter`, `deadline`, `upstream` or `decision`.
 * @property text What was found, one sentence for a person.
 */
public data class Step(
    public val topic: String,
    public val text: String,
)

/** The explanation that the core gave as these parts. */
internal fun explanation(parts: ExplanationParts?): Explanation {
    checkNotNull(parts) { "the native library does not fit this version of holdoff" }
    return Explanation(decision(parts.decision.toLong()), parts.steps.map { Step(it.topic, it.text) }, parts.text)
}
