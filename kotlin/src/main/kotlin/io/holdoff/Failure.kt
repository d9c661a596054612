package io.holdoff

/** How an attempt ended. */
public sealed class Failure {
    /**
     * A response came.
     *
     * @property status The HTTP status, from 0 to 999.
     * @property headers The response's headers.
     * @property body The body as it was received, or nothing where it was not read. Only the first
     *   64 KiB are looked at, and only by a policy that [reads bodies][Policy.readsBody].
     * @throws IllegalArgumentException if [status] is out of range.
     */
    public class Response
        @JvmOverloads
        constructor(
            public val status: Int,
            public val headers: Headers = Headers.NONE,
            public val body: ByteArray = ByteArray(0),
        ) : Failure() {
            init {
                require(status in 0..999) { "failure.status: `$status` is not a status from 0 to 999" }
            }

            /** The same with a body of text. */
            public constructor(status: Int, headers: Headers, body: String) :
                this(status, headers, body.encodeToByteArray())

            override fun toString(): String = "Response(status=$status)"
        }

    /**
     * No whole response came.
     *
     * @property kind How the connection failed.
     * @property phase How far the attempt got; `null` for what is usual for [kind].
     */
    public data class Transport
        @JvmOverloads
        constructor(
            public val kind: TransportKind,
            public val phase: Phase? = null,
        ) : Failure()
}
