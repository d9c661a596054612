@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.withTimeoutOrNull
import java.io.IOException
import java.time.Clock
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource

/**
 * One decision of [retry].
 *
 * @property decision The decision.
 * @property attempt The attempt that failed, from zero.
 * @property response The response, where one came.
 * @property error The exception, where no whole response came.
 */
public class DecisionEvent<out T : Any> internal constructor(
    @get:JvmExposeBoxed public val decision: Decision,
    public val attempt: Long,
    public val response: T?,
    public val error: Throwable?,
) {
    /** How long is waited now, in milliseconds; `null` where the call ends. */
    public val waitMs: Long? = decision.afterMs.takeIf { decision.action == Action.RETRY }

    override fun toString(): String = "attempt $attempt: $decision"
}

/**
 * Sends a request by [send] until it succeeds or [policy] says to stop.
 *
 * [send] is given the number of the attempt, from zero, and returns the response or throws. A status
 * below 400 is a success and is returned at once; an error inside of it, as in a stream, is for
 * whoever reads it, and [Policy.decide] tells what to do about it. When the policy stops, the last
 * response is returned as the client gave it, its body still readable, or the last exception is
 * thrown; [decisionOf] tells why. Exceptions that are no transport failures are thrown at once, and so
 * is cancellation: it ends a wait promptly. A `withTimeout` inside of [send] is the time limit of one
 * attempt, one around this function that of the whole call.
 *
 * Some failures leave open whether the server executed the request, such as a time limit that passed
 * after it was sent, or a 504. Then [Policy.recommended] repeats only what is safe to repeat, by
 * [Call.idempotent] or else by the method (RFC 9110 section 9.2.2): a POST ends there, with the reason
 * [Reason.POSSIBLY_EXECUTED], unless `Call(idempotent = true)`. Where neither is known, it goes on.
 *
 * Turn off the retries of the HTTP client itself, or they multiply with these.
 *
 * @param adapter how to look at a response, such as [HttpResponseAdapter].
 * @param policy the rules, [Policy.recommended] unless others are given.
 * @param call what is known of the call. Without a seed one is drawn for all attempts; the time, and
 *   the number of each attempt after the first, are filled in.
 * @param onDecision is told every decision, before the wait.
 * @param delivered tells whether the user was already given a part of the answer; asked after each
 *   failed attempt.
 * @param timeSource measures the time since the call began.
 * @param clock tells the time against which hints that are dates are read.
 */
@JvmSynthetic
public suspend fun <T : Any> retry(
    adapter: ResponseAdapter<T>,
    policy: Policy = defaultPolicy,
    call: Call = Call(),
    onDecision: (DecisionEvent<T>) -> Unit = {},
    delivered: () -> Boolean? = { call.delivered },
    timeSource: TimeSource = TimeSource.Monotonic,
    clock: Clock = Clock.systemUTC(),
    send: suspend (attempt: Long) -> T,
): T {
    val began = timeSource.markNow()
    var known = if (call.seed == null) call.copy(seed = freshSeed()) else call

    fun elapsedMs() = (began.elapsedNow() + (call.elapsedMs ?: 0).milliseconds).inWholeMilliseconds

    while (true) {
        currentCoroutineContext().ensureActive()
        val answer = outcome { send(known.attempt) }
        answer.onSuccess { if (adapter.status(it) < FIRST_FAILURE_STATUS) return it }
        val outcome = if (policy.readsBody) answer.map(adapter::peekable) else answer
        // The method is kept, since a later attempt may end in an exception, which does not tell it.
        val method = known.method ?: outcome.getOrNull()?.let(adapter::method)?.takeIf(::isMethod)
        known = known.copy(now = clock.instant(), method = method)

        var decision: Decision
        var givenBack = false
        try {
            val leftMs = call.deadlineMs?.minus(elapsedMs()) ?: Long.MAX_VALUE
            val failure =
                outcome.fold(
                    { adapter.failure(it, policy, leftMs) },
                    { adapter.failure(it.unwrapped()) ?: throw it },
                )
            decision = policy.decide(failure, known.copy(elapsedMs = elapsedMs(), delivered = delivered()))
            onDecision(DecisionEvent(decision, known.attempt, outcome.getOrNull(), outcome.exceptionOrNull()))
            if (decision.action != Action.RETRY) {
                GivenUp.remember(outcome.fold({ it }, { it }), decision)
                givenBack = true
                return outcome.getOrThrow()
            }
        } finally {
            if (!givenBack) outcome.onSuccess(adapter::closeQuietly)
        }
        delay(decision.afterMs)
        known = known.copy(attempt = known.attempt + 1)
    }
}

/**
 * The decision by which [retry] gave this response back or threw this exception; `null` if it did
 * not. An exception that wraps it, as `ExecutionException` does, will do as well.
 */
public fun decisionOf(responseOrException: Any): Decision? {
    val candidates = (responseOrException as? Throwable)?.withCauses() ?: sequenceOf(responseOrException)
    return candidates.firstNotNullOfOrNull(GivenUp::decisionOf)
}

/** What [send] came to, unless it was cancelled. Its own time limit is not a cancellation. */
private suspend fun <T> outcome(send: suspend () -> T): Result<T> =
    try {
        Result.success(send())
    } catch (exception: Exception) {
        currentCoroutineContext().ensureActive()
        if (exception is CancellationException && exception !is TimeoutCancellationException) throw exception
        Result.failure(exception)
    }

private suspend fun <T : Any> ResponseAdapter<T>.failure(
    response: T,
    policy: Policy,
    leftMs: Long,
): Failure.Response {
    val body = if (policy.readsBody) body(response, minOf(leftMs, MAX_BODY_TIME_MS)) else null
    return Failure.Response(status(response), headers(response), body ?: ByteArray(0))
}

/** The beginning of the body, if it comes in time. */
private suspend fun <T : Any> ResponseAdapter<T>.body(
    response: T,
    timeMs: Long,
): ByteArray? =
    try {
        withTimeoutOrNull(timeMs) { peekBody(response, MAX_BODY_BYTES) }
    } catch (_: IOException) {
        null
    }

private fun <T : Any> ResponseAdapter<T>.closeQuietly(response: T) {
    try {
        close(response)
    } catch (_: IOException) {
        // Whatever is wrong with the connection, it is not needed any more.
    }
}

internal val defaultPolicy: Policy by lazy { Policy.recommended() }

private const val FIRST_FAILURE_STATUS = 400
private const val MAX_BODY_TIME_MS = 1000L
