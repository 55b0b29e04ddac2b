// Hooks of every page.
import { addCopyButtons } from "./parts/copy";
import { closeEvidenceOnEscape } from "./parts/evidence";
import { attachSuggestions } from "./search/combobox";

document.documentElement.classList.add("js");
addCopyButtons(document.body.dataset.copyLabel ?? "Copy", document.body.dataset.copiedLabel ?? "Copied");
closeEvidenceOnEscape();
for (const form of document.querySelectorAll<HTMLFormElement>("form.site-search[data-suggest]")) {
  const input = form.querySelector<HTMLInputElement>("input[type=search]");
  if (input) attachSuggestions(form, input);
}
