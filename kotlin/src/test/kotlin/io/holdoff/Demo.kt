package io.holdoff

import kotlinx.coroutines.future.await
import kotlinx.coroutines.runBlocking
import java.net.URI
import java.net.http.HttpClient
import java.net.http.HttpRequest
import java.net.http.HttpRequest.BodyPublishers
import java.net.http.HttpResponse.BodyHandlers
import kotlin.time.DurationUnit
import kotlin.time.TimeSource

/** Retries a request of the JDK's client by the policy of Tessera AI, and shows each decision: URL [SEED]. */
fun main(arguments: Array<String>) {
    // Not a GET: that the JDK's client sends again by itself when a connection is reset, unseen.
    val request = HttpRequest.newBuilder(URI(arguments[0])).POST(BodyPublishers.noBody()).build()
    val seed = arguments.getOrNull(1)?.toULong()?.toLong()
    val client = HttpClient.newBuilder().version(HttpClient.Version.HTTP_1_1).build()
    val start = TimeSource.Monotonic.markNow()

    fun say(text: Any) = println("%6.2f s  %s".format(start.elapsedNow().toDouble(DurationUnit.SECONDS), text))

    val response =
        runBlocking {
            retry(
                HttpResponseAdapter(),
                Policy.tessera(),
                Call(seed = seed),
                onDecision = { event ->
                    val decision = event.decision
                    val how =
                        when (decision.action) {
                            Action.RETRY -> "after ${decision.afterMs} ms, by ${decision.source.wireName}"
                            else -> "because of ${decision.reason.wireName}"
                        }
                    val what = "${decision.failureClass.wireName}: ${decision.action.wireName}"
                    say("attempt ${event.attempt}  $what $how")
                },
            ) { client.sendAsync(request, BodyHandlers.ofString()).await() }
        }
    say(response.statusCode())
}
