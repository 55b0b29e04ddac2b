"""Settings: one frozen dataclass, read once at the edge from defaults, ``kg.toml``, environment, options.

Each field carries its help; the environment variable of ``max_query_bytes`` is ``KG_MAX_QUERY_BYTES``.
A later source wins over an earlier one. ``docs/settings.md`` lists them all, and a test holds that.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from kg.errors import SettingsError

ENVIRONMENT_PREFIX = "KG_"


def _setting(default: Any, help_text: str, *, minimum: float | None = None) -> Any:
    return field(default=default, metadata={"help": help_text, "minimum": minimum})


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set. Units stand in the names."""

    base_iri: str = _setting("", "IRI under which all names are minted; empty: the address of `kg serve`")
    sources: str = _setting("", "folder with ontology/ and data/; empty: here, or else those of the package")
    var: str = _setting("var", "folder for releases and whatever else is made")
    title: str = _setting("Article KG", "name of the site, shown on every page")
    host: str = _setting("127.0.0.1", "address to listen at")
    port: int = _setting(8000, "port to listen at", minimum=1)
    trusted_proxies: str = _setting(
        "", "addresses and networks of proxies whose `X-Forwarded-*` headers count, with commas between them"
    )
    path_prefix: str = _setting("", "path before all addresses that a proxy leaves there, such as /kg")
    processes: int = _setting(2, "server processes", minimum=1)
    threads: int = _setting(48, "threads of each server process that answer requests", minimum=8)
    query_workers: int = _setting(
        4, "queries of each server process that run at a time; slow ones leave two free", minimum=1
    )
    query_timeout_s: float = _setting(
        10.0, "deadline of a query, and the most that `timeout=` may ask", minimum=0.01
    )
    query_queue: int = _setting(
        256, "queries of each server process that may wait for a worker; those beyond get 503", minimum=1
    )
    query_queue_s: float = _setting(1.0, "how long a query waits for a worker before 503", minimum=0.0)
    max_worker_bytes: int = _setting(
        2 * 1024**3, "memory a SPARQL worker may take, beyond what the open store maps", minimum=256 * 1024**2
    )
    max_query_bytes: int = _setting(1024**2, "largest request body and query text", minimum=1024)
    max_url_bytes: int = _setting(
        60_000,
        "longest part after ? of a URL for /sparql; the server itself takes URLs of up to 65,534 bytes",
        minimum=256,
    )
    max_result_bytes: int = _setting(64 * 1024**2, "largest result of a query", minimum=1024)
    max_result_rows: int = _setting(1_000_000, "most rows of a SELECT result", minimum=1)
    max_spool_bytes: int = _setting(
        1024**3,
        "what large answers on their way to slow clients may take in the temporary folder, in each server"
        " process; those beyond get 503",
        minimum=1024**2,
    )
    answer_cache_bytes: int = _setting(
        32 * 1024**2,
        "memory of each server process for answers that the release has given before; 0 keeps none",
        minimum=0,
    )
    access_log: bool = _setting(
        False, "whether each request is a line of log: true or false; a query has one in any case"
    )
    client_patience_s: float = _setting(
        30.0, "how long a client may take to send or to take the next part before it is cut off", minimum=0.1
    )
    service_prefixes: str = _setting(
        "", "what IRIs in SERVICE may begin with, separated by spaces; empty: SERVICE is refused"
    )
    store: str = _setting(
        "",
        "query addresses of the SPARQL engine that answers, separated by commas; empty: the release itself",
    )
    store_profile: str = _setting("generic", "what kind of engine it is: docs/scaling.md lists the profiles")
    store_auth: str = _setting("", "basic or digest; empty: what the profile says")
    store_user: str = _setting("", "user of the engine; empty: it asks for none")
    store_password: str = _setting("", "the user's password; better in the environment than in a file")
    store_token: str = _setting("", "bearer token, in place of user and password")
    store_topic: str = _setting(
        "",
        "topic of Apache Kafka that the engines follow, such as kafka://host:9092/kg; `kg publish` writes to"
        " it and not to them",
    )
    signing_key: str = _setting(
        "", "file with the secret key that `kg build` signs releases with; empty: they are not signed"
    )
    public_key: str = _setting(
        "",
        "file with the public key that `kg fetch` takes releases of; empty: signatures are not checked",
    )
    replication_token: str = _setting(
        "",
        "secret of those who may fetch whole releases from this server, and what `kg fetch` shows to another;"
        " empty: none are given out",
    )
    max_fetch_bytes: int = _setting(
        256 * 1024**3, "largest release that `kg fetch` takes, all files together", minimum=1
    )
    old_releases: int = _setting(
        3, "old releases that each server process keeps open, for those who name them", minimum=1
    )
    old_release_workers: int = _setting(1, "SPARQL worker processes of each old release", minimum=1)
    old_release_idle_s: float = _setting(
        300.0, "how long an old release stays open when nobody asks for it", minimum=1.0
    )
    max_compared_quads: int = _setting(
        2_000_000,
        "quads of two releases together that are compared for a visitor; `kg diff` has no limit",
        minimum=0,
    )
    incoming_links: int = _setting(100, "incoming links shown on a page of an entity", minimum=1)

    @property
    def effective_base_iri(self) -> str:
        """The base IRI, always with a slash or hash at its end.

        >>> Settings(port=8123).effective_base_iri
        'http://127.0.0.1:8123/'
        """
        if self.base_iri:
            return self.base_iri
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::", "") else self.host  # noqa: S104 - compared only
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}/" if self.port == 80 else f"http://{host}:{self.port}/"


