package io.holdoff

import org.junit.jupiter.api.Assertions.assertEquals
import org.junit.jupiter.api.Test

class RetryLogTest {
    @Test
    fun `an endpoint has no query and no credentials`() {
        val endpoints =
            mapOf(
                "https://api.example.com/v1/chat?key=1#2" to "https://api.example.com/v1/chat",
                "https://user:pass@api.example.com:8443/v1/@me" to "https://api.example.com:8443/v1/@me",
                "https://user:p@ss@api.example.com" to "https://api.example.com",
                "https://api.example.com?key=a/b@c" to "https://api.example.com",
                "https://[::1]:8443/" to "https://[::1]:8443/",
                "" to "",
            )
        for ((url, endpoint) in endpoints) assertEquals(endpoint, withoutSecrets(url))
        assertEquals("https://api.example.com:8443", originOf("https://api.example.com:8443/v1/chat"))
    }
}
