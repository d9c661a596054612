@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import java.nio.ByteBuffer
import io.holdoff.ffi.Policy as NativePolicy
import io.holdoff.ffi.PolicyException as NativePolicyException

/**
 * The rules by which calls to one API are retried. Immutable and safe to share between threads; load
 * it once and keep it.
 */
public class Policy private constructor(
    internal val native: NativePolicy,
) {
    /**
     * The policy that a JSON document describes.
     *
     * @throws PolicyException if the document is not a policy.
     */
    public constructor(document: String) : this(load { NativePolicy.fromJson(document.wellFormed()) })

    private val decider = Decider(native)

    /** The policy's name. */
    public val name: String = native.name()

    /** One sentence on what the policy is for; may be empty. */
    public val description: String = native.description()

    /** The names of the response headers that a decision reads, in lower case. */
    public val headers: List<String> = native.headers()

    private val headerNames = headers.toSet()

    /** Whether a decision looks into the response body. */
    public val readsBody: Boolean = native.readsBody()

    /**
     * The request header in which an adapter for an HTTP client is to send a fresh idempotency key with
     * each call whose method is not idempotent by itself, the same on all of its attempts; `null` for none.
     */
    public val idempotencyKeyHeader: String? = native.idempotencyKeyHeader()

    /**
     * Whether the failed attempt may be tried again, and after how long.
     *
     * Pure: the same failure and call, with a seed, always give the same decision. No response makes
     * it fail.
     */
    @JvmOverloads
    @JvmExposeBoxed
    public fun decide(
        failure: Failure,
        call: Call = Call(),
    ): Decision = decision(decider.decide(request(failure, call)))

    /** The same decision, with the steps that led to it. */
    @JvmOverloads
    public fun explain(
        failure: Failure,
        call: Call = Call(),
    ): Explanation = explanation(native.explain(request(failure, call)))

    /** What a person should do about the failure that [decision] is about, one sentence. */
    @JvmExposeBoxed
    public fun advice(decision: Decision): String = native.advice(decision.bits.toULong())

    /** The policy as a JSON document with every default spelt out. */
    public fun toJson(): String = native.toJson()

    override fun toString(): String = "Policy($name)"

    /** [call], and the [failure] if there is one, with all that a decision reads of it. */
    internal fun request(
        failure: Failure?,
        call: Call,
    ): ByteBuffer = request(failure, call, headerNames, readsBody)

    public companion object {
        /** The names of all presets. Those with an `@` do what other clients do in these versions. */
        @JvmStatic
        public val presetNames: List<String> by lazy { io.holdoff.ffi.presetNames() }

        /**
         * The policy that ships under [name]: one of [presetNames]; a client alone, `openai-java`, for
         * its newest; or a client and a version of it, `openai-python@2.40.0`.
         *
         * @throws PolicyException if there is none.
         */
        @JvmStatic
        public fun preset(name: String): Policy = Policy(load { NativePolicy.preset(name.wellFormed()) })

        /**
         * For any API that has no policy of its own: hears everything that servers are known to say,
         * keeps retries few and spread out, and stops where a request that is not safe to repeat may
         * have been executed.
         */
        @JvmStatic
        public fun recommended(): Policy = preset("recommended")

        /** Tessera AI, to the letter of its error page. */
        @JvmStatic
        public fun tessera(): Policy = preset("tessera")
    }
}

/**
 * What is wrong with a policy document, or with the state of an [Upstream]. Its message names the path
 * in the document, the value found there and what would be right.
 */
public class PolicyException internal constructor(
    override val message: String,
) : IllegalArgumentException(message)

/** A seed from the platform's entropy. Draw one for each call, and keep it for all of its attempts. */
public fun freshSeed(): Long =
    io.holdoff.ffi
        .freshSeed()
        .toLong()

/** What [read] gives, unless the document that it reads is wrong. */
internal fun <T> load(read: () -> T): T =
    try {
        read()
    } catch (error: NativePolicyException) {
        throw PolicyException(error.message.orEmpty())
    }
