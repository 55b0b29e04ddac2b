"""Makes sources of any size, as curators write them: ``python -m bench.sources --triples 1000000 FOLDER``.

The facts are of the kinds and in the proportions of ``bench.graph``: shared entities with names in three
languages, and articles with memberships, participations, claims and other names, each with the sentence that
it is quoted from. The same number gives the same bytes. The ontology is the project's own, so that all checks
run as they do on what is published.
"""

from __future__ import annotations

import argparse
import random
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from bench.graph import (
    ALIASES,
    BRANCHES,
    CLAIMS,
    DAYS,
    EDITIONS,
    FIRST_DAY,
    MEMBERSHIPS,
    PARTICIPATIONS,
    ROLES,
    Size,
    name_thing,
)

ONTOLOGY = Path(__file__).parent.parent / "ontology"
QUADS_AN_ARTICLE, QUADS_A_PERSON = 590, 49
"""About what is published of an article, and of a person with the share of all else that is in proportion."""

_HEAD = """VERSION "1.2"
PREFIX kg: <ontology#>
PREFIX id: <id/>
PREFIX org: <http://www.w3.org/ns/org#>
PREFIX schema: <https://schema.org/>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>

"""
_CAPACITIES = ("speaker", "attendee")
_SOURCE = '{| kg:source <https://register.example/names> ; kg:sourceNote "names.csv" |}'


