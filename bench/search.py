"""Measures search over generated names in three languages: build time, size, suggestions, browsing.

    .venv/bin/python bench/search.py --labels 1000000

The names are the same for the same number. It prints tables in Markdown, as docs/performance.md has them.
"""

from __future__ import annotations

import argparse
import random
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from pyoxigraph import Literal, NamedNode, Quad

from kg.release.making.search import write_index
from kg.search.browse import Browser, Selection, select
from kg.search.index import SearchIndex
from kg.vocab import ORG, PREF_LABEL, SCHEMA, TYPE, Names

NAMES = Names("https://bench.example/")
GRAPH = NAMES.entities
BODIES, ROLES, COUNTRIES = 5_000, 200, 50
LANGUAGES = ("en", "zh", "ja")
ASKED = 400
"""Questions of each kind; the same ones each time."""
SUGGESTION_NAMES = 200

CONSONANTS = ("b", "ch", "d", "f", "g", "h", "j", "k", "l", "m", "n", "s", "t", "w", "x", "y", "zh")
VOWELS = ("a", "an", "ei", "i", "ing", "o", "ong", "u")
SYLLABLES = [consonant + vowel for consonant in CONSONANTS for vowel in VOWELS]
# Skewed as in running text: a few characters are in a tenth of the names.
HAN = [chr(0x4E00 + number) for number in range(3_000)]
KANA = [chr(0x30A2 + number) for number in range(70)]


def pick(rng: random.Random, items: list[str]) -> str:
    """Return one of the items, the first ones far more often."""
    return items[int(len(items) * rng.random() ** 3)]


def make_names(rng: random.Random) -> dict[str, str]:
    """Return a name in each language, as long as those of people and bodies are."""
    words = [
        "".join(pick(rng, SYLLABLES) for _ in range(rng.randint(1, 3))) for _ in range(rng.randint(2, 4))
    ]
    han = "".join(pick(rng, HAN) for _ in range(rng.randint(2, 12)))
    kana = "".join(pick(rng, KANA) for _ in range(rng.randint(0, 6)))
    return {"en": " ".join(words).title(), "zh": han, "ja": han[:4] + kana + han[4:6]}


