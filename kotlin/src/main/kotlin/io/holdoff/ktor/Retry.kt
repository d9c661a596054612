package io.holdoff.ktor

import io.holdoff.Attempt
import io.holdoff.Call
import io.holdoff.Failure
import io.holdoff.Headers
import io.holdoff.MAX_BODY_BYTES
import io.holdoff.Opening
import io.holdoff.OpeningAdapter
import io.holdoff.OutgoingRequest
import io.holdoff.Phase
import io.holdoff.RetryOptions
import io.holdoff.TransportKind
import io.ktor.client.HttpClientConfig
import io.ktor.client.network.sockets.ConnectTimeoutException
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.plugins.api.ClientPlugin
import io.ktor.client.plugins.api.Send
import io.ktor.client.plugins.api.createClientPlugin
import io.ktor.client.request.HttpRequestBuilder
import io.ktor.client.statement.HttpResponse
import io.ktor.client.statement.request
import io.ktor.client.utils.unwrapCancellationException
import io.ktor.http.HttpHeaders
import io.ktor.http.HttpMethod
import io.ktor.http.content.OutgoingContent
import io.ktor.http.contentLength
import io.ktor.util.AttributeKey
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.ClosedByteChannelException
import io.ktor.utils.io.InternalAPI
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.CompletableJob
import kotlinx.coroutines.cancel
import kotlinx.coroutines.coroutineScope
import kotlinx.coroutines.currentCoroutineContext
import kotlinx.coroutines.ensureActive
import kotlinx.coroutines.job
import kotlinx.coroutines.withTimeoutOrNull
import java.io.EOFException

/**
 * Retries the calls of a Ktor client, 3.
 *
 * ```kotlin
 * val client = HttpClient { install(Retry) { deadlineMs = 30_000 } }
 * ```
 *
 * Waits suspend, and cancelling the coroutine ends them at once. Install `HttpTimeout` after this plugin for
 * time limits of single attempts; installed before it, they span all attempts and waits. Leave
 * `HttpRequestRetry` out, or the attempts multiply. A policy of more than 19 retries needs a greater
 * `HttpSend.maxSendCount`.
 *
 * Bodies that are text or bytes are sent again. A channel, a form with files or a body that is written by a
 * function may not be there twice: such a call ends with the reason [io.holdoff.Reason.NOT_REPLAYABLE], unless
 * `Call(replayable = true)` goes with the request, see [retryAs].
 *
 * A JSON response of up to 1 MiB is received whole before it is handed over, and of an event stream the
 * beginning, unless Ktor's plugin `SSE` reads it. Nothing is retried once a response is handed over.
 */
public val Retry: ClientPlugin<RetryOptions<HttpResponse>> =
    createClientPlugin("HoldoffRetry", { RetryOptions<HttpResponse>() }) {
        val options = pluginConfig
        on(Send) { request ->
            val response =
                endingWith(request) {
                    options.retry(KtorResponses, request.outgoing()) { attempt ->
                        within(attempt.leftMs, request) { proceed(request.attempt(attempt)).response }
                    }
                }
            response.call
        }
    }

/** What is known of this request, such as `Call(idempotent = true)`. It goes before the plugin's options. */
public fun HttpRequestBuilder.retryAs(call: Call) {
    attributes.put(CALL, call)
}

private fun HttpRequestBuilder.outgoing() =
    OutgoingRequest(
        method = method.value,
        url = url.buildString(),
        replayable = isReplayable(body),
        call = attributes.getOrNull(CALL),
        header = { headers[it] },
    )

private fun isReplayable(body: Any): Boolean =
    when (body) {
        is OutgoingContent.ByteArrayContent, is OutgoingContent.NoContent -> true
        is OutgoingContent.ContentWrapper -> isReplayable(body.delegate())
        else -> false
    }

/** A copy of the request for one attempt, which ends when the request does. */
private fun HttpRequestBuilder.attempt(attempt: Attempt): HttpRequestBuilder {
    val copy = HttpRequestBuilder().takeFrom(this)
    for ((name, value) in attempt.headers) copy.headers[name] = value
    val job = copy.executionContext as CompletableJob
    executionContext.invokeOnCompletion { if (it == null) job.complete() else job.completeExceptionally(it) }
    return copy
}