def write_sources(folder: Path, triples: int) -> int:
    """Write sources that are published as about so many triples; returns how many articles there are.

    Parameters
    ----------
    folder: made here; there must be nothing yet.
    """
    size = Size(triples)
    shutil.copytree(ONTOLOGY, folder / "ontology")
    (folder / "data" / "articles").mkdir(parents=True)
    with (folder / "data" / "entities.ttl").open("w", encoding="utf-8") as file:
        file.writelines(_write_entities(size))
    count = max(1, (triples - size.people * QUADS_A_PERSON) // QUADS_AN_ARTICLE)
    for number in range(count):
        _write_article(folder / "data" / "articles" / f"news-{number}", size, number)
    return count


def _write_entities(size: Size) -> Iterator[str]:
    yield _HEAD
    for kind, (count, type_) in size.kinds.items():
        for number in range(count):
            pairs = [f'skos:prefLabel "{name}"@{lang}' for lang, name in name_thing(kind, number).items()]
            pairs += _relate(kind, number)
            stated = " ;\n    ".join(f"{pair} {_SOURCE}" for pair in pairs)
            yield f"id:{kind}-{number} a {type_} ;\n    {stated} .\n\n"


def _relate(kind: str, number: int) -> Iterator[str]:
    if kind == "post":
        yield f"org:postIn id:body-{number}"
    elif kind == "body" and number:
        yield f"org:subOrganizationOf id:body-{(number - 1) // BRANCHES}"
    elif kind == "edition":
        yield f"schema:superEvent id:forum-{number // EDITIONS}"
        yield f'schema:startDate "{FIRST_DAY + timedelta(days=number * 37 % DAYS)}"'


def _write_article(folder: Path, size: Size, number: int) -> None:
    rng = random.Random(f"{size.triples} {number}")
    headline = name_thing("article", number)["en"]
    facts = [*_make_facts(size, number, rng)]
    sentences = "\n".join(
        f"{headline}.\n" if not n else f"It is told that {quote} since then.\n"
        for n, quote in enumerate(["", *(quote for quote, _ in facts)])
    )
    folder.mkdir()
    (folder / "source.txt").write_text(sentences, encoding="utf-8")
    (folder / "facts.ttl").write_text(_HEAD + "\n".join(fact for _, fact in facts), encoding="utf-8")
    (folder / "article.ttl").write_text(
        f"{_HEAD}<article/news-{number}> a schema:NewsArticle ;\n"
        f'    schema:headline "{headline}"@en ; skos:prefLabel "{headline}"@en ;\n'
        f"    schema:url <https://news.example/{number}> ;\n"
        f"    schema:publisher id:body-{int(size.bodies * rng.random() ** 3)} ;\n"
        f'    schema:datePublished "{FIRST_DAY + timedelta(days=rng.randrange(DAYS))}" ;\n'
        '    schema:inLanguage "en" ; kg:fullText true .\n',
        encoding="utf-8",
    )


def _make_facts(size: Size, number: int, rng: random.Random) -> Iterator[tuple[str, str]]:
    """Yield the words that a fact is quoted from, and the fact in Turtle."""
    for turn in range(number * MEMBERSHIPS, (number + 1) * MEMBERSHIPS):
        yield _make_membership(size, turn, rng)
    for turn in range(number * PARTICIPATIONS, (number + 1) * PARTICIPATIONS):
        yield _make_participation(size, turn, rng)
    for turn in range(number * CLAIMS, (number + 1) * CLAIMS):
        yield _make_claim(size, turn, rng)
    for turn in range(number * ALIASES, (number + 1) * ALIASES):
        person, quote = int(size.people * rng.random() ** 2), f"known as Alias {turn}"
        yield quote, f'id:person-{person} skos:altLabel "Alias {turn}"@en {{| kg:quote "{quote}" |}} .\n'


def _write_node(name: str, kind: str, label: str, quote: str, pairs: list[str]) -> tuple[str, str]:
    said = " ; ".join([f'skos:prefLabel "{label}"@en', *pairs])
    return quote, f'id:{name} a {kind} ;\n    {said} ;\n    kg:quote "{quote}" .\n'


def _make_membership(size: Size, turn: int, rng: random.Random) -> tuple[str, str]:
    lap, person = divmod(turn, size.people)
    in_first = lap == 0 and person % 2 == 0
    body = 0 if in_first else 1 + (person * 3 + lap * 17) % (size.bodies - 1)
    label = f"{name_thing('person', person)['en']} in {name_thing('body', body)['en']}"
    pairs = [f"org:member id:person-{person}", f"org:organization id:body-{body}"]
    pairs.append(f"org:role id:role-{int(ROLES * rng.random() ** 2)}")
    pairs.append("kg:tenure kg:current" if rng.random() < 0.7 else "kg:tenure kg:former")
    if not in_first:
        pairs.append(f"kg:post id:post-{body}")
    return _write_node(f"membership-{turn}", "org:Membership", label, f"membership {turn}, {label}", pairs)


def _make_participation(size: Size, turn: int, rng: random.Random) -> tuple[str, str]:
    lap, person = divmod(turn, size.people)
    edition = 0 if lap == 0 else 1 + (person + lap * 3) % (size.editions - 1)
    label = f"{name_thing('person', person)['en']} at {name_thing('edition', edition)['en']}"
    pairs = [f"kg:agent id:person-{person}", f"kg:event id:edition-{edition}"]
    pairs += [f"kg:capacity kg:{rng.choice(_CAPACITIES)}", "kg:modality kg:occurred"]
    return _write_node(f"participation-{turn}", "kg:Participation", label, f"part {turn}, {label}", pairs)


def _make_claim(size: Size, turn: int, rng: random.Random) -> tuple[str, str]:
    kind, count = rng.choice((("person", size.people), ("body", size.bodies), ("forum", size.forums)))
    label = f"what is said of {name_thing(kind, int(count * rng.random() ** 3))['en']}"
    pairs = [f"kg:about id:{kind}-{int(count * rng.random() ** 3)}"]
    pairs += [f"kg:saidBy id:person-{int(size.people * rng.random() ** 2)}"]
    pairs += [f'kg:content "{label}, claim {turn}"@en']
    pairs += [f"kg:modality kg:{rng.choice(('plan', 'pledge', 'claim', 'wish'))}"]
    return _write_node(f"claim-{turn}", "kg:Claim", label, f"claim {turn}, {label}", pairs)


def main() -> None:
    """Write sources into a folder."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path, help="where to; made here")
    parser.add_argument("--triples", type=int, default=100_000, help="about so many when published (100000)")
    arguments = parser.parse_args()
    count = write_sources(arguments.folder, arguments.triples)
    print(f"{count} articles in {arguments.folder}")


if __name__ == "__main__":
    main()
