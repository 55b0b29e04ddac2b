"""The page of a thing: what it is, what it did and holds, what is said of it, each with its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pyoxigraph import Literal, NamedNode

from kg.description import Description
from kg.description_index import Citation, Index
from kg.lines import Line, list_lines
from kg.vocab import AXIOM, ORG, OWL, PROV, TYPE, Names, named
from webapp.languages import N_, Interface
from webapp.links import Linker, Shown, pick_label
from webapp.pages.evidence import EvidenceMaker, Proof, find_local_name
from webapp.pages.relations import ELSEWHERE, HELD, NAMES, OTHER, SERVED, Roles, list_terms
from webapp.pages.summary import Summarizer
from webapp.pages.words import Words, enumerate_words


@dataclass(frozen=True, slots=True)
class Name:
    """A name beside the title, with the languages that it is in, in the words of the reader."""

    shown: Shown
    languages: str


@dataclass(frozen=True, slots=True)
class Row:
    """One value of a relation, with its evidence."""

    value: Shown
    proof: Proof | None
    derived: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """All values of one relation."""

    relation: Shown
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Block:
    """Relations under one heading."""

    title: str
    groups: tuple[Group, ...]


@dataclass(frozen=True, slots=True)
class Tag:
    """A short word beside a name, such as *plan*."""

    label: Shown
    style: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A membership, a participation, a claim or the like, seen from the thing that the page is about.

    ``lead`` is what a reader looks for (of a person's post the post, of a body's the person), ``beside``
    what places it; ``quotes`` are the contents of a claim.
    """

    href: str
    lead: Words
    beside: Words
    tags: tuple[Tag, ...]
    quotes: tuple[Shown, ...]
    groups: tuple[Group, ...]
    proof: Proof | None
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Entries:
    """Entries of one kind. ``title`` heads them; ``as_of`` is a day in words, where all share it."""

    kind: str
    title: str
    entries: tuple[Entry, ...]
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Links:
    """Links from elsewhere by one relation, whose IRI is ``iri``."""

    iri: str
    relation: Shown
    things: tuple[Shown, ...]


@dataclass(frozen=True, slots=True)
class EntityPage:
    """All that the template ``entity.html`` needs, but for the downloads."""

    iri: str
    title: Shown
    names: tuple[Name, ...]
    types: tuple[Shown, ...]
    summary: tuple[Words, ...]
    proof: Proof | None
    current_posts: Entries
    former_posts: Entries
    participations: Entries
    claims: Entries
    others: Entries
    blocks: tuple[Block, ...]
    elsewhere: Block | None
    name_block: Block | None
    incoming: tuple[Links, ...]
    more_incoming: bool
    query: str

    @property
    def has_posts(self) -> bool:
        """Whether there are posts, held or once held."""
        return bool(self.current_posts.entries or self.former_posts.entries)


