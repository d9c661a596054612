package io.holdoff.okhttp

import io.holdoff.Failure
import io.holdoff.Headers
import io.holdoff.MAX_BODY_BYTES
import io.holdoff.MAX_BODY_TIME_MS
import io.holdoff.Opening
import io.holdoff.OpeningAdapter
import io.holdoff.Phase
import io.holdoff.TransportKind
import kotlinx.coroutines.CancellationException
import okhttp3.Call
import okhttp3.Response
import okhttp3.internal.http2.ConnectionShutdownException
import okhttp3.internal.http2.ErrorCode
import okhttp3.internal.http2.StreamResetException
import java.io.IOException
import java.util.concurrent.TimeUnit

/**
 * The responses of one call.
 *
 * What is looked at of a body stays in OkHttp's own buffer, so a response is handed over as it came. That
 * is done in the thread of the call, for nobody else may read or close a body meanwhile.
 */
internal class OkHttpResponses(
    private val call: Call,
) : OpeningAdapter<Response> {
    private var leftMs: Long? = null

    @Volatile
    private var phase: Phase? = null

    fun begin(leftMs: Long?) {
        this.leftMs = leftMs
        phase = null
    }

    fun connecting() {
        // Not after `sending`: other addresses of the host are tried at the same time.
        if (phase == null) phase = Phase.CONNECT
    }

    fun sending() {
        phase = Phase.SENT
    }

    override fun status(response: Response): Int = response.code

    override fun headers(response: Response): Headers = Headers.of(response.headers)

    override fun method(response: Response): String =
        generateSequence(response) { it.priorResponse }.last().request.method

    override suspend fun peekBody(
        response: Response,
        maxBytes: Int,
    ): ByteArray {
        try {
            response.request(maxBytes.toLong(), minOf(leftMs ?: MAX_BODY_TIME_MS, MAX_BODY_TIME_MS))
        } catch (_: IOException) {
            // What came before it is there, and the reader is told behind that.
        }
        return response.buffered(maxBytes)
    }

    override suspend fun opening(
        response: Response,
        leftMs: Long?,
    ): ByteArray? {
        // The answer to a duplex body may wait for more of it, which is written once there is a response.
        if (response.request.body?.isDuplex() == true) return null
        val opening = Opening.of(response.header("Content-Type")) ?: return null
        call.unlessCanceled { response.request(opening.bytes, leftMs) }
        return if (opening == Opening.EVENT_STREAM) response.buffered(MAX_BODY_BYTES) else null
    }

    override fun close(response: Response): Unit = response.close()

    override fun failure(exception: Throwable): Failure.Transport? =
        when (exception) {
            is StreamResetException -> {
                val unseen = exception.errorCode == ErrorCode.REFUSED_STREAM
                Failure.Transport(TransportKind.RESET, Phase.CONNECT.takeIf { unseen })
            }

            is ConnectionShutdownException -> {
                Failure.Transport(TransportKind.RESET)
            }

            else -> {
                val failure = super.failure(exception)
                if (phase == Phase.CONNECT) failure?.copy(phase = phase) else failure
            }
        }
}

/** What [run] gives or throws, unless the call is cancelled: that closes the connection before it tells anybody. */
internal fun <R> Call.unlessCanceled(run: () -> R): R =
    try {
        run()
    } catch (error: IOException) {
        if (isCanceled()) throw CancellationException(error.message).apply { initCause(error) }
        throw error
    }

/** Waits until so many bytes of the body have come, or its end. */
private fun Response.request(
    bytes: Long,
    timeMs: Long?,
) {
    val source = body.source()
    val timeout = source.timeout()
    if (timeMs != null) timeout.deadline(timeMs.coerceAtLeast(1), TimeUnit.MILLISECONDS)
    try {
        source.request(bytes)
    } finally {
        if (timeMs != null) timeout.clearDeadline()
    }
}

private fun Response.buffered(maxBytes: Int): ByteArray {
    val buffer = body.source().buffer
    return buffer.peek().readByteArray(minOf(buffer.size, maxBytes.toLong()))
}
