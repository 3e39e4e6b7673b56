/** The audit log: who did what, for administrators as a whole, for members of a case what belongs to it. */

import { get } from "./api";
import { type Child, fill, foreign, h } from "./dom";
import { number, say, when, word } from "./texts";
import type { AuditEntry, AuditPage, AuditVerdict } from "./types";
import { action, explain, field, grid, notice, type Place, section, type View } from "./view";

const ACTIONS = [
  "login",
  "login_refused",
  "access_refused",
  "key_created",
  "key_revoked",
  "case_created",
  "case_changed",
  "member_added",
  "member_removed",
  "upload",
  "job_created",
  "job_deleted",
  "rescored",
  "read_report",
  "media",
  "export",
  "review",
  "evidence_purged",
  "audit_read",
];

/** The whole log. */
export async function auditView(place: Place): Promise<View> {
  const filter = h("select", null, h("option", { value: "" }, say("audit.any")), ACTIONS.map((name) => h("option", { value: name }, word("action", name))));
  const entries = h("div");
  const show = (): void => {
    const query = filter.value === "" ? "" : `?action=${filter.value}`;
    fill(entries, pages(place, `/v1/audit${query}`));
  };
  filter.addEventListener("change", show);
  show();
  const content = [
    h("h1", null, say("audit.title")),
    h("p", null, say("audit.intro")),
    section(
      "integrity",
      say("audit.integrity"),
      h("p", null, say("audit.integrity_meaning")),
      verifying(),
      h(
        "ul",
        { class: "plain buttons" },
        h("li", null, h("a", { href: "/v1/audit/checkpoint", download: true, class: "button" }, say("audit.checkpoint"))),
        h("li", null, h("a", { href: "/v1/audit.jsonl", download: true, class: "button" }, say("audit.export"))),
      ),
    ),
    section("entries", say("audit.entries"), field(say("audit.filter"), filter), entries),
  ];
  return Promise.resolve({ title: say("audit.title"), content });
}

function verifying(): HTMLElement {
  const outcome = h("div", { role: "status" });
  const button = action(say("audit.verify"), async () => {
    const found = await get<AuditVerdict>("/v1/audit/verify");
    const kind = found.good ? (found.complete ? "good" : "good_so_far") : "bad";
    fill(
      outcome,
      notice(
        found.good ? "done" : "problem",
        h("p", null, say(`audit.${kind}`, { count: found.num_entries })),
        h("p", { class: "small" }, say("audit.last_digest"), " ", h("code", null, found.digest)),
        found.problems.map((problem) => h("p", { lang: "en" }, `${problem.entry === null ? "" : `${number(problem.entry)}: `}${problem.why}`)),
        found.remarks.map((remark) => h("p", { lang: "en", class: "small" }, remark)),
      ),
    );
  });
  return h("div", null, h("p", null, button), outcome);
}

/** Entries, a page at a time. */
export function pages(place: Place, address: string): HTMLElement {
  const inside = h("div");
  const rows: Child[][] = [];
  const read = async (cursor: string | null): Promise<void> => {
    const joined = cursor === null ? address : `${address}${address.includes("?") ? "&" : "?"}cursor=${cursor}`;
    const page = await get<AuditPage>(joined, place.signal);
    rows.push(...page.entries.map(cells));
    const { next } = page;
    fill(
      inside,
      rows.length === 0
        ? h("p", { class: "quiet" }, say("audit.none"))
        : grid(say("audit.entries"), [say("audit.number"), say("audit.at"), say("audit.person"), say("audit.action"), say("audit.object"), say("audit.details")], rows, "dense headed"),
      next === null ? null : action(say("jobs.more"), () => read(next)),
    );
  };
  read(null).catch((error: unknown) => {
    if (!place.signal.aborted) {
      fill(inside, notice("problem", explain(error)));
    }
  });
  return inside;
}

function cells(entry: AuditEntry): Child[] {
  if (entry.damaged !== null) {
    return [number(entry.seq), "", "", h("strong", null, say("audit.damaged")), foreign(entry.damaged), ""];
  }
  return [
    number(entry.seq),
    entry.at === null ? "" : when(entry.at),
    entry.person_name === null ? h("span", { class: "quiet" }, say("audit.nobody")) : foreign(entry.person_name, 200),
    word("action", entry.action),
    linked(entry.object),
    Object.entries(entry.details).map(([name, value]) => h("div", null, h("span", { class: "quiet" }, `${name}: `), foreign(typeof value === "string" ? value : JSON.stringify(value), 200))),
  ];
}

/** An id; that of a case or a job leads there. */
function linked(id: string): HTMLElement {
  const short = h("code", { title: id }, id.replace(/^([a-z]+_[0-9a-f]{8})[0-9a-f]+$/, "$1…"));
  const kind = /^(case|job)_/.exec(id)?.[1];
  return kind === undefined ? short : h("a", { href: `/${kind}s/${id}` }, short);
}
