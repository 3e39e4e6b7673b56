/** The page begins here: who is asking, in which language, and which view an address stands for. */

import { logged, send, whoami } from "./api";
import { auditView } from "./audit";
import { caseView } from "./case";
import { casesView } from "./cases";
import { announce, fill, h, visible } from "./dom";
import { jobView } from "./job";
import { jobsView } from "./jobs";
import { loginView } from "./login";
import { modelsView } from "./models";
import { noticesView, watchNotices } from "./notices";
import { peopleView } from "./people";
import { LANGUAGES, type Language, language, say, speak } from "./texts";
import type { Me, Scope } from "./types";
import { explain, notice, type Place, type View } from "./view";

type Show = (place: Place, parameter: string) => Promise<View>;

interface Route {
  readonly pattern: RegExp;
  readonly show: Show;
  /** In the menu: where it leads, what it is called, and who sees it. */
  readonly menu?: { readonly address: string; readonly text: string; readonly scope?: Scope };
}

const ROUTES: readonly Route[] = [
  { pattern: /^\/(?:cases)?$/, show: casesView, menu: { address: "/cases", text: "menu.cases" } },
  { pattern: /^\/cases\/(\w+)$/, show: caseView },
  { pattern: /^\/jobs$/, show: jobsView, menu: { address: "/jobs", text: "menu.jobs", scope: "read" } },
  { pattern: /^\/jobs\/(\w+)$/, show: jobView },
  { pattern: /^\/notices$/, show: noticesView, menu: { address: "/notices", text: "menu.notices", scope: "read" } },
  { pattern: /^\/models$/, show: modelsView, menu: { address: "/models", text: "menu.models" } },
  { pattern: /^\/audit$/, show: auditView, menu: { address: "/audit", text: "menu.audit", scope: "admin" } },
  { pattern: /^\/people$/, show: peopleView, menu: { address: "/people", text: "menu.people", scope: "admin" } },
];
const LANGUAGE_SECONDS = 365 * 86_400;

const page = document.getElementById("page") as HTMLElement;
let me: Me | null = null;
let leaving = new AbortController();
let session = new AbortController();

async function begin(): Promise<void> {
  const served = document.documentElement.lang as Language;
  await speak(LANGUAGES.includes(served) ? served : "en");
  me = await whoami();
  draw();
}

/** The frame around every view; drawn anew for another person or language. */
function draw(): void {
  session.abort();
  session = new AbortController();
  const main = h("main", { id: "main", tabindex: -1 });
  fill(
    page,
    h("a", { class: "skip", href: "#main", on: { click: (event) => skip(event, main) } }, say("shell.skip")),
    header(),
    main,
    h("div", { id: "announcements", class: "unseen", "aria-live": "polite" }),
    h("footer", { class: "bottom" }, h("div", { class: "column" }, h("p", null, say("shell.footer")))),
  );
  void show(false);
}

function skip(event: Event, main: HTMLElement): void {
  event.preventDefault();
  main.focus();
}

function header(): HTMLElement {
  const brand = h("a", { href: "/cases", class: "brand" }, "unmask");
  return h(
    "header",
    { class: "bar" },
    h("div", { class: "column" }, brand, me === null ? null : menu(me), h("div", { class: "bar-end" }, switcher(), me === null ? null : leave(me))),
  );
}

function menu(person: Me): HTMLElement {
  const items = ROUTES.flatMap((route) => (route.menu === undefined ? [] : [route.menu]))
    .filter((item) => item.scope === undefined || person.scopes.includes(item.scope))
    .map((item) => {
      const link = h("a", { href: item.address }, say(item.text));
      if (item.address === "/notices") {
        watchNotices(link, session.signal);
      }
      return h("li", null, link);
    });
  return h("nav", { "aria-label": say("menu.label") }, h("ul", { class: "plain menu" }, items));
}

function switcher(): HTMLElement {
  const choose = h(
    "select",
    { "aria-label": say("shell.language") },
    LANGUAGES.map((name) => h("option", { value: name, selected: name === language() }, say(`language.${name}`))),
  );
  choose.addEventListener("change", () => {
    const chosen = choose.value as Language;
    document.cookie = `unmask_language=${chosen}; path=/; max-age=${LANGUAGE_SECONDS}; samesite=strict`;
    void speak(chosen).then(draw);
  });
  return choose;
}

function leave(person: Me): HTMLElement {
  const button = h("button", { type: "button", class: "quiet-button" }, say("shell.log_out"));
  button.addEventListener("click", () => {
    void send("DELETE", "/v1/session").finally(() => {
      me = null;
      history.replaceState(null, "", "/");
      draw();
    });
  });
  return h("span", { class: "who" }, h("bdi", null, person.name), button);
}

/** Show what the address stands for; `focus` moves to its heading, so that a reader hears where he is. */
async function show(focus = true): Promise<void> {
  leaving.abort();
  const controller = new AbortController();
  leaving = controller;
  const main = document.getElementById("main") as HTMLElement;
  main.setAttribute("aria-busy", "true");
  const place: Place | null = me === null ? null : { me, signal: controller.signal, go, again: () => void show(false) };
  let view: View;
  try {
    view = place === null ? loginView(entered) : await found(place);
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") {
      return;
    }
    view = { title: say("problem.title"), content: [h("h1", null, say("problem.title")), notice("problem", explain(error))] };
  }
  if (controller.signal.aborted) {
    return;
  }
  main.removeAttribute("aria-busy");
  fill(main, h("div", { class: "column" }, view.content));
  document.title = view.title === "" ? "unmask" : `${visible(view.title, 200)} · unmask`;
  mark();
  if (focus) {
    const heading = main.querySelector("h1");
    heading?.setAttribute("tabindex", "-1");
    heading?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
    announce(visible(view.title, 200));
  }
}

function found(place: Place): Promise<View> {
  for (const route of ROUTES) {
    const match = route.pattern.exec(location.pathname);
    if (match !== null) {
      return route.show(place, match[1] ?? "");
    }
  }
  return casesView(place);
}

function mark(): void {
  for (const link of document.querySelectorAll<HTMLAnchorElement>(".menu a")) {
    const here = location.pathname === link.pathname || (location.pathname.startsWith(`${link.pathname}/`));
    if (here || (location.pathname === "/" && link.pathname === "/cases")) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
}

function entered(person: Me): void {
  me = person;
  draw();
}

function go(address: string): void {
  history.pushState(null, "", address);
  void show();
}

document.addEventListener("click", (event) => {
  const link = event.target instanceof Element ? event.target.closest("a") : null;
  const plain = event.button === 0 && !(event.metaKey || event.ctrlKey || event.shiftKey || event.altKey);
  if (link === null || !plain || event.defaultPrevented || link.origin !== location.origin) {
    return;
  }
  if (link.hasAttribute("download") || link.target !== "" || link.getAttribute("href")?.startsWith("#") === true) {
    return;
  }
  if (ROUTES.some((route) => route.pattern.test(link.pathname))) {
    event.preventDefault();
    go(link.pathname);
  }
});
window.addEventListener("popstate", () => void show());
logged.addEventListener("out", () => {
  if (me !== null) {
    me = null;
    draw();
  }
});

begin().catch((error: unknown) => {
  page.textContent = error instanceof Error ? error.message : String(error);
});
