"""How a run stands, for programs that watch many: a page of numbers in Prometheus' form.

On a port of this computer alone. Names and units follow prometheus.io/docs/practices/naming.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from importer.errors import UsageError
from importer.events import NoObserver, Progress, RunBegan

if TYPE_CHECKING:
    from collections.abc import Iterator

    from importer.events import Event, Observer

#: field of Progress -> name, what it says; those that only grow are counters
GAUGES = {
    "rows": ("importer_rows", "Rows of the manifest"),
    "rows_done": ("importer_rows_done", "Rows for which nothing is left to do in this run"),
    "held": ("importer_rows_held", "Rows that this run doesn't send"),
    "in_flight": ("importer_requests_in_flight", "Requests on their way"),
    "limit": ("importer_requests_limit", "Requests that may be on their way for now"),
    "bytes_in_flight": ("importer_in_flight_bytes", "Bytes of unfinished requests that have left"),
    "seconds": ("importer_run_seconds", "Since the run began"),
}
COUNTERS = {
    "uploaded": ("importer_uploaded", "Pictures uploaded by this run"),
    "failed": ("importer_failed", "Pictures that failed"),
    "unknown": ("importer_unknown", "Pictures of which nobody knows whether they arrived"),
    "retries": ("importer_retries", "Attempts that were made again"),
    "bytes_uploaded": ("importer_uploaded_bytes", "Bytes uploaded by this run"),
}


class Metrics:
    """An observer, and what a Prometheus registry collects from."""

    watches_rows = False

    def __init__(self, families: Any) -> None:
        self._families = families  #: prometheus_client.core
        self._run: RunBegan | None = None
        self._progress: Progress | None = None

    def notice(self, event: Event) -> None:
        match event:
            case RunBegan():
                self._run = event
            case Progress():
                self._progress = event

    def collect(self) -> Iterator[Any]:
        """Each family as it stands; called from the server's thread."""
        run, progress, families = self._run, self._progress, self._families
        if run is not None:
            about = {"manifest": run.manifest, "host": run.host, "run": str(run.run)}
            info = families.InfoMetricFamily("importer_run", "Which run it is")
            info.add_metric([], about)
            yield info
        if progress is None:
            return
        for field, (name, help_text) in GAUGES.items():
            yield families.GaugeMetricFamily(name, help_text, value=getattr(progress, field))
        for field, (name, help_text) in COUNTERS.items():
            yield families.CounterMetricFamily(name, help_text, value=getattr(progress, field))
        yield families.GaugeMetricFamily(
            "importer_waiting", "1 while nothing goes out", value=bool(progress.waiting)
        )


@contextmanager
def served(port: int) -> Iterator[Observer]:
    """Serve while the block runs; a port of 0 serves nothing.

    Raises:
        UsageError: the library isn't installed, or the port can't be had.
    """
    if not port:
        yield NoObserver()
        return
    try:
        from prometheus_client import CollectorRegistry, core, start_http_server
    except ImportError:
        raise UsageError(
            "--metrics-port wants a library that isn't installed",
            fix="pip install 'darkroom-importer[metrics]', or leave it out",
        ) from None
    registry, metrics = CollectorRegistry(), Metrics(core)
    registry.register(metrics)
    try:
        server, thread = start_http_server(port, addr="127.0.0.1", registry=registry)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or "there is no such port"
        raise UsageError(
            f"--metrics-port {port} can't be used ({reason})", fix="name another one: 9464"
        ) from None
    try:
        yield metrics
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
