package io.holdoff

/** The answer of [Upstream.admit]: whether an attempt may be sent. */
public sealed class Admission {
    /** Now. */
    public data object Send : Admission()

    /**
     * Not yet: wait, and then ask again.
     *
     * @property afterMs How long to wait, in milliseconds; at least 1.
     * @property source What holds the attempt back: [Source.HOLD], [Source.BREAKER] or [Source.PACE].
     * @property ticket What to ask again with: a place in the queue, of no use for any other call.
     */
    @ConsistentCopyVisibility
    public data class Wait internal constructor(
        public val afterMs: Long,
        public val source: Source,
        public val ticket: Int,
    ) : Admission()

    /**
     * Not at all: the wait would end after the call's deadline ([Reason.DEADLINE]), or be longer than
     * the policy allows ([Reason.HELD]).
     *
     * @property decision What holds the attempt back and for how long, and the class of what last
     *   failed.
     */
    @ConsistentCopyVisibility
    public data class Refuse internal constructor(
        @get:JvmExposeBoxed public val decision: Decision,
    ) : Admission()

    internal companion object {
        /** The answer that the number stands for. Its layout is documented in the core's `admission.rs`. */
        fun of(bits: Long): Admission =
            when {
                bits == 0L -> Send
                bits < 0 -> Refuse(Decision(-bits))
                else -> Wait(bits and 0x7FFF_FFFF, Source.of((bits ushr 31).toInt() and 0x1F), (bits ushr 36).toInt())
            }
    }
}
