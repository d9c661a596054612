package io.holdoff.clients

import com.openai.client.okhttp.OpenAIOkHttpClient
import com.openai.client.okhttp.OpenAIOkHttpClientAsync
import com.openai.errors.OpenAIServiceException
import com.openai.models.chat.completions.ChatCompletionCreateParams
import io.holdoff.FaultsServer
import io.holdoff.okhttp.RetryInterceptor
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test
import org.junit.jupiter.api.Timeout
import org.junit.jupiter.api.assertThrows
import java.net.URI
import java.util.concurrent.TimeUnit

/** The interceptor in openai-java's own client. */
@Timeout(20)
class OpenAiTest {
    private val base = SERVER.newRun()
    private val request =
        ChatCompletionCreateParams
            .builder()
            .model("m")
            .addUserMessage("hi")
            .build()

    private fun log() = SERVER.log(URI("$base/chat/completions"))

    @Test
    fun `retries in place of the client`() {
        val client =
            OpenAIOkHttpClient
                .builder()
                .baseUrl(base)
                .apiKey("none")
                .maxRetries(0)
                .addInterceptor(RetryInterceptor())
                .build()
        assertEquals(
            "hello",
            client
                .chat()
                .completions()
                .create(request)
                .choices()[0]
                .message()
                .content()
                .get(),
        )
        assertEquals(
            listOf("0", "0"),
            log().map {
                it
                    .getValue("headers")
                    .jsonObject["x-stainless-retry-count"]
                    ?.jsonPrimitive
                    ?.content
            },
        )
        val down = client.withOptions { it.baseUrl("$base/nowhere") }
        assertThrows<OpenAIServiceException> { down.chat().completions().create(request) }
        client.close()
    }

    @Test
    fun `retries in place of the asynchronous client`() {
        val client =
            OpenAIOkHttpClientAsync
                .builder()
                .baseUrl(base)
                .apiKey("none")
                .maxRetries(0)
                .addInterceptor(RetryInterceptor())
                .build()
        val future = client.chat().completions().create(request)
        assertEquals(
            "hello",
            future
                .get(10, TimeUnit.SECONDS)
                .choices()[0]
                .message()
                .content()
                .get(),
        )
        assertEquals(2, log().size)
        client.close()
    }

    private companion object {
        val SERVER = FaultsServer("src/test/resources/clients.json")
    }
}