/** What [run] gives, unless [request] ends before it, as by an `HttpTimeout` that was installed before. */
private suspend fun endingWith(
    request: HttpRequestBuilder,
    run: suspend () -> HttpResponse,
): HttpResponse =
    unlessCancelled {
        coroutineScope {
            val running = coroutineContext.job
            val end = request.executionContext.invokeOnCompletion { running.cancel("the request has ended", it) }
            // As a value: what is thrown out of a scope may be a copy.
            runCatching { run() }.also { end.dispose() }
        }.getOrThrow()
    }

/** What [send] gives, unless the deadline passes. */
private suspend fun within(
    leftMs: Long?,
    request: HttpRequestBuilder,
    send: suspend () -> HttpResponse,
): HttpResponse =
    unlessCancelled {
        if (leftMs == null) {
            send()
        } else {
            withTimeoutOrNull(leftMs.coerceAtLeast(1)) { send() } ?: throw HttpRequestTimeoutException(request)
        }
    }

/** What [run] gives or throws. Ktor tells of a failed connection and of a time limit as of a cancellation. */
private suspend fun <R> unlessCancelled(run: suspend () -> R): R =
    try {
        run()
    } catch (cancelled: CancellationException) {
        currentCoroutineContext().ensureActive()
        throw cancelled.unwrapCancellationException()
    }

/** What is looked at of a body stays in Ktor's own buffer, so a response is handed over as it came. */
@OptIn(InternalAPI::class)
private object KtorResponses : OpeningAdapter<HttpResponse> {
    override fun status(response: HttpResponse): Int = response.status.value

    override fun headers(response: HttpResponse): Headers =
        Headers { line -> response.headers.forEach { name, values -> values.forEach { line.accept(name, it) } } }

    override fun method(response: HttpResponse): String = response.request.method.value

    override suspend fun peekBody(
        response: HttpResponse,
        maxBytes: Int,
    ): ByteArray {
        response.rawContent.awaitContent(maxBytes)
        return response.rawContent.buffered(maxBytes)
    }

    override suspend fun opening(
        response: HttpResponse,
        leftMs: Long?,
    ): ByteArray? {
        val opening = Opening.of(response.headers[HttpHeaders.ContentType]) ?: return null
        if (leftMs == null) {
            response.await(opening)
        } else {
            withTimeoutOrNull(leftMs.coerceAtLeast(1)) { response.await(opening) }
                ?: throw HttpRequestTimeoutException(response.request.url.toString(), leftMs)
        }
        return if (opening == Opening.EVENT_STREAM) response.rawContent.buffered(MAX_BODY_BYTES) else null
    }

    private suspend fun HttpResponse.await(opening: Opening) {
        val isAll = !rawContent.awaitContent(opening.bytes.toInt())
        rawContent.closedCause?.let { throw it }
        // The engine CIO takes a body that is cut off for a whole one. An event stream may be read elsewhere.
        val isDocument = opening == Opening.JSON && request.method != HttpMethod.Head
        val length = contentLength()?.takeIf { isAll && isDocument } ?: return
        if (!rawContent.readBuffer.request(length)) throw EOFException("the body ended before its $length bytes")
    }

    override fun close(response: HttpResponse) {
        response.rawContent.cancel(CancellationException("sent again"))
        response.cancel()
    }

    override fun failure(exception: Throwable): Failure.Transport? =
        when (exception) {
            is ConnectTimeoutException -> {
                Failure.Transport(TransportKind.TIMEOUT, Phase.CONNECT)
            }

            is HttpRequestTimeoutException -> {
                Failure.Transport(TransportKind.TIMEOUT)
            }

            is ClosedByteChannelException -> {
                exception.cause?.let { super.failure(it) }
                    ?: Failure.Transport(TransportKind.RESET)
            }

            is IllegalStateException -> {
                Failure.Transport(TransportKind.RESET, Phase.BODY).takeIf { exception.isCutOff() }
            }

            else -> {
                super.failure(exception)
            }
        }

    // Ktor checks the length of a body that it reads whole, and has no exception of its own for that.
    private fun IllegalStateException.isCutOff() = message.orEmpty().startsWith("Content-Length mismatch")
}

@OptIn(InternalAPI::class)
private fun ByteReadChannel.buffered(maxBytes: Int): ByteArray {
    val source = readBuffer.peek()
    val bytes = ByteArray(maxBytes)
    var count = 0
    while (count < maxBytes) {
        val read = source.readAtMostTo(bytes, count, maxBytes)
        if (read < 0) break
        count += read
    }
    return bytes.copyOf(count)
}

private val CALL = AttributeKey<Call>("HoldoffCall")
