package peers

import io.github.resilience4j.retry.Retry
import io.github.resilience4j.retry.RetryConfig
import io.github.resilience4j.retry.internal.RetryImpl

/**
 * A `Retry` of resilience4j as it is by default, around a call that throws where no whole response
 * came or its status is 400 or more, as HTTP clients commonly do.
 */
fun resilience4j(case: Case): List<Double> {
    val waits = mutableListOf<Double>()
    RetryImpl.setSleepFunction { waits += it.toDouble() }
    val retry = when (val maxRetries = case.maxRetries) {
        null -> Retry.ofDefaults("peer")
        else -> Retry.of("peer", RetryConfig.custom<Int>().maxAttempts(maxRetries + 1).build())
    }
    try {
        retry.executeCallable {
            when {
                waits.size > case.attempt -> 200
                case.transport != null -> throw case.failure()
                case.status!! >= 400 -> throw StatusException(case.status)
                else -> case.status
            }
        }
    } catch (_: StatusException) {
    } catch (_: java.io.IOException) {
    }
    return waits
}

private class StatusException(status: Int) : Exception("$status")
