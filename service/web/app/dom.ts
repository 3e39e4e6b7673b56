/** Elements, made by name: enough of a framework for this page, and nothing that the content security policy forbids. */

export type Child = Node | string | number | null | undefined | false | readonly Child[];
type Value = string | number | boolean | null | undefined;
type Listeners = { readonly [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void };
export interface Attributes {
  readonly class?: string;
  readonly on?: Listeners;
  readonly [name: string]: Value | Listeners;
}

/** An HTML element. `true` gives an attribute without a value; `false`, `null` and `undefined` give none. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes?: Attributes | null,
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

/** An SVG element. */
export function s<K extends keyof SVGElementTagNameMap>(
  tag: K,
  attributes?: Attributes | null,
  ...children: Child[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  dress(element, attributes);
  append(element, children);
  return element;
}

/** Put something else into an element. */
export function fill(element: Element, ...children: Child[]): void {
  element.replaceChildren();
  append(element, children);
}

function dress(element: Element, attributes?: Attributes | null): void {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "object" && value !== null) {
      for (const [kind, listener] of Object.entries(value)) {
        element.addEventListener(kind, listener as EventListener);
      }
    } else if (value !== null && value !== undefined && value !== false) {
      element.setAttribute(name, value === true ? "" : String(value));
    }
  }
}

function append(element: Element, children: readonly Child[]): void {
  for (const child of children) {
    if (Array.isArray(child)) {
      append(element, child);
    } else if (child !== null && child !== undefined && child !== false) {
      element.append(child instanceof Node ? child : String(child));
    }
  }
}

const INVISIBLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;
const MAX_CHARACTERS = 2000;

/** Text that came with the evidence, with nothing hidden in it: what cannot be seen stands as a sign of its number. */
export function visible(text: string, limit = MAX_CHARACTERS): string {
  const shown = text
    .slice(0, limit)
    .replace(INVISIBLE, (sign) => `⟨U+${(sign.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}⟩`);
  return text.length > limit ? `${shown} …` : shown;
}

/** See `visible`; it keeps its direction of writing to itself. */
export function foreign(text: string, limit = MAX_CHARACTERS): HTMLElement {
  return h("bdi", null, visible(text, limit));
}

/** Tell a person who listens to the page. */
export function announce(sentence: string): void {
  const region = document.getElementById("announcements");
  if (region !== null) {
    region.textContent = "";
    window.setTimeout(() => {
      region.textContent = sentence;
    }, 50); // readers notice a change, not the same words again
  }
}

let lastId = 0;

/** An id that no other element has. */
export function freshId(stem: string): string {
  lastId += 1;
  return `${stem}-${lastId}`;
}
