package io.holdoff

import java.time.Instant

/**
 * What is known of the call whose attempt failed, or which an [Upstream] is asked about. `null` is an
 * honest "unknown".
 *
 * From Java, start with `new Call()` and add what is known: `new Call().withMethod("POST")`.
 *
 * @property attempt The attempt that just failed, from zero: 0 is the first request. At most 2^32 − 1.
 * @property seed The 64 bits that the random part of each wait is drawn from. Take one seed for each
 *   call, from [freshSeed], and keep it for all of the call's attempts; without one, each decision
 *   takes fresh entropy.
 * @property draw The random part itself in place of the seed: a fraction from 0 up to but not
 *   including 1. For tests and comparisons.
 * @property now The time at which the response came. Without it, a hint given as a date can be read
 *   only if the response has its own `Date`, and an [Upstream] takes no part.
 * @property elapsedMs Milliseconds since the call began. Unknown counts as 0.
 * @property deadlineMs Milliseconds from the beginning of the call to the instant after which its
 *   answer is worthless.
 * @property maxRetries Takes the place of the policy's own number of retries. At most 2^32 − 1.
 * @property method The request's method, as sent.
 * @property idempotent Whether sending the request twice has the effect of sending it once; also true
 *   where it carries an idempotency key that the server honours. If not known, [method] tells it
 *   (RFC 9110 section 9.2.2), where a policy asks at all.
 * @property replayable Whether the request body can be sent again.
 * @property delivered Whether the user was already given a part of the answer.
 * @throws IllegalArgumentException if a number is out of range, [draw] is not a fraction, [now] is
 *   before 1970 or [method] is not a method.
 */
public data class Call
    @JvmOverloads
    constructor(
        public val attempt: Long = 0,
        public val seed: Long? = null,
        public val draw: Double? = null,
        public val now: Instant? = null,
        public val elapsedMs: Long? = null,
        public val deadlineMs: Long? = null,
        public val maxRetries: Long? = null,
        public val method: String? = null,
        public val idempotent: Boolean? = null,
        public val replayable: Boolean? = null,
        public val delivered: Boolean? = null,
    ) {
        init {
            inRange("attempt", attempt, MAX_COUNT)
            inRange("elapsedMs", elapsedMs, Long.MAX_VALUE)
            inRange("deadlineMs", deadlineMs, Long.MAX_VALUE)
            inRange("maxRetries", maxRetries, MAX_COUNT)
            require(draw == null || draw in 0.0..<1.0) {
                "call.draw: `$draw` is not a fraction from 0 up to but not including 1"
            }
            require(now == null || !now.isBefore(Instant.EPOCH)) {
                "call.now: `$now` is before 1970-01-01T00:00:00Z"
            }
            require(method == null || isMethod(method)) {
                "call.method: `$method` is not a method of 1 to $MAX_METHOD_BYTES bytes"
            }
        }

        /** This call with another [attempt]. */
        public fun withAttempt(attempt: Long): Call = copy(attempt = attempt)

        /** This call with another [seed]. */
        public fun withSeed(seed: Long?): Call = copy(seed = seed)

        /** This call with another [draw]. */
        public fun withDraw(draw: Double?): Call = copy(draw = draw)

        /** This call with another [now]. */
        public fun withNow(now: Instant?): Call = copy(now = now)

        /** This call with another [elapsedMs]. */
        public fun withElapsedMs(elapsedMs: Long?): Call = copy(elapsedMs = elapsedMs)

        /** This call with another [deadlineMs]. */
        public fun withDeadlineMs(deadlineMs: Long?): Call = copy(deadlineMs = deadlineMs)

        /** This call with another [maxRetries]. */
        public fun withMaxRetries(maxRetries: Long?): Call = copy(maxRetries = maxRetries)

        /** This call with another [method]. */
        public fun withMethod(method: String?): Call = copy(method = method)

        /** This call with another answer to [idempotent]. */
        public fun withIdempotent(idempotent: Boolean?): Call = copy(idempotent = idempotent)

        /** This call with another answer to [replayable]. */
        public fun withReplayable(replayable: Boolean?): Call = copy(replayable = replayable)

        /** This call with another answer to [delivered]. */
        public fun withDelivered(delivered: Boolean?): Call = copy(delivered = delivered)
    }

private const val MAX_COUNT = 0xFFFF_FFFF

// One byte holds its length on the way to the core.
private const val MAX_METHOD_BYTES = 255

/** Whether this can be asked about as a method. */
internal fun isMethod(text: String): Boolean = text.encodeToByteArray().size in 1..MAX_METHOD_BYTES

private fun inRange(
    name: String,
    number: Long?,
    most: Long,
) = require(number == null || number in 0..most) { "call.$name: `$number` is not a number from 0 to $most" }
