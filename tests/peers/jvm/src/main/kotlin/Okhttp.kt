package peers

import java.io.IOException
import java.net.InetAddress
import java.net.UnknownHostException
import java.util.concurrent.TimeUnit
import java.util.logging.Level
import java.util.logging.Logger
import javax.net.ssl.SSLContext
import mockwebserver3.Dispatcher
import mockwebserver3.MockResponse
import mockwebserver3.MockWebServer
import mockwebserver3.RecordedRequest
import mockwebserver3.SocketEffect
import okhttp3.Call
import okhttp3.EventListener
import okhttp3.OkHttpClient
import okhttp3.Request
import okhttp3.RequestBody
import okhttp3.Response
import okhttp3.internal.http.HttpMethod

/** OkHttp, which says of each failure whether it tries again, and never waits; and a server that fails. */
fun okhttp(case: Case): List<Double> {
    Logger.getLogger(MockWebServer::class.java.name).level = Level.OFF
    val again = mutableListOf<Boolean>()
    val decisions = object : EventListener() {
        override fun retryDecision(call: Call, exception: IOException, retry: Boolean) {
            again += retry
        }

        override fun followUpDecision(call: Call, networkResponse: Response, nextRequest: Request?) {
            again += nextRequest != null
        }
    }
    val client = OkHttpClient.Builder().eventListener(decisions).dns { _ ->
        if (case.transport == "dns") throw UnknownHostException()
        listOf(InetAddress.getLoopbackAddress()) // one address: a policy knows of no others
    }
    if (case.transport == "timeout") client.readTimeout(50, TimeUnit.MILLISECONDS)
    MockWebServer().use { server ->
        server.dispatcher = object : Dispatcher() {
            override fun dispatch(request: RecordedRequest) = response(case)
        }
        // This server has no certificate, so that no handshake with it succeeds.
        if (case.transport == "tls") server.useHttps(SSLContext.getDefault().socketFactory)
        server.start()
        if (case.transport == "connect") server.close()
        val scheme = if (case.transport == "tls") "https" else "http"
        val body = if (HttpMethod.requiresRequestBody(case.method)) RequestBody.EMPTY else null
        val request = Request.Builder().url("$scheme://peer.test:${server.port}").method(case.method, body)
        try {
            client.build().newCall(request.build()).execute().use { it.body.bytes() }
        } catch (_: IOException) {
        }
    }
    return again.takeWhile { it }.map { 0.0 }
}

private fun response(case: Case): MockResponse {
    val response = MockResponse.Builder()
    val failing = when (case.transport) {
        "reset" -> SocketEffect.CloseSocket()
        "timeout" -> SocketEffect.Stall
        else -> null
    }
    when {
        case.phase == "body" -> response.body("not whole").onResponseBody(failing)
        case.transport == "protocol" -> response.status("not HTTP")
        case.transport != null -> response.onResponseStart(failing)
        else -> {
            response.code(case.status!!)
            case.headers.forEach { (name, value) -> response.addHeaderLenient(name, value) }
        }
    }
    return response.build()
}
