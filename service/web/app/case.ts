/** One case: its recordings, its people, and how much of it has been examined. */

import { get, send } from "./api";
import { pages } from "./audit";
import { type Child, fill, foreign, h } from "./dom";
import { jobList } from "./jobs";
import { day, number, percent, say, when, word } from "./texts";
import type { CaseView, Disagreements, Person } from "./types";
import { uploadArea } from "./upload";
import { action, explain, fact, field, form, may, notice, type Place, section, type View } from "./view";

const ORDER = ["open", "examined", "partial", "no_subject", "duplicate", "known", "unsupported", "unreadable", "encrypted", "limit", "timeout", "crashed", "cancelled"];
const EXAMINED = new Set(["examined", "partial", "no_subject", "duplicate", "known"]);

/** The case's page. */
export async function caseView(place: Place, id: string): Promise<View> {
  const found = await get<CaseView>(`/v1/cases/${id}`, place.signal);
  const states = h("div");
  const drawStates = (current: CaseView): void => fill(states, completeness(current.states));
  drawStates(found);
  const changed = (): void => {
    get<CaseView>(`/v1/cases/${id}`, place.signal).then(drawStates, () => undefined); // the list beside it says it
  };
  const closed = found.closed_at !== null;
  const jobs = may(place, "read") ? await jobList(place, id, changed) : notice("note", say("problem.needs_read"));
  const content = [
    h("p", { class: "kicker" }, h("a", { href: "/cases" }, say("cases.title"))),
    h("h1", null, foreign(found.name, 200)),
    h(
      "dl",
      { class: "facts" },
      fact(say("cases.reference"), found.reference === "" ? null : foreign(found.reference, 200)),
      fact(say("case.opened"), when(found.created_at)),
      fact(say("case.closed_at"), closed ? when(found.closed_at ?? "") : null),
      fact(say("case.retention"), found.retention_days === null ? say("case.retention_default") : say("case.days", { count: found.retention_days })),
    ),
    closed
      ? notice("note", say("case.is_closed"))
      : may(place, "submit")
        ? section("hand-in", say("upload.title"), uploadArea(place, id))
        : null,
    section("completeness", say("case.completeness"), states),
    section("recordings", say("case.recordings"), jobs),
    may(place, "review") ? section("disagreements", say("disagreement.title"), await disagreements(place, id)) : null,
    section("members", say("case.members"), members(place, found)),
    may(place, "submit") ? section("settings", say("case.settings"), settings(place, found)) : null,
    may(place, "read") ? section("record", say("audit.of_case"), log(place, id)) : null,
  ];
  return { title: found.name, content };
}

/** How many jobs ended in which state: a bar for the eye, a list for everybody. */
function completeness(states: Readonly<Record<string, number>>): HTMLElement {
  const known = [...ORDER, ...Object.keys(states).filter((state) => !ORDER.includes(state))];
  const entries = known.map((state) => [state, states[state] ?? 0] as const).filter(([, count]) => count > 0);
  const total = entries.reduce((sum, [, count]) => sum + count, 0);
  if (total === 0) {
    return h("p", { class: "quiet" }, say("case.states_none"));
  }
  const done = entries.filter(([state]) => EXAMINED.has(state)).reduce((sum, [, count]) => sum + count, 0);
  const strip = h("div", { class: "shares", "aria-hidden": "true" });
  for (const [state, count] of entries) {
    const part = h("span", { class: `share-${state}` });
    part.style.flexGrow = String(count); // a property, not an attribute: the content security policy allows it
    strip.append(part);
  }
  return h(
    "div",
    null,
    h("p", null, say("case.states", { count: total, share: percent(done / total), done: number(done), all: number(total) })),
    strip,
    h(
      "ul",
      { class: "plain states" },
      entries.map(([state, count]) => h("li", null, h("span", { class: `swatch share-${state}`, "aria-hidden": "true" }), word("short_state", state), " ", h("strong", null, number(count)))),
    ),
  );
}

