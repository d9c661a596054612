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
 * Calls that share an [Upstream] wait for it before each attempt, the first included, as they wait for a
 * retry. Where it refuses a retry, the call ends in its last failure as if the policy had stopped, and
 * so its last response stays open while it waits. Where it refuses the first attempt, nothing is sent
 * and a [HeldBackException] is thrown.
 *
 * Turn off the retries of the HTTP client itself, or they multiply with these.
 *
 * @param adapter how to look at a response, such as [HttpResponseAdapter].
 * @param policy the rules, [Policy.recommended] unless others are given.
 * @param call what is known of the call. Without a seed one is drawn for all attempts; the time, and
 *   the number of each attempt after the first, are filled in.
 * @param upstream what all calls to this server share, by the policy's `upstream`.
 * @param onDecision is told every decision, before the wait; and once more where [upstream] refuses the
 *   retry.
 * @param delivered tells whether the user was already given a part of the answer; asked after each
 *   failed attempt.
 * @param timeSource measures the time since the call began.
 * @param clock tells the time against which hints that are dates are read, and by which [upstream] lets
 *   calls go on.
 */
@JvmSynthetic
public suspend fun <T : Any> retry(
    adapter: ResponseAdapter<T>,
    policy: Policy = defaultPolicy,
    call: Call = Call(),
    upstream: Upstream? = null,
    onDecision: (DecisionEvent<T>) -> Unit = {},
    delivered: () -> Boolean? = { call.delivered },
    timeSource: TimeSource = TimeSource.Monotonic,
    clock: Clock = Clock.systemUTC(),
    send: suspend (attempt: Long) -> T,
): T {
    val began = timeSource.markNow()
    var known = if (call.seed == null) call.copy(seed = freshSeed()) else call
    var decision: Decision? = null
    var failed: Failed<T>? = null

    fun elapsedMs() = (began.elapsedNow() + (call.elapsedMs ?: 0).milliseconds).inWholeMilliseconds

    fun callNow() = known.copy(now = clock.instant(), elapsedMs = elapsedMs())

    try {
        while (true) {
            currentCoroutineContext().ensureActive()
            upstream?.waitToSend(policy, ::callNow)?.let { refusal ->
                val last = failed ?: throw HeldBackException(refusal).also { GivenUp.remember(it, refusal) }
                onDecision(last.event(refusal))
                return last.giveBack(refusal)
            }
            failed?.close()

            val answer = outcome { send(known.attempt) }
            answer.onSuccess {
                if (adapter.status(it) < FIRST_FAILURE_STATUS) {
                    upstream?.succeed(policy, callNow(), decision)
                    return it
                }
            }
            val outcome = if (policy.readsBody) answer.map(adapter::peekable) else answer
            failed = Failed(adapter, known.attempt, outcome)
            // The method is kept, since a later attempt may end in an exception, which does not tell it.
            val method = known.method ?: outcome.getOrNull()?.let(adapter::method)?.takeIf(::isMethod)
            known = known.copy(now = clock.instant(), method = method)

            val leftMs = call.deadlineMs?.minus(elapsedMs()) ?: Long.MAX_VALUE
            val failure =
                outcome.fold(
                    { adapter.failure(it, policy, leftMs) },
                    { adapter.failure(it.unwrapped()) ?: throw it },
                )
            val facts = known.copy(elapsedMs = elapsedMs(), delivered = delivered())
            decision = upstream?.decide(policy, failure, facts) ?: policy.decide(failure, facts)
            onDecision(failed.event(decision))
            if (decision.action != Action.RETRY) return failed.giveBack(decision)
            if (upstream == null) failed.close()
            delay(decision.afterMs)
            known = known.copy(attempt = known.attempt + 1)
        }
    } finally {
        failed?.close()
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

/** Waits until the call that [callNow] gives may be sent; the decision if it may not be at all. */
private suspend fun Upstream.waitToSend(
    policy: Policy,
    callNow: () -> Call,
): Decision? {
    var ticket = 0
    while (true) {
        when (val admission = admit(policy, callNow(), ticket)) {
            is Admission.Send -> {
                return null
            }

            is Admission.Refuse -> {
                return admission.decision
            }

            is Admission.Wait -> {
                ticket = admission.ticket
                delay(admission.afterMs)
            }
        }
    }
}

/** How an attempt failed. Its response is open until it is given back or closed. */
private class Failed<T : Any>(
    private val adapter: ResponseAdapter<T>,
    private val attempt: Long,
    private val outcome: Result<T>,
) {
    private var isOpen = true

    fun event(decision: Decision) = DecisionEvent(decision, attempt, outcome.getOrNull(), outcome.exceptionOrNull())

    fun giveBack(decision: Decision): T {
        GivenUp.remember(outcome.fold({ it }, { it }), decision)
        isOpen = false
        return outcome.getOrThrow()
    }

    fun close() {
        if (isOpen) outcome.onSuccess(adapter::closeQuietly)
        isOpen = false
    }
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
