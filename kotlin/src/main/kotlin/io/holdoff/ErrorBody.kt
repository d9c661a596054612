@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import io.holdoff.ffi.parseError as nativeParseError

/**
 * What the server says of the error in the response's body: the envelope
 * `{"error": {"message", "type", "code", "param"}}`, any part of which may be missing.
 *
 * @property message What went wrong, for a person.
 * @property type The vendor's kind of error, such as `rate_limit_error`.
 * @property code The vendor's code for the error.
 * @property param The request's parameter that is at fault.
 */
public data class ErrorBody(
    public val message: String?,
    public val type: String?,
    public val code: String?,
    public val param: String?,
)

/**
 * The error envelope in [body], or `null` where there is none. Any bytes are accepted, and only the
 * first 64 KiB are looked at; of JSON that is cut or broken, the parts before the fault count.
 */
public fun parseError(body: ByteArray): ErrorBody? =
    nativeParseError(direct(body))?.run { ErrorBody(message, kind, code, param) }

/** The error envelope in a [body] of text, or `null` where there is none. */
public fun parseError(body: String): ErrorBody? = parseError(body.encodeToByteArray())
