package io.holdoff.okhttp

import io.holdoff.Attempt
import io.holdoff.OutgoingRequest
import io.holdoff.RetryOptions
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CoroutineScope
import kotlinx.coroutines.Job
import kotlinx.coroutines.delay
import kotlinx.coroutines.job
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import okhttp3.Call
import okhttp3.EventListener
import okhttp3.Interceptor
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.Response
import java.io.IOException
import java.io.InterruptedIOException
import java.net.InetSocketAddress
import java.net.Proxy
import java.util.concurrent.TimeUnit
import java.util.function.Consumer
import io.holdoff.Call as HoldoffCall

/**
 * Retries the calls of an OkHttp client, 5 or 4.12.
 *
 * ```kotlin
 * val client = RetryInterceptor { deadlineMs = 30_000 }.addTo(OkHttpClient.Builder()).build()
 * ```
 *
 * [addTo] also turns off what OkHttp sends again by itself, unseen: after a lost connection, a 408, or a
 * 503 with `Retry-After: 0`. Where only `addInterceptor` can be had, as with openai-java, the last of
 * these is left; set `retryOnConnectionFailure(false)` there.
 *
 * What is known of a single request goes with it as a tag:
 * `Request.Builder().tag(io.holdoff.Call::class.java, io.holdoff.Call(idempotent = true))`.
 *
 * A wait blocks the thread of the call, and of asynchronous calls counts among the dispatcher's
 * `maxRequestsPerHost`. `Call.cancel` and an interrupt end it at once (with OkHttp 4, within 20 ms). OkHttp's
 * `callTimeout` spans all attempts and waits; its other timeouts are those of one attempt. A deadline
 * shortens them, also those of a body that is read later. Bodies that are one-shot or duplex are not sent
 * again: such a call ends with the reason [io.holdoff.Reason.NOT_REPLAYABLE].
 *
 * A JSON response of up to 1 MiB is received whole before it is handed over, and of an event stream the
 * beginning. An error's body is waited for a second at most: one that takes longer, up to its first 64 KiB,
 * breaks off, for OkHttp cannot go on to read after a time limit. Nothing is retried once a response is handed over.
 */
public class RetryInterceptor private constructor(
    private val options: RetryOptions<Response>,
) : Interceptor {
    /** Retries as [configure] says. From Java, see [of]. */
    @JvmOverloads
    public constructor(configure: RetryOptions<Response>.() -> Unit = {}) :
        this(RetryOptions<Response>().apply(configure))

    /** Adds this to the client, and turns off what the client sends again by itself. */
    public fun addTo(client: OkHttpClient.Builder): OkHttpClient.Builder =
        client.retryOnConnectionFailure(false).addInterceptor(this).addNetworkInterceptor(this)

    override fun intercept(chain: Interceptor.Chain): Response =
        if (chain.connection() == null) retry(chain) else chain.proceed(chain.request()).withHiddenHint()

    private fun retry(chain: Interceptor.Chain): Response {
        val request = chain.request()
        val responses = OkHttpResponses(chain.call())
        var response: Response? = null
        try {
            return runBlocking {
                val cancellation = chain.call().cancels(coroutineContext.job, responses)
                options
                    .retry(responses, request.outgoing()) { chain.send(request, it, responses) }
                    .also {
                        response = it
                        cancellation?.cancel()
                    }
            }
        } catch (cancelled: CancellationException) {
            response?.close()
            // As OkHttp says it. If it was its own `callTimeout` that cancelled, it says so itself.
            throw IOException("Canceled").apply { initCause(cancelled) }
        } catch (interrupted: InterruptedException) {
            Thread.currentThread().interrupt()
            throw InterruptedIOException("interrupted").apply { initCause(interrupted) }
        }
    }

    public companion object {
        /** Retries as [configure] says, from Java: `RetryInterceptor.of(options -> options.setMaxRetries(3L))`. */
        @JvmStatic
        public fun of(configure: Consumer<RetryOptions<Response>>): RetryInterceptor =
            RetryInterceptor(RetryOptions<Response>().also(configure::accept))
    }
}

private fun Request.outgoing() =
    OutgoingRequest(
        method = method,
        url = url.toString(),
        replayable = body?.let { !it.isOneShot() && !it.isDuplex() } ?: true,
        call = tag(HoldoffCall::class.java),
        header = ::header,
    )

private fun Interceptor.Chain.send(
    request: Request,
    attempt: Attempt,
    responses: OkHttpResponses,
): Response {
    val prepared = request.newBuilder().apply { for ((name, value) in attempt.headers) header(name, value) }.build()
    responses.begin(attempt.leftMs)
    return call().unlessCanceled { within(attempt.leftMs).withoutResends().proceed(prepared).withShownHint() }
}

/** Shortens the time limits of an attempt to what is left of the deadline. 0 is no limit. */
private fun Interceptor.Chain.within(leftMs: Long?): Interceptor.Chain {
    val most = leftMs?.coerceIn(1, Int.MAX_VALUE.toLong())?.toInt() ?: return this

    fun shorter(limit: Int) = if (limit == 0) most else minOf(limit, most)
    return withConnectTimeout(shorter(connectTimeoutMillis()), TimeUnit.MILLISECONDS)
        .withReadTimeout(shorter(readTimeoutMillis()), TimeUnit.MILLISECONDS)
        .withWriteTimeout(shorter(writeTimeoutMillis()), TimeUnit.MILLISECONDS)
}

private fun Interceptor.Chain.withoutResends(): Interceptor.Chain =
    try {
        withRetryOnConnectionFailure(false)
    } catch (_: NoSuchMethodError) {
        this // OkHttp 4, where only the client has this switch
    }

/** Ends [job] when the call is cancelled; what looks out for that, where OkHttp does not tell it. */
private fun Call.cancels(
    job: Job,
    responses: OkHttpResponses,
): Job? =
    try {
        addEventListener(
            object : EventListener() {
                override fun canceled(call: Call) = job.cancel()

                override fun connectStart(
                    call: Call,
                    inetSocketAddress: InetSocketAddress,
                    proxy: Proxy,
                ) = responses.connecting()

                override fun requestHeadersStart(call: Call) = responses.sending()
            },
        )
        if (isCanceled()) job.cancel()
        null
    } catch (_: NoSuchMethodError) {
        CoroutineScope(job).launch {
            while (!isCanceled()) delay(CANCELLED_EVERY_MS)
            job.cancel()
        }
    }

// OkHttp sends a request again at once, by itself, when a 503 has `Retry-After: 0`. It doesn't when it
// can't find that header, so it is under another name between the network and the interceptor.
private fun Response.withHiddenHint() = renamed(HINT, HIDDEN_HINT)

private fun Response.withShownHint() = renamed(HIDDEN_HINT, HINT)

private fun Response.renamed(
    from: String,
    to: String,
): Response {
    if (headers[from] == null) return this
    val renamed = headers.newBuilder().apply { while (get(from) != null) removeAll(from) }
    for ((name, value) in headers) if (name.equals(from, ignoreCase = true)) renamed.addUnsafeNonAscii(to, value)
    return newBuilder().headers(renamed.build()).build()
}

private const val HINT = "Retry-After"
private const val HIDDEN_HINT = "Holdoff-Retry-After"
private const val CANCELLED_EVERY_MS = 20L
