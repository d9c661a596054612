package io.holdoff

import com.sun.jna.Memory
import com.sun.jna.Native
import com.sun.jna.Pointer
import io.holdoff.ffi.ForeignBytes
import io.holdoff.ffi.UniffiLib
import io.holdoff.ffi.UniffiRustCallStatus
import io.holdoff.ffi.UniffiWithHandle
import java.lang.ref.Reference
import java.nio.ByteBuffer
import io.holdoff.ffi.Policy as NativePolicy

/**
 * Decisions straight from the library, past the generated code.
 *
 * The generated `Policy.decide` takes ten times as long, nearly all of it to make and copy the
 * structures of its arguments. This makes the same two calls with structures that are kept.
 */
internal class Decider(
    policy: NativePolicy,
) {
    private val handle = policy.uniffiCloneHandle()

    // Frees the handle when it is collected.
    private val owner = NativePolicy(UniffiWithHandle, handle)

    /** The bits of the decision on a packed request. */
    fun decide(request: ByteBuffer): Long {
        val bytes = BYTES.get()
        bytes.len = request.remaining()
        bytes.data = Native.getDirectBufferPointer(request)
        try {
            // A method takes over the handle that it is given: hence a new one for each call.
            val own = Library.uniffi_holdoff_uniffi_fn_clone_policy(handle, STATUS)
            return Library.uniffi_holdoff_uniffi_fn_method_policy_decide(own, bytes, STATUS)
        } finally {
            Reference.reachabilityFence(owner)
        }
    }
}

@Suppress("ktlint:standard:function-naming") // the names of the library's symbols
private object Library {
    init {
        Native.register(Library::class.java, Native.getNativeLibrary(UniffiLib::class.java))
    }

    external fun uniffi_holdoff_uniffi_fn_clone_policy(
        handle: Long,
        status: Pointer,
    ): Long

    external fun uniffi_holdoff_uniffi_fn_method_policy_decide(
        handle: Long,
        request: ForeignBytes.ByValue,
        status: Pointer,
    ): Long
}

private val BYTES = ThreadLocal.withInitial { ForeignBytes.ByValue() }

// Only a call that goes wrong writes to it, and returns 0 then. So all calls can share it.
private val STATUS = Memory(UniffiRustCallStatus().size().toLong()).apply { clear() }
