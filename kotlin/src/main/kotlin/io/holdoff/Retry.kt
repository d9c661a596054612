@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.delay
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.isActive
import kotlinx.coroutines.withContext
import kotlinx.coroutines.withTimeoutOrNull
import java.io.IOException
import java.time.Clock
import kotlin.coroutines.CoroutineContext
import kotlin.time.Duration.Companion.milliseconds
import kotlin.time.TimeSource

/**
 * One decision of [retry].
 *
 * @property decision The decision.
 * @property attempt The attempt that failed, from zero.
 * @property response The response, where one came.
 * @property error The exception, where no whole response came.
 * @property explanation The steps that led to the decision; `null` where an [Upstream] refuses the retry.
 * @property report What to send to the vendor's support, where the action is [Action.ESCALATE].
 */
public class DecisionEvent<out T : Any> internal constructor(
    @get:JvmExposeBoxed public val decision: Decision,
    public val attempt: Long,
    public val response: T?,
    public val error: Throwable?,
    public val explanation: Explanation?,
    public val report: SupportReport?,
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
 * Turn off the retries of the HTTP client itself, or they multiply with these. A [retry] inside the
 * attempt of another is noticed, and told once as a warning.
 *
 * What is decided is logged, one line for each decision, by the logger `io.holdoff` of
 * `java.util.logging`: a retry as info, the end of a call as a warning, an escalation as severe.
 *
 * @param adapter how to look at a response, such as [HttpResponseAdapter].
 * @param policy the rules, [Policy.recommended] unless others are given.
 * @param call what is known of the call. Without a seed one is drawn for all attempts; the time, and
 *   the number of each attempt after the first, are filled in.
 * @param upstream what all calls to this server share, by the policy's `upstream`.
 * @param onDecision is told every decision with its explanation, before the wait; and once more where
 *   [upstream] refuses the retry.
 * @param delivered tells whether the user was already given a part of the answer; asked after each
 *   failed attempt.
 * @param timeSource measures the time since the call began.
 * @param clock tells the time against which hints that are dates are read, and by which [upstream] lets
 *   calls go on.
 * @param endpoint the URL that is called, for the log and [DecisionEvent.report], where it is cut to the
 *   part without query and credentials.
 */
@JvmSynthetic
public suspend fun <T : Any> retry(
    adapter: ResponseAdapter<T>,
    policy: Policy = defaultPolicy,
    call: Call = Call(),
    upstream: Upstream? = null,
    onDecision: ((DecisionEvent<T>) -> Unit)? = null,
    delivered: () -> Boolean? = { call.delivered },
    timeSource: TimeSource = TimeSource.Monotonic,
    clock: Clock = Clock.systemUTC(),
    endpoint: String? = null,
    send: suspend (attempt: Long) -> T,
): T =
    Driver(adapter, policy, call, upstream, onDecision, delivered, timeSource, clock, endpoint).run { attempt, _ ->
        send(attempt)
    }

/** The loop of [retry], whose arguments these are. */
internal class Driver<T : Any>(
    private val adapter: ResponseAdapter<T>,
    private val policy: Policy,
    private val call: Call,
    private val upstream: Upstream?,
    private val onDecision: ((DecisionEvent<T>) -> Unit)?,
    private val delivered: () -> Boolean? = { call.delivered },
    private val timeSource: TimeSource = TimeSource.Monotonic,
    private val clock: Clock = Clock.systemUTC(),
    endpoint: String?,
    /** Is told each decision and the exception that it is about, if it is about one. */
    private val watch: (Decision, Throwable?) -> Unit = { _, _ -> },
) {
    private val began = timeSource.markNow()
    private val endpoint = endpoint?.let(::withoutSecrets)
    private var known = if (call.seed == null) call.copy(seed = freshSeed()) else call
    private var failed: Failed<T>? = null

    /** [retry]; [send] is told how many milliseconds are left as well, where there is a deadline. */
    suspend fun run(send: suspend (attempt: Long, leftMs: Long?) -> T): T {
        val inside = insideAttempt(endpoint)
        var decision: Decision? = null
        try {
            while (true) {
                currentCoroutineContext().ensureActive()
                upstream?.waitToSend(policy, ::callNow, endpoint)?.let { refusal ->
                    val last = failed ?: throw HeldBackException(refusal).also { GivenUp.remember(it, refusal) }
                    tell(last, refusal)
                    return last.giveBack(refusal)
                }
                failed?.close()

                val ended = runIn(inside) { adapter.attempt(::leftMs) { send(known.attempt, leftMs()) } }
                ended.outcome.onSuccess {
                    if (!currentCoroutineContext().isActive) adapter.closeQuietly(it)
                    currentCoroutineContext().ensureActive()
                    if (isSuccess(it, ended.opening)) {
                        upstream?.succeed(policy, callNow(), decision, adapter.headers(it))
                        return it
                    }
                }
                val outcome = if (policy.readsBody) ended.outcome.map(adapter::peekable) else ended.outcome
                val last = Failed(adapter, known.attempt, outcome).also { failed = it }
                // The method is kept, since a later attempt may end in an exception, which does not tell it.
                val method = known.method ?: outcome.getOrNull()?.let(adapter::method)?.takeIf(::isMethod)
                known = known.copy(now = clock.instant(), method = method)

                val failure =
                    outcome.fold(
                        { adapter.failure(it, ended.opening, policy, leftMs() ?: Long.MAX_VALUE) },
                        { adapter.failure(it.unwrapped())?.inPhase(ended.phase) ?: throw it },
                    )
                decision = decide(last, failure)
                if (decision.action != Action.RETRY) return last.giveBack(decision)
                if (upstream == null) last.close()
                delay(decision.afterMs)
                known = known.copy(attempt = known.attempt + 1)
            }
        } finally {
            failed?.close()
        }
    }

    /** The opening of a success may tell of an error, as that of a stream does. */
    private fun isSuccess(
        response: T,
        opening: ByteArray?,
    ): Boolean {
        val status = adapter.status(response)
        if (status >= FIRST_FAILURE_STATUS) return false
        if (opening == null) return true
        val failure = Failure.Response(status, adapter.headers(response), opening)
        return policy.decide(failure, known).reason == Reason.NOT_A_FAILURE
    }

    /** What is decided on [failure], once it is told to all who listen. */
    private fun decide(
        last: Failed<T>,
        failure: Failure,
    ): Decision {
        val facts = known.copy(elapsedMs = elapsedMs(), delivered = delivered())
        if (onDecision == null) {
            return (upstream?.decide(policy, failure, facts) ?: policy.decide(failure, facts)).also { tell(last, it) }
        }
        val explanation = upstream?.explain(policy, failure, facts) ?: policy.explain(failure, facts)
        val escalates = explanation.decision.action == Action.ESCALATE
        val report = if (escalates) supportReport(failure, endpoint, facts.now) else null
        tell(last, explanation.decision, explanation, report)
        return explanation.decision
    }

    private fun tell(
        last: Failed<T>,
        decision: Decision,
        explanation: Explanation? = null,
        report: SupportReport? = null,
    ) {
        logDecision(decision, known, endpoint)
        val event = last.event(decision, explanation, report)
        watch(decision, event.error)
        onDecision?.invoke(event)
    }

    private fun elapsedMs() = (began.elapsedNow() + (call.elapsedMs ?: 0).milliseconds).inWholeMilliseconds

    private fun leftMs() = call.deadlineMs?.minus(elapsedMs())

    private fun callNow() = known.copy(now = clock.instant(), elapsedMs = elapsedMs())
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
    endpoint: String?,
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
                logHeldBack(admission, callNow(), endpoint)
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

    fun event(
        decision: Decision,
        explanation: Explanation?,
        report: SupportReport?,
    ) = DecisionEvent(decision, attempt, outcome.getOrNull(), outcome.exceptionOrNull(), explanation, report)

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

/**
 * How an attempt ended.
 *
 * @property opening The beginning of a success, where the adapter looked at it.
 * @property phase Where the attempt failed, if the adapter can't know.
 */
private class Ended<T : Any>(
    val outcome: Result<T>,
    val opening: ByteArray? = null,
    val phase: Phase? = null,
)

/** What [send] comes to, and the opening of a success. */
private suspend fun <T : Any> ResponseAdapter<T>.attempt(
    leftMs: () -> Long?,
    send: suspend () -> T,
): Ended<T> {
    val response = outcome { send() }.getOrElse { return Ended(Result.failure(it)) }
    if (this !is OpeningAdapter || status(response) >= FIRST_FAILURE_STATUS) return Ended(Result.success(response))
    try {
        val opening = outcome { opening(response, leftMs()) }
        opening.exceptionOrNull()?.let {
            closeQuietly(response)
            return Ended(Result.failure(it), phase = Phase.BODY)
        }
        return Ended(Result.success(response), opening.getOrNull())
    } catch (cancelled: CancellationException) {
        closeQuietly(response)
        throw cancelled
    }
}

/**
 * What [run] gives or throws in [context]. `withContext` would throw a copy of the exception, and would lose
 * a response that comes while the call is cancelled, which has to be closed.
 */
internal suspend fun <R> runIn(
    context: CoroutineContext,
    run: suspend () -> R,
): R {
    var result: Result<R>? = null
    try {
        withContext(context) { result = runCatching { run() } }
    } catch (cancelled: CancellationException) {
        if (result == null) throw cancelled
    }
    return checkNotNull(result).getOrThrow()
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
    opening: ByteArray?,
    policy: Policy,
    leftMs: Long,
): Failure.Response {
    val body = opening ?: if (policy.readsBody) body(response, minOf(leftMs, MAX_BODY_TIME_MS)) else null
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

private fun Failure.Transport.inPhase(phase: Phase?) = if (phase == null) this else copy(phase = phase)

internal val defaultPolicy: Policy by lazy { Policy.recommended() }

private const val FIRST_FAILURE_STATUS = 400
internal const val MAX_BODY_TIME_MS = 1000L
