/** Checks of what callers hand in. The errors name the argument, its value and what would be right. */

/** A whole number from 0 to `most`. */
export function wholeNumber(name: string, value: unknown, most: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= most) {
    return value;
  }
  throw wrong(name, value, "number", `a whole number from 0 to ${most}`);
}

/** Milliseconds; `NaN`, the core's "unknown", for none. */
export function milliseconds(name: string, value: unknown): number {
  if (value == null) return Number.NaN;
  if (typeof value === "number" && value >= 0) return value;
  throw wrong(name, value, "number", "a number of milliseconds, 0 or more");
}

/** The last time that a Date can tell (ECMA-262, "Time Values and Time Range"). */
const LAST_TIME_MS = 8.64e15;

/** A time in UTC milliseconds since 1970; `NaN` for none. */
export function time(name: string, value: unknown): number {
  if (value == null) return Number.NaN;
  const ms = value instanceof Date ? value.getTime() : value;
  if (typeof ms === "number" && ms >= 0 && ms <= LAST_TIME_MS) return ms;
  const type = value instanceof Date ? "object" : "number";
  throw wrong(name, value, type, "a Date or a number of milliseconds since 1970");
}

/** A text; undefined for none. */
export function text(name: string, value: unknown): string | undefined {
  if (value == null || typeof value === "string") return value ?? undefined;
  throw wrong(name, value, "string", "a text");
}

/** Two bits for what may be unknown: 0 unknown, 1 no, 2 yes. */
export function fact(name: string, value: unknown): number {
  if (value == null) return 0;
  if (typeof value === "boolean") return value ? 2 : 1;
  throw wrong(name, value, "boolean", "true or false");
}

/** The code of a name in one of the core's tables; 0 for none. */
export function codeOf(
  name: string,
  value: unknown,
  table: Readonly<Record<string, number>>,
): number {
  if (value == null) return 0;
  const code = Object.hasOwn(table, value as string) ? table[value as string] : undefined;
  if (code !== undefined) return code;
  throw wrong(name, value, "string", `one of \`${Object.keys(table).join("`, `")}\``);
}

/** A RangeError where the value is at least of the right type, else a TypeError. */
export function wrong(name: string, value: unknown, type: string, expected: string): Error {
  const sentence = `${name}: ${shown(value)} is not ${expected}`;
  return typeof value === type ? new RangeError(sentence) : new TypeError(sentence);
}

/** The beginning of the value as text, in backticks unless it is a number. */
function shown(value: unknown): string {
  if (typeof value === "number" || typeof value === "bigint") return String(value);
  const isObject = typeof value === "object" && value !== null;
  const whole = isObject ? Object.prototype.toString.call(value) : String(value);
  return `\`${whole.length > 60 ? `${whole.slice(0, 60)}…` : whole}\``;
}
