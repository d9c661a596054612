package io.holdoff

import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.Dispatchers
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.async
import kotlinx.coroutines.awaitAll
import kotlinx.coroutines.future.await
import kotlinx.coroutines.launch
import kotlinx.coroutines.runBlocking
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.advanceTimeBy
import kotlinx.coroutines.test.currentTime
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.net.SocketException
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import java.time.Clock
import java.time.Instant
import java.time.ZoneId
import java.time.ZoneOffset
import java.util.concurrent.Callable
import java.util.concurrent.CountDownLatch
import java.util.concurrent.Executors
import java.util.concurrent.TimeUnit

/** [retry] with an [Upstream] that other calls share. */
@OptIn(ExperimentalCoroutinesApi::class)
@Timeout(30)
class UpstreamRetryTest {
    private val upstream = Upstream()
    private val events = mutableListOf<DecisionEvent<Answer>>()
    private val tooMany = Failure.Response(429, Headers.of("Retry-After" to "4"))

    /** [retry] on virtual time, released as early as can be. */
    private suspend fun TestScope.retry(
        policy: Policy,
        call: Call = Call(),
        send: suspend (Long) -> Answer,
    ) = retry(
        Answers,
        policy,
        call.copy(draw = 0.0),
        upstream,
        { events += it },
        timeSource = testScheduler.timeSource,
        clock = VirtualClock(this),
        send = send,
    )

    private fun TestScope.now() = Call(now = VirtualClock(this).instant(), draw = 0.0)

    @Test
    fun `a call waits for what another was told, its first attempt too`() =
        runTest {
            val policy = sharedPolicy("""{"hold": {}}""")
            val answers = listOf(Answer(429, Headers.of("Retry-After" to "4")), Answer(200))
            val sent = mutableListOf<Long>()
            launch {
                retry(policy) {
                    sent += currentTime
                    answers[it.toInt()]
                }
            }
            advanceTimeBy(500)
            assertEquals(
                200,
                retry(policy) {
                    sent += currentTime
                    Answer(200)
                }.status,
            )
            testScheduler.advanceUntilIdle()
            assertEquals(listOf(0L, 4000L, 4000L), sent)
            assertEquals(listOf(0L), events.map { it.attempt })
        }

    @Test
    fun `a call that is refused at once sends nothing`() =
        runTest {
            val policy = sharedPolicy("""{"hold": {}}""")
            upstream.decide(policy, tooMany, now())
            val error = assertThrows<HeldBackException> { retry(policy, Call(deadlineMs = 3000)) { error("sent") } }
            assertEquals("stop after 4000 ms (rate_limited, deadline, hold)", error.decision.toString())
            assertEquals(error.decision, decisionOf(RuntimeException(error)))
            assertTrue(error.message.orEmpty().contains("held back for 4000 ms"), error.message)
            assertEquals(0L, currentTime)
            assertEquals(0, events.size)
        }

    @Test
    fun `a retry that is refused gives the last response back, open`() =
        runTest {
            val policy = sharedPolicy("""{"max_wait_ms": 3000, "hold": {}}""")
            val answer = Answer(500)
            val last =
                retry(policy) {
                    upstream.decide(policy, tooMany, now()) // what another call is told meanwhile
                    answer
                }
            assertSame(answer, last)
            assertTrue(!answer.closed)
            // Its own wait was 100 ms.
            assertEquals("stop after 3900 ms (server_error, held, hold)", decisionOf(answer).toString())
            assertEquals(listOf<Long?>(100, null), events.map { it.waitMs })
            assertEquals(listOf(0L to answer, 0L to answer), events.map { it.attempt to it.response })
        }

    @Test
    fun `a retry that is refused throws the last exception`() =
        runTest {
            val policy = sharedPolicy("""{"breaker": ${breaker(1000)}}""")
            val resets = List(2) { SocketException("reset $it") }
            val thrown =
                assertThrows<SocketException> { retry(policy, Call(deadlineMs = 1000)) { throw resets[it.toInt()] } }
            assertSame(resets.last(), thrown)
            // The breaker opened at 100 ms, and the second wait was over at 200 ms.
            assertEquals("stop after 900 ms (transport, deadline, breaker)", decisionOf(thrown).toString())
            assertEquals(200L, currentTime)
        }

    @Test
    fun `a failure is open as long as it may be given back`() =
        runTest {
            val policy = sharedPolicy("""{"hold": {}}""")
            val answers = listOf(Answer(500), Answer(200))
            val job =
                launch {
                    retry(policy) {
                        assertTrue(it == 0L || answers.first().closed)
                        answers[it.toInt()]
                    }
                }
            advanceTimeBy(50)
            assertTrue(!answers.first().closed)
            job.join()
            assertEquals(listOf(true, false), answers.map { it.closed })

            // Nobody may be given it back when there is no upstream.
            val alone = Answer(500)
            val clock = Clock.systemUTC()
            launch { retry(Answers, policy, clock = clock) { if (it == 0L) alone else Answer(200) } }
            advanceTimeBy(50)
            assertTrue(alone.closed)
        }

