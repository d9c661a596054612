package io.holdoff

import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.future.await
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.runInterruptible
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.io.IOException
import java.io.InputStream
import java.net.ConnectException
import java.net.ServerSocket
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse
import java.net.http.HttpResponse.BodyHandler
import java.net.http.HttpResponse.BodyHandlers
import java.net.http.HttpTimeoutException
import java.time.Duration
import kotlin.concurrent.thread

/** [retry] around the JDK's own client, against a server that misbehaves. */
@Timeout(30)
class HttpClientTest {
    private val base = Faults.newRun()
    private val decisions = mutableListOf<Decision>()

    private fun <B> get(
        path: String,
        handler: BodyHandler<B>,
        policy: Policy = QUICK,
        call: Call = Call(),
    ): HttpResponse<B> =
        runBlocking {
            retry(HttpResponseAdapter(), policy, call, onDecision = { decisions += it.decision }) {
                client.sendAsync(request("$base$path"), handler).await()
            }
        }

    private fun attempts(path: String) = Faults.log(URI("$base$path")).size

    @Test
    fun `waits as long as the server says`() {
        val start = System.nanoTime()
        val response = get("/rate-limited", BodyHandlers.ofString(), Policy.tessera())
        assertTrue(System.nanoTime() - start >= 1_000_000_000)
        assertEquals("""{"ok":true}""", response.body())
        assertEquals(listOf("retry after 1000 ms (rate_limited, error_type, retry-after)"), decisions.map { "$it" })
        assertEquals(2, attempts("/rate-limited"))
    }

    @Test
    fun `reads dates against the clock`() {
        assertEquals(200, get("/rate-limited-date", BodyHandlers.ofString()).statusCode())
        assertEquals(listOf(Source.RETRY_AFTER), decisions.map { it.source })
        assertTrue(decisions.all { it.afterMs in 1..1000 }, "$decisions")
    }

    @Test
    fun `looks into bodies of every type`() {
        for (handler in listOf(
            BodyHandlers.ofString(),
            BodyHandlers.ofByteArray(),
            BodyHandlers.ofInputStream(),
        )) {
            val response = retried(handler)
            assertEquals(200, response.statusCode())
            assertEquals(listOf(FailureClass.OVERLOADED, FailureClass.OVERLOADED), decisions.map { it.failureClass })
            decisions.clear()
        }
        for (handler in listOf(BodyHandlers.ofLines(), BodyHandlers.ofPublisher(), BodyHandlers.discarding())) {
            assertEquals(200, retried(handler).statusCode())
            assertEquals(listOf(FailureClass.UNAVAILABLE, FailureClass.UNAVAILABLE), decisions.map { it.failureClass })
            decisions.clear()
        }
    }

    private fun retried(handler: BodyHandler<*>): HttpResponse<*> {
        val url = "${Faults.newRun()}/overloaded"
        return runBlocking {
            retry(HttpResponseAdapter<Any?>(), QUICK, onDecision = { decisions += it.decision }) {
                @Suppress("UNCHECKED_CAST")
                client.sendAsync(request(url), handler as BodyHandler<Any?>).await()
            }
        }
    }

    @Test
    fun `gives the last response back with its body`() {
        val response = get("/always-failing", BodyHandlers.ofInputStream())
        assertEquals("Internal server error", parseError(response.body().readAllBytes())?.message)
        assertEquals(Action.ESCALATE, decisionOf(response)?.action)
        assertEquals(6, attempts("/always-failing"))

        val stopped: HttpResponse<InputStream> = get("/bad-request", BodyHandlers.ofInputStream())
        assertEquals("messages", parseError(stopped.body().readAllBytes())?.param)
        assertEquals(1, attempts("/bad-request"))
        assertTrue(stopped.body().use { it.read() } == -1)
    }

    @Test
    fun `sends again what was reset, closed or cut`() {
        for ((path, attempts) in mapOf("/reset" to 3, "/closed" to 2, "/truncated" to 2, "/reset-body" to 2)) {
            assertEquals(200, get(path, BodyHandlers.ofString()).statusCode(), path)
            assertEquals(attempts, attempts(path), path)
            assertEquals(List(attempts - 1) { FailureClass.TRANSPORT }, decisions.map { it.failureClass }, path)
            decisions.clear()
        }
    }

