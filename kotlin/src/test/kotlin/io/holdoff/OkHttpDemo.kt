package io.holdoff

import io.holdoff.okhttp.RetryInterceptor
import kotlinx.serialization.json.Json
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody.Companion.toRequestBody
import java.util.logging.Handler
import java.util.logging.Level
import java.util.logging.LogRecord
import java.util.logging.Logger
import kotlin.time.DurationUnit
import kotlin.time.TimeSource

/** Asks a chat API by OkHttp with the interceptor, and shows what that logs: BASE-URL [SEED]. */
fun main(arguments: Array<String>) {
    val start = TimeSource.Monotonic.markNow()

    fun say(text: Any) = println("%6.2f s  %s".format(start.elapsedNow().toDouble(DurationUnit.SECONDS), text))

    val log = Logger.getLogger("io.holdoff")
    log.level = Level.ALL
    log.useParentHandlers = false
    log.addHandler(
        object : Handler() {
            override fun publish(record: LogRecord) = say("attempt" + record.message.substringAfter("attempt"))

            override fun flush() = Unit

            override fun close() = Unit
        },
    )

    // An answer that is lost may be asked for again.
    val client = RetryInterceptor { idempotent = true }.addTo(OkHttpClient.Builder()).build()
    val question = """{"model": "any", "messages": [{"role": "user", "content": "Hello"}]}"""
    val request =
        Request
            .Builder()
            .url("${arguments[0]}/chat/completions")
            .post(question.toRequestBody("application/json".toMediaType()))
            .tag(Call::class.java, Call(seed = arguments.getOrNull(1)?.toULong()?.toLong()))
            .build()
    val answer = client.newCall(request).execute().use { Json.parseToJsonElement(it.body.string()).jsonObject }
    val choice = answer["choices"]?.jsonArray?.first()?.jsonObject
    val said = choice?.get("message")?.jsonObject?.get("content") ?: answer["error"]?.jsonObject?.get("message")
    said?.let { say(it.jsonPrimitive.content) }
    client.dispatcher.executorService.shutdown()
    client.connectionPool.evictAll()
}
