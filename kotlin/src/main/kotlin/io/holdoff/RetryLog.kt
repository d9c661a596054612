package io.holdoff

import kotlinx.coroutines.asContextElement
import java.util.concurrent.ConcurrentHashMap
import java.util.logging.Level
import java.util.logging.Logger
import kotlin.coroutines.CoroutineContext

/** The method, the endpoint and the decision: nothing that could be a secret. */
internal fun logDecision(
    decision: Decision,
    call: Call,
    endpoint: String?,
) {
    val level =
        when (decision.action) {
            // Where nothing is configured, the JVM writes what is of a higher level to the console.
            Action.RETRY -> Level.FINE

            // A call that fails without a retry, as by a 404, is its caller's affair.
            Action.STOP -> if (call.attempt == 0L) Level.FINE else Level.WARNING

            Action.ESCALATE -> Level.SEVERE
        }
    write(level, call, endpoint) { decision.toString() }
}

/** That the upstream does not yet let an attempt be sent. */
internal fun logHeldBack(
    admission: Admission.Wait,
    call: Call,
    endpoint: String?,
): Unit = write(Level.FINE, call, endpoint) { "held back for ${admission.afterMs} ms by ${admission.source.wireName}" }

private fun write(
    level: Level,
    call: Call,
    endpoint: String?,
    what: () -> String,
) = LOGGER.logp(level, "io.holdoff", "retry") {
    val request = listOfNotNull(call.method, endpoint).joinToString(" ").ifEmpty { "call" }
    "$request: attempt ${call.attempt}: ${what()}"
}

/** Says what an SDK does when its own retries are on, which its header [count] tells. */
internal fun warnOfOuterRetries(
    count: String?,
    endpoint: String,
) {
    if ((count?.trim()?.toIntOrNull() ?: 0) >= 1) {
        warnOnce(
            "${originOf(
                endpoint,
            )} is called by an SDK that retries by itself, so that the attempts multiply: set its `maxRetries` to 0",
        )
    }
}

/**
 * Marks what runs in it as the attempt of a retry to [endpoint], and says so where it already is inside
 * the attempt of another. Requests to elsewhere, as for a token, are no attempts of the same.
 */
internal fun insideAttempt(endpoint: String?): CoroutineContext {
    val outer = INSIDE.get()
    if (outer != null && (outer == UNKNOWN_ENDPOINT || endpoint == null || outer == endpoint)) {
        val where = originOf(endpoint ?: outer)
        warnOnce(
            "a holdoff retry of calls to $where runs inside the attempt of another, so that the attempts multiply: remove one",
        )
    }
    return INSIDE.asContextElement(endpoint ?: UNKNOWN_ENDPOINT)
}

/** The URL without query, fragment and credentials. */
internal fun withoutSecrets(url: String): String {
    val address = url.substringBefore('?').substringBefore('#')
    val scheme = address.substringBefore("://", "")
    if (scheme.isEmpty()) return address
    val rest = address.substringAfter("://")
    val authority = rest.substringBefore('/').substringAfterLast('@')
    return "$scheme://$authority" + rest.removePrefix(rest.substringBefore('/'))
}

/** Scheme, host and port. */
internal fun originOf(endpoint: String): String =
    endpoint.substringBefore("://") + "://" + endpoint.substringAfter("://").substringBefore('/')

private fun warnOnce(message: String) {
    if (WARNED.size < MAX_WARNINGS && WARNED.add(message)) LOGGER.warning(message)
}

private val LOGGER: Logger = Logger.getLogger("io.holdoff")
private val INSIDE = ThreadLocal<String?>()
private val WARNED: MutableSet<String> = ConcurrentHashMap.newKeySet()
private const val UNKNOWN_ENDPOINT = "an unknown endpoint"
private const val MAX_WARNINGS = 100
