import { wrong } from "./arguments.js";
import { maxBodyBytes } from "./generated/codes.js";

/** A response body as text, as bytes, or already parsed from JSON. */
export type BodyLike = string | ArrayBuffer | ArrayBufferView | object;

/** As much of the body as the core looks at, as text; undefined where there is none. */
export function bodyText(body: unknown): string | undefined {
  if (body == null) return undefined;
  if (typeof body === "string") return body.slice(0, maxBodyBytes);
  if (body instanceof ArrayBuffer) return decode(new Uint8Array(body));
  if (ArrayBuffer.isView(body)) {
    return decode(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
  }
  const tag = Object.prototype.toString.call(body);
  if (tag === "[object Object]" || tag === "[object Array]") {
    return JSON.stringify(body)?.slice(0, maxBodyBytes);
  }
  throw wrong("body", body, "", "a text, bytes or an object parsed from JSON");
}

/** As the core decodes bytes: what is not UTF-8 is replaced, and a byte order mark is kept. */
function decode(bytes: Uint8Array): string {
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  return decoder.decode(bytes.subarray(0, maxBodyBytes));
}
