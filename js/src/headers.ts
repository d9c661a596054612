import { wrong } from "./arguments.js";

/**
 * Response headers in any of the shapes that HTTP clients have them in: `Headers`, an object from
 * name to value or values, or pairs of name and value. Names are compared without regard to case.
 */
export type HeadersLike =
  | { get(name: string): unknown }
  | Iterable<readonly [name: string, value: string]>
  | { readonly [name: string]: HeaderValue | readonly HeaderValue[] };

/** The value of one header line; one that is missing is no line. */
export type HeaderValue = string | number | null | undefined;

/** The headers of these lower-case names as lines `name: value`; undefined where there are none. */
export function headerBlock(headers: unknown, names: readonly string[]): string | undefined {
  if (headers == null) return undefined;
  if (typeof headers !== "object") {
    throw wrong("headers", headers, "object", "a Headers, an object or pairs of name and value");
  }
  let block = "";
  if (typeof (headers as Headers).get === "function" && !(headers instanceof Map)) {
    for (const name of names) block += lines(name, (headers as Headers).get(name));
  } else if (Symbol.iterator in headers) {
    for (const pair of headers as Iterable<unknown>) {
      if (!Array.isArray(pair) || typeof pair[0] !== "string") {
        throw wrong("headers", pair, "", "a pair of name and value");
      }
      block += namedLines(pair[0], pair[1], names);
    }
  } else {
    for (const name of Object.keys(headers)) {
      block += namedLines(name, (headers as Record<string, unknown>)[name], names);
    }
  }
  return block === "" ? undefined : block;
}

function namedLines(name: string, value: unknown, names: readonly string[]): string {
  // A name of another length is another name; most need no look at their letters.
  for (const known of names) {
    if (known.length === name.length && (known === name || known === name.toLowerCase())) {
      return lines(known, value);
    }
  }
  return "";
}

function lines(name: string, value: unknown): string {
  if (typeof value === "string") {
    // What would end the line is replaced, as fetch's own Headers refuse it.
    return `${name}: ${/[\n\0]/.test(value) ? value.replace(/[\n\0]/g, " ") : value}\n`;
  }
  if (value == null) return "";
  if (typeof value === "number") return `${name}: ${value}\n`;
  if (Array.isArray(value)) return value.map((line) => lines(name, line)).join("");
  throw wrong(`headers.${name}`, value, "string", "a text or a list of texts");
}
