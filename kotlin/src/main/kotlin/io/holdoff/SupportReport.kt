@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import java.time.Instant
import io.holdoff.ffi.requestIdHeaders as nativeRequestIdHeaders
import io.holdoff.ffi.supportReport as nativeSupportReport

/**
 * What a vendor's support asks for after a failure, and nothing else. Its text is ready to paste in
 * a mail.
 *
 * It never holds a key or a prompt: no request header, nothing of the request body, the endpoint
 * without query or credentials, and of an error body only the error envelope.
 *
 * @property timestamp When it happened, in UTC as RFC 3339.
 * @property requestId The id that the server gave the request.
 * @property failure The HTTP status, or how the transport failed.
 * @property errorCode The error body's code, or its type where it has no code.
 * @property body The error envelope, or a body that is no such envelope, cut to 2048 bytes.
 * @property endpoint The endpoint called, without query or credentials.
 * @property json All of it as a JSON object.
 */
public class SupportReport internal constructor(
    public val timestamp: String?,
    public val requestId: String?,
    public val failure: String,
    public val errorCode: String?,
    public val body: String?,
    public val endpoint: String?,
    public val json: String,
    private val text: String,
) {
    override fun toString(): String = text
}

/**
 * The report of a [failure] when calling [endpoint], a URL.
 *
 * @param now when it happened; unknown without it.
 */
@JvmOverloads
public fun supportReport(
    failure: Failure,
    endpoint: String? = null,
    now: Instant? = null,
): SupportReport {
    val request = request(failure, Call(now = now), requestIdHeaders, readsBody = true)
    return checkNotNull(nativeSupportReport(request, endpoint?.wellFormed())).run {
        SupportReport(timestamp, requestId, this.failure, errorCode, body, this.endpoint, json, text)
    }
}

private val requestIdHeaders by lazy { nativeRequestIdHeaders().toSet() }
