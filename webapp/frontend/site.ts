// Hooks of every page.
import { addCopyButtons } from "./parts/copy";
import { closeEvidenceOnEscape } from "./parts/evidence";
import { attachSuggestions } from "./search/combobox";

showWhereOneIs();
addCopyButtons(document.body.dataset.copyLabel ?? "Copy", document.body.dataset.copiedLabel ?? "Copied");
closeEvidenceOnEscape();
for (const form of document.querySelectorAll<HTMLFormElement>("form.site-search[data-suggest]")) {
  const input = form.querySelector<HTMLInputElement>("input[type=search]");
  if (input) attachSuggestions(form, input);
}

/** In a row of sections that is wider than the screen, bring the current one into view. */
function showWhereOneIs(): void {
  const here = document.querySelector<HTMLElement>(".sections [aria-current]");
  const row = here?.parentElement;
  if (here && row) row.scrollLeft = here.offsetLeft - row.offsetLeft - (row.clientWidth - here.offsetWidth) / 2;
}
