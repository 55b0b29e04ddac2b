// Escape closes the evidence that the focus is in, and gives the focus back to its marker.

export function closeEvidenceOnEscape(): void {
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || !(event.target instanceof Element)) return;
    const open = event.target.closest<HTMLDetailsElement>("details.evidence[open]");
    if (!open) return;
    open.open = false;
    open.querySelector("summary")?.focus();
  });
}
