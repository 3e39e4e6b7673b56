/** What the page says, in the reader's language: sentences from the server, and numbers, times and sizes. */

type Entry = string | readonly Entry[] | { readonly [key: string]: Entry };
export type Language = "en" | "de";
export const LANGUAGES: readonly Language[] = ["en", "de"];

let table: { readonly [key: string]: Entry } = {};
let current: Language = "en";

/** Fetch the texts of a language, and speak it from now on. */
export async function speak(language: Language): Promise<void> {
  const answer = await fetch(`/texts/${language}.json`);
  if (!answer.ok) {
    throw new Error(`texts: ${answer.status}`);
  }
  table = (await answer.json()) as typeof table;
  current = language;
  document.documentElement.lang = language;
}

/** The language that is spoken. */
export function language(): Language {
  return current;
}

function entry(key: string): Entry | undefined {
  let found: Entry | undefined = table;
  for (const part of key.split(".")) {
    found = typeof found === "object" && !Array.isArray(found) ? (found as { [key: string]: Entry })[part] : undefined;
  }
  return found;
}

/** Whether there is such a sentence. */
export function known(key: string): boolean {
  return entry(key) !== undefined;
}

/** One sentence, filled in. `count` chooses between `one` and `other` where the file has both. */
export function say(key: string, values: Readonly<Record<string, string | number>> = {}): string {
  let found = entry(key);
  if (typeof found === "object" && !Array.isArray(found)) {
    found = (found as { [key: string]: Entry })[values["count"] === 1 ? "one" : "other"];
  }
  if (typeof found !== "string") {
    throw new Error(`no text ${key}`);
  }
  return found.replace(/\{(\w+)(:,)?\}/g, (_whole, name: string) => {
    const value = values[name];
    return typeof value === "number" ? number(value) : (value ?? "");
  });
}

/** A word of a closed list that a newer server may have made longer: then the word itself. */
export function word(group: string, name: string): string {
  return known(`${group}.${name}`) ? say(`${group}.${name}`) : name;
}

/** A list of sentences. */
export function sentences(key: string): readonly string[] {
  const found = entry(key);
  if (!Array.isArray(found)) {
    throw new Error(`no texts ${key}`);
  }
  return found.map(String);
}

/** The cells of a table. */
export function rows(key: string): readonly (readonly string[])[] {
  const found = entry(key);
  if (!Array.isArray(found)) {
    throw new Error(`no table ${key}`);
  }
  return found.map((row) => (row as readonly Entry[]).map(String));
}

/** A number as it is written here. */
export function number(value: number, digits?: number): string {
  const options = digits === undefined ? {} : { minimumFractionDigits: digits, maximumFractionDigits: digits };
  return value.toLocaleString(current, options).replace("-", "−");
}

/** A log-likelihood ratio: always with its sign, and with the minus that is as wide as the plus. */
export function signed(value: number): string {
  const size = number(Math.abs(value), 2);
  return Math.abs(value) < 0.005 ? size : `${value > 0 ? "+" : "−"}${size}`;
}

/** A likelihood ratio to two digits: more would feign a precision that no calibration has. */
export function ratio(llr: number): string {
  const value = Math.exp(Math.abs(llr));
  const digits = 10 ** Math.max(0, Math.floor(Math.log10(value)) - 1);
  return value < 10 ? number(value, 1) : number(Math.round(value / digits) * digits, 0);
}

/** A share, 0 to 1. */
export function percent(share: number): string {
  return share.toLocaleString(current, { style: "percent", maximumFractionDigits: 0 });
}

const UNITS = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"] as const;

/** A size in decimal units, as file managers show it. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return value.toLocaleString(current, {
    style: "unit",
    unit: UNITS[unit] ?? "byte",
    maximumFractionDigits: unit === 0 || value >= 100 ? 0 : 1,
  });
}

/** A place in a recording: `1:02.4`, `1:00:02.4`. */
export function clock(seconds: number, digits = 1): string {
  const scale = 10 ** digits;
  const whole = Math.round(Math.max(0, seconds) * scale) / scale;
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor((whole % 3600) / 60);
  const rest = (whole % 60).toLocaleString(current, {
    minimumIntegerDigits: 2,
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return hours > 0 ? `${hours}:${String(minutes).padStart(2, "0")}:${rest}` : `${minutes}:${rest}`;
}

/** From here to there. */
export function span(from: number, to: number): string {
  return to > from ? `${clock(from)} – ${clock(to)}` : clock(from);
}

/** A moment of ISO 8601 in the reader's time zone, which is named: a case file may be read elsewhere. */
export function when(moment: string): string {
  return new Date(moment).toLocaleString(current, {
    year: "numeric",
    month: "short",
    day: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
    timeZoneName: "short",
  });
}

/** A day. */
export function day(moment: string): string {
  return new Date(moment).toLocaleDateString(current, { year: "numeric", month: "short", day: "numeric" });
}
