/** One job: how far it is, or what came of it. */

import { get, Refusal } from "./api";
import { deletion, tools } from "./job_tools";
import { bar } from "./jobs";
import { announce, fill, foreign, h } from "./dom";
import { watch } from "./events";
import { result } from "./result";
import { reviewSection } from "./review";
import { clock, percent, say, size, when, word } from "./texts";
import type { Case, Job } from "./types";
import { chip, explain, fact, notice, type Place, section, type View } from "./view";

const SOON_MILLISECONDS = 500;

/** The job's page. */
export async function jobView(place: Place, id: string): Promise<View> {
  const [job, cases] = await Promise.all([
    get<Job>(`/v1/jobs/${id}`, place.signal),
    get<Case[]>("/v1/cases", place.signal),
  ]);
  const of = cases.find((entry) => entry.id === job.case);
  const head = [
    h("p", { class: "kicker" }, h("a", { href: `/cases/${job.case}` }, of === undefined ? say("cases.title") : foreign(of.name, 200))),
    h("h1", { class: "filename" }, job.filename === "" ? say("jobs.nameless") : foreign(job.filename, 500)),
    history(job),
    facts(job),
  ];
  const title = job.filename === "" ? say("jobs.nameless") : job.filename;
  if (job.status === "done") {
    return { title, content: [head, tools(place, job), await done(place, job), deletion(place, job)] };
  }
  return { title, content: [head, tools(place, job), open(place, job), deletion(place, job)] };
}

async function done(place: Place, job: Job): Promise<HTMLElement> {
  try {
    return await result(place, job, reviewSection(place, job));
  } catch (error) {
    if (error instanceof Refusal) {
      return h("div", null, notice("problem", explain(error)), h("p", null, job.message));
    }
    throw error;
  }
}

function facts(job: Job): HTMLElement {
  return h(
    "dl",
    { class: "facts" },
    fact(say("job.sha256"), h("code", null, job.sha256), true),
    fact(say("job.state"), chip(job)),
    fact(say("job.content"), job.media === null ? null : word("media", job.media)),
    fact(say("job.duration"), job.duration_seconds === null ? null : clock(job.duration_seconds)),
    fact(say("job.size"), size(job.num_bytes)),
    fact(say("job.by"), foreign(job.person_name, 200)),
    fact(say("job.created"), when(job.created_at)),
    fact(say("job.finished"), job.finished_at === null ? null : when(job.finished_at)),
    fact(say("job.tool"), job.models.tool),
  );
}

/** Whether there is an older or a newer result: nobody should take the old one for the last word. */
function history(job: Job): HTMLElement[] {
  const made = [];
  if (job.superseded_by !== null) {
    made.push(notice("note", say("job.superseded"), " ", h("a", { href: `/jobs/${job.superseded_by}` }, say("job.to_newer"))));
  }
  if (job.supersedes !== null) {
    made.push(notice("note", say("job.supersedes"), " ", h("a", { href: `/jobs/${job.supersedes}` }, say("job.to_older"))));
  }
  return made;
}

/** A job that has not ended, or was cancelled; the page turns into the result when it ends. */
function open(place: Place, job: Job): HTMLElement {
  if (job.status === "cancelled") {
    return notice("note", say("job.is_cancelled"));
  }
  const stand = h("div", { "aria-live": "off" });
  const show = (shown: Job): void => {
    const branches = Object.entries(shown.progress);
    fill(
      stand,
      h("p", null, say(shown.status === "running" ? "job.running" : "job.queued")),
      branches.length === 0 && shown.status === "running" ? bar(shown) : null,
      h(
        "ul",
        { class: "plain branches" },
        branches.map(([name, share]) =>
          h(
            "li",
            null,
            h("span", null, branch(name)),
            h("progress", { max: 1, value: share, "aria-label": branch(name) }),
            h("span", { class: "figure" }, percent(share)),
          ),
        ),
      ),
    );
  };
  show(job);
  let current = job;
  const read = async (): Promise<void> => {
    const found = await get<Job>(`/v1/jobs/${job.id}`, place.signal);
    if (found.status === "done" || found.status === "cancelled") {
      announce(say("job.has_ended"));
      place.again();
      return;
    }
    if (found.status !== current.status) {
      announce(say(found.status === "running" ? "job.running" : "job.queued"));
    }
    current = found;
    show(current);
  };
  watch(
    (event) => {
      if (event?.kind === "progress" && event.job === job.id && event.progress !== undefined && current.status === "running") {
        show({ ...current, progress: event.progress });
      } else if (event === null || event.job === job.id) {
        read().catch(() => undefined); // the next event tries again
      }
    },
    () => undefined,
    place.signal,
  );
  // What happened before the page listened has no event any more.
  window.setTimeout(() => void read().catch(() => undefined), SOON_MILLISECONDS);
  return section("progress", say("job.progress"), stand);
}

/** `video 0` in words. */
function branch(name: string): string {
  const [kind = "", stream = ""] = name.split(" ");
  return `${word("branch", kind)} ${stream}`.trim();
}
