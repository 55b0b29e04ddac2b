from __future__ import annotations

from kg.store.queue import FairQueue, Ticket


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
