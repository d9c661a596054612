package io.holdoff.clients

import io.holdoff.Call
import io.holdoff.FaultsServer
import io.holdoff.ktor.Retry
import io.holdoff.okhttp.RetryInterceptor
import io.ktor.client.HttpClient
import io.ktor.client.engine.cio.CIO
import io.ktor.client.request.get
import io.opentelemetry.api.GlobalOpenTelemetry
import io.opentelemetry.api.OpenTelemetry
import io.opentelemetry.api.common.AttributeKey.longKey
import io.opentelemetry.api.common.AttributeKey.stringKey
import io.opentelemetry.api.impl.InstrumentationUtil
import io.opentelemetry.api.trace.SpanKind
import io.opentelemetry.api.trace.StatusCode
import io.opentelemetry.api.trace.TracerProvider
import io.opentelemetry.api.trace.propagation.W3CTraceContextPropagator
import io.opentelemetry.context.Context
import io.opentelemetry.context.propagation.ContextPropagators
import io.opentelemetry.sdk.common.CompletableResultCode
import io.opentelemetry.sdk.trace.SdkTracerProvider
import io.opentelemetry.sdk.trace.data.SpanData
import io.opentelemetry.sdk.trace.export.SimpleSpanProcessor
import io.opentelemetry.sdk.trace.export.SpanExporter
import kotlinx.coroutines.runBlocking
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import okhttp3.OkHttpClient
import okhttp3.Request
import org.junit.jupiter.api.AfterEach
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertTrue
import org.junit.jupiter.api.BeforeEach
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import java.net.ConnectException
import java.net.ServerSocket
import java.net.URI
import java.util.Collections

@Timeout(20)
class OpenTelemetryTest {
    private val spans: MutableList<SpanData> = Collections.synchronizedList(mutableListOf())
    private val base = SERVER.newRun()
    private val quiet = mutableListOf<Boolean>()
    private val okHttp =
        RetryInterceptor()
            .addTo(OkHttpClient.Builder())
            .addNetworkInterceptor {
                quiet += InstrumentationUtil.shouldSuppressInstrumentation(Context.current())
                it.proceed(it.request())
            }.build()

    @BeforeEach
    fun install() {
        val exporter =
            object : SpanExporter {
                override fun export(ended: Collection<SpanData>): CompletableResultCode {
                    spans += ended
                    return CompletableResultCode.ofSuccess()
                }

                override fun flush(): CompletableResultCode = CompletableResultCode.ofSuccess()

                override fun shutdown(): CompletableResultCode = CompletableResultCode.ofSuccess()
            }
        val tracers = SdkTracerProvider.builder().addSpanProcessor(SimpleSpanProcessor.create(exporter)).build()
        GlobalOpenTelemetry.resetForTest()
        GlobalOpenTelemetry.set(
            object : OpenTelemetry {
                override fun getTracerProvider(): TracerProvider = tracers

                override fun getPropagators() = ContextPropagators.create(W3CTraceContextPropagator.getInstance())
            },
        )
    }

    @AfterEach
    fun remove() = GlobalOpenTelemetry.resetForTest()

    private fun get(url: String) = okHttp.newCall(Request.Builder().url(url).build()).execute().close()

    @Test
    fun `each attempt of OkHttp is a span, and what is below makes none`() {
        get("$base/unavailable?key=secret")
        check("$base/unavailable")
        assertEquals(listOf(true, true), quiet)
    }

    @Test
    fun `each attempt of Ktor is a span`() {
        runBlocking { HttpClient(CIO) { install(Retry) }.use { it.get("$base/unavailable?key=secret") } }
        check("$base/unavailable")
    }

    private fun check(url: String) {
        assertEquals(listOf("GET", "GET"), spans.map { it.name })
        assertTrue(spans.all { it.kind == SpanKind.CLIENT })
        assertEquals(listOf(503L, 200L), spans.map { it.attributes[longKey("http.response.status_code")] })
        assertEquals(listOf(null, 1L), spans.map { it.attributes[longKey("http.request.resend_count")] })
        assertEquals(listOf("503", null), spans.map { it.attributes[stringKey("error.type")] })
        assertEquals(listOf(StatusCode.ERROR, StatusCode.UNSET), spans.map { it.status.statusCode })
        assertEquals(listOf(url, url), spans.map { it.attributes[stringKey("url.full")] })
        assertEquals("127.0.0.1", spans[0].attributes[stringKey("server.address")])
        assertEquals(URI(url).port.toLong(), spans[0].attributes[longKey("server.port")])
        val event = spans[0].events.single()
        assertEquals("holdoff.decision" to "retry", event.name to event.attributes[stringKey("action")])
        assertEquals("backoff", event.attributes[stringKey("source")])
        assertEquals(0, spans[1].events.size)
        val parents =
            SERVER.log(URI(url)).map {
                it
                    .getValue("headers")
                    .jsonObject
                    .getValue("traceparent")
                    .jsonPrimitive.content
            }
        assertEquals(spans.map { "00-${it.traceId}-${it.spanId}" }, parents.map { it.substringBeforeLast('-') })
    }

    @Test
    fun `an exception is the type of the error`() {
        val nobody = ServerSocket(0).use { it.localPort }
        val once =
            Request
                .Builder()
                .url(
                    "http://127.0.0.1:$nobody/",
                ).tag(Call::class.java, Call(maxRetries = 0))
                .build()
        val error = runCatching { okHttp.newCall(once).execute() }.exceptionOrNull()
        assertTrue(error is ConnectException, "$error")
        assertEquals(ConnectException::class.java.name, spans.single().attributes[stringKey("error.type")])
        assertEquals(
            "escalate",
            spans
                .single()
                .events
                .single()
                .attributes[stringKey("action")],
        )
    }

    private companion object {
        val SERVER = FaultsServer("src/test/resources/clients.json")
    }
}
