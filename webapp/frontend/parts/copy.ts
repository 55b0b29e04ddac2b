// Copies texts (data-copy) and files (links with data-copy-from). Without the clipboard, which browsers give
// to secure pages only, texts are selected by hand and links lead to their files, as without scripts.

export function addCopyButtons(label: string, done: string): void {
  if (!navigator.clipboard) return;
  for (const source of document.querySelectorAll<HTMLElement>("[data-copy]")) {
    const button = makeButton(label);
    button.addEventListener("click", () => void copy(source.textContent ?? "", button, done));
    source.after(button);
  }
  for (const link of document.querySelectorAll<HTMLAnchorElement>("a[data-copy-from]")) {
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      void copyFile(link, done);
    });
  }
}

function makeButton(label: string): HTMLButtonElement {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "copy";
  button.textContent = label;
  return button;
}

/** Copies the file that a link leads to; follows the link where that fails. */
async function copyFile(link: HTMLAnchorElement, done: string): Promise<void> {
  try {
    const answer = await fetch(link.href);
    if (!answer.ok) throw new Error(answer.statusText);
    await copy(await answer.text(), link, done);
  } catch {
    location.assign(link.href);
  }
}

async function copy(text: string, place: HTMLElement, done: string): Promise<void> {
  await navigator.clipboard.writeText(text);
  const label = place.textContent;
  if (label === done) return;
  place.setAttribute("aria-live", "polite");
  place.textContent = done;
  setTimeout(() => { place.textContent = label; }, 2000);
}
