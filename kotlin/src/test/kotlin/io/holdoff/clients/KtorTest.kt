package io.holdoff.clients

import io.holdoff.RetryOptions
import io.holdoff.decisionOf
import io.holdoff.ktor.Retry
import io.holdoff.ktor.retryAs
import io.holdoff.retry
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.plugins.HttpRequestTimeoutException
import io.ktor.client.plugins.HttpTimeout
import io.ktor.client.plugins.ServerResponseException
import io.ktor.client.plugins.sse.SSE
import io.ktor.client.plugins.sse.sse
import io.ktor.client.request.get
import io.ktor.client.request.prepareRequest
import io.ktor.client.request.setBody
import io.ktor.client.request.url
import io.ktor.client.statement.bodyAsChannel
import io.ktor.client.statement.request
import io.ktor.http.HttpMethod
import io.ktor.utils.io.ByteReadChannel
import io.ktor.utils.io.readAvailable
import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.runBlocking
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test

class KtorTest : ClientTest() {
    override fun open(configure: RetryOptions<*>.() -> Unit): Client =
        Ktor(
            HttpClient(CIO) {
                engine {
                    maxConnectionsCount = 2000
                    endpoint.maxConnectionsPerRoute = 2000
                }
                install(Retry) {
                    configure()
                    onDecision { events += it }
                }
            },
        )

    @Test
    fun `the client's own checks come after the last attempt`() =
        runBlocking {
            val client =
                HttpClient(CIO) {
                    expectSuccess = true
                    install(Retry) {
                        policy = QUICK
                        onDecision { events += it }
                    }
                }
            client.use {
                assertEquals(200, it.get(url("/unavailable")).status.value)
                val error = runCatching { it.get(url("/down")) }.exceptionOrNull()
                assertTrue(error is ServerResponseException, "$error")
                assertTrue("busy" in error?.message.orEmpty(), "$error")
                assertEquals(3, log("/down").size)
            }
        }

    @Test
    fun `a time limit installed after it is that of one attempt`() =
        runBlocking {
            val client =
                HttpClient(CIO) {
                    install(Retry) {
                        policy = QUICK
                        onDecision { events += it }
                    }
                    install(HttpTimeout) { requestTimeoutMillis = 200 }
                }
            client.use {
                val error = runCatching { it.get(url("/hangs")) }.exceptionOrNull()
                assertEquals(3, log("/hangs").size, "$error")
            }
        }

    @Test
    fun `a time limit installed before it is that of all attempts and waits`() =
        runBlocking {
            val client =
                HttpClient(CIO) {
                    install(HttpTimeout) { requestTimeoutMillis = 300 }
                    install(Retry) {
                        policy = QUICK
                        onDecision { events += it }
                    }
                }
            client.use {
                for ((path, decisions) in listOf("/long-wait" to 1, "/hangs" to 0)) {
                    events.clear()
                    val start = System.nanoTime()
                    val error = runCatching { it.get(url(path)) }.exceptionOrNull()
                    assertTrue(error is HttpRequestTimeoutException, "$path: $error")
                    assertTrue(System.nanoTime() - start < 3_000_000_000, path)
                    assertEquals(1 to decisions, log(path).size to events.size, path)
                }
            }
        }

    @Test
    fun `a body that Ktor reads whole is sent again where it is cut off`() =
        runBlocking {
            val client =
                HttpClient(CIO) {
                    install(Retry) {
                        policy = QUICK
                        onDecision { events += it }
                    }
                }
            client.use {
                for (path in listOf("/truncated", "/reset-in-body", "/stream-error")) {
                    events.clear()
                    assertEquals(200, it.get(url(path)).status.value, path)
                    assertEquals(2 to 1, log(path).size to events.size, path)
                }
            }
        }

    @Test
    fun `an event stream that Ktor reads itself is left to it`() =
        runBlocking {
            val client =
                HttpClient(CIO) {
                    install(Retry) { policy = QUICK }
                    install(SSE)
                }
            client.use {
                val data = mutableListOf<String?>()
                it.sse(url("/stream-of-known-length")) { incoming.collect { event -> data += event.data } }
                assertEquals(listOf<String?>("1"), data)
                assertEquals(2, log("/stream-of-known-length").size)
            }
        }

    override fun nested(url: String): Unit =
        runBlocking {
            val client = HttpClient(CIO) { install(Retry) { policy = QUICK } }
            client.use { repeat(2) { _ -> retryOnce { it.get(url) } } }
        }

    private suspend fun retryOnce(send: suspend () -> Unit) {
        retry(io.holdoff.Answers) {
            send()
            io.holdoff.Answer(200)
        }
    }
}

private class Ktor(
    private val client: HttpClient,
) : Client {
    override suspend fun send(request: Sent): Received =
        try {
            val statement =
                client.prepareRequest {
                    url(request.url)
                    method = HttpMethod.parse(request.method)
                    for ((name, value) in request.headers) headers[name] = value
                    if (request.method ==
                        "POST"
                    ) {
                        setBody(if (request.oneShot) ByteReadChannel(request.body) else request.body)
                    }
                    request.call?.let(::retryAs)
                }
            statement.execute { response ->
                val text = StringBuilder()
                var error: Throwable? = null
                try {
                    val channel = response.bodyAsChannel()
                    val bytes = ByteArray(4096)
                    while ("read" !in request.headers) {
                        val count = channel.readAvailable(bytes)
                        if (count < 0) break
                        text.append(String(bytes, 0, count))
                    }
                } catch (exception: Exception) {
                    error = exception
                }
                val url = response.request.url.toString()
                Received(response.status.value, "$text", error, decisionOf(response)?.reason, url)
            }
        } catch (cancelled: CancellationException) {
            throw cancelled
        } catch (exception: Exception) {
            Received(error = exception, reason = decisionOf(exception)?.reason)
        }

    override fun close() = client.close()
}
