"""Replicas behind cables that are cut, and machines that die."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator

import pytest

from tests.deploy.cluster import QUERY, ask, list_pages, under_load, wait_until
from tests.deploy.machines import Site, open_machine, running_site
from tests.network import hold_network

pytestmark = [pytest.mark.engines, pytest.mark.slow]


@pytest.fixture
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    try:
        with hold_network(), open_machine(9):
            pass
    except OSError as error:
        pytest.skip(f"network namespaces cannot be made here: {error}")
    with running_site(tmp_path_factory.mktemp("site", numbered=True)) as running:
        yield running


def list_failures(answers: list[tuple[int, bytes]]) -> list[tuple[int, bytes]]:
    return [answer for answer in answers if answer[0] != 200][:3]


def test_a_replica_that_is_cut_off_is_left_and_taken_back(site: Site) -> None:
    """Clients wait 40 s here; nginx leaves a silent replica after 1 s, or 12 s on a connection it has."""
    paths = [*list_pages(site.var), QUERY, ""]
    answers = under_load("127.0.0.1", site.port, paths, site.machines[0].cut, seconds=16)
    assert len(answers) > 50
    assert not list_failures(answers)
    # The other two go as well: only then is there nothing left, and one that comes back is enough.
    for machine in site.machines[1:]:
        machine.cut()
    assert ask("127.0.0.1", site.port, QUERY)[0] == 503
    site.machines[0].mend()
    wait_until(lambda: ask("127.0.0.1", site.port, QUERY)[0] == 200)


def test_a_machine_that_dies_fails_no_request(site: Site) -> None:
    paths = [*list_pages(site.var), QUERY, ""]
    answers = under_load(
        "127.0.0.1", site.port, paths, lambda: os.killpg(site.replicas[2].pid, signal.SIGKILL)
    )
    assert len(answers) > 20
    assert not list_failures(answers)
