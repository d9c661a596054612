package io.holdoff

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonArray
import kotlinx.serialization.json.JsonElement
import kotlinx.serialization.json.JsonNull
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.JsonPrimitive
import kotlinx.serialization.json.boolean
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.double
import kotlinx.serialization.json.int
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import org.junit.jupiter.api.AfterAll
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.DynamicTest
import org.junit.jupiter.api.DynamicTest.dynamicTest
import org.junit.jupiter.api.TestFactory
import org.junit.jupiter.api.assertAll
import org.junit.jupiter.api.assertThrows
import java.io.File
import java.time.Instant

/** The cases that all languages share: one test each. */
class VectorsTest {
    @TestFactory
    fun vectors(): List<DynamicTest> = documents.flatMap { (file, vectors) -> tests(file, vectors) }

    private fun tests(
        file: File,
        vectors: JsonObject,
    ): List<DynamicTest> {
        val check: (JsonObject, String) -> Unit =
            when (val kind = vectors.text("kind")) {
                "decide" -> ::decide
                "policy-error" -> ::policyError
                "error-body" -> ::errorBody
                "support-report" -> ::supportReport
                "upstream" -> ::upstream
                else -> error("$file: `$kind` is not a kind of case")
            }
        return vectors.getValue("cases").jsonArray.map { case ->
            val name = "${file.nameWithoutExtension}/${case.jsonObject.text("name")}"
            dynamicTest(name) {
                run += name
                check(case.jsonObject.withOwnPolicy(vectors), "$name: ${case.jsonObject.text("why")}")
            }
        }
    }

    private fun decide(
        case: JsonObject,
        message: String,
    ) {
        val input = case.getValue("input").jsonObject
        val call = input.call()
        // A case with no seed and no draw must not depend on chance.
        val seeds = if (call.seed == null && call.draw == null) listOf(0L, -1L) else listOf(call.seed)
        for (seed in seeds) decide(input, call.copy(seed = seed), case.getValue("expect").jsonObject, message)
    }

    private fun decide(
        input: JsonObject,
        call: Call,
        expect: JsonObject,
        message: String,
    ) {
        val policy = input.policy()
        val decision = policy.decide(input.failure(), call)
        expect(decision, policy, input, call, expect, message)
        explained(policy.explain(input.failure(), call), decision, expect, message)
    }

    private fun expect(
        decision: Decision,
        policy: Policy,
        input: JsonObject,
        call: Call,
        expect: JsonObject,
        message: String,
    ) {
        val actual =
            mapOf(
                "action" to { JsonPrimitive(decision.action.wireName) },
                "after_ms" to { JsonPrimitive(decision.afterMs) },
                "class" to { JsonPrimitive(decision.failureClass.wireName) },
                "reason" to { JsonPrimitive(decision.reason.wireName) },
                "source" to { JsonPrimitive(decision.source.wireName) },
                "advice" to { JsonPrimitive(policy.advice(decision)) },
                "bits" to { JsonPrimitive(decision.bits) },
                "attempt" to { JsonPrimitive(call.attempt) },
                "error" to { parseError(if (input.known("status") == null) "" else input.body()).toJson() },
            )
        // The hint is not told in Kotlin.
        val checked = expect.filterKeys { it != "hint" && it != "explained" }
        assertTrue(actual.keys.containsAll(checked.keys), "${checked.keys - actual.keys} can't be checked")
        val found = checked.mapValues { (fact, _) -> actual.getValue(fact)() }
        assertEquals(JsonObject(checked), JsonObject(found), message)
    }

    private fun explained(
        explanation: Explanation,
        decision: Decision,
        texts: JsonObject,
        message: String,
    ) {
        assertEquals(decision, explanation.decision, "explain decides differently, $message")
        for (text in texts["explained"]?.jsonArray.orEmpty().map { it.jsonPrimitive.content }) {
            assertTrue(explanation.steps.any { text in it.text }, "`$text` is not in\n$explanation\n$message")
        }
    }

    private fun upstream(
        case: JsonObject,
        message: String,
    ) {
        val policy = case.policy()
        for (throughJson in listOf(false, true)) {
            var state = Upstream()
            val calls = mutableMapOf<String?, InHand>()
            case.getValue("steps").jsonArray.map { it.jsonObject }.forEachIndexed { index, step ->
                val inHand = calls.getOrPut(step.text("call"), ::InHand)
                take(step, policy, state, inHand, "steps[$index], through JSON: $throughJson, $state, $message")
                if (throughJson) state = Upstream.fromJson(state.toJson())
            }
        }
    }

    /** What a call keeps from one step to the next. */
    private class InHand {
        var ticket = 0
        var decision: Decision? = null
    }

    private fun take(
        step: JsonObject,
        policy: Policy,
        state: Upstream,
        inHand: InHand,
        message: String,
    ) {
        step["admit"]?.let {
            val admission = state.admit(policy, it.jsonObject.call(), inHand.ticket)
            inHand.ticket = (admission as? Admission.Wait)?.ticket ?: 0
            assertEquals(step["expect"], admission.toJson(), message)
            return
        }
        step["succeed"]?.let {
            state.succeed(policy, it.jsonObject.call(), inHand.decision, it.jsonObject.headers())
            return
        }
        val input = step.getValue("decide").jsonObject
        val explanation = Upstream.fromJson(state.toJson()).explain(policy, input.failure(), input.call())
        val decision = state.decide(policy, input.failure(), input.call())
        inHand.decision = decision
        expect(decision, policy, input, input.call(), step.getValue("expect").jsonObject, message)
        explained(explanation, decision, step, message)
    }

