"""The embedded store: pyoxigraph over one release, in a pool of warm worker processes.

pyoxigraph cannot cancel a query, and a deeply nested one overflows the stack of the process that parses
it. So every text runs in a worker that can be killed: at its deadline, when its answer is closed early, or
by its own memory limit. A warm worker costs a query 15-60 µs, a fresh one 15-50 ms, so one more is kept
than may run at a time and a replacement is started as soon as one is lost.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kg
from kg import errors
from kg.formats import GRAPH_FORMATS, RESULT_FORMATS, Format, find_format
from kg.store import frames
from kg.store.base import Query

_log = logging.getLogger(__name__)

_START_S = 30.0
"""How long a worker may take to open the store; 9-24 ms is usual."""
_SWEEP_S = 1.0
"""How often dead idle workers and overdue queries whose reader sleeps are looked for."""
_RETRY_S = 0.5
"""Pause after a worker that could not start, so that a broken release does not spin."""
_READ_BYTES = 256 * 1024


class _Lost(Exception):
    """The worker ended in the middle of an answer."""


class _Overdue(Exception):
    """The deadline passed while waiting for the worker."""


class _Worker:
    """A worker process and the two ends of its pipes."""

    def __init__(self, store_path: Path, max_bytes: int) -> None:
        arguments = [str(store_path), str(max_bytes), str(os.getpid())]
        self.process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-P", "-m", "kg.store.worker", *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # Nothing of the server's environment is a worker's business, least of all a proxy.
            env={"PYTHONPATH": _find_import_path(), "LC_ALL": "C.UTF-8"},
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self._input, self._output = self.process.stdin, self.process.stdout
        os.set_blocking(self._input.fileno(), False)
        self._buffer = bytearray()
        self.deadline = float("inf")

    @property
    def alive(self) -> bool:
        return self.process.poll() is None

    @property
    def is_overdue(self) -> bool:
        return time.monotonic() >= self.deadline

    @property
    def has_frame(self) -> bool:
        """Whether the next frame has been read completely, so that ``receive`` does not wait."""
        return self._frame_length() is not None

    def send(self, data: bytes, deadline: float) -> None:
        """Write a request; the pipe takes 64 KiB at once and the rest as the worker reads."""
        view = memoryview(data)
        try:
            while view:
                _wait(self._input.fileno(), select.POLLOUT, deadline)
                view = view[os.write(self._input.fileno(), view) :]
        except BrokenPipeError:
            raise _Lost from None

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Return kind and payload of the next frame; ``deadline`` is in seconds of the monotonic clock."""
        while (length := self._frame_length()) is None:
            _wait(self._output.fileno(), select.POLLIN, deadline)
            data = os.read(self._output.fileno(), _READ_BYTES)
            if not data:
                raise _Lost
            self._buffer += data
        end = frames.HEADER_BYTES + length
        kind, payload = bytes(self._buffer[:1]), bytes(self._buffer[frames.HEADER_BYTES : end])
        del self._buffer[:end]
        return kind, payload

    def _frame_length(self) -> int | None:
        if len(self._buffer) < frames.HEADER_BYTES:
            return None
        _, length = frames.parse_header(bytes(self._buffer[: frames.HEADER_BYTES]))
        return length if len(self._buffer) >= frames.HEADER_BYTES + length else None

    def kill(self) -> None:
        """End the process; its pipes stay open for a reader that may be waiting at them."""
        with contextlib.suppress(OSError):
            self.process.kill()

    def bury(self) -> int:
        """End the process, free what it held, and return how it ended (a negative signal number)."""
        self.kill()
        code = self.process.wait()
        for pipe in (self._input, self._output):
            with contextlib.suppress(OSError):
                pipe.close()
        return code

    def read_exit_code(self) -> int:
        """Return how a worker that has closed its output ended, as it does so at once."""
        try:
            return self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            return 0


