package peers

import com.openai.core.RequestOptions
import com.openai.core.Sleeper
import com.openai.core.http.Headers
import com.openai.core.http.HttpClient
import com.openai.core.http.HttpMethod
import com.openai.core.http.HttpRequest
import com.openai.core.http.HttpResponse
import com.openai.core.http.RetryingHttpClient
import com.openai.errors.OpenAIIoException
import java.io.IOException
import java.io.InputStream
import java.time.Duration
import java.util.concurrent.CompletableFuture

/** The part of openai-java that repeats requests, on an HTTP client that fails. */
fun openaiJava(case: Case): List<Double> {
    val waits = mutableListOf<Double>()
    val sleeper = object : Sleeper {
        override fun sleep(duration: Duration) {
            waits += duration.toNanos() / 1e6
        }

        override fun sleepAsync(duration: Duration): CompletableFuture<Void> = throw NotImplementedError()

        override fun close() {}
    }
    val failing = object : HttpClient {
        override fun execute(request: HttpRequest, requestOptions: RequestOptions): HttpResponse = when {
            waits.size > case.attempt -> Response(200)
            case.phase == "body" -> Response(200, failure = case.failure())
            // As openai-java-client-okhttp has it.
            case.transport != null -> throw OpenAIIoException("Request failed", case.failure())
            else -> Response(case.status!!, case.headers)
        }

        override fun executeAsync(request: HttpRequest, requestOptions: RequestOptions) =
            throw NotImplementedError()

        override fun close() {}
    }
    val client = RetryingHttpClient.builder().httpClient(failing).sleeper(sleeper).clock(clock)
    case.maxRetries?.let(client::maxRetries)
    val method = HttpMethod.valueOf(case.method)
    val request = HttpRequest.builder().method(method).baseUrl("http://peer.test").build()
    try {
        client.build().execute(request).use { it.body().readAllBytes() }
    } catch (_: OpenAIIoException) {
    } catch (_: IOException) {
    }
    return waits
}

private class Response(
    private val status: Int,
    private val headers: List<Pair<String, String>> = listOf(),
    private val failure: IOException? = null,
) : HttpResponse {
    override fun statusCode() = status

    override fun headers(): Headers =
        Headers.builder().apply { headers.forEach { (name, value) -> put(name, value) } }.build()

    override fun body() = object : InputStream() {
        override fun read(): Int = failure?.let { throw it } ?: -1
    }

    override fun close() {}
}
