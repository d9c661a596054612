package io.holdoff

/**
 * The answer of [Policy.decide] and [Upstream.decide]: five small facts in one number.
 *
 * Decisions are equal when their [bits] are, in every language. What a person should do about the
 * failure is in [Policy.advice].
 *
 * @property bits The decision as one number of 49 bits, never 0: from the lowest bit [afterMs]
 *   (31 bits), [source] (5), [reason] (6), [failureClass] (5) and [action] (2).
 */
@JvmInline
public value class Decision internal constructor(
    public val bits: Long,
) {
    /** What to do. */
    @get:JvmExposeBoxed
    public val action: Action
        get() = Action.of(part(lowest = 47, mask = 0x3))

    /** What kind of failure it was. */
    @get:JvmExposeBoxed
    public val failureClass: FailureClass
        get() = FailureClass.of(part(lowest = 42, mask = 0x1F))

    /** Which rule decided. */
    @get:JvmExposeBoxed
    public val reason: Reason
        get() = Reason.of(part(lowest = 36, mask = 0x3F))

    /** Where [afterMs] comes from. */
    @get:JvmExposeBoxed
    public val source: Source
        get() = Source.of(part(lowest = 31, mask = 0x1F))

    /**
     * The wait in milliseconds, at most 2^31 − 1.
     *
     * When the action is to stop because the wait is too long ([Reason.HINT_TOO_LONG],
     * [Reason.DEADLINE], [Reason.HELD]), it is how long the wait would have been, so that you can offer
     * a time to come back. Otherwise it is 0 unless the action is to retry.
     */
    @get:JvmExposeBoxed
    public val afterMs: Long
        get() = bits and 0x7FFF_FFFF

    /** All parts as text, such as `retry after 3000 ms (rate_limited, status, retry-after)`. */
    @JvmExposeBoxed
    override fun toString(): String {
        val wait = if (afterMs == 0L && action != Action.RETRY) "" else " after $afterMs ms"
        return "${action.wireName}$wait (${failureClass.wireName}, ${reason.wireName}, ${source.wireName})"
    }

    private fun part(
        lowest: Int,
        mask: Int,
    ): Int = (bits ushr lowest).toInt() and mask
}

/** The decision that the core gave as these bits. */
internal fun decision(bits: Long): Decision {
    check(bits != 0L) { "the native library does not fit this version of holdoff" }
    return Decision(bits)
}