class EmbeddedAnswer:
    """An answer whose first bytes have come; it holds a worker until the last have, or it is closed."""

    def __init__(self, lease: _Lease, fmt: Format) -> None:
        self._lease = lease
        self._format = fmt

    @property
    def format(self) -> Format:
        """The format of the bytes."""
        return self._format

    def __iter__(self) -> Iterator[bytes]:
        while (chunk := self._lease.read_chunk()) is not None:
            yield chunk

    def close(self) -> None:
        """Stop the query where it is; a worker that has more to say is killed."""
        self._lease.abandon()

    def __del__(self) -> None:
        # A consumer that forgets to close must not keep a worker.
        self._lease.abandon()


class _Lease:
    """One query's hold on a worker: reads its frames, and gives it back exactly once."""

    def __init__(self, pool: _Pool, worker: _Worker, query: Query) -> None:
        self._pool = pool
        self._worker = worker
        self._limits = query.limits
        self._request = _to_request(query)
        self._chunks: deque[bytes] = deque()
        self._ended = False
        self._held = True
        self._lock = threading.Lock()

    def start(self) -> Format:
        """Send the query and wait until its first bytes, or the error instead of them, are there."""
        try:
            self._worker.send(self._request, self._worker.deadline)
        except (_Lost, _Overdue) as end:
            raise self._explain(end) from None
        head = self._receive()
        self._request = b""
        name = json.loads(head)["format"]
        fmt = find_format(name, RESULT_FORMATS) or find_format(name, GRAPH_FORMATS)
        assert fmt is not None
        self._read_ahead()
        return fmt

    def read_chunk(self) -> bytes | None:
        """Return the next bytes, or None at the end."""
        if self._chunks:
            return self._chunks.popleft()
        if self._ended:
            return None
        if not self._held:
            raise errors.StoreUnavailable("The answer has been closed.")
        data = self._receive()
        return data or None

    def abandon(self) -> None:
        """Give the worker up where it is; nothing happens after the end."""
        self._chunks.clear()
        self._release(reusable=False)

    def _read_ahead(self) -> None:
        """Take the first bytes, and the end where it came with them, so that the worker is free at once."""
        while True:
            if data := self._receive():
                self._chunks.append(data)
            if self._ended or not self._worker.has_frame:
                return

    def _receive(self) -> bytes:
        """Return the payload of the next HEAD or DATA; empty bytes at the end."""
        try:
            kind, payload = self._worker.receive(self._worker.deadline)
        except (_Lost, _Overdue) as end:
            raise self._explain(end) from None
        if kind == frames.ERROR:
            self._release(reusable=True)
            raise _to_error(json.loads(payload))
        if kind == frames.END:
            self._ended = True
            self._release(reusable=payload != frames.RETIRE)
            return b""
        return payload

    def _explain(self, end: Exception) -> errors.StoreError:
        """Return what the end of a worker means for whoever asked, and let it be replaced."""
        closed, overdue = self._pool.closed, self._worker.is_overdue or isinstance(end, _Overdue)
        code = 0 if overdue else self._worker.read_exit_code()
        self._release(reusable=False)
        if closed:
            return errors.StoreUnavailable("The store was closed while the query ran.")
        if overdue:
            return errors.QueryTimeout(f"The query ran longer than {self._limits.deadline_s:g} s.")
        return _explain_exit(code)

    def _release(self, *, reusable: bool) -> None:
        with self._lock:
            held, self._held = self._held, False
        if held:
            self._pool.give_back(self._worker, reusable=reusable)


