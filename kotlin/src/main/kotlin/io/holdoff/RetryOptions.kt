package io.holdoff

import java.util.Collections
import java.util.UUID
import java.util.function.Consumer

/**
 * How an adapter for an HTTP client retries: the same for all of the client's calls. A [Call] given with a
 * single request, where the client has a place for it, goes before.
 *
 * Unless told otherwise by [upstream], the adapter keeps an [Upstream] for each origin (scheme, host and
 * port) that it calls.
 */
public class RetryOptions<T : Any> {
    /** The rules. */
    public var policy: Policy = defaultPolicy

    /**
     * Milliseconds from the beginning of a call to the instant after which its answer is worthless. It
     * bounds all attempts and waits, and cuts off the attempt in which it passes.
     */
    public var deadlineMs: Long? = null

    /** Takes the place of the policy's own number of retries. */
    public var maxRetries: Long? = null

    /** Whether sending a request twice has the effect of sending it once; if not known, its method tells. */
    public var idempotent: Boolean? = null

    private val upstreams: MutableMap<String, Upstream> = Collections.synchronizedMap(LeastRecentlyUsed(MOST_UPSTREAMS))
    private var upstreamOf: (origin: String) -> Upstream? = { upstreams.computeIfAbsent(it) { Upstream() } }
    private var listener: ((DecisionEvent<T>) -> Unit)? = null

    /** Shares [upstream] among all calls, also with other adapters; `null` shares nothing. */
    public fun upstream(upstream: Upstream?) {
        upstreamOf = { upstream }
    }

    /** Tells [listener] every decision, with its explanation, before the wait. */
    public fun onDecision(listener: Consumer<DecisionEvent<T>>) {
        this.listener = listener::accept
    }

    /** Sends [request] by [send] as [retry] does. */
    internal suspend fun retry(
        adapter: ResponseAdapter<T>,
        request: OutgoingRequest,
        send: suspend (Attempt) -> T,
    ): T {
        // It is answered without asking the server, which so has no part in how it ends.
        if ("only-if-cached" in request.header("Cache-Control").orEmpty()) return send(Attempt(null, emptyList()))
        val endpoint = withoutSecrets(request.url)
        warnOfOuterRetries(request.header("x-stainless-retry-count"), endpoint)
        val keyHeader = policy.idempotencyKeyHeader?.takeUnless { request.method.uppercase() in IDEMPOTENT_METHODS }
        val newKey = keyHeader?.takeIf { request.header(it) == null }?.let { it to UUID.randomUUID().toString() }
        val own = request.call ?: Call()
        val call =
            own.copy(
                method = own.method ?: request.method,
                deadlineMs = own.deadlineMs ?: deadlineMs,
                maxRetries = own.maxRetries ?: maxRetries,
                idempotent = own.idempotent ?: idempotent ?: (true.takeIf { keyHeader != null }),
                replayable = own.replayable ?: request.replayable,
            )
        val spans = Spans.of(request.method, endpoint)
        val driver =
            Driver(
                adapter,
                policy,
                call,
                upstreamOf(originOf(endpoint)),
                listener,
                endpoint = endpoint,
                watch = spans::decided,
            )
        try {
            return driver.run { number, leftMs ->
                val attempt = Attempt(leftMs, spans.begin(number) + listOfNotNull(newKey))
                runIn(spans.context) { send(attempt) }.also { spans.answered(adapter.status(it)) }
            }
        } catch (exception: Throwable) {
            spans.failed(exception)
            throw exception
        } finally {
            spans.end()
        }
    }
}

/** What an adapter knows of a request before it is sent; [call] is what the user gave with it. */
internal class OutgoingRequest(
    val method: String,
    val url: String,
    val replayable: Boolean,
    val call: Call?,
    val header: (name: String) -> String?,
)

/** One attempt as an adapter is to send it: with these [headers], within [leftMs] where there is a deadline. */
internal class Attempt(
    val leftMs: Long?,
    val headers: List<Pair<String, String>>,
)

/** So many servers are remembered. */
private const val MOST_UPSTREAMS = 1000

private class LeastRecentlyUsed<K, V>(
    private val most: Int,
) : LinkedHashMap<K, V>(INITIAL_CAPACITY, LOAD_FACTOR, true) {
    override fun removeEldestEntry(eldest: MutableMap.MutableEntry<K, V>): Boolean = size > most

    private companion object {
        const val INITIAL_CAPACITY = 16
        const val LOAD_FACTOR = 0.75f
    }
}
