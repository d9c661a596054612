package peers

import io.ktor.client.HttpClient
import io.ktor.client.engine.mock.MockEngine
import io.ktor.client.engine.mock.respond
import io.ktor.client.engine.mock.respondOk
import io.ktor.client.network.sockets.ConnectTimeoutException
import io.ktor.client.plugins.HttpRequestRetry
import io.ktor.client.request.request
import io.ktor.http.HttpMethod
import io.ktor.http.HttpStatusCode
import io.ktor.http.headers
import io.ktor.utils.io.ByteChannel
import java.io.IOException
import kotlinx.coroutines.runBlocking

/** A client of Ktor with the plugin HttpRequestRetry as it is by default, on an engine that fails. */
fun ktor(case: Case): List<Double> {
    val waits = mutableListOf<Double>()
    val failing = MockEngine {
        when {
            waits.size > case.attempt -> respondOk()
            case.phase == "body" -> respond(ByteChannel().apply { cancel(case.failure()) })
            case.transport == "timeout" && case.phase == "connect" ->
                throw ConnectTimeoutException("http://peer.test")
            case.transport != null -> throw case.failure()
            else -> {
                val headers = headers { case.headers.forEach { (name, value) -> append(name, value) } }
                respond(case.body, HttpStatusCode(case.status!!, ""), headers)
            }
        }
    }
    val client = HttpClient(failing) {
        install(HttpRequestRetry) {
            case.maxRetries?.let { maxRetries = it }
            delay { waits += it.toDouble() }
        }
    }
    runBlocking {
        try {
            client.use { it.request("http://peer.test") { method = HttpMethod(case.method) } }
        } catch (_: IOException) {
        }
    }
    return waits
}
