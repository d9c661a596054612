/** Request bodies that are sent more than once. */

/**
 * Whether a request body can be sent again as it is. Of a stream or an iterator that cannot be known,
 * and to keep what it gives is for the caller to decide.
 */
export function isReplayable(body: unknown): boolean {
  if (body == null || typeof body === "string" || ArrayBuffer.isView(body)) return true;
  // The `form-data` package's, whose tag is the same, is a stream.
  if ("pipe" in Object(body)) return false;
  return ["ArrayBuffer", "Blob", "File", "FormData", "URLSearchParams"].includes(tagOf(body));
}

/**
 * The same body in a form that is the same bytes each time. A form would get a new boundary with each
 * attempt, so it becomes a Blob, whose `type` has the boundary; its files are still read only when they
 * are sent.
 */
export function fixed<B>(body: B): B | Blob {
  if (tagOf(body) !== "FormData" || "pipe" in Object(body)) return body;
  const form = body as FormData;
  // Another library's files are no part of a Blob; a client that takes them can send them as they are.
  const isNative = ([, value]: [string, unknown]) =>
    typeof value === "string" || value instanceof Blob;
  return [...form].every(isNative) ? multipart(form) : body;
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** The form as multipart/form-data (HTML, "Multipart form data"). */
function multipart(form: FormData): Blob {
  // A Blob's type is in lower case.
  const boundary = `----holdoff${uuid()}`;
  const parts: BlobPart[] = [];
  for (const [name, value] of form) {
    parts.push(`--${boundary}\r\ncontent-disposition: form-data; name="${quoted(lines(name))}"`);
    if (typeof value === "string") {
      parts.push(`\r\n\r\n${lines(value)}\r\n`);
    } else {
      const type = value.type || "application/octet-stream";
      parts.push(`; filename="${quoted(value.name)}"\r\ncontent-type: ${type}\r\n\r\n`);
      parts.push(value, "\r\n");
    }
  }
  parts.push(`--${boundary}--\r\n`);
  return new Blob(parts, { type: `multipart/form-data; boundary=${boundary}` });
}

const escapes: Readonly<Record<string, string>> = { "\n": "%0A", "\r": "%0D", '"': "%22" };

function quoted(name: string): string {
  return name.replace(/[\n\r"]/g, (character) => escapes[character] ?? character);
}

function lines(text: string): string {
  return text.replace(/\r\n?|\n/g, "\r\n");
}

/** A random UUID (RFC 9562, version 4), also on pages that `crypto.randomUUID` is kept from. */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  const variant = "89ab".charAt((bytes[8] ?? 0) & 3);
  const [, a, b, c, d, e] = /(.{8})(.{4}).(.{3}).(.{3})(.{12})/.exec(hex) ?? [];
  return `${a}-${b}-4${c}-${variant}${d}-${e}`;
}
