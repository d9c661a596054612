package peers

import java.io.IOException
import java.net.ConnectException
import java.net.ProtocolException
import java.net.SocketException
import java.net.SocketTimeoutException
import java.net.UnknownHostException
import java.time.Clock
import java.time.Instant
import java.time.ZoneOffset
import javax.net.ssl.SSLHandshakeException
import kotlin.system.exitProcess
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.buildJsonObject
import kotlinx.serialization.json.contentOrNull
import kotlinx.serialization.json.int
import kotlinx.serialization.json.intOrNull
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.put

/** The time at which every case takes place. */
val clock: Clock = Clock.fixed(Instant.ofEpochSecond(1_800_000_000), ZoneOffset.UTC)

/**
 * A client lets a call fail as the case says, again and again, and gives the milliseconds that it
 * waited after each failure before it tried again. They end where it gave up.
 *
 * Clients are named as presets are before their `@`.
 */
val clients = mapOf<String, (Case) -> List<Double>>(
    "openai-java" to ::openaiJava,
    "okhttp" to ::okhttp,
    "ktor" to ::ktor,
    "resilience4j" to ::resilience4j,
)

/** Answers cases with a client itself: each line of the input, a case, by one of the output. */
fun main(args: Array<String>) {
    val client = clients[args.singleOrNull()?.substringBefore('@')]
    if (client == null) {
        System.err.println("give the preset of one of these: ${clients.keys.joinToString()}")
        exitProcess(2)
    }
    generateSequence(::readlnOrNull).forEach { line -> println(answer(client, Case(line))) }
    exitProcess(0) // whatever threads a client has left
}

fun answer(client: (Case) -> List<Double>, case: Case): JsonObject = buildJsonObject {
    try {
        val wait = client(case).getOrNull(case.attempt)
        put("retry", wait != null)
        wait?.let { put("delay_ms", it) }
    } catch (e: RuntimeException) {
        if (thrownHere(e)) throw e
        put("raises", "${e.javaClass.simpleName}: ${e.message}".take(80))
    }
}

/** Whether the code of this folder threw, and not a client's. */
fun thrownHere(e: RuntimeException): Boolean {
    val libraries = listOf("java.", "jdk.", "kotlin.")
    val thrower = e.stackTrace.first { frame -> libraries.none(frame.className::startsWith) }
    return thrower.className.startsWith("peers.")
}

/** How an attempt failed: with a response, or without one in the way that transport and phase name. */
class Case(line: String) {
    private val json = Json.parseToJsonElement(line).jsonObject

    val status = number("status")
    val headers = json.getValue("headers").jsonArray.map { header ->
        val (name, value) = header.jsonArray.map { it.jsonPrimitive.content }
        name to value.trim(' ', '\t') // as HTTP does
    }
    val body = text("body").orEmpty()
    val transport = text("transport")
    val phase = text("phase")
    val method = json.getValue("method").jsonPrimitive.content
    val attempt = json.getValue("attempt").jsonPrimitive.int
    val maxRetries = number("max_retries")

    /** The exception of the JDK that a failure of this kind leads to. */
    fun failure(): IOException = when (transport) {
        "dns" -> UnknownHostException("peer.test")
        "connect" -> ConnectException("Connection refused")
        "tls" -> SSLHandshakeException("certificate_unknown")
        "reset" -> SocketException("Connection reset")
        "timeout" -> SocketTimeoutException("timeout")
        "protocol" -> ProtocolException("Unexpected status line")
        else -> throw IllegalArgumentException("no such failure: $transport")
    }

    private fun number(name: String) = json.getValue(name).jsonPrimitive.intOrNull

    private fun text(name: String) = json.getValue(name).jsonPrimitive.contentOrNull
}
