"""Large answers on their way: read from the store at its own speed, sent at that of the client.

A slow client must not keep a query worker, of which there are few. So an answer that is not whole at once is
read by a thread into a spool (memory first, then a file without a name), and sent from there as it grows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from tempfile import SpooledTemporaryFile

from kg.errors import StoreBusy
from kg.store.base import Answer

CHUNK_BYTES = 64 * 1024
_MEMORY_BYTES = 1024 * 1024


class _Spooled:
    """Bytes in the spools of this process: the disk must hold what slow clients leave lying."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.total = 0

    def add(self, count: int) -> None:
        with self._lock:
            self.total += count


_spooled = _Spooled()


class SpooledAnswer:
    """The bytes of an answer, as an iterable body with ``close``.

    An error of the store is raised from the iteration, after the bytes that came before it: whoever sends
    them must then cut the connection, since an end would look like that of a whole answer.

    Parameters
    ----------
    answer: read to its end by a thread of its own, and closed.
    max_bytes: what all spools of this process may hold when a new one begins.

    Raises
    ------
    StoreBusy: they hold more.
    """

    def __init__(self, answer: Answer, max_bytes: int) -> None:
        if _spooled.total > max_bytes:
            answer.close()
            raise StoreBusy("Too many large answers are on their way to slow clients.", "Try again later.")
        self._answer = answer
        self._spool = SpooledTemporaryFile(max_size=_MEMORY_BYTES)  # noqa: SIM115 - closed by close()
        self._grown = threading.Condition()
        self._written = 0
        self._ended = False
        self._closed = False
        self._error: BaseException | None = None
        threading.Thread(target=self._fill, name="spool", daemon=True).start()

    def __iter__(self) -> Iterator[bytes]:
        position = 0
        while chunk := self._read(position):
            position += len(chunk)
            yield chunk

    def close(self) -> None:
        """Stop the query if it still runs, and free the spool."""
        with self._grown:
            self._closed = True
            self._grown.notify_all()
        self._answer.close()
        with self._grown:
            self._spool.close()
            written, self._written = self._written, 0
        _spooled.add(-written)

    def _fill(self) -> None:
        error: BaseException | None = None
        try:
            for chunk in self._answer:
                if not self._write(chunk):
                    break
        except BaseException as caught:  # whatever it is, it ends the iteration of the reader, not a thread
            error = caught
        finally:
            self._answer.close()
            with self._grown:
                self._ended, self._error = True, error
                self._grown.notify_all()

    def _write(self, chunk: bytes) -> bool:
        with self._grown:
            if self._closed:
                return False
            self._spool.seek(self._written)
            self._spool.write(chunk)
            self._written += len(chunk)
            self._grown.notify_all()
        _spooled.add(len(chunk))
        return True

    def _read(self, position: int) -> bytes:
        """Return the next bytes, when there are some; nothing at the end."""
        with self._grown:
            self._grown.wait_for(lambda: self._written > position or self._ended or self._closed)
            if not self._closed and self._written > position:
                self._spool.seek(position)
                return self._spool.read(CHUNK_BYTES)
            if self._error is not None:
                raise self._error
            return b""
