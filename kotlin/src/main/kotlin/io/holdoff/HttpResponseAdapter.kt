package io.holdoff

import java.io.InputStream
import java.net.http.HttpConnectTimeoutException
import java.net.http.HttpResponse
import java.net.http.HttpTimeoutException
import java.util.concurrent.Flow

/**
 * The responses of the JDK's `java.net.http.HttpClient`, with a body of any type. Of an error's body
 * a decision reads text, bytes and input streams, which can still be read after it.
 *
 * A response tells the method of its request, and an exception does not: give it as [Call.method].
 *
 * By itself that client sends a GET or HEAD once more when the connection it had kept is lost.
 */
public class HttpResponseAdapter<B> : ResponseAdapter<HttpResponse<B>> {
    override fun status(response: HttpResponse<B>): Int = response.statusCode()

    override fun headers(response: HttpResponse<B>): Headers = Headers.of(response.headers().map())

    override fun method(response: HttpResponse<B>): String =
        generateSequence(response) { it.previousResponse().orElse(null) }.last().request().method()

    @Suppress("UNCHECKED_CAST") // B is InputStream where the body is one, or a class above it
    override fun peekable(response: HttpResponse<B>): HttpResponse<B> =
        when (val body = response.body()) {
            is InputStream -> PeekableResponse(response, PeekableInputStream(body) as B)
            else -> response
        }

    override suspend fun peekBody(
        response: HttpResponse<B>,
        maxBytes: Int,
    ): ByteArray =
        when (val body = response.body()) {
            is PeekableInputStream -> inBackground { body.peek(maxBytes) }
            is ByteArray -> body
            is String -> body.take(maxBytes).encodeToByteArray()
            else -> ByteArray(0)
        }

    override fun close(response: HttpResponse<B>) {
        when (val body = response.body()) {
            is AutoCloseable -> body.close()
            is Flow.Publisher<*> -> body.subscribe(Unread)
        }
    }

    override fun failure(exception: Throwable): Failure.Transport? =
        when (exception) {
            is HttpConnectTimeoutException -> Failure.Transport(TransportKind.TIMEOUT, Phase.CONNECT)
            is HttpTimeoutException -> Failure.Transport(TransportKind.TIMEOUT)
            else -> super.failure(exception)
        }
}

private class PeekableResponse<B>(
    response: HttpResponse<B>,
    private val body: B,
) : HttpResponse<B> by response {
    override fun body(): B = body

    override fun toString(): String = "(${request().method()} ${uri()}) ${statusCode()}"
}

/** Cancels what it subscribes to. */
private object Unread : Flow.Subscriber<Any?> {
    override fun onSubscribe(subscription: Flow.Subscription) = subscription.cancel()

    override fun onNext(item: Any?) = Unit

    override fun onError(throwable: Throwable) = Unit

    override fun onComplete() = Unit
}
