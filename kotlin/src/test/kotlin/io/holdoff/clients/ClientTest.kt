package io.holdoff.clients

import io.holdoff.Action
import io.holdoff.Call
import io.holdoff.DecisionEvent
import io.holdoff.FaultsServer
import io.holdoff.Policy
import io.holdoff.Reason
import io.holdoff.RetryOptions
import io.holdoff.Source
import io.holdoff.Upstream
import io.holdoff.decisionOf
import io.holdoff.sharedPolicy
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.cancelAndJoin
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.Timeout
import java.io.IOException
import java.net.ServerSocket
import java.net.URI
import java.security.MessageDigest
import java.util.Collections
import java.util.concurrent.ConcurrentLinkedQueue
import java.util.concurrent.atomic.AtomicInteger
import java.util.logging.Handler
import java.util.logging.Level
import java.util.logging.LogRecord
import java.util.logging.Logger
import kotlin.concurrent.thread

/** What a call came to. A body that breaks off is an [error] behind the [body] that came. */
class Received(
    val status: Int? = null,
    val body: String = "",
    val error: Throwable? = null,
    val reason: Reason? = null,
    val url: String? = null,
)

/** A real client with its adapter. */
interface Client : AutoCloseable {
    suspend fun send(request: Sent): Received
}

/** A request; its body can't be sent again where it is [oneShot]. */
class Sent(
    val url: String,
    val method: String = "POST",
    val body: ByteArray = "{}".toByteArray(),
    val oneShot: Boolean = false,
    val call: Call? = null,
    val headers: Map<String, String> = emptyMap(),
)

/** What every adapter does, with its real client against a server that misbehaves. */
@Timeout(15)
abstract class ClientTest {
    protected val events: MutableCollection<DecisionEvent<*>> = ConcurrentLinkedQueue()
    private val base = SERVER.newRun()
    private val clients = mutableListOf<Client>()

    /** A new client that retries by [configure] and adds to [events]. */
    protected abstract fun open(configure: RetryOptions<*>.() -> Unit): Client

    private fun client(configure: RetryOptions<*>.() -> Unit = {}) =
        open {
            policy = QUICK
            configure()
        }.also { clients += it }

    protected fun url(path: String) = base + path

    protected fun log(path: String): List<JsonObject> = SERVER.log(URI(url(path)))

    /** Milliseconds between the requests that the server saw. */
    private fun gaps(path: String) =
        log(path).map { it.getValue("at_ms").jsonPrimitive.long }.zipWithNext { a, b ->
            b -
                a
        }

    private fun send(
        path: String,
        client: Client = client(),
        method: String = "POST",
        call: Call? = null,
    ) = runBlocking { client.send(Sent(url(path), method, call = call)) }

    @AfterEach
    fun closeAll() = clients.forEach { it.close() }

    private class Case(
        val path: String,
        val gap: LongRange,
        val source: Source,
        val method: String = "POST",
        val body: String = """{"ok":true}""",
    )

    @TestFactory
    fun `is sent again after`() =
        listOf(
            Case("/retry-after", 995L..3000L, Source.RETRY_AFTER),
            Case("/retry-after-date", 900L..4500L, Source.RETRY_AFTER),
            Case("/retry-after-ms", 295L..1500L, Source.RETRY_AFTER_MS),
            Case("/ratelimit-reset", 995L..3000L, Source.RATELIMIT_RESET),
            Case("/unavailable", 0L..1000L, Source.BACKOFF),
            Case("/reset", 0L..1000L, Source.BACKOFF, "GET"),
            Case("/truncated", 0L..1000L, Source.BACKOFF, "GET"),
            Case("/reset-in-body", 0L..1000L, Source.BACKOFF, "GET"),
            Case("/stream-cut-early", 0L..1000L, Source.BACKOFF, "GET", "data: 1\n\ndata: 2\n\n"),
            Case("/stream-error", 0L..1500L, Source.BACKOFF, "POST", "data: 1\n\ndata: 2\n\n"),
        ).map { case ->
            DynamicTest.dynamicTest(case.path) {
                events.clear()
                val received = send(case.path, method = case.method)
                assertNull(received.error)
                assertEquals(200, received.status)
                assertEquals(case.body, received.body)
                assertEquals(url(case.path), received.url)
                assertEquals(listOf(case.source), events.map { it.decision.source })
                assertTrue(gaps(case.path).single() in case.gap, "${gaps(case.path)}")
            }
        }

