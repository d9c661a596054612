package io.holdoff

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertNotEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.assertThrows
import java.time.Instant

class PolicyTest {
    private val policy = Policy.tessera()

    @Test
    fun `all of it comes from the jar`() {
        val location = Policy::class.java.protectionDomain.codeSource.location.path
        assertTrue(location.endsWith(".jar"), location)
    }

    @Test
    fun `a decision tells what, how long and why`() {
        val decision = policy.decide(Failure.Response(429, Headers.of("Retry-After" to "3")), Call(seed = 7))
        assertEquals(Action.RETRY, decision.action)
        assertEquals(3000, decision.afterMs)
        assertEquals(FailureClass.RATE_LIMITED, decision.failureClass)
        assertEquals(Reason.STATUS, decision.reason)
        assertEquals(Source.RETRY_AFTER, decision.source)
        assertEquals("the quota of the current window is used up: back off", policy.advice(decision))
        assertEquals("retry after 3000 ms (rate_limited, status, retry-after)", decision.toString())
        assertEquals("stop (permission, status, none)", policy.decide(Failure.Response(403)).toString())
    }

    @Test
    fun `headers are found in every shape`() {
        val shapes =
            listOf(
                Headers.of("date" to "x", "RETRY-AFTER" to "3"),
                Headers.of(listOf("Retry-After" to "2", "retry-after" to "3")),
                Headers.of(mapOf("Retry-After" to "3")),
                Headers.of(mapOf("retry-After" to listOf("2", "3"), "other" to listOf())),
                Headers { it.accept("retry-after", "3") },
                Headers.of(mapOf("Retry-After" to "\u00003\n")),
            )
        for (headers in shapes) assertEquals(3000, policy.decide(Failure.Response(503, headers)).afterMs)
        @Suppress("UNCHECKED_CAST") // as HttpURLConnection gives them
        val nameless = mapOf(null to listOf("HTTP/1.1 503"), "Retry-After" to listOf("3")) as Map<String, List<String>>
        assertEquals(3000, policy.decide(Failure.Response(503, Headers.of(nameless))).afterMs)
    }

    @Test
    fun `a line break in a value makes no other header`() {
        val headers = Headers.of("retry-after" to "x\nretry-after: 9")
        assertEquals(Source.BACKOFF, policy.decide(Failure.Response(503, headers)).source)
    }

    @Test
    fun `the body of an error is looked at`() {
        val body = """{"error": {"message": "?", "type": "permission_error"}}"""
        for (failure in listOf(
            Failure.Response(500, Headers.NONE, body),
            Failure.Response(500, Headers.NONE, body.toByteArray()),
            Failure.Response(500, Headers.NONE, body + " ".repeat(1_000_000)),
        )) {
            assertEquals(Reason.ERROR_TYPE, policy.decide(failure).reason)
        }
    }

    @Test
    fun `an error body tells its class`() {
        val error = parseError("""{"error": {"code": "insufficient_quota", "message": "no money left"}}""")
        val expected = ErrorBody("no money left", null, "insufficient_quota", null, FailureClass.QUOTA_EXHAUSTED)
        assertEquals(expected, error)
        assertEquals(null, parseError("""{"error": {"code": "busy"}}""")?.failureClass)
    }

    @Test
    fun `names of other scripts are no headers`() {
        // U+212A is a k in lower case.
        val headers = Headers.of("x-ratelimit-reset-to\u212Aens" to "9", "x-ratelimit-remaining-tokens" to "0")
        assertEquals(Source.BACKOFF, Policy.recommended().decide(Failure.Response(503, headers)).source)
    }

    @Test
    fun `one seed gives one wait, no seed another each time`() {
        val failure = Failure.Response(500)
        val waits = List(100) { policy.decide(failure).afterMs }
        assertTrue(waits.all { it in 1000..<2000 } && waits.distinct().size > 10, "$waits")
        assertEquals(policy.decide(failure, Call(seed = 7)), policy.decide(failure, Call(seed = 7)))
        assertEquals(1500, policy.decide(failure, Call(draw = 0.5)).afterMs)
        assertNotEquals(freshSeed(), freshSeed())
    }

