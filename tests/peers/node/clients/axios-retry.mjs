// axios-retry, around an adapter of axios's that fails.

import axios, { AxiosError, AxiosHeaders, CanceledError } from "axios";
import settle from "axios/unsafe/core/settle.js";
import axiosRetry from "axios-retry";
import * as stage from "../stage.mjs";

/** Node's, but for axios's own limit to the time of a request. */
const codes = { ...stage.codes, timeout: AxiosError.ECONNABORTED };

export async function call(test) {
  const adapter = (config) =>
    new Promise((resolve, reject) => {
      const status = stage.fails() ? test.status : 204;
      if (status === null) reject(failure(test, config));
      else settle(resolve, reject, response(status, test, config));
    });
  const client = axios.create({ adapter });
  axiosRetry(client, test.max_retries === null ? {} : { retries: test.max_retries });
  await client.request({ url: "https://localhost", method: test.method });
}

function failure({ transport, phase }, config) {
  if (transport === "aborted") return new CanceledError("aborted", config, {});
  // A body that breaks off is an error with a response.
  if (phase !== "body") return new AxiosError("failed", codes[transport], config, {});
  return new AxiosError("failed", AxiosError.ERR_BAD_RESPONSE, config, {}, { status: 200 });
}

function response(status, test, config) {
  return { status, headers: new AxiosHeaders(stage.received(test)), config, request: {} };
}

export function gaveUp(error) {
  return error instanceof AxiosError;
}
