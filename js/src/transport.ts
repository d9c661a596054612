import type { Phase, TransportKind } from "./generated/codes.js";

/** How the connection failed, by what fetch threw; undefined where it is no failed connection. */
export function transportFailure(
  error: unknown,
): { transport: TransportKind; phase?: Phase } | undefined {
  const chain = causes(error);
  for (const link of chain) {
    // `AbortSignal.timeout` and `AbortController` (DOMException names, WHATWG DOM).
    if (link.name === "TimeoutError") return { transport: "timeout" };
    if (link.name === "AbortError") return { transport: "aborted" };
  }
  const begun = chain.some((link) => bodyMessages.test(String(link.message)));
  for (const { code, message, syscall } of chain) {
    const transport = typeof code === "string" ? kindOf(code) : undefined;
    if (transport === undefined) continue;
    // axios' code for its own `timeout`, too.
    if (code === "ECONNABORTED" && /timeout/.test(String(message))) return { transport: "timeout" };
    if (code === "UND_ERR_CONNECT_TIMEOUT" || syscall === "connect") {
      return { transport, phase: "connect" };
    }
    if (begun || code === "UND_ERR_BODY_TIMEOUT") return { transport, phase: "body" };
    return { transport };
  }
  if (begun) return { transport: "reset", phase: "body" };
  // The root of the chain, for undici says "fetch failed" of a forbidden port, too.
  const root = String(chain.at(-1)?.message);
  return messages.find(([message]) => message.test(root))?.[1];
}

function kindOf(code: string): TransportKind | undefined {
  if (Object.hasOwn(kinds, code)) return kinds[code];
  if (code.startsWith("HPE_")) return "protocol"; // llhttp, Node's parser of HTTP
  return tlsCodes.test(code) ? "tls" : undefined;
}

interface Link {
  name?: unknown;
  message?: unknown;
  code?: unknown;
  syscall?: unknown;
}

/** The error, its cause, the cause's cause, and the errors that an AggregateError stands for. */
function causes(error: unknown): Link[] {
  const chain: Link[] = [];
  let link = error;
  while (typeof link === "object" && link !== null && chain.length < 8) {
    chain.push(link);
    link = "errors" in link && Array.isArray(link.errors) ? link.errors[0] : (link as Error).cause;
  }
  return chain;
}

/** The codes of Node (libuv, getaddrinfo), undici and Bun. */
const kinds: Readonly<Record<string, TransportKind>> = {
  ENOTFOUND: "dns",
  EAI_AGAIN: "dns",
  EAI_FAIL: "dns",
  EAI_NODATA: "dns",
  EAI_NONAME: "dns",
  ECONNREFUSED: "connect",
  EHOSTUNREACH: "connect",
  EHOSTDOWN: "connect",
  ENETUNREACH: "connect",
  ENETDOWN: "connect",
  EADDRNOTAVAIL: "connect",
  EPROTO: "tls",
  ECONNRESET: "reset",
  ECONNABORTED: "reset",
  EPIPE: "reset",
  ENETRESET: "reset",
  ENOTCONN: "reset",
  UND_ERR_SOCKET: "reset",
  ETIMEDOUT: "timeout",
  UND_ERR_CONNECT_TIMEOUT: "timeout",
  UND_ERR_HEADERS_TIMEOUT: "timeout",
  UND_ERR_BODY_TIMEOUT: "timeout",
  UND_ERR_HEADERS_OVERFLOW: "protocol",
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: "protocol",
  UND_ERR_ABORTED: "aborted",
};

/** Node's own codes and OpenSSL's names of certificate errors (nodejs.org/api/tls.html). */
const tlsCodes =
  /^(ERR_TLS_|ERR_SSL_|CERT_|CRL_|UNABLE_TO_|ERROR_IN_C|HOSTNAME_MISMATCH$|INVALID_(CA|PURPOSE)$)|SELF_SIGNED|PATH_LENGTH_EXCEEDED/;

/** What is said of a body that breaks off: by fetch (undici, Chromium, Deno) and axios. */
const bodyMessages = /^(terminated$|network error$|error reading a body|stream has been aborted$)/;

/** What fetch says where it gives no code. */
const messages: readonly (readonly [RegExp, { transport: TransportKind }])[] = [
  // Deno
  [/client error \(Connect\): dns error/, { transport: "dns" }],
  [/client error \(Connect\): tcp connect error/, { transport: "connect" }],
  [/client error \(Connect\)/, { transport: "tls" }],
  [/^(error sending request|Connection reset by peer)/, { transport: "reset" }],
  // Chromium, Firefox, Safari, React Native, workerd, and whatever else fails to fetch
  [/^Failed to fetch/, { transport: "reset" }],
  [/^NetworkError when attempting to fetch resource/, { transport: "reset" }],
  [
    /^(Load failed|The network connection was lost|The Internet connection appears to be offline)/,
    { transport: "reset" },
  ],
  [
    /^(Network request failed|Network Error$|Network connection lost|fetch failed)/,
    { transport: "reset" },
  ],
];
