/** Notices: results that the reader had read, and that say something else now. */

import { get, send } from "./api";
import { fill, h } from "./dom";
import { watch } from "./events";
import { number, say, when, word } from "./texts";
import type { Notice, Outcome } from "./types";
import { action, type Place, type View } from "./view";

const SEEN = new EventTarget();
const PAUSE_MILLISECONDS = 2000;

/** All of them, those not seen first. */
export async function noticesView(place: Place): Promise<View> {
  const found = await get<Notice[]>("/v1/notices", place.signal);
  const content = [
    h("h1", null, say("notices.title")),
    h("p", null, say("notices.intro")),
    found.length === 0 ? h("p", { class: "quiet" }, say("notices.none")) : h("ul", { class: "plain lines" }, found.map((entry) => line(place, entry))),
  ];
  return { title: say("notices.title"), content };
}

function line(place: Place, entry: Notice): HTMLElement {
  return h(
    "li",
    { class: `line${entry.seen_at === null ? " line-new" : ""}` },
    h(
      "div",
      { class: "line-name" },
      h("span", null, say("notices.changed", { was: outcome(entry.was), now: outcome(entry.now) })),
      h("span", { class: "quiet" }, when(entry.at)),
    ),
    h(
      "div",
      { class: "line-facts" },
      h("a", { href: `/jobs/${entry.job}` }, say("notices.to_new")),
      h("a", { href: `/jobs/${entry.earlier_job}` }, say("notices.to_old")),
      entry.seen_at === null
        ? action(say("notices.seen"), async () => {
            await send("POST", `/v1/notices/${entry.id}/seen`);
            SEEN.dispatchEvent(new Event("seen"));
            place.again();
          })
        : h("span", { class: "chip" }, say("notices.is_seen")),
    ),
  );
}

function outcome(value: Outcome): string {
  return `${word("short_state", value.state)}${value.flagged ? `, ${say("jobs.flagged")}` : ""}`;
}

/** Keep the number of unseen notices behind the menu's entry. */
export function watchNotices(link: HTMLElement, signal: AbortSignal): void {
  const count = h("span", { class: "count" });
  link.append(count);
  const read = (): void => {
    get<Notice[]>("/v1/notices?unseen=true", signal).then(
      (found) => {
        fill(count, found.length === 0 ? null : [h("span", { "aria-hidden": "true" }, number(found.length)), h("span", { class: "unseen" }, ` (${say("notices.unseen", { count: found.length })})`)]);
      },
      () => undefined, // the page itself says what is the matter
    );
  };
  read();
  SEEN.addEventListener("seen", read, { signal });
  let soon = 0;
  watch(
    (event) => {
      if (event?.kind === "finished") {
        window.clearTimeout(soon);
        soon = window.setTimeout(read, PAUSE_MILLISECONDS);
      }
    },
    () => undefined,
    signal,
  );
}
