"""Following an invalidation to its end, and looking whether the edge serves a fresh copy. Runs off the GUI thread."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import quote

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.delivery.invalidation import wait_for_invalidation
from vidcdn_desktop.delivery.model import Cdn, Distribution, Invalidation
from vidcdn_desktop.errors import VidcdnError
from vidcdn_desktop.gui.delivery.history import HistoryRow
from vidcdn_desktop.jobs.verify import check_delivery
from vidcdn_desktop.network import AS_FOUND, NetworkSettings

_POLL_S = 5.0
_LOOPBACK_POLL_S = 0.5


def follow(
    cdn: Cdn,
    distribution: Distribution,
    invalidation: Invalidation,
    *,
    check: bool,
    tell: Callable[[HistoryRow], None],
    token: CancelToken,
    network: NetworkSettings = AS_FOUND,
) -> None:
    """Wait for the end of an invalidation, then check its first exact path if asked. `tell` is called in this thread.

    Raises: Cancelled, and the lasting failures of `Cdn.get_invalidation`.
    """
    started = time.monotonic()
    loopback = distribution.domain_name.startswith("127.")
    interval = _LOOPBACK_POLL_S if loopback else _POLL_S
    exact = next((path for path in invalidation.paths if not path.endswith("*")), "") if check else ""
    tell(HistoryRow(invalidation, fresh="waiting" if exact else ""))
    done = wait_for_invalidation(cdn, invalidation, token=token, interval_s=interval)
    took = time.monotonic() - started
    tell(HistoryRow(done, completed_s=took, fresh="waiting" if exact else ""))
    if exact and done.is_complete:
        tell(HistoryRow(done, completed_s=took, fresh=fresh_copy(distribution, exact, started, token, network)))


def fresh_copy(
    distribution: Distribution, path: str, started: float, token: CancelToken, network: NetworkSettings = AS_FOUND
) -> str:
    """What the edge serves now, in words: a copy fetched after the refresh counts as fresh."""
    scheme = "http" if distribution.domain_name.startswith("127.") else "https"
    url = f"{scheme}://{distribution.host}{quote(path, safe='/%~!$&()*+,;=:@-._')}"
    try:
        report = check_delivery(url, None, token, network)
    except VidcdnError as exc:
        return f"not seen: {exc.what}"
    if report.status not in (200, 206):
        return f"not seen: the edge answers {report.status}" if report.status else "not seen: no answer"
    elapsed = time.monotonic() - started
    stale = report.x_cache.lower().startswith("hit") and (report.age_s or 0) > elapsed
    if stale:
        return "not yet: the edge still has an older copy"
    where = f" at {report.pop}" if report.pop else ""
    return f"✓ after {elapsed:.0f} s{where}"
