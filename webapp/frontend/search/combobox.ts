// Suggestions below a search field: an editable combobox with a list (ARIA Authoring Practices, Combobox).
// Down and Up choose, Enter goes there, Escape closes, then empties; without a choice Enter searches.
import { suggest, type Suggestion } from "./suggest";

const PAUSE_MS = 120; // between the last key and the question; shorter asks for words nobody wanted

export function attachSuggestions(form: HTMLFormElement, input: HTMLInputElement): void {
  const list = makeList(form, input);
  let shown: readonly Suggestion[] = [];
  let chosen = -1;
  let typed = input.value;
  let asking: AbortController | undefined;
  let timer = 0;

  function show(found: readonly Suggestion[]): void {
    shown = found;
    list.replaceChildren(...found.map((suggestion, i) => makeOption(suggestion, `${list.id}-${i}`)));
    choose(-1);
    const open = found.length > 0 && document.activeElement === input;
    list.hidden = !open;
    input.setAttribute("aria-expanded", String(open));
  }

  function close(): void {
    clearTimeout(timer);
    asking?.abort();
    show([]);
  }

  function choose(next: number): void {
    chosen = next;
    [...list.children].forEach((option, i) => option.setAttribute("aria-selected", String(i === chosen)));
    const option = list.children[chosen];
    if (option) {
      input.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else input.removeAttribute("aria-activedescendant");
  }

  async function ask(): Promise<void> {
    asking?.abort();
    const abort = (asking = new AbortController());
    try {
      const found = typed.trim() ? await suggest(form.dataset.suggest!, typed, abort.signal) : [];
      if (!abort.signal.aborted) show(found);
    } catch {
      if (!abort.signal.aborted) show([]); // the box still searches
    }
  }

  input.addEventListener("input", (event) => {
    typed = input.value;
    clearTimeout(timer);
    // What an input method composes is no word yet.
    if (!(event as InputEvent).isComposing) timer = window.setTimeout(ask, PAUSE_MS);
  });
  input.addEventListener("compositionend", () => { typed = input.value; void ask(); });
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && !list.hidden) choose(((chosen + 1 + step + shown.length + 1) % (shown.length + 1)) - 1);
    else if (event.key === "ArrowDown") void ask();
    else if (event.key === "Enter" && chosen >= 0) location.assign(shown[chosen]!.href);
    else if (event.key === "Escape" && !list.hidden) close();
    else return;
    event.preventDefault();
  });
  input.addEventListener("blur", () => setTimeout(close, 150)); // after a click on an option
}

function makeList(form: HTMLFormElement, input: HTMLInputElement): HTMLUListElement {
  const list = document.createElement("ul");
  Object.assign(list, { id: `${input.id}-list`, className: "suggestions", hidden: true });
  list.setAttribute("role", "listbox");
  list.setAttribute("aria-label", form.dataset.label ?? "");
  input.setAttribute("role", "combobox");
  input.setAttribute("aria-autocomplete", "list");
  input.setAttribute("aria-expanded", "false");
  input.setAttribute("aria-controls", list.id);
  form.append(list);
  return list;
}

function makeOption({ href, name, types, match }: Suggestion, id: string): HTMLLIElement {
  const option = document.createElement("li");
  option.id = id;
  option.setAttribute("role", "option");
  const words = document.createElement("span");
  words.lang = match.lang;
  words.append(...match.pieces.map((piece) => (piece.marked ? Object.assign(document.createElement("mark"), { textContent: piece.text }) : piece.text)));
  option.append(words);
  if (name.text !== match.text) option.append(" ", Object.assign(document.createElement("span"), { textContent: name.text, lang: name.lang, className: "also" }));
  if (types[0]) option.append(" ", Object.assign(document.createElement("span"), { textContent: types[0].text, lang: types[0].lang, className: "soft" }));
  option.addEventListener("pointerdown", (event) => event.preventDefault());
  option.addEventListener("click", () => location.assign(href));
  return option;
}
