package io.holdoff

import kotlinx.coroutines.CancellationException
import kotlinx.coroutines.ExperimentalCoroutinesApi
import kotlinx.coroutines.TimeoutCancellationException
import kotlinx.coroutines.delay
import kotlinx.coroutines.launch
import kotlinx.coroutines.test.TestScope
import kotlinx.coroutines.test.advanceTimeBy
import kotlinx.coroutines.test.currentTime
import kotlinx.coroutines.test.runTest
import kotlinx.coroutines.withTimeout
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNull
import org.junit.jupiter.api.Assertions.assertSame
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.io.EOFException
import java.io.FileNotFoundException
import java.io.IOException
import java.net.ConnectException
import java.net.ProtocolException
import java.net.SocketException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import java.net.http.HttpConnectTimeoutException
import java.net.http.HttpTimeoutException
import java.nio.channels.UnresolvedAddressException
import java.time.Clock
import java.time.Instant
import java.time.ZoneOffset
import java.util.concurrent.CompletionException
import javax.net.ssl.SSLException
import javax.net.ssl.SSLHandshakeException

@OptIn(ExperimentalCoroutinesApi::class)
class RetryTest {
    private val policy = Policy.tessera()
    private val events = mutableListOf<DecisionEvent<Answer>>()

    /** [retry] on virtual time, with the middle draw. */
    private suspend fun TestScope.retry(
        call: Call = Call(),
        now: Instant = Instant.EPOCH,
        send: suspend (Long) -> Answer,
    ) = retry(
        Answers,
        policy,
        call.copy(draw = 0.5),
        onDecision = { events += it },
        timeSource = testScheduler.timeSource,
        clock = Clock.fixed(now, ZoneOffset.UTC),
        send = send,
    )

    @Test
    fun `a success is returned at once and costs no decision`() =
        runTest {
            for (status in listOf(200, 304, 399)) {
                val answer = Answer(status)
                assertSame(answer, retry { answer })
                assertNull(decisionOf(answer))
                assertTrue(!answer.closed)
            }
            assertEquals(0, events.size)
        }

    @Test
    fun `failures are retried after their waits and closed`() =
        runTest {
            val answers = listOf(Answer(500), Answer(429, Headers.of("Retry-After" to "7")), Answer(503), Answer(200))
            assertSame(answers.last(), retry { answers[it.toInt()] })
            assertEquals(listOf(1500L, 7000L, 4500L), events.map { it.waitMs })
            assertEquals(listOf(0L, 1L, 2L), events.map { it.attempt })
            assertEquals(answers.take(3), events.map { it.response })
            assertEquals(listOf(true, true, true, false), answers.map { it.closed })
            assertEquals(1500L + 7000 + 4500, currentTime)
        }

    @Test
    fun `the last response is given back with its decision`() =
        runTest {
            val answers = List(6) { Answer(500) }
            assertSame(answers.last(), retry { answers[it.toInt()] })
            assertTrue(!answers.last().closed)
            assertEquals(Action.ESCALATE, decisionOf(answers.last())?.action)
            assertNull(decisionOf(answers.first()))
            assertNull(events.last().waitMs)

            val stopped = Answer(500) { """{"error": {"type": "permission_error"}}""" }
            assertSame(stopped, retry { stopped })
            assertEquals(Reason.ERROR_TYPE, decisionOf(stopped)?.reason)
        }

    @Test
    fun `the last exception is thrown with its decision`() =
        runTest {
            val exceptions = List(6) { SocketException("reset $it") }
            val thrown = assertThrows<SocketException> { retry { throw exceptions[it.toInt()] } }
            assertSame(exceptions.last(), thrown)
            assertEquals(Reason.RETRIES_EXHAUSTED, decisionOf(thrown)?.reason)
            assertEquals(Reason.RETRIES_EXHAUSTED, decisionOf(RuntimeException(thrown))?.reason)
            assertSame(exceptions.first(), events.first().error)
        }

    @Test
    fun `what is no transport failure is thrown at once`() =
        runTest {
            for (bug in listOf(IllegalStateException(), FileNotFoundException(), CancellationException())) {
                var attempts = 0
                assertSame(
                    bug,
                    runCatching {
                        retry {
                            attempts++
                            throw bug
                        }
                    }.exceptionOrNull(),
                )
                assertEquals(1, attempts)
            }
            assertEquals(0, events.size)
        }

    @Test
    fun `the clock and the time that has passed are facts of the decision`() =
        runTest {
            val headers = Headers.of("retry-after" to "Thu, 15 Jan 2026 12:00:09 GMT")
            val answers = listOf(Answer(503, headers), Answer(200))
            retry(now = Instant.parse("2026-01-15T12:00:00Z")) { answers[it.toInt()] }
            assertEquals(listOf(9000L), events.map { it.waitMs })

            // The waits are 1.5 and 2.5 s.
            val last = retry(Call(deadlineMs = 3000)) { Answer(500) }
            assertEquals(Reason.DEADLINE, decisionOf(last)?.reason)
            assertEquals(9000L + 1500, currentTime)
        }

    @Test
    fun `the facts of the call count`() =
        runTest {
            assertEquals(Reason.NOT_REPLAYABLE, decisionOf(retry(Call(replayable = false)) { Answer(500) })?.reason)
            assertEquals(Reason.DELIVERED, decisionOf(retry(Call(delivered = true)) { Answer(500) })?.reason)

            var delivered = false
            val cut =
                retry(Answers, policy, delivered = { delivered }) {
                    delivered = it == 1L
                    Answer(500)
                }
            assertEquals(Reason.DELIVERED, decisionOf(cut)?.reason)
            assertEquals(Action.ESCALATE, decisionOf(retry(Call(maxRetries = 0)) { Answer(500) })?.action)
        }

