"""`check URL`: what the edge really serves."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.delivery.model import Severity
from vidcdn_desktop.jobs.verify import check_delivery
from vidcdn_desktop.settings import load_settings
from vidcdn_desktop.textsafe import display

_MARKS = {Severity.OK: "ok     ", Severity.NOTE: "note   ", Severity.WARNING: "warning", Severity.PROBLEM: "problem"}


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("check", help="ask the CDN for a link as a viewer would, and say what it serves")
    parser.add_argument("url", metavar="URL")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:
    report = check_delivery(args.url, None, token, load_settings().network)
    lines = [display(args.url)]
    lines += [f"  {_MARKS[finding.severity]}  {display(finding.text)}" for finding in report.findings]
    output.result(report, lines)
    return 0 if report.ok else 1