    private fun policyError(
        case: JsonObject,
        message: String,
    ) {
        val document = case["text"]?.jsonPrimitive?.content ?: case.getValue("document").toString()
        assertEquals(case.text("error"), assertThrows<PolicyException> { Policy(document) }.message, message)
    }

    private fun errorBody(
        case: JsonObject,
        message: String,
    ) = assertEquals(case.getValue("expect"), parseError(case.text("body").orEmpty()).toJson(), message)

    private fun supportReport(
        case: JsonObject,
        message: String,
    ) {
        val input = case.getValue("input").jsonObject
        val report = supportReport(input.failure(), case.text("endpoint"), input.call().now)
        val facts =
            JsonObject(
                mapOf(
                    "timestamp" to report.timestamp,
                    "request_id" to report.requestId,
                    "failure" to report.failure,
                    "error_code" to report.errorCode,
                    "body" to report.body,
                    "endpoint" to report.endpoint,
                ).mapValues { JsonPrimitive(it.value) },
            )
        assertAll(
            { assertEquals(case["expect"], facts, message) },
            { assertEquals(case["expect"], Json.parseToJsonElement(report.json), message) },
            { assertEquals(case.text("text"), report.toString(), message) },
        )
    }

    private companion object {
        val documents =
            File("../tests/vectors")
                .listFiles { file -> file.extension == "json" }
                .orEmpty()
                .sorted()
                .associateWith { Json.parseToJsonElement(it.readText()).jsonObject }
        val run = mutableSetOf<String>()

        @JvmStatic
        @AfterAll
        fun `every case was run, under a name of its own`() {
            assertTrue(run.isNotEmpty())
            assertEquals(documents.values.sumOf { it.getValue("cases").jsonArray.size }, run.size)
        }
    }
}

/** The case, or its input, with the policy itself where it names one of its file's own. */
private fun JsonObject.withOwnPolicy(vectors: JsonObject): JsonObject {
    get("input")?.let { return JsonObject(this + ("input" to it.jsonObject.withPolicyOf(vectors))) }
    return withPolicyOf(vectors)
}

private fun JsonObject.withPolicyOf(vectors: JsonObject): JsonObject {
    val name = get("policy") as? JsonPrimitive
    val own = vectors["policies"]?.jsonObject?.get(name?.content) ?: return this
    return JsonObject(this + ("policy" to own))
}

private fun JsonObject.known(name: String): JsonElement? = get(name).takeUnless { it is JsonNull }

private fun JsonObject.text(name: String): String? = get(name)?.jsonPrimitive?.contentOrNull

private fun JsonObject.policy(): Policy =
    when (val policy = known("policy")) {
        null -> Policy.tessera()
        is JsonObject -> Policy(policy.toString())
        else -> Policy.preset(policy.jsonPrimitive.content)
    }

private fun JsonObject.failure(): Failure =
    when (val status = known("status")) {
        null -> Failure.Transport(named(text("transport")) { it.wireName }!!, named(text("phase")) { it.wireName })
        else -> Failure.Response(status.jsonPrimitive.int, headers(), body())
    }

private inline fun <reified E : Enum<E>> named(
    name: String?,
    wireName: (E) -> String,
): E? = name?.let { enumValues<E>().single { wireName(it) == name } }

private fun JsonObject.headers(): Headers =
    Headers.of(
        known("headers")?.jsonObject.orEmpty().flatMap { (name, value) ->
            val values = value as? JsonArray ?: listOf(value)
            values.map { name to it.jsonPrimitive.content }
        },
    )

private fun JsonObject.body(): String =
    when (val body = known("body")) {
        null -> ""
        is JsonPrimitive -> body.content
        else -> body.toString()
    }

private fun JsonObject.call(): Call =
    Call(
        attempt = known("attempt")?.jsonPrimitive?.long ?: 0,
        seed = text("seed")?.toULong()?.toLong(),
        draw = known("draw")?.jsonPrimitive?.double,
        now = text("now")?.let(Instant::parse),
        elapsedMs = known("elapsed_ms")?.jsonPrimitive?.long,
        deadlineMs = known("deadline_ms")?.jsonPrimitive?.long,
        maxRetries = known("max_retries")?.jsonPrimitive?.long,
        method = text("method"),
        idempotent = known("idempotent")?.jsonPrimitive?.boolean,
        replayable = known("replayable")?.jsonPrimitive?.boolean,
        delivered = known("delivered")?.jsonPrimitive?.boolean,
    )

private fun ErrorBody?.toJson(): JsonElement =
    when (this) {
        null -> {
            JsonNull
        }

        else -> {
            val parts =
                mapOf(
                    "message" to message,
                    "type" to type,
                    "code" to code,
                    "param" to param,
                    "class" to failureClass?.wireName,
                )
            JsonObject(parts.mapValues { JsonPrimitive(it.value) })
        }
    }

private fun Admission.toJson(): JsonObject =
    JsonObject(
        when (this) {
            is Admission.Send -> {
                mapOf("action" to JsonPrimitive("send"))
            }

            is Admission.Wait -> {
                mapOf(
                    "action" to JsonPrimitive("wait"),
                    "after_ms" to JsonPrimitive(afterMs),
                    "source" to JsonPrimitive(source.wireName),
                )
            }

            is Admission.Refuse -> {
                mapOf(
                    "action" to JsonPrimitive("refuse"),
                    "reason" to JsonPrimitive(decision.reason.wireName),
                    "source" to JsonPrimitive(decision.source.wireName),
                    "after_ms" to JsonPrimitive(decision.afterMs),
                    "class" to JsonPrimitive(decision.failureClass.wireName),
                )
            }
        },
    )