    @Test
    fun `a stream is handed over as it comes, and not sent again after that`() {
        ServerSocket(0).use { server ->
            val accepted = AtomicInteger()
            thread {
                runCatching {
                    while (true) {
                        val socket = server.accept()
                        accepted.incrementAndGet()
                        socket.getOutputStream().write(BEGINNING.toByteArray())
                        Thread.sleep(200)
                        socket.setSoLinger(true, 0)
                        socket.close()
                    }
                }
            }
            val cut =
                runBlocking {
                    client { deadlineMs = 10_000 }.send(
                        Sent("http://127.0.0.1:${server.localPort}/", "GET"),
                    )
                }
            assertEquals("data: 1\n\n", cut.body)
            assertTrue(cut.error is IOException, "${cut.error}")
            assertEquals(1, accepted.get())
        }
        assertEquals("data: 1\n\ndata: 2\n\n", send("/stream").body)
        assertEquals(0, events.size)
    }

    @Test
    fun `a refused connection is tried again, and then thrown as it came`() {
        val nobody = ServerSocket(0).use { it.localPort }
        val received = runBlocking { client().send(Sent("http://127.0.0.1:$nobody/")) }
        assertTrue(received.error is java.net.ConnectException, "${received.error}")
        assertEquals(Reason.RETRIES_EXHAUSTED, received.reason)
        assertEquals(listOf(Action.RETRY, Action.RETRY, Action.ESCALATE), events.map { it.decision.action })
    }

    @Test
    fun `the last response is given back as it came, with its decision and a report`() {
        val received = send("/down")
        assertEquals(503, received.status)
        assertEquals("""{"error":{"type":"overloaded_error","message":"busy"}}""", received.body)
        assertEquals(Reason.RETRIES_EXHAUSTED, received.reason)
        assertEquals(3, log("/down").size)
        val last = events.last()
        assertEquals(url("/down"), last.report?.endpoint)
        assertEquals(last.decision, last.explanation?.decision)
        assertNull(events.first().report)

        val bad = send("/bad")
        assertEquals(400 to """{"error":{"type":"invalid_request_error"}}""", bad.status to bad.body)
        assertEquals(1, log("/bad").size)
    }

    @Test
    fun `a request that is not safe to repeat is repeated where the call says so`() {
        assertEquals(Reason.POSSIBLY_EXECUTED, send("/gateway-timeout").reason)
        assertEquals(1, log("/gateway-timeout").size)
        assertEquals(Reason.POSSIBLY_EXECUTED, send("/truncated").reason)
        assertEquals(200, send("/reset", call = Call(idempotent = true)).status)
        assertEquals(2, log("/reset").size)
        assertEquals(200, send("/reset-in-body", client { idempotent = true }).status)
    }

    @Test
    fun `an upload is sent again byte for byte`() {
        val body = ByteArray(10 shl 20) { (it * 31 + it / 251).toByte() }
        val sha256 = MessageDigest.getInstance("SHA-256").digest(body).joinToString("") { "%02x".format(it) }
        val received = runBlocking { client().send(Sent(url("/unavailable"), body = body)) }
        assertEquals(200, received.status)
        assertEquals(List(2) { sha256 }, log("/unavailable").map { it.getValue("body_sha256").jsonPrimitive.content })
    }

    @Test
    fun `a body that is gone is not sent again`() {
        val received = runBlocking { client().send(Sent(url("/unavailable"), oneShot = true)) }
        assertEquals(503 to "not now", received.status to received.body)
        assertEquals(Reason.NOT_REPLAYABLE, received.reason)
        assertEquals(1, log("/unavailable").size)
    }

