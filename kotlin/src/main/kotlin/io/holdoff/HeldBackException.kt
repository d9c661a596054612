package io.holdoff

import java.io.IOException

/**
 * Thrown by [retry] where its [Upstream] refuses the first attempt, so that nothing was sent: the wait
 * would end after the call's deadline, or be longer than the policy allows. A call that failed before
 * it was refused ends in that failure.
 *
 * @property decision What holds the call back ([Decision.source]) and for how long
 *   ([Decision.afterMs]), why that is too long ([Decision.reason]), and the class of what last failed.
 */
public class HeldBackException internal constructor(
    @get:JvmExposeBoxed public val decision: Decision,
) : IOException(
        "nothing was sent: held back for ${decision.afterMs} ms by ${decision.source.meaning}; ${decision.reason.meaning}",
    )
