"""`health s3://BUCKET/PREFIX`: what is not well below a prefix, and with --fix the plan to mend it."""

from __future__ import annotations

import argparse
import re
import threading
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.context import add_connection_arguments, connection_for, split_s3_address
from vidcdn_desktop.cli.health_fix import Fixing
from vidcdn_desktop.cli.means import means_for, parse_patience
from vidcdn_desktop.cli.output import Output, Ticker
from vidcdn_desktop.jobs.connection import Connection
from vidcdn_desktop.jobs.factcache import FactCache
from vidcdn_desktop.jobs.headcache import HeadCache
from vidcdn_desktop.jobs.health import MOST, OLD, REQUESTS_PER_S, Known, Survey, Wanted
from vidcdn_desktop.jobs.health_model import FIXABLE, TITLES, Concern, HealthReport, Progress, Section
from vidcdn_desktop.jobs.means import Means
from vidcdn_desktop.textsafe import display, format_size, plural

_ALL = "all"
_EXAMPLES = 5
_MOST_NUMBER = 100_000_000

_UNITS = {"": 86_400, "d": 86_400, "h": 3600, "m": 60}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "health",
        help="what is not well below a prefix: forgotten uploads, headers, thumbnails, duplicates, slow starters",
        description="Look at everything below a prefix: one listing, a HEAD for each video and picture that is new or"
        " changed, and 64 kB of each video. Without --fix nothing is changed. With it the plan is shown, and done only"
        " with --yes; where objects would be gone for good, their number must be named with --confirm.",
    )
    parser.add_argument("address", nargs="?", default="", metavar="s3://BUCKET/PREFIX")
    kinds = [concern.value for concern in Concern]
    parser.add_argument(
        "--only", nargs="+", choices=kinds, default=[], metavar="KIND", help=f"look for: {', '.join(kinds)}"
    )
    fixes = [concern.value for concern in FIXABLE]
    parser.add_argument(
        "--fix",
        nargs="+",
        choices=[*fixes, _ALL],
        default=[],
        metavar="KIND",
        help=f"mend: {', '.join(fixes)}, or {_ALL}; looks only for these",
    )
    parser.add_argument("--dry-run", action="store_true", help="show the plan; change nothing")
    parser.add_argument("--yes", action="store_true", help="do what the plan says")
    parser.add_argument("--confirm", type=int, metavar="NUMBER", help="how many objects may be gone for good")
    parser.add_argument("--invalidate", action="store_true", help="remove old copies from the CDN afterwards")
    _add_bounds(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, and with --fix one for each thing done")
    add_connection_arguments(parser)
    parser.set_defaults(run=run, limit=None, resend=False)


def _add_bounds(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--older-than",
        type=_age,
        default=OLD,
        metavar="AGE",
        help=f"age of uploads that may be removed, like 12h or 3d; {OLD.days}d if not given",
    )
    parser.add_argument(
        "--cache-control", default="", metavar="VALUE", help="what --fix cache writes; else as the name demands"
    )
    parser.add_argument(
        "--most",
        type=_number,
        default=MOST,
        metavar="N",
        help=f"HEADs, and videos looked into, at most; {MOST:,} if not given; what is known does not count",
    )
    parser.add_argument(
        "--requests", type=_number, default=REQUESTS_PER_S, metavar="N", help=f"a second; {REQUESTS_PER_S} if not given"
    )
    parser.add_argument(
        "--examples", type=_number, default=_EXAMPLES, metavar="N", help=f"of each kind; {_EXAMPLES} if not given"
    )
    parser.add_argument(
        "--patience",
        type=parse_patience,
        metavar="SECONDS",
        help="how long a fix goes on trying without a network (120), or “forever”",
    )


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= _MOST_NUMBER:
        raise argparse.ArgumentTypeError(f"“{text}” is no number of this kind; write 1, 2, 3…")
    return int(text)


def _age(text: str) -> timedelta:
    found = re.fullmatch(r"([0-9]{1,6})([dhm]?)", text)
    if found is None:
        raise argparse.ArgumentTypeError(f"“{text}” is no age; write 3d, 12h or 30m")
    return timedelta(seconds=int(found[1]) * _UNITS[found[2]])


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    address = split_s3_address(args.address)
    if address:
        args.bucket = address[0] or args.bucket
    prefix = address[1] if address else args.address
    with (
        connection_for(args, token) as connection,
        means_for(args, output) as means,
        FactCache() as facts,
        HeadCache() as heads,
    ):
        care = _Care(connection, means, prefix, args, output, token)
        # On a thread of its own: a signal is handled in this one, which must not be in the middle of anything then.
        runner = threading.Thread(target=care.run, args=(facts, heads), name="health")
        runner.start()
        runner.join()
    if care.failure is not None:
        raise care.failure
    return care.code


class _Care:
    """One run of the command."""

    def __init__(
        self,
        connection: Connection,
        means: Means,
        prefix: str,
        args: argparse.Namespace,
        output: Output,
        token: CancelToken,
    ) -> None:
        self._connection = connection
        self._means = means
        self._prefix = prefix
        self._args = args
        self._output = output
        self._token = token
        self._progress = ""
        self.code = 0
        self.failure: BaseException | None = None
        """What ended it early."""

    def run(self, facts: FactCache, heads: HeadCache) -> None:
        """Look, tell, and mend where that was asked for. Never raises: whoever waits for the thread does."""
        fixes = frozenset(FIXABLE if _ALL in self._args.fix else map(Concern, self._args.fix))
        try:
            report = self._looked(fixes, facts, heads)
            self._output.result(report.to_json(self._args.examples), _lines(report, self._args.examples))
            self.code = 0 if report.is_whole else 1
            if fixes:
                fixing = Fixing(self._connection, self._means, self._args, self._output, self._token)
                self.code = fixing.fix(report, fixes) or self.code
        except BaseException as exc:  # noqa: BLE001 - else the command would end well in spite of it
            self.failure = exc

    def _looked(self, fixes: frozenset[Concern], facts: FactCache, heads: HeadCache) -> HealthReport:
        only = frozenset(map(Concern, self._args.only))
        wanted = Wanted(
            only | fixes or frozenset(Concern),
            self._args.most,
            self._args.requests,
            self._args.older_than,
            self._args.cache_control,
        )
        known = Known(facts, heads, self._means.journal)
        survey = Survey(self._connection, self._prefix, wanted, known, token=self._token, on_progress=self._note)
        with Ticker(lambda: self._output.paint(self._progress)):
            return survey.run()

    def _note(self, progress: Progress) -> None:
        """Keep what goes on for the next tick: it is told for every object."""
        self._progress = progress.words


def _lines(report: HealthReport, examples: int) -> list[str]:
    place = display(f"s3://{report.bucket}/{report.prefix}")
    lines = [f"{place}: {plural(report.objects, 'object')}, {format_size(report.size_bytes)}"]
    if not report.objects and set(report.sections) == {Concern.UPLOADS}:
        lines = [place]
    for section in report.sections.values():
        lines += ["", *_section_lines(section, examples)]
    return lines


def _section_lines(section: Section, examples: int) -> Sequence[str]:
    one, many = TITLES[section.concern]
    lines = [plural(section.objects, one, many) if section.objects else f"No {many}"]
    if section.objects:
        lines[0] += f", {format_size(section.size_bytes)}"
        cost = section.cost
        if cost is not None:
            lines[0] += f", about {cost.usd_per_month:,.2f} USD a month by the list prices of {cost.date}"
        if section.concern in FIXABLE and len(section.fixable) < section.objects:
            lines[0] += f"; {len(section.fixable):,} would be seen to by --fix {section.concern.value}"
    for finding in section.findings[:examples]:
        lines.append(f"  {display(finding.ref.key)} ({format_size(finding.size)}): {display(finding.words, 300)}")
        if finding.left_because:
            lines.append(f"    Left alone: {display(finding.left_because, 300)}")
    if section.objects > examples:
        lines.append(f"  … and {plural(section.objects - min(examples, len(section.findings)), 'other')}")
    return [*lines, *_what_is_missing(section, examples)]


def _what_is_missing(section: Section, examples: int) -> Sequence[str]:
    lines = [f"  {display(note, 300)}" for note in section.notes]
    if section.not_looked_at:
        lines.append(f"  {plural(section.not_looked_at, 'object')} not looked at (see --most)")
    if section.problem is not None:
        lines.append(f"  Could not be found out: {display(section.problem.sentence(), 400)}")
    elif section.errors:
        lines.append(f"  {plural(len(section.errors), 'object')} could not be looked at:")
        lines += [
            f"    {display(error.subject, 120)}: {display(error.sentence(), 300)}"
            for error in section.errors[:examples]
        ]
    return lines
