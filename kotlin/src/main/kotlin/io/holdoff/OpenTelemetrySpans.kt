package io.holdoff

import io.opentelemetry.api.GlobalOpenTelemetry
import io.opentelemetry.api.OpenTelemetry
import io.opentelemetry.api.common.Attributes
import io.opentelemetry.api.impl.InstrumentationUtil
import io.opentelemetry.api.trace.Span
import io.opentelemetry.api.trace.SpanKind
import io.opentelemetry.api.trace.StatusCode
import io.opentelemetry.context.Context
import io.opentelemetry.context.Scope
import io.opentelemetry.context.propagation.TextMapSetter
import kotlinx.coroutines.ThreadContextElement
import java.net.URI
import kotlin.coroutines.CoroutineContext

/**
 * Spans by OpenTelemetry's conventions for HTTP clients. Only loaded where its API is on the class path.
 *
 * https://opentelemetry.io/docs/specs/semconv/http/http-spans/
 */
internal class OpenTelemetrySpans(
    private val method: String,
    private val endpoint: String,
) : Spans() {
    private val parent = Context.current()
    private var span: Span? = null

    override var context: CoroutineContext = super.context
        private set

    override fun begin(attempt: Long): List<Pair<String, String>> {
        end()
        val telemetry = telemetry()
        val address = runCatching { URI(endpoint) }.getOrNull()
        val builder =
            telemetry
                .getTracer("io.holdoff")
                .spanBuilder(method)
                .setParent(parent)
                .setSpanKind(SpanKind.CLIENT)
                .setAttribute("http.request.method", method)
                .setAttribute("url.full", endpoint)
        address?.host?.let { builder.setAttribute("server.address", it) }
        address?.let(::portOf)?.let { builder.setAttribute("server.port", it) }
        if (attempt > 0) builder.setAttribute("http.request.resend_count", attempt)
        val started = builder.startSpan().also { span = it }

        val inside = quiet(parent.with(started))
        context = CurrentContext(inside)
        val headers = mutableListOf<Pair<String, String>>()
        telemetry.propagators.textMapPropagator.inject(inside, headers, AddHeader)
        return headers
    }

    override fun answered(status: Int) {
        span?.setAttribute("http.response.status_code", status.toLong())
        if (status >= FIRST_ERROR_STATUS) failed(status.toString())
    }

    override fun failed(error: Throwable) = failed(error.javaClass.name)

    override fun decided(
        decision: Decision,
        error: Throwable?,
    ) {
        error?.let(::failed)
        val attributes =
            Attributes
                .builder()
                .put("action", decision.action.wireName)
                .put("reason", decision.reason.wireName)
                .put("source", decision.source.wireName)
                .put("after_ms", decision.afterMs)
                .build()
        span?.addEvent("holdoff.decision", attributes)
        if (decision.action == Action.RETRY) end()
    }

    override fun end() {
        span?.end()
        span = null
    }

    private fun failed(type: String) {
        span?.setAttribute("error.type", type)?.setStatus(StatusCode.ERROR)
    }

    private fun portOf(address: URI): Long? =
        when {
            address.port >= 0 -> address.port.toLong()
            address.scheme == "https" -> HTTPS_PORT
            address.scheme == "http" -> HTTP_PORT
            else -> null
        }
}

private fun telemetry(): OpenTelemetry =
    try {
        // Not `get`, after which the application could set none any more.
        GlobalOpenTelemetry.getOrNoop()
    } catch (_: NoSuchMethodError) {
        GlobalOpenTelemetry.get() // before 1.57
    }

/** This context, in which the instrumentation of the client below makes no spans of its own. */
private fun quiet(context: Context): Context {
    var quiet = context
    try {
        context.makeCurrent().use { InstrumentationUtil.suppressInstrumentation { quiet = Context.current() } }
    } catch (_: NoClassDefFoundError) {
        // Other versions have it elsewhere, and are not told.
    }
    return quiet
}

/** Makes [context] the current one of the thread in which a coroutine runs. */
private class CurrentContext(
    private val context: Context,
) : ThreadContextElement<Scope> {
    override val key: CoroutineContext.Key<CurrentContext> get() = Key

    override fun updateThreadContext(context: CoroutineContext): Scope = this.context.makeCurrent()

    override fun restoreThreadContext(
        context: CoroutineContext,
        oldState: Scope,
    ) = oldState.close()

    private companion object Key : CoroutineContext.Key<CurrentContext>
}

private object AddHeader : TextMapSetter<MutableList<Pair<String, String>>> {
    override fun set(
        carrier: MutableList<Pair<String, String>>?,
        key: String,
        value: String,
    ) {
        carrier?.add(key to value)
    }
}

private const val FIRST_ERROR_STATUS = 400
private const val HTTPS_PORT = 443L
private const val HTTP_PORT = 80L
