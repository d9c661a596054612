@file:JvmName("Holdoff")
@file:JvmMultifileClass

package io.holdoff

import kotlinx.coroutines.DelicateCoroutinesApi
import kotlinx.coroutines.GlobalScope
import kotlinx.coroutines.future.await
import kotlinx.coroutines.future.future
import kotlinx.coroutines.runBlocking
import java.io.IOException
import java.util.concurrent.CompletableFuture
import java.util.concurrent.CompletionStage
import java.util.function.Consumer
import java.util.function.LongFunction
import java.util.function.Supplier

/** Sends a request and waits for the response. */
public fun interface BlockingSend<T : Any> {
    /** The response to the attempt of this number, from zero. */
    @Throws(IOException::class, InterruptedException::class)
    public fun send(attempt: Long): T
}

/**
 * [retry] for Java, in the calling thread. An interrupt ends a wait at once.
 *
 * @throws IOException as [send] does; a [HeldBackException] where [upstream] refuses the first attempt.
 * @throws InterruptedException if the thread is interrupted.
 */
@JvmOverloads
@Throws(IOException::class, InterruptedException::class)
public fun <T : Any> retryBlocking(
    adapter: ResponseAdapter<T>,
    policy: Policy = defaultPolicy,
    call: Call = Call(),
    upstream: Upstream? = null,
    onDecision: Consumer<DecisionEvent<T>>? = null,
    delivered: Supplier<Boolean?> = Supplier { call.delivered },
    endpoint: String? = null,
    send: BlockingSend<T>,
): T =
    runBlocking {
        retry(adapter, policy, call, upstream, onDecision?.let { it::accept }, delivered::get, endpoint = endpoint) {
            send.send(it)
        }
    }

/**
 * [retry] for Java, in the background. Cancelling the future ends a wait at once, and cancels the one
 * that [send] gave.
 */
@JvmOverloads
@OptIn(DelicateCoroutinesApi::class) // the future is what its owner holds on to and cancels
public fun <T : Any> retryAsync(
    adapter: ResponseAdapter<T>,
    policy: Policy = defaultPolicy,
    call: Call = Call(),
    upstream: Upstream? = null,
    onDecision: Consumer<DecisionEvent<T>>? = null,
    delivered: Supplier<Boolean?> = Supplier { call.delivered },
    endpoint: String? = null,
    send: LongFunction<CompletionStage<T>>,
): CompletableFuture<T> =
    GlobalScope.future {
        retry(adapter, policy, call, upstream, onDecision?.let { it::accept }, delivered::get, endpoint = endpoint) {
            send.apply(it).await()
        }
    }
