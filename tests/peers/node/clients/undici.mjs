// undici: `RetryAgent`, and so `RetryHandler`, around a dispatcher that fails.

import { errors, RetryAgent } from "undici";
import util from "undici/lib/core/util.js";
import * as stage from "../stage.mjs";

const failures = {
  dns: () => coded("ENOTFOUND"),
  connect: () => coded("ECONNREFUSED"),
  tls: () => coded("CERT_HAS_EXPIRED"),
  reset: () => new errors.SocketError("other side closed"),
  timeout: (phase) =>
    new errors[phase === "connect" ? "ConnectTimeoutError" : "HeadersTimeoutError"](),
  protocol: () => new errors.HTTPParserError("Invalid character", "INVALID_HEADER_TOKEN"),
  aborted: () => new errors.RequestAbortedError(),
};
const controller = { pause() {}, resume() {}, abort() {} };

export async function call(test) {
  const dispatch = (_, handler) => {
    const { status, headers } = stage.fails() ? test : { status: 204, headers: [] };
    handler.onRequestStart(controller, {});
    try {
      if (status === null) throw failures[test.transport](test.phase);
      handler.onResponseStart(controller, status, parsed(headers), "");
      handler.onResponseEnd(controller, {});
    } catch (error) {
      handler.onResponseError(controller, error);
    }
    return true;
  };
  const maxRetries = test.max_retries ?? undefined;
  const agent = new RetryAgent({ dispatch }, { maxRetries });
  await new Promise((resolve, reject) => {
    const options = { origin: "https://localhost", path: "/", method: test.method };
    agent.dispatch(options, {
      onResponseEnd: resolve,
      onResponseError: (_, error) => reject(error),
    });
  });
}

function parsed(headers) {
  return util.parseHeaders(headers.flat().map((text) => Buffer.from(text, "latin1")));
}

function coded(code) {
  return Object.assign(new Error("failed"), { code });
}

export function gaveUp(error) {
  return "code" in error;
}