class _Pool:
    """Warm workers: ``size`` may run at a time, and one more stands ready for when one is lost.

    One thread, the keeper, starts all workers and lives as long as the pool: the kernel ends a worker
    with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(self, store_path: Path, size: int, max_worker_bytes: int) -> None:
        self._store_path = store_path
        self._size = size
        self._max_worker_bytes = max_worker_bytes
        self._changed = threading.Condition()
        self._idle: deque[_Worker] = deque()
        self._busy: set[_Worker] = set()
        self._dead: list[_Worker] = []
        self._failure = ""
        self.closed = False
        self._keeper = threading.Thread(target=self._keep, name="sparql-workers", daemon=True)
        self._keeper.start()

    def wait_until_ready(self) -> None:
        """Wait for the first worker.

        Raises
        ------
        StoreUnavailable: it could not open the store.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._failure, _START_S)
            if not self._idle:
                raise errors.StoreUnavailable(self._failure or "No worker became ready in time.")

    def take(self, wait_s: float) -> _Worker:
        """Return a live worker within ``wait_s`` seconds.

        Raises
        ------
        StoreBusy: all were busy for so long.
        StoreUnavailable: the pool is closed, or its workers do not start.
        """
        until = time.monotonic() + wait_s
        with self._changed:
            while True:
                self._changed.wait_for(self._may_take, max(0.0, until - time.monotonic()))
                if self.closed:
                    raise errors.StoreUnavailable("The store is closed.")
                if not self._may_take():
                    raise self._explain_none()
                worker = self._idle.pop()
                if worker.alive:
                    self._busy.add(worker)
                    return worker
                self._dead.append(worker)
                self._changed.notify_all()

    def give_back(self, worker: _Worker, *, reusable: bool) -> None:
        """Take a worker back; one that cannot be used again is killed and replaced."""
        if not reusable:
            worker.kill()
        with self._changed:
            self._busy.discard(worker)
            worker.deadline = float("inf")
            if reusable and not self.closed:
                self._idle.append(worker)
            else:
                self._dead.append(worker)
            self._changed.notify_all()
        if self.closed:
            self._bury_dead()

    def close(self) -> None:
        """Kill all workers; whoever reads from one sees it end."""
        with self._changed:
            self.closed = True
            self._dead += self._idle
            self._idle.clear()
            for worker in self._busy:
                worker.kill()
            self._changed.notify_all()
        self._keeper.join()
        self._bury_dead()

    def count(self) -> tuple[int, int]:
        """Return how many workers are idle and how many are busy."""
        with self._changed:
            return len(self._idle), len(self._busy)

    def _may_take(self) -> bool:
        return self.closed or bool(self._idle and len(self._busy) < self._size)

    def _explain_none(self) -> errors.StoreError:
        if self._failure:
            return errors.StoreUnavailable(self._failure)
        return errors.StoreBusy("All query workers are busy.", "Try again in a moment.")

    def _keep(self) -> None:
        while not self.closed:
            self._bury_dead()
            self._start_missing()
            with self._changed:
                self._changed.wait_for(self._needs_keeping, _RETRY_S if self._failure else _SWEEP_S)
                self._sweep()

    def _needs_keeping(self) -> bool:
        return self.closed or bool(self._dead) or (not self._failure and self._count_missing() > 0)

    def _count_missing(self) -> int:
        return self._size + 1 - len(self._idle) - len(self._busy)

    def _sweep(self) -> None:
        """Find idle workers that have died, and kill those whose reader sleeps past the deadline."""
        for worker in [worker for worker in self._idle if not worker.alive]:
            self._idle.remove(worker)
            self._dead.append(worker)
        for worker in self._busy:
            if worker.is_overdue:
                worker.kill()

    def _start_missing(self) -> None:
        with self._changed:
            missing = 0 if self.closed else self._count_missing()
        started: list[_Worker] = []
        try:
            started += [_Worker(self._store_path, self._max_worker_bytes) for _ in range(missing)]
            for worker in started:
                kind, payload = worker.receive(time.monotonic() + _START_S)
                if kind == frames.ERROR:
                    raise errors.StoreUnavailable(json.loads(payload)["message"])
                self._welcome(worker)
        except (OSError, _Lost, _Overdue, errors.StoreUnavailable) as error:
            self._mourn(started, str(error) or "A query worker ended while it opened the store.")

    def _welcome(self, worker: _Worker) -> None:
        with self._changed:
            self._failure = ""
            (self._dead if self.closed else self._idle).append(worker)
            self._changed.notify_all()

    def _mourn(self, started: list[_Worker], message: str) -> None:
        _log.error("A query worker could not start: %s", message)
        with self._changed:
            self._failure = message
            self._dead += [w for w in started if w not in self._idle and w not in self._busy]
            self._changed.notify_all()

    def _bury_dead(self) -> None:
        with self._changed:
            dead, self._dead = self._dead, []
        for worker in dead:
            worker.bury()


