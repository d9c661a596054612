package io.holdoff

/** Nine retries after waits of 100 ms or those of Retry-After, and this `upstream`. */
internal fun sharedPolicy(upstream: String) =
    Policy(
        """{
          "name": "shared", "retries": 9,
          "rules": [
            {"status": [429], "verdict": "retry", "class": "rate_limited"},
            {"status": ["500-599"], "verdict": "retry", "class": "server_error"},
            {"transport": ["reset"], "verdict": "retry", "class": "transport"}
          ],
          "otherwise": {"verdict": "stop", "class": "other"},
          "hint": {"sources": ["retry-after"], "max_ms": 60000},
          "backoff": {"base_ms": 100, "factor": 1, "jitter": {"kind": "none"}},
          "upstream": $upstream
        }""",
    )

/** A breaker that two failures open, for [probeMs] at first, and after which calls come back at once. */
internal fun breaker(probeMs: Int) =
    """{"failures": 2, "probe_base_ms": $probeMs, "probe_factor": 2, "probe_cap_ms": 60000,
        "start_percent": 100, "percent_per_second": 1000, "least_per_minute": 60000}"""
