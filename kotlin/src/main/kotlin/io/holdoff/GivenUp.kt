package io.holdoff

import java.lang.ref.ReferenceQueue
import java.lang.ref.WeakReference
import java.util.concurrent.ConcurrentHashMap

/** The decisions by which responses were given back and exceptions thrown, for as long as somebody holds these. */
internal object GivenUp {
    private val decisions = ConcurrentHashMap<Any, Decision>()
    private val collected = ReferenceQueue<Any>()

    fun remember(
        responseOrException: Any,
        decision: Decision,
    ) {
        while (true) decisions.remove(collected.poll() ?: break)
        decisions[Identity(responseOrException, collected)] = decision
    }

    fun decisionOf(responseOrException: Any): Decision? = decisions[Identity(responseOrException)]
}

/** Stands for this very object: equal objects may be of different calls. */
private class Identity(
    value: Any,
    queue: ReferenceQueue<Any>? = null,
) : WeakReference<Any>(value, queue) {
    private val hash = System.identityHashCode(value)

    override fun hashCode(): Int = hash

    override fun equals(other: Any?): Boolean = this === other || (other is Identity && isOf(other.get()))

    private fun isOf(value: Any?): Boolean = value != null && value === get()
}
