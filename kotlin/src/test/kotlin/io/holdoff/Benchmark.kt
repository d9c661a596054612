package io.holdoff

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import java.io.File
import java.time.Instant

/** What one decision costs through the jar. Prints a JSON object a line: who, what, and nanoseconds. */
fun main(arguments: Array<String>) {
    val shared = File(arguments[0])
    val headers =
        Json.parseToJsonElement(shared.resolve("headers.json").readText()).jsonObject.mapValues {
            it.value.jsonPrimitive.content
        }
    val body = shared.resolve("error-body.json").readBytes()
    val openAi = File(shared.parentFile, "responses/openai-rate-limit.http").readText()
    val tessera = Policy.tessera()
    val recommended = Policy.recommended()
    val call = Call(attempt = 1, seed = 7, now = Instant.parse("2026-01-15T12:00:00Z"))

    fun decide(
        headers: Map<String, String>,
        body: ByteArray = ByteArray(0),
        policy: Policy = tessera,
    ): () -> Any = { policy.decide(Failure.Response(429, Headers.of(headers), body), call) }

    measure("retry-after", decide(headers))
    measure("no hint", decide(headers - "retry-after"))
    measure("date", decide(headers + ("retry-after" to "Thu, 15 Jan 2026 12:00:30 GMT")))
    measure("body", decide(headers, body))
    measure("recommended", decide(headers, body, recommended))
    val (head, openAiBody) = openAi.split("\r\n\r\n", limit = 2)
    val lines = head.lines().drop(1).associate { it.substringBefore(": ") to it.substringAfter(": ") }
    measure("recommended, OpenAI", decide(lines, openAiBody.toByteArray(), recommended))
}

/** The quickest of many slices: what else the machine does makes a slice slower, never quicker. */
private fun measure(
    what: String,
    decide: () -> Any,
) {
    val calls = 2000
    val best =
        (1..300).minOf {
            val start = System.nanoTime()
            repeat(calls) { decide() }
            (System.nanoTime() - start) / calls
        }
    println("""{"who": "holdoff", "what": "$what", "ns": $best}""")
}