class EntityMaker:
    """Makes pages of things.

    Parameters
    ----------
    evidence: shows the evidence of the same release in the same language.
    """

    def __init__(self, names: Names, linker: Linker, interface: Interface, evidence: EvidenceMaker) -> None:
        self.names = names
        self.linker = linker
        self.interface = interface
        self.evidence = evidence
        self.summarizer = Summarizer(names, linker, interface, evidence)
        self.terms = list_terms(names)

    def make(self, index: Index) -> EntityPage:
        """Lay a description out for readers."""
        description = index.description
        iri = description.iri
        nodes = self._sort_nodes(description, index)
        own = [line for line in list_lines(description.own) if not self._is_told(line, index)]
        blocks = self._blocks(own, index)
        title = self._title(iri, index)
        return EntityPage(
            iri=iri.value,
            title=title,
            names=self._names(index.labels(iri)),
            types=tuple(self._show_type(kind, index) for kind in index.values(iri, TYPE)),
            summary=self.summarizer.summarize(iri, index, nodes),
            proof=self.evidence.prove(self._cite(iri, index), index, title.label),
            current_posts=self._entries("current", N_("Current"), nodes["current"], iri, index),
            former_posts=self._entries("former", N_("Former"), nodes["former"], iri, index),
            participations=self._entries("part", N_("Took part"), nodes["participations"], iri, index),
            claims=self._entries("claims", N_("Plans and claims"), nodes["claims"], iri, index),
            others=self._entries("others", N_("Also recorded"), nodes["others"], iri, index),
            blocks=tuple(block for title, block in blocks.items() if title not in (ELSEWHERE, NAMES)),
            elsewhere=blocks.get(ELSEWHERE),
            name_block=blocks.get(NAMES),
            incoming=tuple(self._incoming(description, index)),
            more_incoming=description.more_incoming,
            query=write_query(iri),
        )

    def _show_type(self, kind: NamedNode | Literal, index: Index) -> Shown:
        """Return a type with a link to what else is of it; what only backs facts cannot be browsed."""
        if isinstance(kind, NamedNode) and kind not in (AXIOM, self.names.term("Evidence")):
            return self.linker.browse(kind, index)
        return self.linker.show(kind, index)

    # --- names

    def _cite(self, iri: NamedNode, index: Index) -> list[Citation]:
        """Return the evidence of a thing; a record is its own."""
        is_record = self.names.term("Evidence") in index.values(iri, TYPE)
        return [index.cite(iri)] if is_record else index.citations(iri)

    def _title(self, iri: NamedNode, index: Index) -> Shown:
        """Return the name of a thing; of an axiom what it says, of a record or a sentence what it is."""
        types = index.values(iri, TYPE)
        if AXIOM in types:
            parts = [index.first(iri, OWL(f"annotated{x}")) for x in ("Source", "Property", "Target")]
            subject, relation, value = (self.linker.show(part, index).label if part else "" for part in parts)
            return Shown(f"{subject} – {relation}: {value}")
        if self.names.term("Evidence") in types:
            return Shown(self.interface.gettext("Evidence record"))
        if number := index.text(iri, self.names.term("sentenceNumber")):
            return Shown(self.interface.gettext("Sentence %(number)s", number=number))
        shown = self.linker.show(iri, index)
        return Shown(shown.label, shown.lang)

    def _names(self, labels: list[Literal]) -> tuple[Name, ...]:
        """Return the names in other languages; one that several languages share, once."""
        chosen = pick_label(labels, self.linker.languages)
        languages: dict[str, list[str]] = defaultdict(list)
        for label in sorted(labels, key=lambda label: label.language or ""):
            if label != chosen:
                languages[label.value].append(label.language or "")
        return tuple(
            Name(
                Shown(text, tags[0]), self.interface.list([self.interface.name_language(tag) for tag in tags])
            )
            for text, tags in languages.items()
        )

    # --- relations

    def _is_told(self, line: Line, index: Index) -> bool:
        """Return whether a relation is told better elsewhere on the page, as a post or a participation."""
        subject, relation, value = line
        if relation == self.terms.derived_part:
            parts = index.values(named(index.to_term(subject)), ORG("subOrganizationOf"))
            return index.to_term(value) in parts
        return relation in self.terms.told

    def _blocks(self, lines: Iterable[Line], index: Index) -> dict[str, Block]:
        """Return relations by heading, in the order of the table."""
        rows = self._rows(lines, index)
        unnamed = sorted(rows.keys() - self.terms.listed, key=lambda relation: relation[1:-1])
        blocks: dict[str, Block] = {}
        for title, wanted in (*self.terms.headings, (OTHER, tuple(unnamed))):
            groups = self._groups(rows, wanted, index)
            if groups:
                blocks[title] = Block(self.interface.gettext(title), groups)
        return blocks

    def _rows(self, lines: Iterable[Line], index: Index) -> dict[str, list[Row]]:
        rows: dict[str, list[Row]] = {}
        for line in lines:
            rows.setdefault(line[1], []).append(self._row(line, index))
        return rows

    def _groups(
        self, rows: Mapping[str, list[Row]], wanted: Iterable[str], index: Index
    ) -> tuple[Group, ...]:
        return tuple(
            Group(self.linker.show(index.to_term(relation), index), tuple(rows[relation]))
            for relation in wanted
            if relation in rows
        )

    def _row(self, line: Line, index: Index) -> Row:
        axiom = index.fact_of(line)
        subject, relation, value = (self.linker.show(index.to_term(part), index) for part in line)
        if axiom is None:
            return Row(value, None)
        fact = f"{subject.label} – {relation.label}: {value.label}"
        derived = bool(index.values(axiom, PROV("wasDerivedFrom")))
        return Row(value, self.evidence.prove(index.citations(axiom), index, fact), derived)

    # --- n-ary nodes

    def _sort_nodes(self, description: Description, index: Index) -> dict[str, list[NamedNode]]:
        nodes: dict[str, list[NamedNode]] = defaultdict(list)
        for subject in dict.fromkeys(subject for subject, _, _ in list_lines(description.nodes)):
            node = named(index.to_term(subject))
            nodes[self._kind(node, index)].append(node)
        # An event that the thing took part in is told by the participation.
        attended = {e for n in nodes["participations"] for e in index.values(n, self.names.term("event"))}
        nodes["others"] = [node for node in nodes["others"] if node not in attended]
        return nodes

    def _kind(self, node: NamedNode, index: Index) -> str:
        types = index.values(node, TYPE)
        if ORG("Membership") in types:
            former = self.names.term("former") in index.values(node, self.names.term("tenure"))
            return "former" if former else "current"
        if self.names.term("Participation") in types:
            return "participations"
        return "claims" if self.names.term("Claim") in types else "others"

    def _entries(
        self, kind: str, title: str, nodes: Sequence[NamedNode], about: NamedNode, index: Index
    ) -> Entries:
        entries = tuple(self._entry(node, about, index) for node in nodes)
        days = {entry.as_of for entry in entries}
        return Entries(kind, self.interface.gettext(title), entries, days.pop() if len(days) == 1 else "")

    def _entry(self, node: NamedNode, about: NamedNode, index: Index) -> Entry:
        kind = self._kind(node, index)
        roles = self._roles(node, kind, index)
        lead = self._first_things(node, roles.lead, (about,), index)
        beside = self._first_things(node, roles.beside, lead if kind == "claims" else (about, *lead), index)
        subject, shown = str(about), roles.shown
        rest = [line for line in index.list_lines(node) if line[1] not in shown and line[2] != subject]
        rows = self._rows(rest, index)
        label = self.linker.show(node, index)
        citations = index.citations(node)
        contents = index.values(node, self.names.term("content"))
        return Entry(
            href=label.href,
            lead=self._list(lead, index) if lead else (label,),
            beside=self._list(beside, index),
            tags=tuple(self._tags(node, roles.tags, index)),
            quotes=tuple(self.linker.show(value, index) for value in contents),
            groups=self._groups(rows, rows, index),
            proof=self.evidence.prove(citations, index, label.label),
            as_of=self.interface.date(self.evidence.as_of(citations)),
        )

    def _roles(self, node: NamedNode, kind: str, index: Index) -> Roles:
        if kind in ("current", "former"):
            kind = HELD if index.values(node, self.names.term("post")) else SERVED
        return self.terms.roles[kind]

    def _first_things(
        self, node: NamedNode, relations: Sequence[NamedNode], but: Sequence[NamedNode], index: Index
    ) -> list[NamedNode]:
        """Return the things that the first relation leads to which leads to any."""
        for relation in relations:
            values = dict.fromkeys(index.values(node, relation))
            if things := [v for v in values if isinstance(v, NamedNode) and v not in but]:
                return things
        return []

    def _list(self, things: Sequence[NamedNode], index: Index) -> Words:
        return enumerate_words(self.interface, [(self.linker.show(thing, index),) for thing in things])

    def _tags(self, node: NamedNode, tagged: Sequence[NamedNode], index: Index) -> Iterable[Tag]:
        for relation in tagged:
            for value in index.values(node, relation):
                if value not in self.terms.silent and isinstance(value, NamedNode):
                    shown = self.linker.show(value, index)
                    yield Tag(Shown(shown.label, shown.lang), find_local_name(value))

    # --- incoming links

    def _incoming(self, description: Description, index: Index) -> Iterable[Links]:
        shown = {subject for subject, _, _ in list_lines(description.nodes)}
        things: dict[str, list[Shown]] = {}
        for subject, relation, _ in list_lines(description.incoming):
            if subject not in shown:
                things.setdefault(relation, []).append(self.linker.show(index.to_term(subject), index))
            elif description.more_incoming:
                things.setdefault(relation, [])  # the page leads to the list of all
        for relation, subjects in things.items():
            yield Links(relation[1:-1], self.linker.show(index.to_term(relation), index), tuple(subjects))


def write_query(iri: NamedNode) -> str:
    """Return a query for what is said about a thing, with names, to begin from on the SPARQL page.

    >>> write_query(NamedNode("http://h/id/a")).splitlines()[1]
    'SELECT ?property ?value ?name WHERE {'
    """
    return (
        "PREFIX skos: <http://www.w3.org/2004/02/skos/core#>\n"
        "SELECT ?property ?value ?name WHERE {\n"
        f"  <{iri.value}> ?property ?value .\n"
        "  OPTIONAL { ?value skos:prefLabel ?name }\n"
        "}"
    )
