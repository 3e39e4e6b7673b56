/** The service, asked over HTTP. Refusals come as `Refusal`, with the sentence that the service gave. */

import type { Me } from "./types";

interface Details {
  readonly title?: string;
  readonly detail?: string;
  readonly faults?: readonly { readonly where: string; readonly why: string }[];
}

/** A request that was refused (RFC 9457), or that never arrived: then `status` is 0. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    readonly details: Details,
  ) {
    super(details.detail ?? details.title ?? String(status));
  }

  /** The sentence, and what of the request it is about. */
  get sentence(): string {
    const faults = (this.details.faults ?? []).map((fault) => `${fault.where}: ${fault.why}`);
    return [this.details.title, faults.length > 0 ? faults.join("; ") : this.details.detail].filter(Boolean).join(". ");
  }
}

let token: string | null = null;

/** Who was logged in has to do it again. */
export const logged = new EventTarget();

/** Whoever this browser's session belongs to; null where there is none. */
export async function whoami(): Promise<Me | null> {
  const answer = await fetch("/v1/me");
  if (answer.status === 401) {
    return null;
  }
  const me = await read<Me>(answer);
  token = me.csrf_token;
  return me;
}

/** Begin a session. */
export async function logIn(key: string): Promise<Me> {
  const me = await send<Me>("POST", "/v1/session", { key });
  token = me.csrf_token;
  return me;
}

/** The header that a session's changing requests need. */
export function guard(): Record<string, string> {
  return token === null ? {} : { "X-CSRF-Token": token };
}

/** Read something. */
export async function get<T>(address: string, signal?: AbortSignal): Promise<T> {
  return read<T>(await reach(address, signal === undefined ? {} : { signal }));
}

/** Change something. */
export async function send<T>(method: "POST" | "PATCH" | "DELETE" | "PUT", address: string, body?: unknown): Promise<T> {
  const json = body === undefined ? {} : { "Content-Type": "application/json" };
  const content = body === undefined ? {} : { body: JSON.stringify(body) };
  return read<T>(await reach(address, { method, headers: { ...guard(), ...json }, ...content }));
}

async function reach(address: string, options: RequestInit): Promise<Response> {
  try {
    return await fetch(address, options);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      throw error;
    }
    throw new Refusal(0, {});
  }
}

async function read<T>(answer: Response): Promise<T> {
  if (answer.ok) {
    return (answer.status === 204 ? undefined : await answer.json()) as T;
  }
  if (answer.status === 401) {
    logged.dispatchEvent(new Event("out"));
  }
  throw new Refusal(answer.status, await details(answer));
}

async function details(answer: Response): Promise<Details> {
  if (!(answer.headers.get("Content-Type") ?? "").includes("json")) {
    return { title: answer.statusText };
  }
  return (await answer.json()) as Details;
}
