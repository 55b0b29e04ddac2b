from __future__ import annotations

import threading
import time

from kg.store.queue import FairQueue, Places, Ticket


def names(queue: FairQueue[str]) -> list[str]:
    found = []
    while (ticket := queue.pop()) is not None:
        found.append(ticket.client)
    return found


def make(*clients: str) -> FairQueue[str]:
    queue: FairQueue[str] = FairQueue()
    for client in clients:
        queue.push(Ticket(client))
    return queue


def test_clients_take_turns() -> None:
    assert names(make("a", "a", "a", "b", "c", "b")) == ["a", "b", "c", "a", "b", "a"]


def test_our_own_look_ups_go_first() -> None:
    assert names(make("a", "b", "", "a", "")) == ["", "", "a", "b", "a"]


def test_a_client_that_may_not_go_is_passed_over_and_keeps_its_turn() -> None:
    queue = make("a", "b")
    ticket = queue.pop(lambda client: client != "a")
    assert ticket is not None and ticket.client == "b"
    assert queue.pop(lambda client: False) is None
    assert names(queue) == ["a"]


def test_who_leaves_is_forgotten() -> None:
    queue = make("a")
    leaving: Ticket[str] = Ticket("b")
    queue.push(leaving)
    queue.remove(leaving)
    queue.remove(leaving)
    assert len(queue) == 1
    assert names(queue) == ["a"]
    assert len(queue) == 0


def test_what_was_served_stays_when_the_waiting_is_called_off() -> None:
    ticket: Ticket[str] = Ticket("a")
    ticket.serve("worker")
    ticket.call_off()
    assert ticket.wait(0) and ticket.item == "worker"


def test_a_place_goes_to_who_waits_and_not_to_who_comes_just_then() -> None:
    """With one client that asks for the next place as soon as it has given one back, others have theirs."""
    places, order = Places(1), list[str]()
    assert places.take("greedy", 0.0)

    def take(client: str) -> None:
        assert places.take(client, 10.0)
        order.append(client)
        places.give_back()

    threads = [threading.Thread(target=take, args=(client,)) for client in ("a", "b")]
    for number, thread in enumerate(threads):
        thread.start()
        wait_until(places, number + 1)
    places.give_back()
    take("greedy")
    for thread in threads:
        thread.join()
    assert order == ["a", "b", "greedy"]
    assert places.take("c", 0.0)


def test_a_place_that_came_too_late_is_nobodys_loss() -> None:
    places = Places(1)
    assert places.take("a", 0.0)
    assert not places.take("b", 0.01)
    assert places.waiting == 0
    places.give_back()
    assert places.take("b", 0.0)


def wait_until(places: Places, waiting: int) -> None:
    until = time.monotonic() + 10
    while places.waiting != waiting:
        assert time.monotonic() < until
        time.sleep(0.001)
