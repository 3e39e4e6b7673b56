/** All cases of the reader, and a form for another. */

import { get, send } from "./api";
import { foreign, h } from "./dom";
import { day, number, say } from "./texts";
import type { Case, CaseView } from "./types";
import { field, form, may, notice, type Place, type View } from "./view";

/** The list. */
export async function casesView(place: Place): Promise<View> {
  const cases = await get<Case[]>("/v1/cases", place.signal);
  const content = [
    h("h1", null, say("cases.title")),
    cases.length === 0 ? notice("note", say(may(place, "submit") ? "cases.none" : "cases.none_yours")) : list(cases),
    may(place, "submit") ? opening(place, cases.length === 0) : null,
  ];
  return { title: say("cases.title"), content };
}

function list(cases: readonly Case[]): HTMLElement {
  return h(
    "ul",
    { class: "plain lines" },
    cases.map((entry) =>
      h(
        "li",
        { class: "line" },
        h(
          "div",
          { class: "line-name" },
          h("a", { href: `/cases/${entry.id}` }, foreign(entry.name, 200)),
          entry.reference === "" ? null : h("span", { class: "quiet" }, foreign(entry.reference, 200)),
        ),
        h(
          "div",
          { class: "line-facts" },
          h("span", null, say("cases.jobs", { count: entry.num_jobs ?? 0, shown: number(entry.num_jobs ?? 0) })),
          entry.closed_at === null ? null : h("span", { class: "chip" }, say("cases.closed")),
          h("span", { class: "quiet" }, say("cases.since", { day: day(entry.created_at) })),
        ),
      ),
    ),
  );
}

function opening(place: Place, first: boolean): HTMLElement {
  const made = form(
    say("cases.open"),
    async (data) => {
      const opened = await send<CaseView>("POST", "/v1/cases", {
        name: String(data.get("name")),
        reference: String(data.get("reference")),
      });
      place.go(`/cases/${opened.id}`);
      return undefined;
    },
    field(say("cases.name"), h("input", { name: "name", required: true, maxlength: 200, autocomplete: "off" })),
    field(
      say("cases.reference"),
      h("input", { name: "reference", maxlength: 200, autocomplete: "off" }),
      say("cases.reference_hint"),
    ),
  );
  return h("details", { open: first }, h("summary", null, say("cases.new")), made);
}
