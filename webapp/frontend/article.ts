// On an article: cited words show the facts that rest on them, and a fact lights up its words.
// Words and facts are linked without this script, too.

const HOVER_MS = 150;
const LEAVE_MS = 300;

const reading = document.querySelector<HTMLElement>(".reading");
const pieces = [...document.querySelectorAll<HTMLElement>(".cited")];
const links = pieces.filter((piece) => piece instanceof HTMLAnchorElement); // white space is no link
const facts = new Map([...document.querySelectorAll<HTMLElement>(".fact")].map((fact) => [fact.dataset.record ?? "", fact]));

const panel = document.createElement("div");
panel.className = "panel";
panel.popover = "manual";
panel.tabIndex = -1;
panel.setAttribute("role", "dialog");
panel.setAttribute("aria-label", reading?.dataset.panelTitle ?? "");
document.body.append(panel);

let shownFor: HTMLElement | undefined;
let timer: ReturnType<typeof setTimeout> | undefined;

function recordsOf(piece: HTMLElement): string[] {
  return (piece.dataset.records ?? "").split(" ");
}

function light(records: string[]): void {
  for (const piece of pieces) piece.classList.toggle("lit", recordsOf(piece).some((record) => records.includes(record)));
  for (const [record, fact] of facts) fact.classList.toggle("lit", records.includes(record));
}

/** Fills the panel with the facts of a piece; each lights up its own words. */
function fill(records: string[]): void {
  const list = document.createElement("ul");
  list.className = "plain";
  for (const record of records) {
    const fact = facts.get(record)?.cloneNode(true) as HTMLElement | undefined;
    if (!fact) continue;
    fact.removeAttribute("id");
    fact.classList.remove("lit");
    fact.querySelector(".words-link")?.remove();
    fact.addEventListener("pointerenter", () => light([record]));
    fact.addEventListener("focusin", () => light([record]));
    list.append(fact);
  }
  panel.replaceChildren(list);
}

function show(piece: HTMLElement): void {
  clearTimeout(timer);
  shownFor = piece;
  fill(recordsOf(piece));
  light(recordsOf(piece));
  if (!panel.matches(":popover-open")) panel.showPopover();
  place(piece);
}

function place(piece: HTMLElement): void {
  const words = piece.getClientRects()[0] ?? piece.getBoundingClientRect();
  const size = panel.getBoundingClientRect();
  const below = words.bottom + 8;
  const top = below + size.height > innerHeight && words.top - size.height - 8 > 0 ? words.top - size.height - 8 : below;
  panel.style.top = `${Math.max(8, Math.min(top, innerHeight - size.height - 8))}px`;
  panel.style.left = `${Math.max(8, Math.min(words.left, innerWidth - size.width - 8))}px`;
}

function hide(): void {
  clearTimeout(timer);
  if (panel.matches(":popover-open")) panel.hidePopover();
  shownFor = undefined;
  lightTarget();
}

/** Lights up what the address names: an evidence record (#q-…) or a fact (#f-…). */
function lightTarget(): void {
  const record = location.hash.replace(/^#[qf]-/, "q-").replace(/^#.*/, "");
  light(record ? [record] : []);
  if (record) facts.get(record)?.closest("details")?.setAttribute("open", "");
}

for (const piece of links) {
  piece.addEventListener("pointerenter", (event) => {
    if (event.pointerType !== "mouse") return;
    clearTimeout(timer);
    timer = setTimeout(() => show(piece), HOVER_MS);
  });
  piece.addEventListener("pointerleave", () => {
    clearTimeout(timer);
    timer = setTimeout(hide, LEAVE_MS);
  });
  piece.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    show(piece);
    panel.focus({ preventScroll: true });
  });
}

panel.addEventListener("pointerenter", () => clearTimeout(timer));
panel.addEventListener("pointerleave", (event) => {
  if (event.pointerType === "mouse") timer = setTimeout(hide, LEAVE_MS);
});

document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !shownFor) return;
  const piece = shownFor;
  const inside = panel.contains(document.activeElement);
  hide();
  if (inside) piece.focus({ preventScroll: true });
});
document.addEventListener("pointerdown", (event) => {
  const target = event.target as Element;
  if (shownFor && !panel.contains(target) && !target.closest("a.cited")) hide();
});

for (const [record, fact] of facts) {
  fact.addEventListener("pointerenter", () => light([record]));
  fact.addEventListener("focusin", () => light([record]));
  fact.addEventListener("pointerleave", lightTarget);
}

addEventListener("hashchange", () => { hide(); lightTarget(); });
addEventListener("scroll", () => { if (shownFor) place(shownFor); }, { passive: true });
lightTarget();