class EmbeddedStore:
    """Answers queries over the Oxigraph store of a release.

    Parameters
    ----------
    path: folder of the store.
    workers: queries that may run at a time.
    max_worker_bytes: address space that a worker may take beyond the open store.
    queue_s: how long a query waits for a worker.

    Raises
    ------
    StoreUnavailable: the store cannot be opened.
    """

    def __init__(self, path: Path, *, workers: int, max_worker_bytes: int, queue_s: float) -> None:
        self._queue_s = queue_s
        self._pool = _Pool(path, workers, max_worker_bytes)
        try:
            self._pool.wait_until_ready()
        except errors.StoreUnavailable:
            self._pool.close()
            raise

    def query(self, query: Query) -> EmbeddedAnswer:
        """Answer a query; see ``kg.store.base.Store``."""
        worker = self._pool.take(self._queue_s)
        worker.deadline = time.monotonic() + query.limits.deadline_s
        lease = _Lease(self._pool, worker, query)
        try:
            return EmbeddedAnswer(lease, lease.start())
        except BaseException:  # whatever happens, an interrupt too, the worker must not be lost
            lease.abandon()
            raise

    def close(self) -> None:
        """Kill all workers; running queries end with ``StoreUnavailable``."""
        self._pool.close()

    def count_workers(self) -> tuple[int, int]:
        """Return how many workers are idle and how many are busy."""
        return self._pool.count()


def _to_request(query: Query) -> bytes:
    return frames.to_json_frame(
        frames.REQUEST,
        {
            "text": query.text,
            "base_iri": query.base_iri,
            "default_graphs": query.dataset.default_graphs,
            "named_graphs": query.dataset.named_graphs,
            "result_formats": [fmt.name for fmt in query.result_formats],
            "graph_formats": [fmt.name for fmt in query.graph_formats],
            "max_result_bytes": query.limits.max_result_bytes,
        },
    )


def _to_error(content: dict[str, Any]) -> errors.StoreError:
    kind = getattr(errors, content["kind"])
    if kind is errors.QuerySyntaxError:
        return errors.QuerySyntaxError(content["message"], line=content["line"], column=content["column"])
    error: errors.StoreError = kind(content["message"])
    return error


def _explain_exit(code: int) -> errors.StoreError:
    """Return what a worker's end says about the query; a negative code is a signal's number.

    The engine recurses over the text, so nesting of some thousand levels overflows its stack (SIGSEGV);
    it aborts where memory is refused (SIGABRT).
    """
    if code in (-signal.SIGSEGV, -signal.SIGBUS):
        return errors.QueryTooLarge("The query is nested too deeply.", "Write it with fewer levels.")
    if code == -signal.SIGABRT:
        return errors.QueryTooLarge("The query needs more memory than allowed.", "Ask for less at once.")
    return errors.StoreUnavailable(f"The query's worker ended unexpectedly ({code}).", "Try again.")


def _find_import_path() -> str:
    return str(Path(kg.__file__).resolve().parent.parent)


def _wait(descriptor: int, event: int, deadline: float) -> None:
    poller = select.poll()
    poller.register(descriptor, event)
    remaining = deadline - time.monotonic()
    if remaining <= 0 or not poller.poll(min(remaining, 86_400.0) * 1000 + 1):
        raise _Overdue