    @Test
    fun `the method is that of the request`() {
        val some = Policy(Policy.tessera().toJson().replaceFirst("{", "{\"methods\": [\"GET\"],"))
        val response = get("/overloaded", BodyHandlers.ofString(), some)
        assertEquals(Reason.NOT_IDEMPOTENT, decisionOf(response)?.reason)
        assertEquals(1, attempts("/overloaded"))
    }

    @Test
    fun `a server that never answers is a time limit`() {
        assertEquals(200, get("/hanging", BodyHandlers.ofString()).statusCode())
        assertEquals(listOf(FailureClass.TIMEOUT), decisions.map { it.failureClass })

        val limited = Call(maxRetries = 0)
        val error =

            assertThrows<HttpTimeoutException> {
                runBlocking {
                    retry(HttpResponseAdapter(), QUICK, limited) {
                        client.sendAsync(request("${Faults.newRun()}/hanging"), BodyHandlers.ofString()).await()
                    }
                }
            }
        assertEquals(Reason.RETRIES_EXHAUSTED, decisionOf(error)?.reason)
    }

    @Test
    fun `does not wait for an error body that stalls`() {
        assertEquals(200, get("/stalled-error-body", BodyHandlers.ofInputStream()).statusCode())
        assertEquals(listOf(Reason.STATUS), decisions.map { it.reason })
    }

    @Test
    fun `the exceptions of the client are known`() {
        val nobody = ServerSocket(0).use { it.localPort }
        assertEquals("connect", kind("http://127.0.0.1:$nobody/"))
        assertEquals("dns", kind("http://name.invalid/"))
        ServerSocket(0).use { server ->
            thread {
                server.accept().use {
                    // A fatal alert, handshake_failure (RFC 8446 section 6.2). The socket stays open until
                    // the client has left, so that the alert can't be lost to a reset.
                    it.getInputStream().read()
                    it.getOutputStream().write(byteArrayOf(21, 3, 3, 0, 2, 2, 40))
                    runCatching { it.getInputStream().readAllBytes() }
                }
            }
            assertEquals("tls", kind("https://127.0.0.1:${server.localPort}/"))
        }
    }

    private fun kind(url: String): String? {
        val error = assertThrows<IOException> { client.send(request(url), BodyHandlers.ofString()) }
        return HttpResponseAdapter<String>().failure(error)?.kind?.wireName
    }

    @Test
    fun `an exception is thrown as the client threw it`() {
        val nobody = ServerSocket(0).use { it.localPort }
        val error =
            assertThrows<ConnectException> {
                runBlocking {
                    retry(HttpResponseAdapter(), QUICK) {
                        runInterruptible(Dispatchers.IO) {
                            client.send(request("http://127.0.0.1:$nobody/"), BodyHandlers.ofString())
                        }
                    }
                }
            }
        assertEquals(Action.ESCALATE, decisionOf(error)?.action)
    }

    @Test
    fun `cancellation ends an attempt and a wait at once`() =
        runBlocking {
            for (path in listOf("/hanging", "/rate-limited")) {
                val job =
                    launch {
                        retry(HttpResponseAdapter(), Policy.tessera()) {
                            client.sendAsync(request("$base$path"), BodyHandlers.ofString()).await()
                        }
                    }
                while (attempts(path) == 0) delay(10)
                val start = System.nanoTime()
                job.cancelAndJoin()
                assertTrue(System.nanoTime() - start < 300_000_000)
                assertEquals(1, attempts(path))
            }
        }

    private companion object {
        /** Tessera's rules with waits of some milliseconds. */
        val QUICK =
            Policy(
                Policy
                    .tessera()
                    .toJson()
                    .replace("\"base_ms\": 1000", "\"base_ms\": 2")
                    .replace("\"span_ms\": 1000", "\"span_ms\": 2"),
            )
        val client: HttpClient = HttpClient.newHttpClient()

        fun request(url: String): HttpRequest =
            HttpRequest
                .newBuilder(URI(url))
                .timeout(Duration.ofMillis(500))
                .POST(BodyPublishers.ofString("{}")) // a GET may be sent again by the client itself
                .build()
    }
}