    @Test
    fun `a deadline cuts off the attempt and forbids longer waits`() {
        send("/stream") // the first call of a client is slow
        for ((path, deadline) in listOf("/hangs" to 300L, "/hangs-in-body" to 300L, "/long-wait" to 5000L)) {
            val start = System.nanoTime()
            val received = send(path, client { deadlineMs = deadline }, method = "GET")
            val took = (System.nanoTime() - start) / 1_000_000
            assertEquals(Reason.DEADLINE, received.reason, "$path: ${received.error}")
            assertEquals(1, log(path).size, path)
            assertTrue(took in (if (received.error == null) 0L else 290L)..2500L, "$path: $took ms")
            if (path != "/long-wait") assertTrue(received.error is IOException, "${received.error}")
        }
        val sooner = send("/hangs", call = Call(deadlineMs = 200), method = "GET")
        assertEquals(Reason.DEADLINE, sooner.reason)
    }

    @Test
    fun `an error body that stalls does not hold the decision up`() {
        val start = System.nanoTime()
        val status = runBlocking { client().send(Sent(url("/hangs-in-error"), headers = mapOf("read" to "no"))).status }
        assertEquals(400, status)
        assertTrue(System.nanoTime() - start < 3_000_000_000)
    }

    @Test
    fun `cancelling ends a wait and an attempt at once`() =
        runBlocking {
            for (path in listOf("/long-wait", "/hangs")) {
                val client = client()
                val job = launch(Dispatchers.IO) { client.send(Sent(url(path))) }
                while (log(path).isEmpty() || (path == "/long-wait" && events.isEmpty())) delay(10)
                val start = System.nanoTime()
                job.cancelAndJoin()
                assertTrue(System.nanoTime() - start < 500_000_000, path)
                assertEquals(1, log(path).size)
            }
            assertEquals(1, events.size)
        }

    @Test
    fun `a thousand calls share what the server told one`() =
        runBlocking {
            val client = client { policy = sharedPolicy("""{"hold": {"spread_ms": 500}}""") }
            val first = async { client.send(Sent(url("/retry-after"))) }
            while (events.isEmpty()) delay(5)
            val all = List(1000) { async { client.send(Sent(url("/retry-after"))) } } + first
            assertEquals(List(1001) { 200 }, all.awaitAll().map { it.status })
            val sent = log("/retry-after").map { it.getValue("at_ms").jsonPrimitive.long }
            assertEquals(1002, sent.size)
            assertTrue(sent[1] - sent[0] >= 995, "${sent[1] - sent[0]}")
            assertTrue(sent.last() - sent[0] < 15_000, "${sent.last() - sent[0]}")
        }

    @Test
    fun `an upstream can be given, or none`() {
        val upstream = Upstream()
        val shared = sharedPolicy("""{"hold": {}}""")
        val client =
            client {
                policy = shared
                upstream(upstream)
                deadlineMs = 500
            }
        assertEquals(Reason.DEADLINE, send("/retry-after", client).reason)
        assertEquals(Source.HOLD, decisionOf(send("/unavailable", client).error ?: error("sent"))?.source)
        assertEquals(0, log("/unavailable").size)
        val alone =
            client {
                policy = shared
                upstream(null)
                deadlineMs = 900
            }
        assertEquals(Reason.DEADLINE, send("/long-wait", alone).reason)
        assertEquals(200, send("/unavailable", alone).status)
    }

    @Test
    fun `no connection is leaked`() =
        runBlocking {
            val server = FaultsServer(SCENARIO)
            val client = client()
            val base = List(4) { server.newRun() }
            for (run in base) {
                for (path in listOf("/unavailable", "/down", "/retry-after-ms", "/truncated", "/stream-error")) {
                    client.send(Sent(run + path, method = "GET"))
                }
            }
            assertTrue(server.openConnections() <= 2, "${server.openConnections()}")
            client.close()
            val start = System.nanoTime()
            while (server.openConnections() > 0 && System.nanoTime() - start < 3_000_000_000) delay(20)
            assertEquals(0, server.openConnections())
        }

