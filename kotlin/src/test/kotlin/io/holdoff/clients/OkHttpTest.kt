package io.holdoff.clients

import io.holdoff.DecisionEvent
import io.holdoff.RetryOptions
import io.holdoff.decisionOf
import io.holdoff.okhttp.RetryInterceptor
import io.holdoff.retryBlocking
import kotlinx.coroutines.CompletableDeferred
import kotlinx.coroutines.NonCancellable
import kotlinx.coroutines.suspendCancellableCoroutine
import kotlinx.coroutines.withContext
import okhttp3.CacheControl
import okhttp3.Call
import okhttp3.Callback
import okhttp3.Dispatcher
import okhttp3.MediaType.Companion.toMediaType
import okhttp3.OkHttpClient
import okhttp3.Protocol
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.RequestBody.Companion.toRequestBody
import okhttp3.Response
import okhttp3.ResponseBody.Companion.asResponseBody
import okio.BufferedSink
import okio.ForwardingSource
import okio.Pipe
import okio.buffer
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import java.io.IOException
import java.util.concurrent.atomic.AtomicInteger
import io.holdoff.Call as HoldoffCall

class OkHttpTest : ClientTest() {
    private fun interceptor(configure: RetryOptions<*>.() -> Unit) =
        RetryInterceptor {
            configure()
            onDecision { events += it }
        }

    override fun open(configure: RetryOptions<*>.() -> Unit): Client =
        OkHttp(interceptor(configure).addTo(OkHttpClient.Builder()).dispatcher(wide()).build())

    private fun wide() =
        Dispatcher().apply {
            maxRequests = 2000
            maxRequestsPerHost = 2000
        }

    @Test
    fun `what OkHttp sends again by itself is not`() {
        val client = interceptor { policy = QUICK }.addTo(OkHttpClient.Builder()).build()
        for ((path, method) in listOf("/at-once" to "POST", "/at-once" to "GET", "/request-timeout" to "POST")) {
            val before = log(path).size
            events.clear()
            val request =
                Request
                    .Builder()
                    .url(
                        url(path),
                    ).method(method, "{}".toRequestBody().takeIf { method == "POST" })
            val response = client.newCall(request.build()).execute()
            response.close()
            assertEquals(events.size, log(path).size - before, path)
            if (path == "/at-once") assertEquals("0", response.header("retry-after"))
            assertEquals(false, "holdoff-retry-after" in response.headers.names().map { it.lowercase() })
        }
    }

    @Test
    fun `is cancelled as OkHttp cancels`() {
        val client = interceptor { policy = QUICK }.addTo(OkHttpClient.Builder()).build()
        val call = client.newCall(Request.Builder().url(url("/long-wait")).build())
        val thread =
            Thread {
                while (events.isEmpty()) Thread.sleep(5)
                call.cancel()
            }.apply { start() }
        val error = runCatching { call.execute() }.exceptionOrNull()
        thread.join()
        assertEquals("Canceled", error?.message)
    }

    @Test
    fun `an interrupt ends a wait`() {
        val client = interceptor { policy = QUICK }.addTo(OkHttpClient.Builder()).build()
        var error: Throwable? = null
        val thread =
            Thread {
                error =
                    runCatching {
                        client
                            .newCall(
                                Request.Builder().url(url("/long-wait")).build(),
                            ).execute()
                    }.exceptionOrNull()
            }.apply { start() }
        while (events.isEmpty()) Thread.sleep(5)
        thread.interrupt()
        thread.join(2000)
        assertEquals("interrupted", error?.message)
    }

    @Test
    fun `a response that comes as the call is cancelled is closed`() {
        val retries = interceptor { policy = QUICK }
        val closed = AtomicInteger()
        val builder = retries.addTo(OkHttpClient.Builder())
        builder.addInterceptor { chain ->
            val response = chain.proceed(chain.request())
            val source =
                object : ForwardingSource(response.body.source()) {
                    override fun close() {
                        closed.incrementAndGet()
                        super.close()
                    }
                }
            // Not JSON, of which the body would be read.
            val body = source.buffer().asResponseBody("text/plain".toMediaType(), -1)
            chain.call().cancel()
            response
                .newBuilder()
                .header("Content-Type", "text/plain")
                .body(body)
                .build()
        }
        val call = builder.build().newCall(Request.Builder().url(url("/stream")).build())
        assertEquals("Canceled", runCatching { call.execute() }.exceptionOrNull()?.message)
        assertEquals(1, closed.get())
    }

