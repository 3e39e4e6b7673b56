/** What a page of the application is, and parts that many pages have. */

import { Refusal } from "./api";
import { announce, type Child, fill, foreign, freshId, h } from "./dom";
import { say, word } from "./texts";
import type { Job, Me, Scope } from "./types";

export interface Place {
  readonly me: Me;
  /** Aborted when the reader leaves the page. */
  readonly signal: AbortSignal;
  readonly go: (address: string) => void;
  /** Show the page anew. */
  readonly again: () => void;
}

export interface View {
  readonly title: string;
  readonly content: Child;
}

/** Whether the reader's key allows something. */
export function may(place: Place, scope: Scope): boolean {
  return place.me.scopes.includes(scope);
}

/** A refusal, as the reader is told. */
export function explain(error: unknown): string {
  if (error instanceof Refusal) {
    return error.status === 0 ? say("problem.unreachable") : `${word("problem", String(error.status))} ${error.sentence}`;
  }
  console.error(error); // a fault of this page: its own words, for whoever reports it
  return error instanceof Error ? error.message : String(error);
}

/** A box that says what went wrong, or what was done. */
export function notice(kind: "problem" | "done" | "note", ...children: Child[]): HTMLElement {
  return h("div", { class: `notice notice-${kind}`, role: kind === "problem" ? "alert" : "status" }, children);
}

/** A labelled field. */
export function field(label: string, input: HTMLElement, hint?: string): HTMLElement {
  input.id ||= freshId("field");
  const note = hint === undefined ? null : h("small", { class: "quiet", id: `${input.id}-hint` }, hint);
  if (note !== null) {
    input.setAttribute("aria-describedby", note.id);
  }
  return h("div", { class: "field" }, h("label", { for: input.id }, label), input, note);
}

/** A form that says what was refused, and does not send twice. */
export function form(submit: string, send: (data: FormData) => Promise<Child | undefined>, ...fields: Child[]): HTMLFormElement {
  const button = h("button", { type: "submit", class: "primary" }, submit);
  const outcome = h("div", { class: "outcome" });
  const made = h("form", null, fields, h("div", { class: "buttons" }, button), outcome);
  made.addEventListener("submit", (event) => {
    event.preventDefault();
    button.disabled = true;
    fill(outcome);
    send(new FormData(made))
      .then(
        (said) => {
          fill(outcome, said === undefined ? null : said);
        },
        (error: unknown) => {
          fill(outcome, notice("problem", explain(error)));
        },
      )
      .finally(() => {
        button.disabled = false;
      });
  });
  return made;
}

/** A button that does something at once, and says where it was refused. */
export function action(label: string, act: () => Promise<unknown>, kind = ""): HTMLButtonElement {
  const button = h("button", { type: "button", class: kind }, label);
  button.addEventListener("click", () => {
    button.disabled = true;
    act()
      .catch((error: unknown) => {
        const sentence = explain(error);
        button.after(notice("problem", sentence));
        announce(sentence);
      })
      .finally(() => {
        button.disabled = false;
      });
  });
  return button;
}

/** A fact and its name. */
export function fact(name: string, value: Child, wide = false): HTMLElement | null {
  return value === null || value === undefined || value === ""
    ? null
    : h("div", { class: wide ? "wide" : "" }, h("dt", null, name), h("dd", null, value));
}

/** A section with a heading. */
export function section(id: string, heading: string, ...children: Child[]): HTMLElement {
  return h(
    "section",
    { id, "aria-labelledby": `${id}-heading`, tabindex: -1 },
    h("h2", { id: `${id}-heading` }, heading),
    children,
  );
}

/** A table in a box that scrolls sideways where it has to; `headed` where a heading above says what it is. */
export function grid(caption: string, head: readonly Child[], body: readonly (readonly Child[])[], kind = ""): HTMLElement {
  return h(
    "div",
    { class: "scroll", tabindex: 0, role: "region", "aria-label": caption },
    h(
      "table",
      { class: kind },
      h("caption", { class: kind.includes("headed") ? "unseen" : "" }, caption),
      h("thead", null, h("tr", null, head.map((cell) => h("th", { scope: "col" }, cell)))),
      h(
        "tbody",
        null,
        body.map((row) =>
          h("tr", null, row.map((cell, index) => (index === 0 ? h("th", { scope: "row" }, cell) : h("td", null, cell)))),
        ),
      ),
    ),
  );
}

/** How a job stands, in a word: never by colour alone. */
export function chip(job: Job): HTMLElement {
  const name = job.state ?? job.status;
  return h("span", { class: `chip chip-${name}` }, word("short_state", name));
}

/** A job's name, which leads to it. */
export function jobLink(job: Job): HTMLElement {
  return h("a", { href: `/jobs/${job.id}` }, job.filename === "" ? say("jobs.nameless") : foreign(job.filename, 200));
}
