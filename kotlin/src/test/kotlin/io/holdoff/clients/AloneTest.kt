package io.holdoff.clients

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Assertions.assertThrows
import org.junit.jupiter.api.Test
import java.io.File
import java.net.URLClassLoader

/** The jar without the clients that it has adapters for, as most have it. */
class AloneTest {
    private val there =
        System.getProperty("java.class.path").split(File.pathSeparator).filter { path ->
            ALL_THAT_IS_NEEDED.any { it in File(path).name }
        }

    @Test
    fun `retries where no client is there`() {
        assertEquals(ALL_THAT_IS_NEEDED.size, there.size, "$there")
        URLClassLoader(
            there.map { File(it).toURI().toURL() }.toTypedArray(),
            ClassLoader.getPlatformClassLoader(),
        ).use {
            for (absent in listOf(
                "okhttp3.OkHttpClient",
                "io.ktor.client.HttpClient",
                "io.opentelemetry.context.Context",
            )) {
                assertThrows(ClassNotFoundException::class.java) { it.loadClass(absent) }
            }
            val sends = it.loadClass("io.holdoff.BlockingSend")
            var attempts = 0
            val send =
                java.lang.reflect.Proxy.newProxyInstance(it, arrayOf(sends)) { _, _, _ ->
                    attempts++
                    // The second is no transport failure, and ends the call.
                    throw if (attempts == 1) java.net.ConnectException("refused") else IllegalStateException()
                }
            val adapter = it.loadClass("io.holdoff.HttpResponseAdapter").getConstructor().newInstance()
            val retry =
                it.loadClass("io.holdoff.Holdoff").methods.single { method ->
                    method.name == "retryBlocking" &&
                        method.parameterCount == 2
                }
            val error =
                assertThrows(
                    java.lang.reflect.InvocationTargetException::class.java,
                ) { retry.invoke(null, adapter, send) }
            assertEquals(IllegalStateException::class.java, error.cause?.javaClass)
            assertEquals(2, attempts)
            // As the adapters ask for OpenTelemetry.
            val spans = it.loadClass("io.holdoff.Spans")
            val made =
                spans.getField("Companion").get(null).let { companion ->
                    companion.javaClass
                        .getMethod(
                            "of",
                            String::class.java,
                            String::class.java,
                        ).invoke(companion, "GET", "http://a/")
                }
            assertEquals(spans, made.javaClass)
        }
    }

    private companion object {
        val ALL_THAT_IS_NEEDED = listOf("holdoff-", "kotlin-stdlib-2", "kotlinx-coroutines-core", "jna-")
    }
}
