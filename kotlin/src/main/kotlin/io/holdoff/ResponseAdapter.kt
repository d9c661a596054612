@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async

/** How [retry] looks at the responses and exceptions of one HTTP client. */
public interface ResponseAdapter<T : Any> {
    /** The HTTP status. */
    public fun status(response: T): Int

    /** The headers. */
    public fun headers(response: T): Headers

    /**
     * The method of the request as it was sent first, before any redirect, or `null` where the client
     * does not tell. It counts where [Call.method] is not known.
     */
    public fun method(response: T): String? = null

    /**
     * The response itself, or one to take its place whose body is still there after [peekBody] has
     * looked at it. [retry] asks for it once, before it looks.
     */
    public fun peekable(response: T): T = response

    /**
     * The first [maxBytes] of the body, without using it up; nothing where there is no body to look
     * at. [retry] cancels it when it takes more than a second, so a read that blocks belongs
     * [inBackground]. An `IOException` counts as no body.
     */
    public suspend fun peekBody(
        response: T,
        maxBytes: Int,
    ): ByteArray = ByteArray(0)

    /** Frees the connection of a response that is not given back. An `IOException` is passed over. */
    public fun close(response: T) {}

    /**
     * How the transport failed where [exception] says so; `null` for any other exception, which is
     * then not retried. By default the exceptions of `java.net`, `javax.net.ssl` and `java.io` are
     * known. What futures wrap an exception in is already taken off.
     */
    public fun failure(exception: Throwable): Failure.Transport? = transportFailure(exception)
}

/**
 * Runs [read], which blocks, for a caller that may be cancelled. A thread that waits for a server may
 * not notice an interrupt, so it is left behind then, until the response is closed.
 */
@JvmSynthetic
public suspend fun <R> inBackground(read: () -> R): R = CoroutineScope(Dispatchers.IO).async { read() }.await()
