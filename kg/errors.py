"""All errors that Article KG raises on purpose, and nothing else.

    KgError                      what the user can act on; the message says what, where and what to do
    ├── SettingsError            kg.toml, the environment or an option is wrong
    ├── SourceError              a source file cannot be read or parsed (carries file and line)
    ├── CheckFailed              the sources have findings; carries them
    ├── ReleaseError             a release cannot be built, found, opened or switched
    │   ├── NoRelease            there is no current release yet
    │   ├── UnknownRelease       there is no release of that id
    │   ├── OtherLayout          another version of Article KG made the release
    │   └── BuildInProgress      another process builds into the same folder
    ├── WorkLost                 a process that shared the work was ended from outside
    ├── ReconciliationError      a reconciliation request is malformed
    │   └── BatchTooLarge        it asks for more than is answered at once
    └── StoreError               a query could not be answered
        ├── QuerySyntaxError     it does not parse (carries line and column where known)
        ├── QueryRefused         it parses and is not allowed here (SERVICE, an update)
        ├── NotAcceptable        none of the wanted formats fits its query form
        ├── QueryTimeout         it ran past its deadline
        ├── QueryTooLarge        it needed more memory, or gave more bytes or rows, than allowed
        ├── QueryCancelled       whoever asked has left
        ├── StoreBusy            no worker became free in time
        └── StoreUnavailable     the store does not answer

Faults in *data* are no exceptions but findings (``kg.check.findings``): all are listed, not the first one.
"""

from __future__ import annotations

from pathlib import Path


class KgError(Exception):
    """Base of all errors whose message is written for the user.

    Parameters
    ----------
    message: what is wrong, in one sentence.
    remedy: what to do about it, in one sentence; may be empty.
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".strip()


class SettingsError(KgError):
    """A setting is unknown, of the wrong type or out of range."""


class SourceError(KgError):
    """A source file cannot be read or parsed."""

    def __init__(self, message: str, remedy: str = "", *, path: Path, line: int | None = None) -> None:
        super().__init__(message, remedy)
        self.path = path
        self.line = line

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else str(self.path)
        return f"{where}: {super().__str__()}"


class CheckFailed(KgError):
    """The sources have findings, so nothing was built."""


class ReleaseError(KgError):
    """A release cannot be built, found, opened or switched to."""


class NoRelease(ReleaseError):
    """There is no current release."""


class UnknownRelease(ReleaseError):
    """There is no release of that id. The message names no folder, so that visitors may read it."""

    def __init__(self, release_id: str) -> None:
        super().__init__(f"There is no release {release_id!r}.", "`kg releases` and /releases/ list them.")


class OtherLayout(ReleaseError):
    """A release was made by another version of Article KG, and this one cannot read it."""

    def __init__(self, release_id: str, layout: int = 0, readable: int = 0) -> None:
        super().__init__(
            f"Release {release_id} has layout {layout}, and this version of Article KG reads {readable}.",
            "`kg build` makes a release anew from its sources.",
        )


class BuildInProgress(ReleaseError):
    """Another process is building into the same folder."""


class WorkLost(KgError):
    """A process that shared the work was ended from outside."""


class ReconciliationError(KgError):
    """A reconciliation or data extension request is malformed."""


class BatchTooLarge(ReconciliationError):
    """A reconciliation request asks for more than is answered at once."""


class StoreError(KgError):
    """A query could not be answered."""


class QuerySyntaxError(StoreError):
    """The query text does not parse; ``line`` and ``column`` count from 1."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        where = f"line {self.line}, column {self.column}: " if self.line else ""
        return where + super().__str__()


class QueryRefused(StoreError):
    """The query parses and is not allowed here."""


class NotAcceptable(StoreError):
    """None of the wanted formats fits the form of the query."""


class QueryTimeout(StoreError):
    """The query ran past its deadline and was stopped."""


class QueryTooLarge(StoreError):
    """The query needed more memory, or gave a larger result, than allowed."""


class QueryCancelled(StoreError):
    """Whoever asked has left, so the query was stopped."""


class StoreBusy(StoreError):
    """No worker became free in time."""


class StoreUnavailable(StoreError):
    """The store does not answer."""
