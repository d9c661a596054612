@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import io.holdoff.ffi.parseError as nativeParseError

/**
 * What an error body says, whichever vendor's shape it has. Any part may be missing.
 *
 * @property message What went wrong, for a person.
 * @property type The vendor's kind of error, such as `rate_limit_error` or `RESOURCE_EXHAUSTED`.
 * @property code The vendor's code for the error, such as `insufficient_quota`.
 * @property param The request's parameter that is at fault.
 * @property failureClass What kind of failure that is, where the vendor's words are known.
 */
public data class ErrorBody(
    public val message: String?,
    public val type: String?,
    public val code: String?,
    public val param: String?,
    public val failureClass: FailureClass?,
)

/**
 * The error in [body], or `null` where there is none. Any bytes are accepted, and only the first
 * 64 KiB are looked at. The error may be an `error` object or text, RFC 9457 problem details, members
 * of the document itself, the first of a list, or an error event in a stream. JSON that is cut or
 * broken has none.
 */
public fun parseError(body: ByteArray): ErrorBody? =
    nativeParseError(direct(body))?.run {
        ErrorBody(message, kind, code, param, failureClass?.let { FailureClass.of(it.toInt()) })
    }

/** The error in a [body] of text, or `null` where there is none. */
public fun parseError(body: String): ErrorBody? = parseError(body.encodeToByteArray())