    @Test
    fun `an explanation has steps and ends in the decision`() {
        val explanation = policy.explain(Failure.Transport(TransportKind.RESET), Call(seed = 7))
        assertEquals(policy.decide(Failure.Transport(TransportKind.RESET), Call(seed = 7)), explanation.decision)
        assertEquals("failure", explanation.steps.first().topic)
        assertEquals("decision", explanation.steps.last().topic)
        assertEquals(explanation.steps.size, explanation.toString().lines().size)
    }

    @Test
    fun `a policy is its document`() {
        val copy = Policy(policy.toJson())
        assertEquals(policy.toJson(), copy.toJson())
        assertEquals(listOf("tessera", true), listOf(copy.name, copy.readsBody))
        assertEquals(policy.description, copy.description)
        assertTrue("retry-after" in copy.headers, "${copy.headers}")
        for (preset in listOf(policy, Policy.recommended())) {
            assertTrue(preset.name in Policy.presetNames, "${Policy.presetNames}")
        }
    }

    @Test
    fun `a client is named alone, by a range or by a version`() {
        val names = listOf("openai-python", "openai-python@<=2.51", "openai-python@2.40.0")
        assertEquals(
            listOf("openai-python@>=2.52.1", "openai-python@<=2.51", "openai-python@<=2.51"),
            names.map { Policy.preset(it).name },
        )
    }

    @Test
    fun `a wrong document says where and what`() {
        val error = assertThrows<IllegalArgumentException> { Policy("""{"name": 1}""") }
        assertTrue(error is PolicyException && error.message.startsWith("name: "), "$error")
        assertTrue(assertThrows<PolicyException> { Policy.preset("\ud800") }.message.contains("not a preset"))
    }

    @Test
    fun `facts out of range are refused`() {
        for ((said, wrong) in mapOf<String, () -> Any>(
            "failure.status: `1000` is not a status from 0 to 999" to { Failure.Response(1000) },
            "call.attempt: `-1` is not a number from 0 to 4294967295" to { Call(attempt = -1) },
            "call.maxRetries: `-1` is not a number from 0 to 4294967295" to { Call(maxRetries = -1) },
            "call.draw: `1.0` is not a fraction from 0 up to but not including 1" to { Call(draw = 1.0) },
            "call.draw: `NaN` is not a fraction from 0 up to but not including 1" to { Call(draw = Double.NaN) },
            "call.now: `1969-12-31T23:59:59Z` is before 1970-01-01T00:00:00Z" to
                { Call(now = Instant.ofEpochSecond(-1)) },
            "call.method: `` is not a method of 1 to 255 bytes" to { Call(method = "") },
        )) {
            assertEquals(said, assertThrows<IllegalArgumentException> { wrong() }.message)
        }
        policy.decide(
            Failure.Response(999),
            Call(0xFFFF_FFFF, Long.MIN_VALUE, now = Instant.MAX, elapsedMs = Long.MAX_VALUE),
        )
    }

    @Test
    fun `every thread may use the same policy`() {
        val failure = Failure.Response(429, Headers.of("retry-after" to "3"))
        val threads = List(4) { Thread { repeat(1000) { check(policy.decide(failure).afterMs == 3000L) } } }
        val errors = mutableListOf<Throwable>()
        threads.forEach {
            it.setUncaughtExceptionHandler { _, error -> synchronized(errors) { errors += error } }
            it.start()
        }
        threads.forEach(Thread::join)
        assertEquals(emptyList<Throwable>(), errors)
    }

    @Test
    fun `a support report holds no secrets`() {
        val failure = Failure.Response(503, Headers.of("x-request-id" to "req-1"), """{"error":{"code":"busy"}}""")
        val report = supportReport(failure, "https://me:pw@api.tessera.ai/v1?key=k", Instant.EPOCH)
        assertEquals("https://api.tessera.ai/v1", report.endpoint)
        assertEquals(
            listOf("req-1", "busy", "1970-01-01T00:00:00Z"),
            report.run { listOf(requestId, errorCode, timestamp) },
        )
        assertTrue(report.toString().startsWith("time        1970-01-01T00:00:00Z\nrequest id  req-1\n"), "$report")
    }
}
