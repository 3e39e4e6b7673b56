/** Lists of jobs: filtered, page by page, and kept up to date while they are looked at. */

import { get } from "./api";
import { announce, fill, foreign, h } from "./dom";
import { watch } from "./events";
import { clock, percent, say, signed, size, when, word } from "./texts";
import type { Job, JobPage } from "./types";
import { chip, explain, jobLink, notice, type Place, type View } from "./view";

const FILTERS: Readonly<Record<string, readonly string[]>> = {
  status: ["queued", "running", "done", "cancelled"],
  state: ["examined", "partial", "no_subject", "unsupported", "unreadable", "encrypted", "limit", "timeout", "crashed"],
  flagged: ["true", "false"],
};
const SOON_MILLISECONDS = 400;
/** Events come in bursts: one reading of the list answers them all. */
const PROGRESS_MILLISECONDS = 2000;

/** All jobs of the reader's cases. */
export async function jobsView(place: Place): Promise<View> {
  return {
    title: say("jobs.title"),
    content: [h("h1", null, say("jobs.title")), await jobList(place, null)],
  };
}

/**
 * A list that follows what happens.
 *
 * @param place Where it stands.
 * @param of Only this case's jobs; null for all.
 * @param changed Called when something happened.
 */
export async function jobList(place: Place, of: string | null, changed: () => void = () => undefined): Promise<HTMLElement> {
  const list = h("ul", { class: "plain lines" });
  const live = h("span", { class: "live" });
  const outcome = h("div");
  const more = h("button", { type: "button", hidden: true }, say("jobs.more"));
  const chosen: Record<string, string> = {};
  let pages = 1;

  const read = async (): Promise<void> => {
    const jobs: Job[] = [];
    let cursor: string | null = null;
    for (let page = 0; page < pages; page += 1) {
      const query = new URLSearchParams(chosen);
      if (of !== null) {
        query.set("case", of);
      }
      if (cursor !== null) {
        query.set("cursor", cursor);
      }
      const answer: JobPage = await get<JobPage>(`/v1/jobs?${query.toString()}`, place.signal);
      jobs.push(...answer.jobs);
      cursor = answer.next;
      if (cursor === null) {
        break;
      }
    }
    const focused = document.activeElement instanceof HTMLAnchorElement ? document.activeElement.pathname : null;
    const filtered = Object.keys(chosen).length > 0;
    fill(list, jobs.length === 0 ? h("li", { class: "quiet" }, say(filtered ? "jobs.none_such" : "jobs.none")) : jobs.map((job) => line(job, of === null)));
    if (focused !== null) {
      list.querySelector<HTMLAnchorElement>(`a[href="${CSS.escape(focused)}"]`)?.focus();
    }
    more.hidden = cursor === null;
    fill(outcome);
  };
  const reread = (): void => {
    read().catch((error: unknown) => {
      if (!place.signal.aborted) {
        fill(outcome, notice("problem", explain(error)));
      }
    });
  };
  more.addEventListener("click", () => {
    pages += 1;
    reread();
  });
  await read();
  let soon = 0;
  watch(
    (event) => {
      if (event !== null && of !== null && event.case !== of) {
        return;
      }
      const wait = event?.kind === "progress" ? PROGRESS_MILLISECONDS : SOON_MILLISECONDS;
      if (soon === 0) {
        soon = window.setTimeout(() => {
          soon = 0;
          reread();
          changed();
        }, wait);
      }
      if (event?.kind === "finished") {
        announce(say("jobs.one_finished"));
      }
    },
    (is) => {
      live.textContent = say(is ? "jobs.live" : "jobs.not_live");
      live.classList.toggle("live-on", is);
    },
    place.signal,
  );
  return h(
    "div",
    { class: "jobs" },
    h("div", { class: "filters" }, filters(chosen, reread), live),
    outcome,
    list,
    more,
  );
}

function filters(chosen: Record<string, string>, changed: () => void): HTMLElement[] {
  return Object.entries(FILTERS).map(([name, values]) => {
    const select = h(
      "select",
      { "aria-label": say(`filter.${name}`) },
      h("option", { value: "" }, say(`filter.${name}_any`)),
      values.map((value) => h("option", { value }, name === "flagged" ? say(`filter.flagged_${value}`) : word("short_state", value))),
    );
    select.addEventListener("change", () => {
      delete chosen[name];
      if (select.value !== "") {
        chosen[name] = select.value;
      }
      changed();
    });
    return select;
  });
}

function line(job: Job, anywhere: boolean): HTMLElement {
  return h(
    "li",
    { class: "line" },
    h(
      "div",
      { class: "line-name" },
      jobLink(job),
      h(
        "span",
        { class: "quiet" },
        [
          job.media === null ? "" : word("media", job.media),
          job.duration_seconds === null ? "" : clock(job.duration_seconds, 0),
          size(job.num_bytes),
        ]
          .filter(Boolean)
          .join(" · "),
      ),
    ),
    h(
      "div",
      { class: "line-facts" },
      chip(job),
      job.flagged ? h("span", { class: "flagged" }, say("jobs.flagged")) : null,
      job.llr === null ? null : h("span", { class: "figure" }, say("jobs.llr", { llr: signed(job.llr) })),
      job.status === "running" ? bar(job) : null,
      job.supersedes === null ? null : h("span", { class: "chip" }, say("jobs.newer")),
      job.superseded_by === null ? null : h("span", { class: "chip" }, say("jobs.older")),
      h("span", { class: "quiet" }, anywhere ? foreign(job.person_name, 80) : null, " ", when(job.created_at)),
    ),
  );
}

/** How far an examination is. */
export function bar(job: Job): HTMLElement {
  const shares = Object.values(job.progress);
  const share = shares.length === 0 ? 0 : shares.reduce((sum, value) => sum + value, 0) / shares.length;
  return h(
    "span",
    { class: "progress" },
    h("progress", { max: 1, value: share, "aria-label": say("jobs.progress") }),
    h("span", null, percent(share)),
  );
}