    @Test
    fun `what only the cache is asked for is not sent again`() {
        val client = interceptor { policy = QUICK }.addTo(OkHttpClient.Builder()).build()
        val request = Request.Builder().url(url("/unavailable")).cacheControl(CacheControl.FORCE_CACHE)
        client.newCall(request.build()).execute().use { assertEquals(504, it.code) }
        assertEquals(0, events.size)
    }

    @Test
    fun `the answer to a duplex body is not waited for`() {
        // OkHttp has duplex bodies over HTTP/2 only, which this server does not speak.
        val client =
            interceptor { policy = QUICK }
                .addTo(OkHttpClient.Builder())
                .addInterceptor { chain ->
                    val unwritten = Pipe(1).source.buffer().asResponseBody("application/json".toMediaType(), -1)
                    Response
                        .Builder()
                        .request(chain.request())
                        .protocol(Protocol.HTTP_2)
                        .code(200)
                        .message("")
                        .body(unwritten)
                        .build()
                }.build()
        val body =
            object : RequestBody() {
                override fun contentType() = null

                override fun isDuplex() = true

                override fun writeTo(sink: BufferedSink) = Unit
            }
        assertEquals(
            200,
            client
                .newCall(
                    Request
                        .Builder()
                        .url(url("/stream"))
                        .post(body)
                        .build(),
                ).execute()
                .code,
        )
    }

    override fun nested(url: String) {
        val once = RetryInterceptor { policy = QUICK }
        val client =
            OkHttpClient
                .Builder()
                .addInterceptor(once)
                .addInterceptor(once)
                .build()
        repeat(2) { client.newCall(Request.Builder().url(url).build()).execute().close() }
    }
}

private class OkHttp(
    private val client: OkHttpClient,
) : Client {
    override suspend fun send(request: Sent): Received {
        val body =
            object : RequestBody() {
                override fun contentType() = "application/json".toMediaType()

                override fun contentLength() = request.body.size.toLong()

                override fun isOneShot() = request.oneShot

                override fun writeTo(sink: BufferedSink) {
                    sink.write(request.body)
                }
            }
        val built = Request.Builder().url(request.url).method(request.method, body.takeIf { request.method == "POST" })
        for ((name, value) in request.headers) built.header(name, value)
        request.call?.let { built.tag(HoldoffCall::class.java, it) }
        return client.newCall(built.build()).received(reads = "read" !in request.headers)
    }

    private suspend fun Call.received(reads: Boolean): Received {
        val done = CompletableDeferred<Received>()
        enqueue(
            object : Callback {
                override fun onFailure(
                    call: Call,
                    e: IOException,
                ) {
                    done.complete(Received(error = e, reason = decisionOf(e)?.reason))
                }

                override fun onResponse(
                    call: Call,
                    response: Response,
                ) {
                    val url = response.request.url.toString()
                    val text = StringBuilder()
                    val error =
                        runCatching {
                            response.use {
                                val bytes = ByteArray(4096)
                                val stream = it.body.byteStream()
                                while (reads) {
                                    val count = stream.read(bytes)
                                    if (count < 0) break
                                    text.append(String(bytes, 0, count))
                                }
                            }
                        }.exceptionOrNull()
                    done.complete(Received(response.code, "$text", error, decisionOf(response)?.reason, url))
                }
            },
        )
        try {
            return done.await()
        } finally {
            if (!done.isCompleted) {
                cancel()
                withContext(NonCancellable) { done.await() }
            }
        }
    }

    override fun close() {
        client.dispatcher.executorService.shutdown()
        client.connectionPool.evictAll()
    }
}
