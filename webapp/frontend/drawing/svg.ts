// Elements of SVG, and how the parts of a drawing are labelled.

const SVG = "http://www.w3.org/2000/svg";

export function svg<K extends keyof SVGElementTagNameMap>(
  name: K, attributes: Record<string, string | number> = {}, ...children: (Node | string)[]
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.append(...children);
  return element;
}

/** A link in a drawing to a page, or a plain group where there is none; never to a script. */
export function link(href: string, ...children: Node[]): SVGElement {
  if (!/^(https?:\/\/|\/)/.test(href)) return svg("g", {}, ...children);
  return svg("a", { href }, ...children);
}

/** A text that is cut where it is too long for its place; the whole is its title. */
export function shorten(text: string, length: number): string {
  const letters = [...text];
  return letters.length <= length ? text : `${letters.slice(0, length - 1).join("")}…`;
}

/**
 * A text as short lines, whole: what is seen has to be part of what is read out (WCAG 2.5.3).
 * Lines keep their spaces, so that put together again they are the text.
 */
export function breakLines(text: string): string[] {
  const wide = /[\u2e80-\uffef]/u.test(text);
  const words = wide ? [...text] : text.match(/\S+\s*/g) ?? [text];
  const lines: string[] = [];
  for (const word of words) {
    const last = lines.at(-1);
    if (last !== undefined && [...last, ...word.trimEnd()].length <= (wide ? 11 : 24)) lines[lines.length - 1] = last + word;
    else lines.push(word);
  }
  return lines;
}
