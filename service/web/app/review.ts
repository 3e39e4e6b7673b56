/** Review: what people conclude, each for himself first. What others said is not shown before a reader has concluded. */

import { get, send } from "./api";
import { announce, fill, foreign, h } from "./dom";
import { number, say, when, word } from "./texts";
import type { Job, Review, SubjectReviews } from "./types";
import { explain, field, form, may, notice, type Place, section } from "./view";

const CONCLUSIONS = ["manipulated", "probably_manipulated", "inconclusive", "probably_bona_fide", "bona_fide", "not_examinable"];

/** The section of a job's page. */
export function reviewSection(place: Place, job: Job): HTMLElement {
  const made = section("review", say("review.title"), h("p", null, say("review.intro")));
  if (!may(place, "review")) {
    made.append(h("p", { class: "quiet" }, say("review.needs_scope")));
    return made;
  }
  const subjects = h("div", { "aria-busy": "true" });
  made.append(subjects);
  get<SubjectReviews[]>(`/v1/jobs/${job.id}/reviews`, place.signal).then(
    (found) => {
      subjects.removeAttribute("aria-busy");
      fill(subjects, blindNote(found), found.map((entry) => subject(job, entry)));
    },
    (error: unknown) => {
      if (!place.signal.aborted) {
        fill(subjects, notice("problem", explain(error)));
      }
    },
  );
  return made;
}

function blindNote(found: readonly SubjectReviews[]): HTMLElement | null {
  const hidden = found.filter((entry) => !entry.open && entry.num_people > 0).length;
  return hidden === 0 ? null : notice("note", say("review.blind_note", { count: hidden }));
}

function subject(job: Job, first: SubjectReviews): HTMLElement {
  const inside = h("div");
  const chips = h("span", { class: "chips" });
  const name = word("subject", first.subject);
  const draw = (entry: SubjectReviews): void => {
    fill(chips, state(entry));
    fill(inside, machine(entry), entry.reviews.map(review), give(job, entry, draw));
  };
  draw(first);
  return h("details", { class: "review", open: first.subject === "recording" }, h("summary", null, h("strong", null, name), " ", chips), inside);
}

function state(entry: SubjectReviews): HTMLElement[] {
  const made = [];
  if (entry.standing !== null) {
    made.push(h("span", { class: `chip chip-${entry.standing}` }, say(`standing_review.${entry.standing}`)));
  } else if (entry.num_people > 0) {
    made.push(h("span", { class: "chip" }, say("review.others", { count: entry.num_people })));
  }
  return made;
}

function machine(entry: SubjectReviews): HTMLElement {
  const key = entry.flagged === null ? "machine_none" : entry.flagged ? "machine_flagged" : "machine_not_flagged";
  return h("p", { class: "small quiet" }, say(`review.${key}`));
}

function review(given: Review): HTMLElement {
  return h(
    "article",
    { class: `given${given.latest ? "" : " given-earlier"}` },
    h(
      "p",
      null,
      h("strong", null, word("review_conclusion", given.conclusion)),
      " · ",
      foreign(given.person_name, 200),
      " · ",
      h("span", { class: "quiet" }, when(given.at)),
      given.blind ? h("span", { class: "chip" }, say("review.blind")) : null,
      given.asked_himself ? h("span", { class: "chip" }, say("review.asked_himself")) : null,
      given.latest ? null : h("span", { class: "chip" }, say("review.earlier")),
    ),
    h("p", { class: "reasons" }, foreign(given.reasons, 10_000)),
  );
}

function give(job: Job, entry: SubjectReviews, done: (entry: SubjectReviews) => void): HTMLElement {
  const name = `conclusion-${entry.subject}`;
  const choices = h(
    "fieldset",
    { class: "choices" },
    h("legend", null, say("review.conclusion", { subject: word("subject", entry.subject) })),
    CONCLUSIONS.map((value) => h("label", { class: "inline" }, h("input", { type: "radio", name, value, required: true }), " ", say(`review_conclusion.${value}`))),
  );
  const made = form(
    say(entry.open ? "review.change" : "review.give"),
    async (data) => {
      const found = await send<SubjectReviews>("POST", `/v1/jobs/${job.id}/reviews`, {
        subject: entry.subject,
        conclusion: String(data.get(name)),
        reasons: String(data.get("reasons")),
      });
      done(found);
      announce(say("review.given", { count: found.num_people, shown: number(found.num_people) }));
      return undefined;
    },
    choices,
    field(say("review.reasons"), h("textarea", { name: "reasons", required: true, rows: 4, maxlength: 10_000 }), say("review.reasons_hint")),
  );
  return entry.open ? h("details", null, h("summary", null, say("review.again")), made) : made;
}
