package io.holdoff

import kotlinx.serialization.json.Json
import kotlinx.serialization.json.JsonObject
import kotlinx.serialization.json.jsonArray
import kotlinx.serialization.json.jsonObject
import kotlinx.serialization.json.jsonPrimitive
import kotlinx.serialization.json.long
import java.net.URI
import java.util.UUID

/** The misbehaving server of `tests/faults`, on which each run counts its requests from the start. */
class FaultsServer(
    scenario: String,
) {
    private val url: String by lazy {
        val program =
            checkNotNull(System.getenv("HOLDOFF_FAULTS")) {
                "HOLDOFF_FAULTS is not set: it is the path of holdoff-faults, built by `cargo build -p holdoff-faults`"
            }
        val server =
            ProcessBuilder(program, "--scenario", scenario, "--until-stdin-closes")
                .redirectError(ProcessBuilder.Redirect.INHERIT)
                .start()
        val line = server.inputStream.bufferedReader().readLine()
        checkNotNull(line?.substringAfter("listening on ", "")?.ifEmpty { null }) { "$program said `$line`" }
    }

    /** The base URL of a new run. */
    fun newRun(): String = "$url/~${UUID.randomUUID()}"

    /** The requests that were made for this URL. */
    fun log(request: URI): List<JsonObject> {
        val log = URI("$url/__log?path=${request.path}").toURL().readText()
        return Json.parseToJsonElement(log).jsonArray.map { it.jsonObject }
    }

    /** How many connections are open. */
    fun openConnections(): Long {
        val counts = URI("$url/__connections").toURL().readText()
        return Json
            .parseToJsonElement(counts)
            .jsonObject
            .getValue("open")
            .jsonPrimitive.long
    }
}

/** The one that all languages' tests share the scenario of. */
object Faults {
    private val server = FaultsServer("../tests/faults/scenario.json")

    /** The base URL of a new run. */
    @JvmStatic
    fun newRun(): String = server.newRun()

    /** The requests that were made for this URL. */
    fun log(request: URI): List<JsonObject> = server.log(request)
}