def make_quads(labels: int) -> Iterator[Quad]:
    """Yield people, bodies, and memberships of every second person, each with a name in three languages."""
    rng = random.Random(labels)
    kinds = [(f"body-{n}", ORG("Organization")) for n in range(BODIES)]
    kinds += [(f"role-{n}", ORG("Role")) for n in range(ROLES)]
    kinds += [(f"country-{n}", SCHEMA("Country")) for n in range(COUNTRIES)]
    for slug, kind in kinds:
        yield Quad(NAMES.thing(slug), TYPE, kind, GRAPH)
        yield from label(NAMES.thing(slug), make_names(rng))
    for n in range(BODIES):
        country = NAMES.thing(f"country-{int(COUNTRIES * rng.random() ** 2)}")
        yield Quad(NAMES.thing(f"body-{n}"), SCHEMA("location"), country, GRAPH)
    for n in range((labels // len(LANGUAGES) - len(kinds)) * 2 // 3):
        person = NAMES.thing(f"person-{n}")
        names = make_names(rng)
        yield Quad(person, TYPE, SCHEMA("Person"), GRAPH)
        yield from label(person, names)
        if n % 2 == 0:
            yield from join(NAMES.thing(f"membership-{n}"), person, names, rng)


def label(thing: NamedNode, names: dict[str, str]) -> Iterator[Quad]:
    """Yield the names of a thing."""
    for language, name in names.items():
        yield Quad(thing, PREF_LABEL, Literal(name, language=language), GRAPH)


def join(node: NamedNode, person: NamedNode, names: dict[str, str], rng: random.Random) -> Iterator[Quad]:
    """Yield the membership of a person in one of the bodies, a few of which have most members."""
    yield Quad(node, TYPE, ORG("Membership"), GRAPH)
    yield from label(node, names)
    body = NAMES.thing(f"body-{int(BODIES * rng.random() ** 3)}")
    tenure = NAMES.term("current" if rng.random() < 0.7 else "former")
    role = NAMES.thing(f"role-{int(ROLES * rng.random() ** 2)}")
    for predicate, value in (
        (ORG("member"), person),
        (ORG("organization"), body),
        (ORG("role"), role),
        (NAMES.term("tenure"), tenure),
    ):
        yield Quad(node, predicate, value, GRAPH)


def measure(ask: Callable[[str], object], texts: list[str]) -> str:
    """Return median and 99th percentile in milliseconds, on the clock and of the processor, as cells.

    On a machine that does nothing else they are the same; where they differ, others had the processor.
    """
    spent: list[tuple[float, float]] = []
    for text in texts:
        clock, processor = time.perf_counter(), time.thread_time()
        ask(text)
        spent.append((time.perf_counter() - clock, time.thread_time() - processor))
    cells = []
    for values in zip(*spent, strict=True):
        p99 = statistics.quantiles(values, n=100, method="inclusive")[98]
        cells += [f"{1000 * statistics.median(values):.2f}", f"{1000 * p99:.2f}"]
    return " | ".join(cells)


def make_texts(index: SearchIndex, language: str, characters: int, from_middle: bool) -> list[str]:
    """Return what someone types who looks for names of this release."""
    rng = random.Random(characters)
    rows = index.database.execute("SELECT text FROM name WHERE lang = ? AND id % 97 = 5", (language,))
    names = [text for (text,) in rows if len(text) >= characters]
    texts = []
    for name in rng.choices(names, k=ASKED):
        start = rng.randint(0, len(name) - characters) if from_middle else 0
        texts.append(name[start : start + characters].lower())
    return texts


def report_suggestions(index: SearchIndex) -> None:
    """Print how long suggestions take, by what is typed."""

    def suggest(text: str) -> object:
        return index.find_names(text, limit=10, look_at=SUGGESTION_NAMES)

    suggest("warm")
    print("\n| typed | median ms | p99 ms | median, processor | p99, processor |\n|---|---|---|---|---|")
    for characters in range(1, 9):
        print(f"| {characters} letters | {measure(suggest, make_texts(index, 'en', characters, False))} |")
    for characters in range(1, 4):
        print(f"| {characters} Han or kana | {measure(suggest, make_texts(index, 'ja', characters, True))} |")
    two_words = [" ".join(reversed(text.split()[:2])) for text in make_texts(index, "en", 12, False)]
    print(f"| two words, the other way round | {measure(suggest, two_words)} |")
    letters = [f"{a} {b}" for a in "abdefghijk" for b in "lmnostuwxyz"]
    print(f"| two single letters | {measure(suggest, letters)} |")
    print(f"| a whole page of results | {measure(index.find_names, make_texts(index, 'en', 2, False))} |")


def spend(ask: Callable[[], object]) -> str:
    """Return the milliseconds of the processor that an answer takes."""
    started = time.thread_time()
    ask()
    return f"{1000 * (time.thread_time() - started):.1f}"


def report_browsing(index: SearchIndex) -> None:
    """Print how long a page of browsing takes that nobody has asked before."""
    person, membership = SCHEMA("Person").value, ORG("Membership").value
    selections: dict[str, Selection] = {
        "nothing chosen": (),
        "a type": select({"type": (person,)}),
        "a type and a tenure": select({"type": (membership,), "tenure": (NAMES.term("former").value,)}),
        "a type and a country": select({"type": (person,), "country": (NAMES.thing("country-0").value,)}),
        "a type, a body and a role": select(
            {
                "type": (person,),
                "body": (NAMES.thing("body-1").value,),
                "role": (NAMES.thing("role-1").value,),
            }
        ),
    }
    print(
        "\n| browsing, first time | things | a page ms, processor | counts ms, processor |\n|---|---|---|---|"
    )
    for title, selection in selections.items():
        browser = Browser(index)
        listing = spend(partial(browser.list_things, selection, "name"))
        counts = spend(partial(browser.count_values, selection, "role"))
        print(f"| {title} | {browser.count_things(selection):,} | {listing} | {counts} |")


def main() -> None:
    """Build an index and print what it costs and how fast it answers."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--labels", type=int, default=1_000_000, help="names to generate (1000000)")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "search.sqlite"
        started = time.process_time()
        quads = sum(1 for _ in make_quads(asked.labels))
        generated_s = time.process_time() - started
        write_index(path, (f"{quad} .\n".encode() for quad in make_quads(asked.labels)), NAMES)
        build_s = time.process_time() - started - 2 * generated_s
        peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        index = SearchIndex(path)
        (labels,) = index.database.execute("SELECT count(*) FROM name").fetchone()
        print(f"{labels:,} labels, {quads:,} quads: built in {build_s:.1f} s of the processor,")
        print(f"at most {peak_mb:.0f} MB of memory, {path.stat().st_size / 1e6:.0f} MB on disk.")
        report_suggestions(index)
        report_browsing(index)
        index.close()


if __name__ == "__main__":
    main()
