package io.holdoff

import kotlin.coroutines.CoroutineContext
import kotlin.coroutines.EmptyCoroutineContext

/** The spans of one call, one for each attempt: none where OpenTelemetry is not on the class path. */
internal open class Spans {
    /** Begins the span of an attempt; the headers that carry it. */
    open fun begin(attempt: Long): List<Pair<String, String>> = emptyList()

    open fun answered(status: Int) {}

    open fun failed(error: Throwable) {}

    /** What is decided after an attempt, which may have ended in an [error]. */
    open fun decided(
        decision: Decision,
        error: Throwable?,
    ) {}

    /** Ends the span that is open, if one is. */
    open fun end() {}

    /** What the attempt has to run in. */
    open val context: CoroutineContext get() = EmptyCoroutineContext

    companion object {
        private val isThere =
            try {
                Class.forName("io.opentelemetry.api.GlobalOpenTelemetry", false, Spans::class.java.classLoader)
                true
            } catch (_: ClassNotFoundException) {
                false
            }

        fun of(
            method: String,
            endpoint: String,
        ): Spans = if (isThere) OpenTelemetrySpans(method, endpoint) else Spans()
    }
}
