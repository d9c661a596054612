package io.holdoff

import java.io.IOException
import java.io.InputStream

/** Lets the first bytes of [source] be looked at before they are read. */
internal class PeekableInputStream(
    private val source: InputStream,
) : InputStream() {
    private var head = ByteArray(0)
    private var taken = 0

    /** What went wrong behind [head]: the reader is told there, and not before. */
    private var fault: IOException? = null

    /** The first [maxBytes], or as many as come before the end or a fault. To be called once, first. */
    @Synchronized
    fun peek(maxBytes: Int): ByteArray {
        val bytes = ByteArray(maxBytes)
        var count = 0
        try {
            while (count < maxBytes) {
                val read = source.read(bytes, count, maxBytes - count)
                if (read < 0) break
                count += read
            }
        } catch (error: IOException) {
            fault = error
        }
        head = bytes.copyOf(count)
        return head
    }

    @Synchronized
    override fun read(): Int {
        if (taken < head.size) return head[taken++].toInt() and 0xFF
        fault?.let { throw it }
        return source.read()
    }

    @Synchronized
    override fun read(
        bytes: ByteArray,
        offset: Int,
        length: Int,
    ): Int {
        if (taken == head.size) {
            fault?.let { throw it }
            return source.read(bytes, offset, length)
        }
        val count = minOf(length, head.size - taken)
        head.copyInto(bytes, offset, taken, taken + count)
        taken += count
        return count
    }

    @Synchronized
    override fun available(): Int = head.size - taken + if (fault == null) source.available() else 0

    // Not synchronised: it ends a read that another thread is waiting in.
    override fun close() = source.close()
}
