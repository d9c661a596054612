package io.holdoff

import java.nio.ByteBuffer
import java.nio.ByteOrder
import java.time.Instant

/**
 * A failure, if there is one, and its call as the core's bindings take them: packed without gaps,
 * numbers of all ones for "unknown". The layout is documented where it is read, in `request.rs`. Valid
 * until this thread makes the next.
 */
internal fun request(
    failure: Failure?,
    call: Call,
    headerNames: Set<String>,
    readsBody: Boolean,
): ByteBuffer {
    val response = failure as? Failure.Response
    val transport = failure as? Failure.Transport
    val method = call.method?.encodeToByteArray() ?: NOTHING
    val headers = response?.headers?.lines(headerNames)?.encodeToByteArray() ?: NOTHING
    val body = response?.body.takeIf { readsBody } ?: NOTHING
    val bodySize = minOf(body.size, MAX_BODY_BYTES)

    return buffer(FIXED_BYTES + method.size + headers.size + bodySize)
        .putShort((response?.status ?: 0).toShort())
        .put((transport?.kind?.code ?: 0).toByte())
        .put((transport?.phase?.code ?: 0).toByte())
        .putInt(call.attempt.toInt())
        .putLong(call.draw?.let(::drawBits) ?: call.seed ?: 0)
        .putLong(call.now?.let(::milliseconds) ?: UNKNOWN)
        .putLong(call.elapsedMs ?: UNKNOWN)
        .putLong(call.deadlineMs ?: UNKNOWN)
        .putLong(call.maxRetries ?: UNKNOWN)
        .put(facts(call))
        .put(method.size.toByte())
        .putInt(headers.size)
        .put(method)
        .put(headers)
        .put(body, 0, bodySize)
        .flip()
}

/** These bytes where the native side can read them. */
internal fun direct(bytes: ByteArray): ByteBuffer {
    val size = minOf(bytes.size, MAX_BODY_BYTES)
    return buffer(size).put(bytes, 0, size).flip()
}

/** The text without halves of surrogate pairs, which UTF-8 cannot express. */
internal fun String.wellFormed(): String = encodeToByteArray().decodeToString()

/**
 * A line `name: value` for each header with one of these names, which are in lower case. A policy may
 * read more names than a response has headers, so each header that came is looked up among the names.
 */
private fun Headers.lines(names: Set<String>): String {
    val lines = StringBuilder()
    forEach { name, value ->
        if (name.lowercase() in names) {
            val text = value.replace('\n', ' ').replace('\u0000', ' ')
            lines.append("$name: $text\n")
        }
    }
    return lines.toString()
}

private fun facts(call: Call): Byte {
    val randomness =
        when {
            call.draw != null -> 1
            call.seed != null -> 0
            else -> 2
        }
    return fact(call.idempotent)
        .or(fact(call.replayable) shl 2)
        .or(fact(call.delivered) shl 4)
        .or(randomness shl 6)
        .toByte()
}

private fun fact(known: Boolean?): Int =
    when (known) {
        null -> 0
        false -> 1
        true -> 2
    }

/** A fraction as so many 2^64ths. A power of two scales a float exactly. */
private fun drawBits(fraction: Double): Long = (fraction * 18_446_744_073_709_551_616.0).toULong().toLong()

private fun milliseconds(instant: Instant): Long =
    try {
        instant.toEpochMilli()
    } catch (_: ArithmeticException) {
        Long.MAX_VALUE
    }

/** An empty buffer of this thread's, or a new one where much is needed. */
private fun buffer(size: Int): ByteBuffer {
    val buffer = if (size <= KEPT_BYTES) KEPT.get().clear() else ByteBuffer.allocateDirect(size)
    return buffer.order(ByteOrder.LITTLE_ENDIAN)
}

private const val UNKNOWN = -1L
private const val FIXED_BYTES = 58
private val NOTHING = ByteArray(0)

// Room for a request without a body. To allocate memory outside of the heap costs more than a decision.
private const val KEPT_BYTES = 2048
private val KEPT = ThreadLocal.withInitial<ByteBuffer> { ByteBuffer.allocateDirect(KEPT_BYTES) }
