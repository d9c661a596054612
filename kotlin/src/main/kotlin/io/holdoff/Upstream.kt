package io.holdoff

import io.holdoff.ffi.Upstream as NativeUpstream

/**
 * What many calls share about one server: a wait that the server told one of them, a budget that
 * retries are paid from, a breaker, and the rate at which calls are sent.
 *
 * Take one for each server and give it to every [retry] of a call to it; any number of threads and
 * coroutines may use it at once. Which of its parts there are, and what they do, is the policy's
 * `upstream`: by a policy without one it holds nothing back.
 *
 * Without [retry]: [admit] before each attempt; then [succeed], or [decide] in place of
 * [Policy.decide]. It reads no clock: a call whose [now][Call.now] is not known is sent, and nothing is
 * learnt from it.
 */
public class Upstream private constructor(
    private val native: NativeUpstream,
) {
    /** A state in which nothing is known. */
    public constructor() : this(NativeUpstream())

    /**
     * Whether an attempt may be sent now. Ask before each, the first included, and where the answer is
     * to wait, ask again after that.
     *
     * @param call what is known of the call; its [attempt][Call.attempt] is the one that is to be sent.
     *   Keep its seed for all of its attempts, for it tells when the call is released, and its deadline,
     *   which bounds the wait.
     * @param ticket that of the last answer where that was to wait, 0 otherwise.
     */
    @JvmOverloads
    public fun admit(
        policy: Policy,
        call: Call,
        ticket: Int = 0,
    ): Admission = Admission.of(native.admit(policy.native, policy.request(null, call), ticket.toUInt()))

    /**
     * Takes in that an attempt succeeded.
     *
     * @param after the decision that led to the attempt; `null` for the first one.
     * @param headers the answer's, which may say what is left of the server's limits.
     */
    @JvmOverloads
    @JvmExposeBoxed
    public fun succeed(
        policy: Policy,
        call: Call,
        after: Decision? = null,
        headers: Headers = Headers.NONE,
    ) {
        val answer = Failure.Response(0, headers)
        native.succeed(policy.native, policy.request(answer, call), (after?.bits ?: 0).toULong())
    }

    /**
     * Takes in that an attempt failed, and decides as [Policy.decide] does, but that a retry has to be
     * paid from the budget: where that is used up, the call stops with the reason
     * [Reason.BUDGET_EXHAUSTED].
     */
    @JvmExposeBoxed
    public fun decide(
        policy: Policy,
        failure: Failure,
        call: Call,
    ): Decision = decision(native.decide(policy.native, policy.request(failure, call)).toLong())

    /**
     * Takes in that an attempt failed, as [decide] does and in place of it, and tells the steps that
     * led to the decision.
     */
    public fun explain(
        policy: Policy,
        failure: Failure,
        call: Call,
    ): Explanation = explanation(native.explain(policy.native, policy.request(failure, call)))

    /**
     * Takes in what another copy of the same state knows: of the waits that the server told the later
     * counts, and of all the rest what was seen later.
     */
    public fun merge(other: Upstream): Unit = native.merge(other.native)

    /** The state as a JSON object, to be kept or handed on. */
    public fun toJson(): String = native.toJson()

    override fun toString(): String = "Upstream(${toJson()})"

    public companion object {
        /**
         * The state that [toJson] wrote.
         *
         * @throws PolicyException if it is not a state that this version wrote.
         */
        @JvmStatic
        public fun fromJson(text: String): Upstream = Upstream(load { NativeUpstream.fromJson(text.wellFormed()) })
    }
}
