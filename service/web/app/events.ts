/**
 * Server-sent events: what happens to jobs, as it happens.
 *
 * One connection serves the whole page, and none is open while the page is not looked at: browsers allow six at a time
 * to one server without HTTP/2, over all tabs, and who has many results open would soon wait for ever.
 */

export type EventKind = "created" | "started" | "progress" | "finished" | "cancelled" | "deleted" | "reviewed";
const KINDS: readonly EventKind[] = ["created", "started", "progress", "finished", "cancelled", "deleted", "reviewed"];
const ADDRESS = "/v1/events";
const AGAIN_SECONDS = [2, 5, 15, 60];

export interface Happened {
  readonly kind: EventKind;
  readonly job: string;
  readonly case: string;
  /** Branch to the fraction that is done; with `progress` only. */
  readonly progress?: Readonly<Record<string, number>>;
}

interface Listener {
  readonly happened: (event: Happened | null) => void;
  readonly connected: (is: boolean) => void;
}

const listeners = new Set<Listener>();
let source: EventSource | null = null;
let timer = 0;
let tries = 0;
let missed = false;

/**
 * Be told of events until `signal` says that nobody listens any more.
 *
 * @param happened Called with each event; with null when some may have been missed, so that all is to be read anew.
 * @param connected Called when the connection is made or lost.
 */
export function watch(happened: Listener["happened"], connected: Listener["connected"], signal: AbortSignal): void {
  const listener = { happened, connected };
  listeners.add(listener);
  connected(source?.readyState === EventSource.OPEN);
  signal.addEventListener("abort", () => {
    listeners.delete(listener);
    // What a page change closes the next page opens again: it is not worth a connection.
    window.setTimeout(settle, 0);
  });
  settle();
}

/** Open the connection where it is wanted, close it where it is not. */
function settle(): void {
  const wanted = listeners.size > 0 && document.visibilityState === "visible";
  if (wanted && source === null) {
    window.clearTimeout(timer);
    open();
  } else if (!wanted && source !== null) {
    source.close();
    source = null;
    missed = true;
    tell(false);
  } else if (!wanted) {
    window.clearTimeout(timer);
  }
}

function open(): void {
  const made = new EventSource(ADDRESS);
  source = made;
  made.addEventListener("open", () => {
    tries = 0;
    tell(true);
    if (missed) {
      missed = false;
      pass(null);
    }
  });
  made.addEventListener("error", () => {
    tell(false);
    if (made.readyState === EventSource.CLOSED && source === made) {
      // The server refused: browsers do not try again by themselves.
      source = null;
      missed = true;
      const seconds = AGAIN_SECONDS[Math.min(tries, AGAIN_SECONDS.length - 1)] ?? 60;
      tries += 1;
      timer = window.setTimeout(settle, seconds * 1000);
    }
  });
  for (const kind of KINDS) {
    made.addEventListener(kind, (event) => {
      pass({ ...(JSON.parse((event as MessageEvent<string>).data) as Omit<Happened, "kind">), kind });
    });
  }
}

function tell(is: boolean): void {
  for (const listener of listeners) {
    listener.connected(is);
  }
}

function pass(event: Happened | null): void {
  for (const listener of listeners) {
    listener.happened(event);
  }
}

document.addEventListener("visibilitychange", settle);
