package io.holdoff

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.time.Instant
import java.util.concurrent.Callable
import java.util.concurrent.Executors

class UpstreamTest {
    private val upstream = Upstream()

    /** What is known of a call after so many milliseconds. */
    private fun at(
        ms: Long,
        call: Call = Call(),
    ) = call.copy(now = Instant.parse("2026-01-15T12:00:00Z").plusMillis(ms), draw = 0.0)

    private val tooMany = Failure.Response(429, Headers.of("Retry-After" to "4"))
    private val broken = Failure.Response(500)

    @Test
    fun `a hint that one call gets holds the others`() {
        val policy = sharedPolicy("""{"hold": {}}""")
        assertEquals(Admission.Send, upstream.admit(policy, at(0)))
        assertEquals(4000, upstream.decide(policy, tooMany, at(100)).afterMs)
        val admission = upstream.admit(policy, at(600))
        assertTrue(admission is Admission.Wait, "$admission")
        admission as Admission.Wait
        assertEquals(listOf(3500L, Source.HOLD), listOf(admission.afterMs, admission.source))
        assertEquals(Admission.Send, upstream.admit(policy, at(4100), admission.ticket))
    }

    @Test
    fun `a breaker opens, lets one probe through, and closes when it succeeds`() {
        val policy = sharedPolicy("""{"breaker": ${breaker(1000)}}""")
        for (ms in listOf(0L, 100L)) upstream.decide(policy, broken, at(ms))
        val wait = upstream.admit(policy, at(200)) as Admission.Wait
        assertEquals(listOf(900L, Source.BREAKER), listOf(wait.afterMs, wait.source))
        assertEquals(Admission.Send, upstream.admit(policy, at(1100)))
        assertTrue(upstream.admit(policy, at(1101)) is Admission.Wait)
        upstream.succeed(policy, at(1150))
        assertEquals(Admission.Send, upstream.admit(policy, at(1200)))
    }

    @Test
    fun `what cannot wait so long is refused`() {
        val policy = sharedPolicy("""{"max_wait_ms": 950, "breaker": ${breaker(1000)}}""")
        for (ms in listOf(0L, 100L)) upstream.decide(policy, broken, at(ms))

        fun refusal(
            ms: Long,
            call: Call,
        ) = (upstream.admit(policy, at(ms, call)) as Admission.Refuse).decision.toString()
        assertEquals("stop after 1000 ms (server_error, held, breaker)", refusal(100, Call()))
        val short = Call(elapsedMs = 200, deadlineMs = 1000)
        assertEquals("stop after 900 ms (server_error, deadline, breaker)", refusal(200, short))
    }

    @Test
    fun `calls that are paced have places in a queue`() {
        val policy =
            sharedPolicy("""{"pace": {"decrease_percent": 50, "percent_per_second": 10, "least_per_minute": 1}}""")
        for (ms in 0..10L) assertEquals(Admission.Send, upstream.admit(policy, at(100 * ms)))
        upstream.decide(policy, Failure.Response(429), at(1000))
        assertEquals(Admission.Send, upstream.admit(policy, at(1000)))
        val places = List(3) { upstream.admit(policy, at(1000)) as Admission.Wait }
        assertEquals(List(3) { Source.PACE }, places.map { it.source })
        assertTrue(places.zipWithNext().all { (one, next) -> one.afterMs + 100 < next.afterMs }, "$places")
        val turn = at(1000 + places.first().afterMs)
        assertEquals(Admission.Send, upstream.admit(policy, turn, places.first().ticket))
        assertTrue(upstream.admit(policy, turn) is Admission.Wait, "without a ticket it queues anew")
    }

    @Test
    fun `retries are paid from the budget`() {
        val policy = sharedPolicy("""{"budget": {"capacity": 2, "cost": 1, "refund": true}}""")

        fun fail() = upstream.decide(policy, broken, at(0))
        val paid = fail()
        assertEquals(List(2) { Action.RETRY }, listOf(paid, fail()).map { it.action })
        assertEquals("stop (server_error, budget_exhausted, none)", fail().toString())
        upstream.succeed(policy, at(100)) // a first attempt, which was paid by nobody
        assertEquals(Reason.BUDGET_EXHAUSTED, fail().reason)
        upstream.succeed(policy, at(100), after = paid)
        assertEquals(Action.RETRY, fail().action)
    }

    @Test
    fun `an explanation tells what became of the state`() {
        val policy = sharedPolicy("""{"hold": {}, "budget": {"capacity": 1, "cost": 1}}""")
        val explanation = upstream.explain(policy, tooMany, at(0))
        val told = explanation.steps.filter { it.topic == "upstream" }.map { it.text }
        assertEquals("all calls are held for 4000 ms", told.first())
        assertEquals("the retry is paid from the budget, which has 0 tokens left", told.last())
        assertEquals(Action.RETRY, explanation.decision.action)
        // It was taken in.
        assertEquals(Reason.BUDGET_EXHAUSTED, upstream.decide(policy, tooMany, at(0)).reason)
    }

    @Test
    fun `without a time or a policy for it nothing is held back`() {
        val policy = sharedPolicy("""{"hold": {}}""")
        upstream.decide(policy, tooMany, Call(draw = 0.0))
        assertEquals(Upstream().toJson(), upstream.toJson())
        upstream.decide(policy, tooMany, at(0))
        assertEquals(Admission.Send, upstream.admit(policy, Call()))
        assertEquals(Admission.Send, upstream.admit(Policy.tessera(), at(0)))
        assertTrue(upstream.admit(policy, at(0)) is Admission.Wait)
    }

    @Test
    fun `the state survives as JSON`() {
        val policy = sharedPolicy("""{"hold": {}, "breaker": ${breaker(1000)}}""")
        upstream.decide(policy, tooMany, at(0))
        upstream.decide(policy, broken, at(10))
        val copy = Upstream.fromJson(upstream.toJson())
        assertEquals(upstream.toJson(), copy.toJson())
        assertEquals(upstream.admit(policy, at(20)), copy.admit(policy, at(20)))
        for (wrong in listOf("", "1", """{"held": 1}""", "\ud800")) {
            val error = assertThrows<PolicyException> { Upstream.fromJson(wrong) }
            assertTrue(error.message.startsWith("upstream: not a state that was written by"), error.message)
        }
    }

    @Test
    fun `two copies are merged`() {
        val policy = sharedPolicy("""{"hold": {}}""")
        val other = Upstream()
        other.decide(policy, tooMany, at(0))
        upstream.admit(policy, at(1000))
        upstream.merge(other)
        assertEquals(3000, (upstream.admit(policy, at(1000)) as Admission.Wait).afterMs)
        upstream.merge(upstream)
        assertEquals(3000, (upstream.admit(policy, at(1000)) as Admission.Wait).afterMs)
    }

    @Test
    fun `every thread may use the same state`() {
        val policy = sharedPolicy("""{"budget": {"capacity": 1000, "cost": 1}}""")
        val other = Upstream()
        val work =
            List(THREADS) { thread ->
                Callable {
                    List(100) {
                        if (thread % 2 == 0) upstream.merge(other) else other.merge(upstream)
                        upstream.admit(policy, at(0))
                        upstream.decide(policy, broken, at(0)).action
                    }
                }
            }
        val threads = Executors.newFixedThreadPool(THREADS)
        val actions =
            try {
                threads.invokeAll(work).flatMap { it.get() }
            } finally {
                threads.shutdown()
            }
        assertEquals(mapOf(Action.RETRY to 1000, Action.STOP to 1000), actions.groupingBy { it }.eachCount())
    }

    private companion object {
        const val THREADS = 20
    }
}