    @Test
    fun `without a policy the recommended one decides`() =
        runTest {
            val body = """{"error": {"code": "insufficient_quota"}}"""
            val exhausted = Answer(429, Headers.of("retry-after" to "1")) { body }
            val answers = listOf(Answer(429, Headers.of("retry-after-ms" to "2000")), exhausted)
            val seen = mutableListOf<Decision>()
            assertSame(exhausted, retry(Answers, onDecision = { seen += it.decision }) { answers[it.toInt()] })
            assertEquals(listOf(Source.RETRY_AFTER_MS, Source.NONE), seen.map { it.source })
            assertTrue(seen.first().afterMs in 2000..2400, "$seen")
            assertEquals("stop (quota_exhausted, error_class, none)", seen.last().toString())
        }

    @Test
    fun `what may have been executed is sent again only if that is safe`() =
        runTest {
            suspend fun reason(
                call: Call = Call(),
                method: String? = null,
            ) = decisionOf(retry(Answers, call = call) { Answer(504, method = method) })?.reason

            val post = Call(method = "POST")
            assertEquals(Reason.POSSIBLY_EXECUTED, reason(post))
            assertEquals(Reason.POSSIBLY_EXECUTED, reason(method = "POST"))
            assertEquals(Reason.POSSIBLY_EXECUTED, reason(post, method = "GET"))
            assertEquals(Reason.RETRIES_EXHAUSTED, reason(post.copy(idempotent = true)))
            assertEquals(Reason.RETRIES_EXHAUSTED, reason(method = "GET"))
            for (unknown in listOf(null, "", "X".repeat(256))) {
                assertEquals(Reason.RETRIES_EXHAUSTED, reason(method = unknown))
            }

            val late = SocketTimeoutException()
            assertThrows<SocketTimeoutException> { retry(Answers, call = post) { throw late } }
            assertEquals(Reason.POSSIBLY_EXECUTED, decisionOf(late)?.reason)
        }

    @Test
    fun `the method that a response told holds for the exception after it`() =
        runTest {
            val late = SocketTimeoutException()
            assertThrows<SocketTimeoutException> {
                retry(Answers) { if (it == 0L) Answer(503, method = "POST") else throw late }
            }
            assertEquals(Reason.POSSIBLY_EXECUTED, decisionOf(late)?.reason)
        }

    @Test
    fun `one seed serves the whole call`() =
        runTest {
            val seen = mutableListOf<Decision>()
            val seed = freshSeed()
            retry(Answers, policy, Call(seed = seed), onDecision = { seen += it.decision }) { Answer(500) }
            val expected = List(6) { policy.decide(Failure.Response(500), Call(it.toLong(), seed)) }
            assertEquals(expected, seen)
        }

    @Test
    fun `cancellation ends a wait at once`() =
        runTest {
            val answer = Answer(500)
            val job = launch { retry { answer } }
            advanceTimeBy(100)
            job.cancel()
            job.join()
            assertEquals(100, currentTime)
            assertTrue(answer.closed)
            assertEquals(1, events.size)
        }

    @Test
    fun `a limit around the call cancels it, one inside an attempt is a failure`() =
        runTest {
            assertThrows<TimeoutCancellationException> { withTimeout(3000) { retry { Answer(500) } } }
            assertEquals(3000, currentTime)
            events.clear()

            val late = Answer(200)
            val result =
                retry {
                    if (it == 0L) withTimeout(10) { delay(1000) }
                    late
                }
            assertSame(late, result)
            assertEquals(listOf(FailureClass.TIMEOUT), events.map { it.decision.failureClass })
        }

    @Test
    fun `a response is closed when onDecision throws`() =
        runTest {
            val answer = Answer(500)
            assertThrows<IllegalStateException> { retry(Answers, policy, onDecision = { error("no") }) { answer } }
            assertTrue(answer.closed)
        }

    @Test
    fun `a body that can't be read or does not come is no body`() =
        runTest {
            val broken = Answer(403) { throw IOException("cut") }
            assertEquals(Reason.STATUS, decisionOf(retry { broken })?.reason)
            val stalled =
                Answer(403) {
                    delay(60_000)
                    "never"
                }
            assertEquals(Reason.STATUS, decisionOf(retry { stalled })?.reason)
            assertEquals(1000, currentTime)
            assertEquals(Reason.STATUS, decisionOf(retry(Call(deadlineMs = 50)) { stalled })?.reason)
            assertEquals(1050, currentTime)
        }

    @Test
    fun `exceptions of the JDK are known`() {
        val adapter = HttpResponseAdapter<Any>()
        val unresolved = ConnectException().initCause(ConnectException().initCause(UnresolvedAddressException()))
        for ((exception, expected) in listOf(
            UnknownHostException() to "dns",
            unresolved to "dns",
            ConnectException() to "connect",
            HttpConnectTimeoutException("") to "timeout connect",
            HttpTimeoutException("") to "timeout",
            SocketTimeoutException() to "timeout",
            SSLHandshakeException("") to "tls",
            SSLException("") to "tls",
            SSLException(SocketException("Connection reset")) to "reset",
            SocketException() to "reset",
            EOFException() to "reset",
            IOException() to "reset",
            ProtocolException() to "protocol",
            CompletionException(ConnectException()) to "connect",
            InterruptedException() to null,
            FileNotFoundException() to null,
            CompletionException(IllegalStateException()) to null,
            CompletionException("", null) to null,
        )) {
            val failure = adapter.failure(exception.unwrapped())
            assertEquals(expected, failure?.run { listOfNotNull(kind.wireName, phase?.wireName).joinToString(" ") })
        }
    }
}
