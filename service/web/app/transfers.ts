/** Uploads, which outlive the view that began them: resumable (tus 1.0.0), two at a time, each with its own digest. */

import { type DetailedError, type HttpResponse, type PreviousUpload, Upload, defaultOptions } from "tus-js-client";
import { guard } from "./api";

const ENDPOINT = "/v1/uploads";
const AT_A_TIME = 2;
const RETRY_MILLISECONDS = [0, 1000, 3000, 5000, 10_000, 30_000];
const KEY = "unmask-upload";

export type Standing = "waiting" | "sending" | "paused" | "offline" | "done" | "failed";

/** One file on its way. */
export class Transfer extends EventTarget {
  standing: Standing = "waiting";
  sentBytes = 0;
  bytesPerSecond = 0;
  job: string | null = null;
  /** Computed in this browser; null where that was not possible, undefined while it is being computed. */
  sha256: string | null | undefined = undefined;
  /** What the service says that it received; null until it has been asked. */
  receivedSha256: string | null = null;
  refusal: { readonly status: number; readonly text: string } | null = null;
  private upload: Upload | null = null;
  private mark = { at: 0, bytes: 0 };

  constructor(
    readonly file: File,
    readonly of: string,
  ) {
    super();
    const worker = new Worker("/static/digesting.js", { type: "module" });
    worker.addEventListener("message", (event: MessageEvent<string | null>) => {
      this.sha256 = event.data;
      worker.terminate();
      this.changed();
    });
    worker.postMessage(file);
  }

  /** Whether it wants bytes to be sent some time. */
  get isOpen(): boolean {
    return this.standing !== "done" && this.standing !== "failed";
  }

  /** Begin, or go on where the server has got to. */
  async send(): Promise<void> {
    this.standing = "sending";
    this.refusal = null;
    this.mark = { at: performance.now(), bytes: this.sentBytes };
    this.changed();
    if (this.upload === null) {
      this.upload = this.make();
      const earlier = (await this.upload.findPreviousUploads()).at(-1);
      if (earlier !== undefined) {
        this.upload.resumeFromPreviousUpload(earlier);
      }
    }
    if (this.standing === "sending") {
      this.upload.start();
    }
  }

  /** Send nothing for now. */
  async pause(why: "paused" | "offline" = "paused"): Promise<void> {
    this.standing = why;
    this.changed();
    await this.upload?.abort();
    schedule();
  }

  /** Give it up; the server forgets what it has. */
  async drop(): Promise<void> {
    this.standing = "failed";
    await this.upload?.abort(true).catch(() => undefined); // what cannot be reached expires by itself
    transfers.delete(this);
    this.changed();
    schedule();
  }

  private make(): Upload {
    const { file, of } = this;
    return new Upload(file, {
      endpoint: ENDPOINT,
      metadata: { filename: file.name, case: of, priority: "live" },
      retryDelays: RETRY_MILLISECONDS,
      removeFingerprintOnSuccess: true,
      fingerprint: () => Promise.resolve([KEY, of, file.name, file.size, file.lastModified].join("::")),
      onBeforeRequest: (request) => {
        for (const [name, value] of Object.entries(guard())) {
          request.setHeader(name, value);
        }
      },
      onShouldRetry: (error) => {
        const { originalRequest: request, originalResponse: response } = error as DetailedError;
        const status = response?.getStatus() ?? 0;
        // A piece that does not fit is sent anew from where the server is; a case that is closed stays closed.
        const misplaced = status === 409 && request?.getMethod() === "PATCH";
        const passing = status === 0 || status === 423 || status === 429 || (status >= 500 && status !== 507);
        return navigator.onLine && (misplaced || passing);
      },
      onProgress: (sent) => {
        this.progressed(sent);
      },
      onSuccess: ({ lastResponse }) => {
        this.finished(lastResponse);
      },
      onError: (error) => {
        this.stopped(error);
      },
    });
  }

  private progressed(sent: number): void {
    const seconds = (performance.now() - this.mark.at) / 1000;
    this.sentBytes = sent;
    if (seconds > 1) {
      this.bytesPerSecond = (sent - this.mark.bytes) / seconds;
      this.mark = { at: performance.now(), bytes: sent };
    }
    this.changed();
  }

  private finished(answer: HttpResponse): void {
    this.job = answer.getHeader("Unmask-Job") ?? null;
    this.sentBytes = this.file.size;
    this.standing = "done";
    this.changed();
    schedule();
  }

  private stopped(error: Error | DetailedError): void {
    const answer = "originalResponse" in error ? error.originalResponse : null;
    if (answer === null && this.standing === "sending") {
      this.standing = navigator.onLine ? "paused" : "offline";
    } else if (answer !== null) {
      this.standing = "failed";
      this.refusal = { status: answer.getStatus(), text: sentence(answer.getBody()) };
    }
    this.changed();
    schedule();
  }

  private changed(): void {
    this.dispatchEvent(new Event("change"));
    all.dispatchEvent(new CustomEvent("change", { detail: this }));
  }
}

/** A problem's sentence, out of the body of an answer that the upload library read. */
function sentence(body: string): string {
  try {
    const details = JSON.parse(body) as { readonly title?: string; readonly detail?: string };
    return [details.title, details.detail].filter(Boolean).join(". ");
  } catch (error) {
    if (error instanceof SyntaxError) {
      return "";
    }
    throw error;
  }
}

const transfers = new Set<Transfer>();

/** Told of every change of every transfer. */
export const all = new EventTarget();

/** Those of a case, in the order in which they were given. */
export function transfersOf(of: string): Transfer[] {
  return [...transfers].filter((transfer) => transfer.of === of);
}

/** Put files in the row. */
export function hand(files: Iterable<File>, of: string): Transfer[] {
  const made = [...files].map((file) => new Transfer(file, of));
  for (const transfer of made) {
    transfers.add(transfer);
  }
  schedule();
  return made;
}

function schedule(): void {
  const sending = [...transfers].filter((transfer) => transfer.standing === "sending").length;
  const next = [...transfers].filter((transfer) => transfer.standing === "waiting").slice(0, Math.max(0, AT_A_TIME - sending));
  for (const transfer of next) {
    void transfer.send();
  }
}

/** Uploads that an earlier visit began and did not finish. A browser forgets the file: it has to be chosen again. */
export async function unfinished(of: string): Promise<PreviousUpload[]> {
  const here = new Set(transfersOf(of).map((transfer) => `${transfer.file.name}::${transfer.file.size}`));
  const earlier = (await defaultOptions.urlStorage?.findAllUploads()) ?? [];
  return earlier.filter(
    (upload) => upload.metadata["case"] === of && !here.has(`${upload.metadata["filename"] ?? ""}::${upload.size ?? 0}`),
  );
}

/** Forget one of them, here and at the server. */
export async function forget(upload: PreviousUpload): Promise<void> {
  await defaultOptions.urlStorage?.removeUpload(upload.urlStorageKey);
  if (upload.uploadUrl !== null) {
    await fetch(upload.uploadUrl, { method: "DELETE", headers: { ...guard(), "Tus-Resumable": "1.0.0" } });
  }
}

window.addEventListener("online", () => {
  for (const transfer of transfers) {
    if (transfer.standing === "offline") {
      void transfer.send();
    }
  }
});
window.addEventListener("offline", () => {
  for (const transfer of transfers) {
    if (transfer.standing === "sending") {
      void transfer.pause("offline");
    }
  }
});
window.addEventListener("beforeunload", (event) => {
  if ([...transfers].some((transfer) => transfer.standing === "sending")) {
    event.preventDefault();
  }
});
