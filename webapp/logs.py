"""Logs of a server process: one line of JSON for each record, on standard error."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON; what is given as ``extra={"content": …}`` becomes fields of their own.

    With ``extra={"lines": […]}`` the record becomes a line for each of these.

    >>> record = logging.makeLogRecord({"name": "kg", "msg": "query", "created": 0, "content": {"rows": 3}})
    >>> line = json.loads(JsonFormatter().format(record))
    >>> line["time"], line["message"], line["rows"]
    ('1970-01-01T00:00:00.000+00:00', 'query', 3)
    """

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        content = {
            "time": time,
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "content", {}),
        }
        if record.exc_info:
            content["traceback"] = self.formatException(record.exc_info)
        lines = getattr(record, "lines", [{}])
        return "\n".join(json.dumps({**content, **line}, ensure_ascii=False) for line in lines)


def set_up_logs() -> None:
    """Write the records of this application, and the warnings of all others, to standard error.

    What no line shows is not looked for either (Python's Logging HOWTO, "Optimization"): the place in the
    code, threads and processes cost as much as the rest of a record.
    """
    logging._srcfile = ""
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    for name in ("kg", "webapp"):
        logging.getLogger(name).setLevel(logging.INFO)
