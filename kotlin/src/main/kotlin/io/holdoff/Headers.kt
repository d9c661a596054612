package io.holdoff

/**
 * The headers of a response, in whichever shape the HTTP client has them.
 *
 * Only the few headers that a policy reads are asked for, so a client's own look-up is all that is
 * needed: `Headers { response.headers().allValues(it) }`.
 */
public fun interface Headers {
    /**
     * The values of every header with this name, in order; empty where there is none. Names are
     * compared without regard to case (RFC 9110 section 5.1); [name] is in lower case.
     */
    public fun all(name: String): List<String>

    public companion object {
        /** No headers. */
        @JvmField
        public val NONE: Headers = Headers { emptyList() }

        /** These pairs of name and value; a name may be repeated. */
        @JvmStatic
        public fun of(vararg headers: Pair<String, String>): Headers = of(headers.asList())

        /** These pairs of name and value; a name may be repeated. */
        @JvmStatic
        public fun of(headers: Iterable<Pair<String, String>>): Headers =
            Headers { name ->
                headers.filter { (other, _) -> other.equals(name, ignoreCase = true) }.map { it.second }
            }

        /** These names with their values. */
        @JvmStatic
        public fun of(headers: Map<String, String>): Headers =
            Headers { name -> headers.filterKeys { name.equals(it, ignoreCase = true) }.values.toList() }

        /**
         * These names with the values of all their lines. The nameless entry that
         * `HttpURLConnection.getHeaderFields` has for the status line is passed over.
         */
        @JvmStatic
        @JvmName("ofLists")
        public fun of(headers: Map<String, List<String>>): Headers =
            Headers { name -> headers.filterKeys { name.equals(it, ignoreCase = true) }.values.flatten() }
    }
}
