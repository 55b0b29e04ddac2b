// Hooks of every page.
import { addCopyButtons } from "./parts/copy";
import { closeEvidenceOnEscape } from "./parts/evidence";

document.documentElement.classList.add("js");
addCopyButtons(document.body.dataset.copyLabel ?? "Copy", document.body.dataset.copiedLabel ?? "Copied");
closeEvidenceOnEscape();