async function disagreements(place: Place, id: string): Promise<Child> {
  let found: Disagreements;
  try {
    found = await get<Disagreements>(`/v1/cases/${id}/disagreements`, place.signal);
  } catch (error) {
    return notice("problem", explain(error));
  }
  const { disagreements: entries, num_hidden: hidden } = found;
  return [
    entries.length === 0 ? h("p", { class: "quiet" }, say("disagreement.none")) : h("ul", { class: "plain lines" }, entries.map(disagreement)),
    hidden === 0 ? null : notice("note", say("disagreement.hidden", { count: hidden })),
  ];
}

function disagreement(entry: Disagreements["disagreements"][number]): HTMLElement {
  return h(
    "li",
    { class: "line" },
    h(
      "div",
      { class: "line-name" },
      h("a", { href: `/jobs/${entry.job}` }, foreign(entry.filename, 200)),
      h("span", null, word("subject", entry.subject), " ", entry.between.map((who) => h("span", { class: "chip" }, say(`disagreement.${who}`)))),
    ),
    h(
      "ul",
      { class: "plain line-facts" },
      entry.flagged === null ? null : h("li", null, say(entry.flagged ? "review.machine_flagged" : "review.machine_not_flagged")),
      entry.positions.map((position) => h("li", null, foreign(position.person_name, 80), ": ", h("strong", null, word("review_conclusion", position.conclusion)))),
    ),
  );
}

function members(place: Place, found: CaseView): HTMLElement {
  const mayChange = may(place, "submit");
  const list = h(
    "ul",
    { class: "plain lines" },
    found.members.map((member) =>
      h(
        "li",
        { class: "line" },
        h("div", { class: "line-name" }, foreign(member.name, 200), h("span", { class: "quiet" }, say("case.member_since", { day: day(member.since) }))),
        mayChange && found.members.length > 1
          ? action(say("case.remove", { name: member.name }), async () => {
              await send("DELETE", `/v1/cases/${found.id}/members/${member.person}`);
              place.again();
            })
          : null,
      ),
    ),
  );
  return h("div", null, list, mayChange ? adding(place, found) : null);
}

function adding(place: Place, found: CaseView): HTMLElement {
  const select = h("select", { name: "person", required: true }, h("option", { value: "" }, say("case.choose_person")));
  get<Person[]>("/v1/people", place.signal).then(
    (people) => {
      const there = new Set(found.members.map((member) => member.person));
      select.append(...people.filter((person) => !there.has(person.id)).map((person) => h("option", { value: person.id }, person.name)));
    },
    () => undefined, // whoever may not see people adds none
  );
  return h(
    "details",
    null,
    h("summary", null, say("case.add_member")),
    form(
      say("case.add"),
      async (data) => {
        await send("POST", `/v1/cases/${found.id}/members`, { person: String(data.get("person")) });
        place.again();
        return undefined;
      },
      field(say("case.person"), select),
    ),
  );
}

function settings(place: Place, found: CaseView): HTMLElement {
  const change = async (values: Readonly<Record<string, unknown>>): Promise<undefined> => {
    await send("PATCH", `/v1/cases/${found.id}`, values);
    place.again();
    return undefined;
  };
  return h(
    "div",
    null,
    h(
      "details",
      null,
      h("summary", null, say("case.change")),
      form(
        say("case.save"),
        (data) => {
          const days = String(data.get("days"));
          return change({
            name: String(data.get("name")),
            reference: String(data.get("reference")),
            retention_days: days === "" ? null : Number(days),
          });
        },
        field(say("cases.name"), h("input", { name: "name", required: true, maxlength: 200, value: found.name })),
        field(say("cases.reference"), h("input", { name: "reference", maxlength: 200, value: found.reference })),
        field(
          say("case.retention"),
          h("input", { name: "days", type: "number", min: 1, max: 36500, value: found.retention_days }),
          say("case.retention_hint"),
        ),
      ),
    ),
    action(say(found.closed_at === null ? "case.close" : "case.reopen"), () => change({ closed: found.closed_at === null })),
  );
}

/** Entries of the audit log about the case; read, and so logged, when they are asked for. */
function log(place: Place, id: string): HTMLElement {
  const inside = h("div");
  const details = h("details", null, h("summary", null, say("audit.show_case")), inside);
  details.addEventListener("toggle", () => {
    if (details.open && inside.childElementCount === 0) {
      inside.append(pages(place, `/v1/cases/${id}/audit`));
    }
  });
  return details;
}
