// The editor of queries, in place of the text area of the form.
//
// It lives in a shadow root: there CodeMirror puts its styles into constructed style sheets, which a policy of
// style-src 'self' allows, and not into <style> elements, which it does not.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap, type CompletionSource } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab, toggleComment } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { lintGutter, setDiagnostics, type Diagnostic } from "@codemirror/lint";
import { EditorState, Prec } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { sparql } from "codemirror-lang-sparql";

/** Colours are custom properties of the page, so that the editor is light and dark with it. */
const theme = EditorView.theme({
  "&": { color: "var(--ink)", backgroundColor: "var(--raised, var(--paper))", fontSize: "0.9rem", border: "1px solid var(--edge, var(--line))", borderRadius: "6px" },
  "&.cm-focused": { outline: "3px solid var(--link)", outlineOffset: "1px" },
  ".cm-scroller": { fontFamily: "var(--mono, ui-monospace, monospace)", lineHeight: "1.55", minHeight: "9rem", maxHeight: "65vh" },
  ".cm-content": { caretColor: "var(--ink)", paddingBlock: "0.6rem" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "transparent", color: "var(--soft)", border: "0" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--ink) 4%, transparent)" },
  ".cm-selectionBackground, &.cm-focused .cm-selectionBackground": { backgroundColor: "color-mix(in srgb, var(--link) 25%, transparent) !important" },
  ".cm-matchingBracket, &.cm-focused .cm-matchingBracket": { backgroundColor: "color-mix(in srgb, var(--link) 22%, transparent)" },
  ".cm-tooltip": { backgroundColor: "var(--paper)", color: "var(--ink)", border: "1px solid var(--edge, var(--line))", borderRadius: "6px" },
  ".cm-tooltip-autocomplete > ul": { fontFamily: "var(--sans, system-ui), sans-serif", maxHeight: "16rem" },
  ".cm-tooltip-autocomplete > ul > li": { padding: "0.25rem 0.6rem", lineHeight: "1.5" },
  ".cm-tooltip-autocomplete > ul > li[aria-selected]": { backgroundColor: "var(--link)", color: "var(--paper)" },
  ".cm-completionDetail": { fontStyle: "normal", opacity: "1", marginLeft: "0.7em" },
  ".cm-lintRange-error": { textDecoration: "underline wavy var(--alarm, #a3231b) 2px", backgroundImage: "none" },
  ".cm-diagnostic": { padding: "0.3rem 0.6rem", whiteSpace: "pre-wrap" },
});

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.definitionKeyword, tags.operatorKeyword, tags.modifier], color: "var(--link)", fontWeight: "600" },
  { tag: [tags.variableName, tags.special(tags.variableName)], color: "var(--plan, #8a4406)" },
  { tag: [tags.string, tags.special(tags.string)], color: "var(--outside, #0a5f5a)" },
  { tag: [tags.number, tags.bool], color: "var(--outside, #0a5f5a)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--soft)", fontStyle: "italic" },
]);

export interface Words { readonly [name: string]: string }

/**
 * Take typing over a selection from the browser: Chromium would keep the colours of what was there in an inline
 * style, which the policy refuses and reports.
 */
const typeOverSelection = EditorView.domEventHandlers({
  beforeinput(event, view) {
    const { from, to } = readSelection(view);
    const text = event.data;
    if (event.inputType !== "insertText" || !text || from === to || view.composing) return false;
    event.preventDefault();
    const insert = () => view.state.update({ changes: { from, to, insert: text }, selection: { anchor: from + text.length }, userEvent: "input.type", scrollIntoView: true });
    if (!view.state.facet(EditorView.inputHandler).some((handle) => handle(view, from, to, text, insert))) view.dispatch(insert());
    return true;
  },
});

/** What the browser has selected, of which the editor is told later; where no browser tells it, what the editor knows. */
function readSelection(view: EditorView): { from: number; to: number } {
  const [range] = getSelection()?.getComposedRanges?.({ shadowRoots: [view.root as ShadowRoot] }) ?? [];
  if (!range || !view.contentDOM.contains(range.startContainer) || !view.contentDOM.contains(range.endContainer)) return view.state.selection.main;
  return { from: view.posAtDOM(range.startContainer, range.startOffset), to: view.posAtDOM(range.endContainer, range.endOffset) };
}

/** Put an editor in place of a text area, which goes on holding the text of the form. */
export function openEditor(area: HTMLTextAreaElement, words: Words, complete: CompletionSource, run: () => void): EditorView {
  const host = document.createElement("div");
  const height = area.offsetHeight;
  const isTypedIn = document.activeElement === area;
  const { selectionStart, selectionEnd } = area;
  const root = host.attachShadow({ mode: "open" });
  area.before(host);
  area.hidden = true;
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: area.value,
      extensions: [
        lineNumbers(), history(), drawSelection(), indentOnInput(), bracketMatching(), closeBrackets(),
        highlightActiveLine(), lintGutter(), typeOverSelection, EditorView.lineWrapping, sparql(), syntaxHighlighting(colours), theme,
        autocompletion({ override: [complete], icons: false, activateOnTyping: true }),
        Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => { run(); return true; } }])),
        keymap.of([
          { key: "Mod-/", run: toggleComment },
          ...closeBracketsKeymap, ...completionKeymap, ...defaultKeymap, ...historyKeymap, indentWithTab,
        ]),
        EditorView.contentAttributes.of({
          "aria-label": words.query ?? "Query", "aria-describedby": "keys", tabindex: "0", autocapitalize: "off", autocorrect: "off", spellcheck: "false",
        }),
        EditorView.updateListener.of((update) => {
          if (!update.docChanged) return;
          area.value = update.state.doc.toString();
          view.scrollDOM.style.maxHeight = "";
        }),
      ],
    }),
  });
  // As high as the text area was, so that nothing below it moves; it grows when it is written in.
  Object.assign(view.scrollDOM.style, { minHeight: `${height - 2}px`, maxHeight: `${height - 2}px` });
  const keys = document.createElement("div");
  keys.id = "keys";
  keys.hidden = true;
  keys.textContent = words.keys ?? "";
  root.append(keys);
  if (isTypedIn) {
    view.dispatch({ selection: { anchor: selectionStart, head: selectionEnd } });
    view.focus();
  }
  document.querySelector(`label[for="${area.id}"]`)?.addEventListener("click", () => view.focus());
  return view;
}

/** Replace the text, as one step that can be undone. */
export function setText(view: EditorView, text: string): void {
  if (view.state.doc.toString() === text) return;
  view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
}

/** Mark where an error is; line and column are counted from 1, and 0 means that the place is not known. */
export function markError(view: EditorView, line: number, column: number, message: string): void {
  const found: Diagnostic[] = [];
  if (line >= 1 && line <= view.state.doc.lines) {
    const place = view.state.doc.line(line);
    const from = Math.min(place.from + Math.max(column - 1, 0), place.to);
    const word = /^[^\s.;,(){}]+/.exec(view.state.sliceDoc(from, place.to))?.[0].length ?? 1;
    found.push({ from, to: Math.min(from + word, view.state.doc.length), severity: "error", message });
    view.dispatch({ selection: { anchor: from }, scrollIntoView: true });
  }
  view.dispatch(setDiagnostics(view.state, found));
}
