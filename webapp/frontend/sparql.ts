// The SPARQL page: an editor, answers without loading the page anew, and ways to look at them.
import type { EditorView } from "@codemirror/view";
import { declarePrefixes, fetchTerms, makeCompletion } from "./sparql/completion";
import { markError, openEditor, setText, type Words } from "./sparql/editor";
import { showViews } from "./sparql/views";

const MAX_ADDRESS = 7000; // characters; servers and proxies take addresses of 8 KiB

const form = document.querySelector<HTMLFormElement>("#ask")!;
const area = form.querySelector("textarea")!;
const words = JSON.parse(document.querySelector("#sparql-words")!.textContent!) as Words;
const status = addStatus();
let running: AbortController | undefined;

const terms = `${form.action}/terms`;
const view: EditorView = openEditor(area, words, makeCompletion(terms, form.dataset.suggest ?? ""), () => form.requestSubmit());
const cancel = addButton(words.cancel!, () => running?.abort());
cancel.hidden = true;
addButton(words.share!, shareAddress);

form.addEventListener("submit", (event) => {
  event.preventDefault();
  void run();
});

document.querySelector<HTMLElement>("#examples")?.addEventListener("click", (event) => {
  const link = (event.target as Element).closest("a");
  const text = link && !event.ctrlKey && !event.metaKey && !event.shiftKey && new URL(link.href).searchParams.get("query");
  if (!text) return;
  event.preventDefault();
  setText(view, text);
  void run();
});

window.addEventListener("popstate", () => location.reload());
const [visit] = performance.getEntriesByType("navigation") as PerformanceNavigationTiming[];
enrich(visit?.serverTiming.find(({ name }) => name === "query")?.duration ?? NaN);

/** Ask the query of the editor and show the answer below it. */
async function run(): Promise<void> {
  running?.abort();
  const abort = (running = new AbortController());
  await fetchTerms(terms).then(({ prefixes }) => declarePrefixes(view, prefixes)).catch(() => undefined);
  const address = makeAddress();
  status.textContent = words.running!;
  cancel.hidden = false;
  try {
    const { page, timing } = await fetchPage(address, abort.signal);
    const answer = page.querySelector("#answer");
    document.querySelector("#answer")!.replaceChildren(...(answer?.childNodes ?? page.querySelector("main")!.childNodes));
    if (address && address !== location.href) history.pushState(null, "", address);
    enrich(Number(/query;dur=([\d.]+)/.exec(timing)?.[1] ?? NaN));
    status.textContent = document.querySelector("#extent, #answer [role=alert] p")?.textContent ?? "";
  } catch {
    status.textContent = abort.signal.aborted ? words.cancelled! : words.failed!;
  } finally {
    if (running === abort) cancel.hidden = true;
  }
}

/** The address of this query, or nothing where it is too long for one. */
function makeAddress(): string {
  const url = new URL(form.action);
  const given = new URL(location.href).searchParams;
  url.searchParams.set("query", area.value);
  for (const name of ["default-graph-uri", "named-graph-uri", "timeout"]) {
    for (const value of given.getAll(name)) url.searchParams.append(name, value);
  }
  return url.href.length > MAX_ADDRESS ? "" : url.href;
}

async function fetchPage(address: string, signal: AbortSignal): Promise<{ page: Document; timing: string }> {
  const headers = { Accept: "text/html" };
  const body = new URLSearchParams({ query: area.value });
  const answer = await (address ? fetch(address, { headers, signal }) : fetch(form.action, { method: "POST", headers, body, signal }));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  return { page, timing: answer.headers.get("Server-Timing") ?? "" };
}

/** The whole answer in a format, as text. */
async function fetchText(query: string, format: string): Promise<string> {
  const answer = await fetch(form.action, { method: "POST", body: new URLSearchParams({ query, format }) });
  if (!answer.ok) throw new Error(`${answer.status}`);
  return answer.text();
}

/** Give what the server showed what scripts can add, and say how long the query took. */
function enrich(tookMs: number): void {
  if (tookMs >= 0) document.querySelector("#extent")?.append(` · ${words.time!.replace("{ms}", tookMs.toLocaleString(undefined, { maximumFractionDigits: 1 }))}`);
  const error = document.querySelector<HTMLElement>("#answer [role=alert]");
  const message = error?.querySelector("p:last-child")?.textContent ?? "";
  markError(view, Number(error?.dataset.line ?? 0), Number(error?.dataset.column ?? 0), message);
  if (error?.dataset.line) view.focus();
  const views = document.querySelector<HTMLElement>("#views");
  const query = area.value;
  if (views) showViews(views, words, (format) => fetchText(query, format));
  for (const code of document.querySelectorAll<HTMLElement>(".snippets pre")) addCopy(code);
}

function addCopy(code: HTMLElement): void {
  const button = makeButton(words.copy!, async () => {
    await navigator.clipboard.writeText(code.textContent ?? "");
    button.textContent = words.copied!;
  });
  code.before(button);
}

async function shareAddress(): Promise<void> {
  const address = makeAddress();
  if (address) await navigator.clipboard.writeText(address);
  status.textContent = address ? words.copied! : words.tooLong!;
}

function makeButton(title: string, act: () => void): HTMLButtonElement {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: title });
  button.addEventListener("click", act);
  return button;
}

function addButton(title: string, act: () => void): HTMLButtonElement {
  const button = makeButton(title, act);
  form.querySelector(".actions")!.append(button);
  return button;
}

function addStatus(): HTMLElement {
  const element = document.createElement("span");
  element.className = "soft status";
  element.setAttribute("role", "status");
  form.querySelector(".actions")!.append(element);
  return element;
}