def read_settings(
    file: Path | None = None, environment: Mapping[str, str] | None = None, **options: Any
) -> Settings:
    """Read the settings.

    Parameters
    ----------
    file: the settings file; None means ``kg.toml`` in the current folder, if it is there.
    environment: variables; None means the process's own.
    options: values that win over all others; None values are left out.

    Raises
    ------
    SettingsError: a file that is missing or malformed, an unknown name, a wrong type, a bad base IRI.
    """
    given = _read_file(file)
    given.update(_read_environment(os.environ if environment is None else environment))
    given.update({name: value for name, value in options.items() if value is not None})
    settings = replace(Settings(), **given)
    check_service_prefixes(settings.service_prefixes)
    check_networks(settings.trusted_proxies)
    if settings.base_iri:
        settings = replace(settings, base_iri=check_base_iri(settings.base_iri))
    return settings


def check_base_iri(iri: str) -> str:
    """Return the IRI if names can be minted under it.

    >>> check_base_iri("example.org/kg/")
    Traceback (most recent call last):
    kg.errors.SettingsError: base_iri 'example.org/kg/' has no scheme. Write it as http://… or https://….
    """
    try:
        parts = urlsplit(iri)
    except ValueError as error:
        raise SettingsError(f"base_iri {iri!r} is not an IRI: {error}.") from error
    if parts.scheme not in ("http", "https"):
        raise SettingsError(f"base_iri {iri!r} has no scheme.", "Write it as http://… or https://….")
    if not parts.hostname or parts.query or parts.fragment or not iri.endswith("/"):
        raise SettingsError(
            f"base_iri {iri!r} needs a host, ends with a slash and has no query or fragment.",
            "Write it like https://example.org/kg/.",
        )
    if any(character in iri for character in ' <>"{}|\\^`') or not iri.isprintable():
        raise SettingsError(f"base_iri {iri!r} holds a character that no IRI may hold.", "Percent-encode it.")
    return iri


def check_service_prefixes(prefixes: str) -> tuple[str, ...]:
    """Return the prefixes that SERVICE may name.

    A prefix names a whole host, since ``https://example.org`` would allow ``https://example.org.evil.net``.

    >>> check_service_prefixes("https://query.example.org/")
    ('https://query.example.org/',)
    """
    for prefix in prefixes.split():
        if re.fullmatch(r"https?://[^/?#@\s]+/\S*", prefix) is None:
            raise SettingsError(
                f"service_prefixes holds {prefix!r}, which names no host with a slash behind it.",
                "Write it like https://query.example.org/.",
            )
    return tuple(prefixes.split())


def check_networks(text: str) -> None:
    """Raise ``SettingsError`` if one of the trusted proxies is neither an address nor a network.

    >>> check_networks("10.0.0.0/8, ::1")
    >>> check_networks("here")
    Traceback (most recent call last):
    kg.errors.SettingsError: trusted_proxies: 'here' is no address. Write it like 127.0.0.1 or 10.0.0.0/8.
    """
    for part in text.replace(",", " ").split():
        try:
            ip_network(part, strict=False)
        except ValueError:
            raise SettingsError(
                f"trusted_proxies: {part!r} is no address.", "Write it like 127.0.0.1 or 10.0.0.0/8."
            ) from None


def to_environment(settings: Settings) -> dict[str, str]:
    """Return the variables that give another process the same settings.

    >>> to_environment(Settings())["KG_PORT"]
    '8000'
    """
    return {ENVIRONMENT_PREFIX + f.name.upper(): str(getattr(settings, f.name)) for f in fields(settings)}


def _read_file(file: Path | None) -> dict[str, Any]:
    path = file or Path("kg.toml")
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if file is None:
            return {}
        raise SettingsError(
            f"{path}: no such settings file.", "Name an existing one with --settings."
        ) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"{path}: cannot be read: {error}.") from error
    return {name: _convert(name, value, f"{path}: ") for name, value in content.items()}


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    known = {ENVIRONMENT_PREFIX + f.name.upper(): f.name for f in fields(Settings)}
    return {
        known[variable]: _convert(known[variable], value, f"{variable}: ")
        for variable, value in environment.items()
        if variable in known
    }


def _convert(name: str, value: Any, where: str) -> Any:
    known = {f.name: f for f in fields(Settings)}
    if name not in known:
        raise SettingsError(f"{where}unknown setting {name!r}.", "docs/settings.md lists all settings.")
    setting = known[name]
    wanted: Any = type(setting.default)
    try:
        converted = _to_truth(value) if wanted is bool else _to_value(value, wanted)
    except ValueError:
        raise SettingsError(f"{where}{name} is {value!r}, but must be of type {wanted.__name__}.") from None
    minimum = setting.metadata["minimum"]
    if minimum is not None and converted < minimum:
        raise SettingsError(f"{where}{name} is {converted}, but must be at least {minimum}.")
    return converted


def _to_truth(value: Any) -> bool:
    """Return a truth value of TOML, or of an environment, which has words only.

    >>> _to_truth(True), _to_truth("False")
    (True, False)
    """
    words = {"true": True, "false": False}
    if str(value).lower() not in words:
        raise ValueError
    return words[str(value).lower()]


def _to_value(value: Any, wanted: Any) -> Any:
    if isinstance(value, (bool, list, dict)):
        raise ValueError
    return wanted(value)
