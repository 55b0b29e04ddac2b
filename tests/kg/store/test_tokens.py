"""The words of a query; the contract tests show what an engine makes of the same texts."""

from __future__ import annotations

import random
import time

import pytest

from kg.store.tokens import _calls_what_changes, _read_all, may_change, read_outline, read_tokens


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("SELECT * {}", "SELECT"),
        ("prefix ask: <urn:x> base <urn:b> # DESCRIBE\n construct {} {}", "CONSTRUCT"),
        ("ASK{}", "ASK"),
        ("DESCRIBE<urn:a>", "DESCRIBE"),
        ("WITH <urn:g> DELETE { } WHERE { }", "UPDATE"),
        ("", ""),
        ("nonsense SELECT", ""),
    ],
)
def test_form(text: str, form: str) -> None:
    assert read_outline(text).form == form


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("?a<?b", ["?a", "<", "?b"]),
        ("?a <urn:b>?c", ["?a", "<urn:b>", "?c"]),
        ("ex:a\\#b.c.", ["ex:a\\#b.c", "."]),
        ('\'a\\\'b\' """c"d"""', ["'a\\'b'", '"""c"d"""']),
        ("'a'@en-GB ''", ["'a'@en-GB"[:3], "@en-GB", "''"]),
        ("_:b1.SERVICE", ["_:b1.SERVICE"]),
        ("# a\r?b", ["?b"]),
        ("'broken\n x", ["'", "broken", "x"]),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    assert [token.text for token in read_tokens(text)] == tokens


PIECES = ["a.", '"', "'''", "<", "\\u0041", "a:b.", "_:a.", "\\", "@a-", "%", "((", "ab"]


def measure_reading(text: str) -> float:
    """Return the least of three times, in seconds of the processor: others run here too."""
    times = []
    for _ in range(3):
        started = time.process_time()
        read_outline(text)
        times.append(time.process_time() - started)
    return min(times)


@pytest.mark.parametrize("piece", PIECES)
def test_reading_takes_linear_time(piece: str) -> None:
    """Sixteen times the text may take sixteen times as long, and not 256 times."""
    short, long = ("SERVICE " + piece * (size // len(piece)) for size in (8_000, 128_000))
    assert measure_reading(long) < 100 * max(measure_reading(short), 0.001)


GLUED = (
    *("PREFIX a: <urn:a>", "prefix : <urn:b>", "PREFIX\ta:<x>PREFIX b1:\n<y>", "BASE <urn:c>"),
    *("PREFIX a.b: <c>", "PREFIX a:b <c>", "PREFIX é: <c>", "'PREFIX a: <b> SELECT'", "PREF\u0131X a: <c>"),
    *("SELECT", "ASK{}", "select*", "# SELECT\n", "CONSTRUCT", "DESCRIBE<a>", "INSERT", "\\u0053ELECT"),
    *(" ", "{ ?s a:b <c> }", "<", ":", "x", "from", "SERVICE", "\u017fervice", "a:from"),
    *("rand()", "NOW (", "?now", "'uuid()'", "bnode\n(", "\\u004eOW()"),
)


def test_the_short_way_reads_like_the_long_one() -> None:
    """Any glueing of such pieces, far more than anybody writes."""
    chance = random.Random(7)
    for _ in range(20_000):
        text = "".join(chance.choices(GLUED, k=chance.randrange(7)))
        assert read_outline(text) == _read_all(text), text
        assert may_change(text) == _calls_what_changes(text), text
