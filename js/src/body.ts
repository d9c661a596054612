import { wrong } from "./arguments.js";
import { maxBodyBytes } from "./generated/codes.js";

/** A response body as text, as bytes, or already parsed from JSON. */
export type BodyLike = string | ArrayBuffer | ArrayBufferView | object;

const encoder = new TextEncoder();

/** As much of the body as the core looks at, as bytes; undefined where there is none. */
export function bodyBytes(body: unknown): Uint8Array | undefined {
  if (body == null) return undefined;
  if (typeof body === "string") return encode(body);
  if (body instanceof ArrayBuffer) return new Uint8Array(body).subarray(0, maxBodyBytes);
  if (ArrayBuffer.isView(body)) {
    const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    return bytes.subarray(0, maxBodyBytes);
  }
  const tag = Object.prototype.toString.call(body);
  if (tag === "[object Object]" || tag === "[object Array]") {
    return encode(JSON.stringify(body) ?? "");
  }
  throw wrong("body", body, "", "a text, bytes or an object parsed from JSON");
}

/** The first of the text's bytes: a character has at least one. */
function encode(text: string): Uint8Array {
  return encoder.encode(text.slice(0, maxBodyBytes));
}
