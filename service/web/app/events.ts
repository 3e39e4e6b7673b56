/** Server-sent events: what happens to jobs, as it happens. A stream that is lost is taken up where it ended. */

export type EventKind = "created" | "started" | "progress" | "finished" | "cancelled" | "deleted" | "reviewed";
const KINDS: readonly EventKind[] = ["created", "started", "progress", "finished", "cancelled", "deleted", "reviewed"];
const AGAIN_SECONDS = [2, 5, 15, 60];

export interface Happened {
  readonly kind: EventKind;
  readonly data: Readonly<Record<string, unknown>>;
}

/**
 * Be told of events until `signal` says that nobody listens any more.
 *
 * @param address Of the stream.
 * @param happened Called with each event; with null when events may have been missed, so that all is to be read anew.
 * @param connected Called when the connection is made or lost.
 */
export function watch(
  address: string,
  happened: (event: Happened | null) => void,
  connected: (is: boolean) => void,
  signal: AbortSignal,
): void {
  let tries = 0;
  let source: EventSource | null = null;
  let timer = 0;
  const open = (): void => {
    source = new EventSource(address);
    source.addEventListener("open", () => {
      if (tries > 0) {
        happened(null);
      }
      tries = 0;
      connected(true);
    });
    source.addEventListener("error", () => {
      connected(false);
      if (source?.readyState === EventSource.CLOSED) {
        // The server refused: browsers do not try again by themselves.
        const seconds = AGAIN_SECONDS[Math.min(tries, AGAIN_SECONDS.length - 1)] ?? 60;
        tries += 1;
        timer = window.setTimeout(open, seconds * 1000);
        happened(null);
      }
    });
    for (const kind of KINDS) {
      source.addEventListener(kind, (event) => {
        happened({ kind, data: JSON.parse((event as MessageEvent<string>).data) as Record<string, unknown> });
      });
    }
  };
  open();
  signal.addEventListener("abort", () => {
    window.clearTimeout(timer);
    source?.close();
  });
}