    @Test
    fun `a call that waits keeps its place in the queue`() =
        runTest {
            val policy =
                sharedPolicy("""{"pace": {"decrease_percent": 50, "percent_per_second": 10, "least_per_minute": 1}}""")
            repeat(10) {
                retry(policy) { Answer(200) }
                advanceTimeBy(100)
            }
            upstream.decide(policy, Failure.Response(429), now())
            val queue = Upstream.fromJson(upstream.toJson())
            val places = List(4) { queue.admit(policy, now()) }.map { (it as? Admission.Wait)?.afterMs ?: 0 }
            assertTrue(places.zipWithNext().all { (one, next) -> one + 100 < next }, "$places")

            val start = currentTime
            val sent = mutableListOf<Long>()
            repeat(4) {
                launch {
                    retry(policy) {
                        sent += currentTime - start
                        Answer(200)
                    }
                }
            }
            testScheduler.advanceUntilIdle()
            assertEquals(places, sent)
        }

    @Test
    fun `retries are paid from the budget, and those that succeed are paid back`() =
        runTest {
            val policy = sharedPolicy("""{"budget": {"capacity": 1, "cost": 1, "refund": true}}""")
            repeat(3) { assertEquals(200, retry(policy) { Answer(if (it == 0L) 500 else 200) }.status) }
            val answers = List(2) { Answer(500) }
            assertSame(answers.last(), retry(policy) { answers[it.toInt()] })
            assertEquals(Reason.BUDGET_EXHAUSTED, decisionOf(answers.last())?.reason)
            assertNull(events.last().waitMs)
        }

    @Test
    fun `cancellation and time limits end the wait for others`() =
        runTest {
            val policy = sharedPolicy("""{"hold": {}}""")
            val answer = Answer(500)
            val job =
                launch {
                    retry(policy) {
                        upstream.decide(policy, tooMany, now())
                        answer
                    }
                }
            advanceTimeBy(1000)
            job.cancel()
            job.join()
            assertEquals(1000L, currentTime)
            assertTrue(answer.closed)
            assertThrows<TimeoutCancellationException> { withTimeout(1000) { retry(policy) { error("sent") } } }
            assertEquals(2000L, currentTime)
        }

    @Test
    fun `twenty coroutines keep to what the server told one of them`() =
        runBlocking {
            val policy = sharedPolicy("""{"hold": {"spread_ms": 300}}""")
            val url = URI("${Faults.newRun()}/rate-limited")
            val told = CompletableDeferred<Unit>()

            fun call() =
                async(Dispatchers.Default) {
                    retry(HttpResponseAdapter(), policy, upstream = upstream, onDecision = { told.complete(Unit) }) {
                        client.sendAsync(request(url), BodyHandlers.ofString()).await()
                    }.statusCode()
                }
            val first = call()
            told.await()
            val all = List(19) { call() } + first
            assertEquals(List(20) { 200 }, all.awaitAll())

            val sent = sentAt(url)
            assertEquals(21, sent.size)
            val waits = sent.drop(1).map { it - sent.first() }
            // The server counts from when it answered; some clocks tell whole milliseconds only.
            assertTrue(waits.all { it in 995..5000 }, "$waits")
            assertTrue(waits.last() - waits.first() >= 50, "all were released at once: $waits")
        }

    @Test
    fun `twenty threads wait for the breaker, which one probe closes`() {
        val policy = sharedPolicy("""{"breaker": ${breaker(400)}}""")
        val url = URI("${Faults.newRun()}/overloaded")
        val failures = CountDownLatch(2)

        fun call(): Int =
            retryBlocking(HttpResponseAdapter(), policy, upstream = upstream, onDecision = { failures.countDown() }) {
                client.send(request(url), BodyHandlers.ofString())
            }.statusCode()

        val threads = Executors.newFixedThreadPool(20)
        try {
            val first = threads.submit(Callable { call() })
            assertTrue(failures.await(10, TimeUnit.SECONDS))
            val all = List(19) { threads.submit(Callable { call() }) } + first
            assertEquals(List(20) { 200 }, all.map { it.get() })
        } finally {
            threads.shutdownNow()
        }

        val sent = sentAt(url)
        assertEquals(22, sent.size)
        assertTrue(sent[2] - sent[1] in 395..5000, "$sent")
        assertEquals(Admission.Send, upstream.admit(policy, Call(now = Instant.now())))
    }

    private fun sentAt(url: URI) = Faults.log(url).map { it.getValue("at_ms").jsonPrimitive.long }

    /** The time of the test's scheduler. */
    private class VirtualClock(
        private val scope: TestScope,
    ) : Clock() {
        override fun getZone(): ZoneId = ZoneOffset.UTC

        override fun withZone(zone: ZoneId) = this

        override fun instant(): Instant = Instant.parse("2026-01-15T12:00:00Z").plusMillis(scope.currentTime)
    }

    private companion object {
        val client: HttpClient = HttpClient.newHttpClient()

        // Not a GET, which the client may send again by itself.
        fun request(url: URI): HttpRequest = HttpRequest.newBuilder(url).POST(BodyPublishers.ofString("{}")).build()
    }
}
