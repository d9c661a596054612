package io.holdoff

/** A [ResponseAdapter] for clients that hand a response over before its body has come. */
internal interface OpeningAdapter<T : Any> : ResponseAdapter<T> {
    /**
     * Waits for what has to come of a success before it counts, its [Opening]. The first bytes of an event
     * stream are returned, which may tell of an error; of anything else nothing. What this throws is a
     * failure of the attempt, as when it takes longer than [leftMs], what is left of the deadline.
     */
    suspend fun opening(
        response: T,
        leftMs: Long?,
    ): ByteArray?
}

/** What has to have come of the body of a success before it counts: that many [bytes], or all of it. */
internal enum class Opening(
    val bytes: Long,
) {
    /** The whole document, so that one that is cut off is retried; not of one that is longer. */
    JSON(1L shl 20),

    /** Its first bytes: after that, something is delivered. */
    EVENT_STREAM(1),

    ;

    companion object {
        /** By the response's `Content-Type`; `null` where nothing has to have come. */
        fun of(contentType: String?): Opening? {
            val type = contentType?.substringBefore(';')?.trim()?.lowercase() ?: return null
            return when {
                type == "text/event-stream" -> EVENT_STREAM
                type == "application/json" || type.endsWith("+json") -> JSON
                else -> null
            }
        }
    }
}