    @Test
    fun `an idempotency key is the same for all attempts of a call`() {
        val client = client { policy = withKeys }

        fun keys(path: String) =
            log(path).map {
                it
                    .getValue("headers")
                    .jsonObject["idempotency-key"]
                    ?.jsonPrimitive
                    ?.content
            }
        assertEquals(200, send("/gateway-timeout", client).status)
        assertEquals(200, send("/unavailable", client).status)
        val keys = listOf("/gateway-timeout", "/unavailable").map { keys(it).distinct().single() }
        assertTrue(keys.distinct().size == 2 && keys.all { UUID4.matches(it.orEmpty()) }, "$keys")

        assertEquals(200, send("/reset", client, method = "GET").status)
        assertEquals(listOf(null, null), keys("/reset"))
        val own = Sent(url("/reset-in-body"), headers = mapOf("Idempotency-Key" to "mine"))
        assertEquals(200, runBlocking { client.send(own).status })
        assertEquals(listOf("mine", "mine"), keys("/reset-in-body"))
    }

    @Test
    fun `is logged, one line for each decision, and without secrets`() {
        val lines =
            logged {
                send("/unavailable?key=secret")
                send("/down?key=secret")
            }
        assertEquals(listOf(Level.FINE, Level.FINE, Level.FINE, Level.SEVERE), lines.map { it.first })
        assertTrue(lines.first().second.startsWith("POST ${url("/unavailable")}: attempt 0: retry after "), "$lines")
        assertTrue(lines.none { "secret" in it.second })
        assertEquals(Level.FINE, logged { send("/bad") }.single().first)
    }

    @Test
    fun `retries of an SDK above are noticed once`() {
        val sent = Sent(url("/stream"), headers = mapOf("x-stainless-retry-count" to "1"))
        val lines = logged { runBlocking { repeat(3) { client().send(sent) } } }
        // Another client's test may have been told it already.
        assertEquals(
            if (TOLD.add("sdk")) 1 else 0,
            lines.count { it.first == Level.WARNING && "maxRetries" in it.second },
        )
    }

    @Test
    fun `a retry inside the attempt of another is noticed once`() {
        val lines = logged { nested(url("/stream")) }
        val told = lines.count { it.first == Level.WARNING && "inside the attempt of another" in it.second }
        assertEquals(if (TOLD.add("nested")) 1 else 0, told)
    }

    /** Makes calls of this client inside attempts of `retry`, or of the same adapter. */
    protected abstract fun nested(url: String)

    protected companion object {
        const val BEGINNING =
            "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n9\r\ndata: 1\n\n\r\n"
        const val SCENARIO = "src/test/resources/clients.json"
        val SERVER = FaultsServer(SCENARIO)
        val TOLD: MutableSet<String> = Collections.synchronizedSet(mutableSetOf())
        val UUID4 = Regex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}")

        /** The recommended policy with waits of some milliseconds where the server asks for none. */
        val QUICK = Policy(quick(Policy.recommended().toJson()))
        val withKeys = Policy(QUICK.toJson().replaceFirst("{", """{ "idempotency_key_header": "Idempotency-Key","""))

        fun quick(document: String) =
            document
                .replace(Regex(""""upstream": *\{.*"advice"""", RegexOption.DOT_MATCHES_ALL), """"advice"""")
                .replaceFirst(Regex(""""retries": *4"""), """"retries": 2""")
                .replace(Regex(""""min_ms": *1000"""), """"min_ms": 10""")
                .replace(Regex(""""base_ms": *500"""), """"base_ms": 60""")

        /** The lines that holdoff logs while [run] runs. */
        fun logged(run: () -> Unit): List<Pair<Level, String>> {
            val lines = ConcurrentLinkedQueue<Pair<Level, String>>()
            val handler =
                object : Handler() {
                    override fun publish(record: LogRecord) {
                        lines += record.level to record.message
                    }

                    override fun flush() = Unit

                    override fun close() = Unit
                }
            val logger = Logger.getLogger("io.holdoff")
            logger.addHandler(handler)
            logger.level = Level.FINE
            try {
                run()
            } finally {
                logger.level = null
                logger.removeHandler(handler)
            }
            return lines.toList()
        }
    }
}
