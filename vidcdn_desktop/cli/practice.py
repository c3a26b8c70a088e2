"""`practice`: keep a practice cloud running, and print how to reach it."""

from __future__ import annotations

import argparse
from typing import Any

from vidcdn_desktop.cancel import CancelToken
from vidcdn_desktop.cli.output import Output
from vidcdn_desktop.practice.cloud import PracticeCloud


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser("practice", help="run a practice cloud until Ctrl+C, for scripts and other tools")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace, output: Output, token: CancelToken) -> int:  # noqa: ARG001 - one shape for all
    with PracticeCloud.start(token) as cloud:
        # The key opens nothing but this loopback server and dies with it, so it may be printed.
        variables = {
            "AWS_ENDPOINT_URL": cloud.endpoint_url,
            "AWS_ACCESS_KEY_ID": cloud.access_key_id,
            "AWS_SECRET_ACCESS_KEY": cloud.secret_access_key,
            "AWS_REGION": cloud.region,
        }
        facts = {**variables, "bucket": cloud.bucket, "distribution": cloud.distribution_id, "edge": cloud.edge_url}
        lines = [f"export {name}={value}" for name, value in variables.items()]
        lines.append(f"# --bucket {cloud.bucket} --distribution {cloud.distribution_id}")
        output.result(facts, lines)
        output.note("The practice cloud runs until Ctrl+C.")
        while not token.wait(3600):
            pass
    return 0
