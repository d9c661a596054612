package io.holdoff

import io.holdoff.TransportKind.CONNECT
import io.holdoff.TransportKind.DNS
import io.holdoff.TransportKind.PROTOCOL
import io.holdoff.TransportKind.RESET
import io.holdoff.TransportKind.TIMEOUT
import io.holdoff.TransportKind.TLS
import kotlinx.coroutines.TimeoutCancellationException
import java.io.EOFException
import java.io.IOException
import java.io.UncheckedIOException
import java.net.ConnectException
import java.net.NoRouteToHostException
import java.net.ProtocolException
import java.net.SocketException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import java.nio.channels.ClosedChannelException
import java.nio.channels.UnresolvedAddressException
import java.util.concurrent.CompletionException
import java.util.concurrent.ExecutionException
import java.util.concurrent.TimeoutException
import javax.net.ssl.SSLException
import javax.net.ssl.SSLHandshakeException

/**
 * How the transport failed, by the exceptions of the JDK that HTTP clients throw or extend.
 *
 * An `IOException` of a class that is not known here may have nothing to do with the network, so only
 * `IOException` itself counts, which clients throw for a lost connection.
 */
internal fun transportFailure(exception: Throwable): Failure.Transport? =
    when (exception) {
        is UnknownHostException, is UnresolvedAddressException -> DNS
        is ConnectException -> if (exception.isUnresolved()) DNS else CONNECT
        is NoRouteToHostException -> CONNECT
        is SocketTimeoutException, is TimeoutException, is TimeoutCancellationException -> TIMEOUT
        is SSLException -> if (exception.isLostConnection()) RESET else TLS
        is ProtocolException -> PROTOCOL
        is SocketException, is EOFException, is ClosedChannelException -> RESET
        else -> RESET.takeIf { exception.javaClass == IOException::class.java }
    }?.let { Failure.Transport(it) }

/** The exception itself, without those that futures and streams wrap it in. */
internal fun Throwable.unwrapped(): Throwable =
    withCauses().firstOrNull { it !is CompletionException && it !is ExecutionException && it !is UncheckedIOException }
        ?: this

/** The exception, its cause, the cause of that, and so on. */
internal fun Throwable.withCauses(): Sequence<Throwable> = generateSequence(this) { it.cause }.take(MAX_CAUSES)

// `java.net.http` has no exception of its own for a name that is not resolved.
private fun ConnectException.isUnresolved() = withCauses().any { it is UnresolvedAddressException }

// After the handshake, TLS wraps what becomes of the connection.
private fun SSLException.isLostConnection() =
    this !is SSLHandshakeException && withCauses().any { it is SocketException || it is EOFException }

// Causes can go round in a circle.
private const val MAX_CAUSES = 16
