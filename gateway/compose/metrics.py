"""Metrics: what the gateway counts, as Prometheus reads it.

* Labels are closed sets: methods of the policy, reasons, logs, states. No member, system, address,
  digest or handle is ever one, nor is anything that came from outside.
* What stands at a moment (sizes, ages, what waits) is asked when somebody reads; what happens is
  counted when it happens.
* Each process has its own, and counts its own work: sum over processes.

It serves nothing: `metrics_http` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from typing import Final

from cryptography import x509
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from gateway.compose.config import Config
from gateway.compose.measured import ACCEPTED, RECORDED
from gateway.core.errors import Reason
from gateway.edge.metered import CANCELLED, OK
from gateway.edge.policy import POLICY
from gateway.ports.conditions import Condition, State

# When a counter was made tells nobody anything here, and doubles the page.
disable_created_metrics()  # type: ignore[no-untyped-call] # published without types

_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES: Final = tuple(float(1 << shift) for shift in range(10, 23, 2))
_METHODS: Final = frozenset(name.rpartition(".")[2] for name in POLICY)
_OUTCOMES: Final = frozenset({OK, CANCELLED, ACCEPTED, RECORDED, *Reason})
_OTHER: Final = "OTHER"

Sample = Callable[[], float]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGauges:
    """What is asked of a log when somebody reads.

    Attributes:
        size: How many entries are signed for.
        condition: How its integrator is.
        waiting_entries: How many entries wait to be recorded here.
        waiting_bytes: How many bytes they hold.
        newest: When the newest entry was received, UTC; None where there is none.
    """

    size: Callable[[], int]
    condition: Callable[[], Condition]
    waiting_entries: Callable[[], int]
    waiting_bytes: Callable[[], int]
    newest: Callable[[], datetime | None]


class ProcessMetrics:
    """The metrics of one process: `gateway.ports.metering.Meter`, and what is asked at reading."""

    def __init__(self) -> None:
        """Begin at zero."""
        self._registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        Gauge(
            "forewarn_build_info", "Which gateway this is.", ["version"], registry=registry
        ).labels(version("forewarn")).set(1)
        self._calls = Counter(
            "forewarn_calls",
            "Calls that have ended, by method and outcome.",
            ["rpc", "outcome"],
            registry=registry,
        )
        self._seconds = Histogram(
            "forewarn_call_seconds",
            "From the arrival of a call to its answer; streams are not in it.",
            ["rpc"],
            buckets=_QUICK,
            registry=registry,
        )
        self._streams = Gauge(
            "forewarn_streams_open", "Open streams, by method.", ["rpc"], registry=registry
        )
        self._submissions = Counter(
            "forewarn_submissions",
            "Statements that were handed in, by what became of them.",
            ["outcome"],
            registry=registry,
        )
        self._block_bytes = Histogram(
            "forewarn_block_bytes",
            "Sizes of the blocks that were recorded.",
            buckets=_SIZES,
            registry=registry,
        )
        self._append_seconds = Histogram(
            "forewarn_append_seconds",
            "How long the stream took to have a block on disk.",
            buckets=_QUICK,
            registry=registry,
        )
        self._delivery = Histogram(
            "forewarn_delivery_lag_seconds",
            "From word of new entries to their being handed to an open stream.",
            buckets=_QUICK,
            registry=registry,
        )
        self._releases = Counter(
            "forewarn_releases",
            "Answers with content above TLP:GREEN, by whether their release could be recorded.",
            ["outcome"],
            registry=registry,
        )
        self._opened: set[str] = set()

    def exposition(self) -> bytes:
        """Give all metrics, in the text format."""
        return generate_latest(self._registry)

    # What is counted when it happens: see `gateway.ports.metering.Meter`.

    def called(self, *, rpc: str, outcome: str, seconds: float) -> None:
        """Count a call."""
        method = _known(rpc, _METHODS)
        self._calls.labels(method, _known(outcome, _OUTCOMES)).inc()
        if method not in self._opened:
            self._seconds.labels(method).observe(seconds)

    def opened(self, rpc: str) -> None:
        """Count a stream that has begun."""
        self._opened.add(rpc)
        self._streams.labels(_known(rpc, _METHODS)).inc()

    def closed(self, rpc: str) -> None:
        """Count a stream that has ended."""
        self._streams.labels(_known(rpc, _METHODS)).dec()

    def submitted(self, outcome: str) -> None:
        """Count a statement."""
        self._submissions.labels(_known(outcome, _OUTCOMES)).inc()

    def appended(self, *, size: int, seconds: float) -> None:
        """Count a block."""
        self._block_bytes.observe(size)
        self._append_seconds.observe(seconds)

    def delivered(self, seconds: float) -> None:
        """Count a page that was delivered."""
        self._delivery.observe(seconds)

    def released(self, outcome: str) -> None:
        """Count an answer above TLP:GREEN."""
        self._releases.labels(_known(outcome, _OUTCOMES)).inc()

    # What is asked when somebody reads.

    def watch_logs(self, logs: Mapping[str, LogGauges]) -> None:
        """Show logs as this process sees them.

        Args:
            logs: By name: ledger, audit.
        """
        self._registry.register(_Asked(lambda: _log_families(logs)))

    def watch_number(self, name: str, what: str, number: Sample) -> None:
        """Show a number.

        Args:
            name: The metric's name, without `forewarn_`.
            what: What it is.
            number: Gives it.
        """
        self._registry.register(
            _Asked(lambda: [GaugeMetricFamily(f"forewarn_{name}", what, value=number())])
        )

    def watch_certificates(self, config: Config, now: Callable[[], datetime]) -> None:
        """Show when certificates end.

        Args:
            config: Where they are.
            now: The clock, UTC.
        """
        self._registry.register(_Asked(lambda: [_certificates(config, now())]))


class _Asked(Collector):
    """What is asked of somebody whenever metrics are read."""

    def __init__(self, ask: Callable[[], Iterable[Metric]]) -> None:
        self._ask = ask

    def collect(self) -> Iterable[Metric]:
        return self._ask()

    def describe(self) -> Iterable[Metric]:
        # Else it would be asked at registration, before anything runs.
        return []


def _known(value: str, known: frozenset[str]) -> str:
    """Keep a label within its set, whatever is said."""
    return value if value in known else _OTHER


def _log_families(logs: Mapping[str, LogGauges]) -> Iterable[Metric]:
    entries = GaugeMetricFamily(
        "forewarn_log_entries", "Entries that are signed for.", labels=["log"]
    )
    age = GaugeMetricFamily(
        "forewarn_log_newest_entry_age_seconds",
        "Since the newest entry was received.",
        labels=["log"],
    )
    states = GaugeMetricFamily(
        "forewarn_log_state", "1 for what the log's integrator does.", labels=["log", "state"]
    )
    waiting = GaugeMetricFamily(
        "forewarn_waiting_entries", "Entries that wait to be recorded.", labels=["log"]
    )
    held = GaugeMetricFamily("forewarn_waiting_bytes", "Bytes that these hold.", labels=["log"])
    for name, log in logs.items():
        entries.add_metric([name], log.size())
        newest = log.newest()
        if newest is not None:
            age.add_metric([name], (datetime.now(UTC) - newest).total_seconds())
        present = log.condition().state
        for state in State:
            states.add_metric([name, state], float(state is present))
        waiting.add_metric([name], log.waiting_entries())
        held.add_metric([name], log.waiting_bytes())
    return [entries, age, states, waiting, held]


def _certificates(config: Config, now: datetime) -> Metric:
    days = GaugeMetricFamily(
        "forewarn_certificate_days_left",
        "Until a certificate ends: the gateway's own, and the first of the authorities.",
        labels=["certificate"],
    )
    for name, path in (
        ("own", config.tls.certificate),
        ("client_ca", config.tls.client_ca),
        ("server_ca", config.tls.server_ca),
    ):
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            continue  # absent: whoever alerts on it alerts on its absence
        ends = [each.not_valid_after_utc for each in (found[:1] if name == "own" else found)]
        days.add_metric([name], (min(ends) - now) / timedelta(days=1))
    return days
