"""Reads ``ontology/`` and ``data/``: the only code that knows those folders.

A faulty file does not end the reading: it becomes a finding, and the next one is read.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Any, TypeVar, cast

from pyoxigraph import BlankNode, Literal, NamedNode, Quad, RdfFormat, Triple, parse

import kg
from kg.context import Context, read_context
from kg.errors import SourceError
from kg.examples import read_example
from kg.model import (
    Article,
    ArticleText,
    Document,
    Example,
    Fact,
    Finding,
    Grounds,
    Place,
    Redirect,
    Sentence,
    Statement,
)
from kg.redirects import read_redirects
from kg.vocab import PREFIX, REIFIES, SUFFIX, TYPE, Names

T = TypeVar("T")

SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
# A sentence ends at its stop, the quotation marks and brackets that close behind it, and white space
# before an opening character; Chinese and Japanese stops need no space.
_SENTENCE_END = re.compile(r"[.!?][\"”’)\]]*\s+(?=[\"“‘(\[]*[^\W\d_a-z])|[。！？][\"”’」』）]*\s*")


@dataclass(frozen=True, slots=True)
class Sources:
    """All that was read. ``shapes`` is the path of the SHACL file, which pySHACL reads itself."""

    root: Path
    names: Names
    ontology: Document
    shapes: Path
    entities: Document
    articles: tuple[Article, ...]
    examples: tuple[Example, ...] = ()
    context: Context = field(default_factory=dict)
    redirects: tuple[Redirect, ...] = ()
    findings: tuple[Finding, ...] = ()

    @property
    def documents(self) -> tuple[Document, ...]:
        """The files that curators write, without the ontology."""
        return (self.entities, *(document for article in self.articles for document in article.documents))


def find_root(given: str = "") -> Path:
    """Return the folder that holds ``ontology/`` and ``data/``.

    Without one given it is the current folder, if both are there, or else what the package brings along.

    Raises
    ------
    SourceError: the folder lacks one of them.
    """
    if not given:
        here, bundled = Path(), Path(kg.__file__).parent / "bundled"
        given_root = here if _is_root(here) or not _is_root(bundled) else bundled
    else:
        given_root = Path(given)
    if not _is_root(given_root):
        raise SourceError(
            "there is no ontology/ and data/ here.",
            "Run in the project's folder or name it with --sources.",
            path=given_root.resolve(),
        )
    return given_root


def _is_root(folder: Path) -> bool:
    return (folder / "ontology").is_dir() and (folder / "data").is_dir()


def read_sources(root: Path, base_iri: str, on_file: Callable[[Path], None] = lambda path: None) -> Sources:
    """Read everything under ``root``, with relative IRIs resolved against ``base_iri``.

    ``on_file`` is called before each file, for a progress display.
    """
    names = Names(base_iri)

    def read(path: Path, graph: NamedNode) -> Document:
        on_file(path)
        return read_document(path, graph, names)

    examples, faults = _read_examples(root / "ontology" / "queries", names)
    redirects, renaming_faults = _read_redirects(root / "data" / "redirects.ttl", names, read)
    context, more_faults = _read_context(root / "ontology" / "context.jsonld", names)
    folders = sorted(p for p in (root / "data" / "articles").glob("*") if p.is_dir())
    findings = [_bad_slug(folder) for folder in folders if not SLUG.fullmatch(folder.name)]
    return Sources(
        root=root,
        names=names,
        ontology=read(root / "ontology" / "kg.ttl", names.ontology),
        shapes=root / "ontology" / "shapes.ttl",
        entities=read(root / "data" / "entities.ttl", names.entities),
        articles=tuple(_read_article(folder, names, read) for folder in folders),
        examples=examples,
        context=context,
        redirects=redirects,
        findings=(*findings, *faults, *more_faults, *renaming_faults),
    )


def _read_examples(folder: Path, names: Names) -> tuple[tuple[Example, ...], tuple[Finding, ...]]:
    examples: list[Example] = []
    findings: list[Finding] = []
    for path in sorted(folder.glob("*.rq")):
        try:
            example, faults = read_example(path.read_text(encoding="utf-8"), Place(path), names)
        except (OSError, UnicodeDecodeError) as error:
            findings.append(_unreadable(path, error))
        else:
            examples.append(example)
            findings += faults
    return tuple(examples), tuple(findings)


def _read_context(path: Path, names: Names) -> tuple[Context, tuple[Finding, ...]]:
    try:
        return read_context(path.read_text(encoding="utf-8"), Place(path), names)
    except FileNotFoundError:
        return dict(names.prefixes), ()
    except (OSError, UnicodeDecodeError) as error:
        return dict(names.prefixes), (_unreadable(path, error),)


def _read_redirects(
    path: Path, names: Names, read: Callable[[Path, NamedNode], Document]
) -> tuple[tuple[Redirect, ...], tuple[Finding, ...]]:
    if not path.exists():
        return (), ()  # nothing was renamed or removed yet
    return read_redirects(read(path, names.entities), names)


def _bad_slug(folder: Path) -> Finding:
    return Finding(
        "bad-slug",
        Place(folder),
        f"{folder.name!r} cannot be the slug of an article.",
        "Rename the folder with lower-case letters, digits and single hyphens.",
    )


def _read_article(folder: Path, names: Names, read: Callable[[Path, NamedNode], Document]) -> Article:
    iri = names.article(folder.name)
    about, facts = read(folder / "article.ttl", iri), read(folder / "facts.ttl", iri)
    text, findings = read_text(folder / "source.txt", folder.name, _last_words(about, iri, names))
    about = replace(about, findings=about.findings + findings)
    return Article(slug=folder.name, iri=iri, text=text, documents=(about, facts))


def _last_words(about: Document, iri: NamedNode, names: Names) -> tuple[str, Place] | None:
    for statement in about.statements:
        if statement.subject == iri and statement.predicate == names.term("lastWords"):
            return statement.value.value, statement.place
    return None


# --- the captured text -------------------------------------------------------------------------------


def read_text(
    path: Path, slug: str, last_words: tuple[str, Place] | None
) -> tuple[ArticleText | None, tuple[Finding, ...]]:
    """Read a captured article and split it into sentences.

    Parameters
    ----------
    path: a UTF-8 file; it is taken as it is, white space included, since offsets count in it.
    last_words: where the article ends in it; None means that all of it is the article.
    """
    try:
        text = path.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return None, (_unreadable(path, error),)
    end, findings = len(text), ()
    if last_words is not None:
        words, place = last_words
        end, findings = text.rfind(words) + len(words), ()
        if words not in text:
            finding = Finding(
                "last-words-missing",
                place,
                f"kg:lastWords {words!r} do not stand in {path.name}.",
                "Copy the last words of the article from it, to the letter.",
            )
            return None, (finding,)
    sentences = tuple(Sentence(i, *span) for i, span in enumerate(split_sentences(text[:end]), start=1))
    return ArticleText(slug, path, text, end, sentences), findings


def split_sentences(text: str) -> Iterator[tuple[int, int]]:
    """Yield the span of each sentence, in code points; a heading line is a sentence.

    >>> [t for t in ("One. Two “three.” Four", ) for t in [t[a:b] for a, b in split_sentences(t)]]
    ['One.', 'Two “three.”', 'Four']
    """
    for line in re.finditer(r"[^\n]*\S[^\n]*", text):
        start = line.start()
        ends = [line.start() + m.end() for m in _SENTENCE_END.finditer(line.group())]
        for end in [*ends, line.end()]:
            piece = text[start:end]
            if piece.strip():
                leading = len(piece) - len(piece.lstrip())
                yield start + leading, start + len(piece.rstrip())
            start = end


# --- Turtle files ------------------------------------------------------------------------------------


class _Lines(io.RawIOBase):
    """Hands the parser one line a read, so that the line of each triple it yields is known."""

    def __init__(self, content: bytes) -> None:
        self._lines = iter(content.splitlines(keepends=True))
        self.line = 0

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        self.line += 1
        return next(self._lines, b"")


def read_document(path: Path, graph: NamedNode, names: Names) -> Document:
    """Read one Turtle file: its statements, and its facts with the grounds that were written for them."""
    try:
        reader = _Lines(path.read_bytes())
    except OSError as error:
        return Document(path, graph, findings=(_unreadable(path, error),))
    collector = _Collector(path, names)
    try:
        place = Place(path)
        for quad in parse(cast(IO[bytes], reader), format=RdfFormat.TURTLE, base_iri=names.base):
            if place.line != reader.line:
                place = Place(path, reader.line)
            collector.add(quad, place)
    except SyntaxError as error:
        return Document(path, graph, findings=(_malformed(path, error),))
    except (OSError, ValueError) as error:
        return Document(path, graph, findings=(_unreadable(path, error),))
    return collector.finish(graph)


def _unreadable(path: Path, error: Exception) -> Finding:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return Finding("unreadable", Place(path), f"cannot be read: {reason}.", "Restore the file as UTF-8 text.")


def _malformed(path: Path, error: SyntaxError) -> Finding:
    message = re.sub(r"^Parser error at line \d+ ", "", error.msg or str(error))
    return Finding(
        "malformed", Place(path, error.lineno or 0), f"is not Turtle: {message}.", "Mend the syntax there."
    )


class _Collector:
    """Sorts what the parser yields into statements, and into words that ground a fact."""

    def __init__(self, path: Path, names: Names) -> None:
        self.path = path
        self.names = names
        self.statements: list[Statement] = []
        self.findings: list[Finding] = []
        self.reified: dict[BlankNode, tuple[Triple, Place]] = {}
        self.words: dict[BlankNode | NamedNode, list[tuple[NamedNode, NamedNode | Literal, Place]]]
        self.words = defaultdict(list)
        self.grounding = {names.term(n) for n in ("quote", "source", "sourceNote", "note", "status")}
        self.grounding |= {names.term("modality"), PREFIX, SUFFIX}
        self.iris: dict[Any, Any] = {}

    def _share(self, term: T) -> T:
        """Return the one copy of an IRI in this file; each quad has copies of its own, which add up."""
        return cast(T, self.iris.setdefault(term, term)) if isinstance(term, NamedNode) else term

    def add(self, quad: Quad, place: Place) -> None:
        subject, predicate = self._share(quad.subject), self._share(quad.predicate)
        value = self._share(quad.object)
        if isinstance(subject, BlankNode) and predicate == REIFIES and isinstance(value, Triple):
            self.reified[subject] = (value, place)
            if not _is_plain(value):
                self.findings.append(_no_stable_iri(place))
        elif (
            isinstance(value, Triple | BlankNode)
            or isinstance(subject, Triple)
            or (isinstance(subject, BlankNode) and subject not in self.reified)
        ):
            self.findings.append(_no_stable_iri(place))
        elif predicate in self.grounding and not self._is_ontology:
            self.words[subject].append((predicate, value, place))
        elif isinstance(subject, BlankNode):
            self.findings.append(_not_grounds(predicate, place))
        else:
            self.statements.append(Statement(subject, predicate, value, place))

    @property
    def _is_ontology(self) -> bool:
        return self.path.parent.name == "ontology"

    def finish(self, graph: NamedNode) -> Document:
        facts = [*self._relations(), *self._nodes()]
        return Document(
            self.path, graph, self._published(), tuple(facts), tuple(dict.fromkeys(self.findings))
        )

    def _relations(self) -> Iterator[Fact]:
        grounds: dict[Triple, list[Grounds]] = defaultdict(list)
        places: dict[Triple, Place] = {}
        for reifier, (triple, place) in self.reified.items():
            if not _is_plain(triple):
                continue  # a finding already
            grounds[triple].append(self._ground(reifier, place))
            places.setdefault(triple, place)
        return (Fact(triple, tuple(found), places[triple]) for triple, found in grounds.items())

    def _nodes(self) -> Iterator[Fact]:
        for subject, words in self.words.items():
            if isinstance(subject, NamedNode):
                place = min((s.place for s in self.statements if s.subject == subject), default=words[0][2])
                yield Fact(subject, (self._ground(subject, place),), place)

    def _published(self) -> tuple[Statement, ...]:
        # The modality of a node stays on it as well: a claim is looked for by what kind of claim it is.
        modality = self.names.term("modality")
        kept = [
            Statement(subject, predicate, value, place)
            for subject, words in self.words.items()
            for predicate, value, place in words
            if isinstance(subject, NamedNode) and predicate == modality
        ]
        return (*self.statements, *kept)

    def _ground(self, key: BlankNode | NamedNode, place: Place) -> Grounds:
        values: dict[NamedNode, list[tuple[NamedNode | Literal, Place]]] = defaultdict(list)
        for predicate, value, at in self.words.get(key, ()):
            values[predicate].append((value, at))
        term = self.names.term
        return Grounds(
            place=place,
            quotes=tuple((value.value, at) for value, at in values[term("quote")]),
            prefix=self._one(values[PREFIX]),
            suffix=self._one(values[SUFFIX]),
            sources=tuple(self._iris(values[term("source")])),
            source_note=self._one(values[term("sourceNote")]),
            status=next(iter(self._iris(values[term("status")])), None),
            modality=next(iter(self._iris(values[term("modality")])), None),
            note=self._one(values[term("note")]),
        )

    def _one(self, values: list[tuple[NamedNode | Literal, Place]]) -> str:
        if len(values) > 1:
            self.findings.append(
                Finding(
                    "several-values",
                    values[1][1],
                    f"a second value, {values[1][0].value!r}, where only one can be meant.",
                    "Keep one, or write a second annotation block.",
                )
            )
        return values[0][0].value if values else ""

    def _iris(self, values: list[tuple[NamedNode | Literal, Place]]) -> Iterator[NamedNode]:
        for value, place in values:
            if isinstance(value, NamedNode):
                yield value
            else:
                self.findings.append(
                    Finding("not-an-iri", place, f"{value} is not an IRI.", "Write it as <…> or prefix:name.")
                )


def _is_plain(triple: Triple) -> bool:
    """Return whether a triple can be published: RDF 1.1, and no blank node in it."""
    return isinstance(triple.subject, NamedNode) and not isinstance(triple.object, BlankNode | Triple)


def _no_stable_iri(place: Place) -> Finding:
    return Finding(
        "blank-node",
        place,
        "a blank node or a triple term stands here; what is published needs a stable IRI.",
        "Name the node, such as id:wang-yi-addresses-forum.",
    )


def _not_grounds(predicate: NamedNode, place: Place) -> Finding:
    return Finding(
        "not-evidence",
        place,
        f"{predicate} stands in an annotation block, which only holds evidence.",
        "Use kg:quote, kg:source, kg:status, kg:modality, kg:note, oa:prefix or oa:suffix.",
    )


def declared(document: Document) -> Iterator[Statement]:
    """Yield the statements that declare something, that is, give it an ``rdf:type``."""
    return (s for s in document.statements if s.predicate == TYPE)
