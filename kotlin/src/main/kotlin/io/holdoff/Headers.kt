package io.holdoff

import java.util.function.BiConsumer

/**
 * The headers of a response, in whichever shape the HTTP client has them.
 *
 * [of] takes maps, and pairs of name and value. Any other shape is a function that lists its lines.
 */
public fun interface Headers {
    /**
     * Gives [line] the name and the value of every header line, in order. A name may come repeatedly,
     * and in any case of letters (RFC 9110 section 5.1).
     */
    public fun forEach(line: BiConsumer<String, String>)

    public companion object {
        /** No headers. */
        @JvmField
        public val NONE: Headers = Headers { }

        /** These pairs of name and value; a name may be repeated. */
        @JvmStatic
        public fun of(vararg headers: Pair<String, String>): Headers = of(headers.asList())

        /** These pairs of name and value; a name may be repeated. */
        @JvmStatic
        public fun of(headers: Iterable<Pair<String, String>>): Headers =
            Headers { line -> for ((name, value) in headers) line.accept(name, value) }

        /** These names with their values. */
        @JvmStatic
        public fun of(headers: Map<String, String>): Headers =
            Headers { line -> for ((name, value) in headers) line.accept(name, value) }

        /**
         * These names with the values of all their lines. The nameless entry that
         * `HttpURLConnection.getHeaderFields` has for the status line is passed over.
         */
        @JvmStatic
        @JvmName("ofLists")
        public fun of(headers: Map<String, List<String>>): Headers =
            Headers { line ->
                val entries: Set<Map.Entry<String?, List<String>>> = headers.entries
                for ((name, values) in entries) {
                    if (name != null) for (value in values) line.accept(name, value)
                }
            }
    }
}
