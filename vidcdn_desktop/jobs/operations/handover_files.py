"""The files of a hand-over: the list of objects, the job, what the role must be allowed, the lifecycle rule.

Source: Amazon S3 User Guide, "Granting permissions for Batch Operations", "Specifying a manifest"; AWS CLI Command
Reference, s3control create-job.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vidcdn_desktop.errors import DiskFull, SettingsInvalid
from vidcdn_desktop.jobs.operations.handover import Handover
from vidcdn_desktop.textsafe import plural

DEFAULT_ROLE = "vidcdn-batch"
DEFAULT_FOLDER = "vidcdn-batch/"
UNKNOWN_ACCOUNT = "000000000000"
"""In files for an admin, where it cannot be asked whose account it is."""

_PRIORITY = 10
_SPEC = "S3BatchOperations_CSV_20180820"
_REPORT = "Report_CSV_20180820"
_NOTHING = "Nothing was changed in the bucket."


@dataclass(frozen=True)
class Place:
    """Where a job lives, and who does it."""

    account: str
    region: str
    role: str
    """The ARN of the role Batch Operations takes on."""
    folder: str = DEFAULT_FOLDER
    """Of the list and the report, in the bucket; ends in /."""
    token: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Tells the store that a second request is the first one again, whose answer was lost."""

    @property
    def partition(self) -> str:
        """First part of all ARNs there."""
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"


def default_role(account: str, region: str) -> str:
    """The role the permission files are for, if nobody names another."""
    place = Place(account, region, "")
    return f"arn:{place.partition}:iam::{account}:role/{DEFAULT_ROLE}"


def manifest_key(handover: Handover, place: Place) -> str:
    """Where the list of objects goes in the bucket."""
    return f"{place.folder}{handover.mark}/manifest.csv"


def manifest_of(handover: Handover) -> bytes:
    """The list of objects: one a line, keys percent-encoded as the format wants them."""
    lines = []
    for item in handover.items:
        parts = [item.ref.bucket, quote(item.ref.key, safe="/", errors="surrogatepass")]
        if handover.with_versions:
            parts.append(item.version_id)
        lines.append(",".join(parts))
    return "\n".join([*lines, ""]).encode()


def job_request(handover: Handover, place: Place, etag: str) -> dict[str, Any]:
    """What CreateJob is told. It waits to be confirmed, whoever creates it.

    Args:
        handover: What is to be done.
        place: Where, and by which role.
        etag: Of the list, as it lies in the bucket.
    """
    fields = ["Bucket", "Key", *(["VersionId"] if handover.with_versions else [])]
    bucket = f"arn:{place.partition}:s3:::{handover.bucket}"
    return {
        "AccountId": place.account,
        "ConfirmationRequired": True,
        "Operation": _in_partition(handover.operation, place),
        "Report": {
            "Bucket": bucket,
            "Format": _REPORT,
            "Enabled": True,
            "Prefix": f"{place.folder}{handover.mark}/report",
            "ReportScope": "AllTasks",
        },
        "ClientRequestToken": place.token,
        "Manifest": {
            "Spec": {"Format": _SPEC, "Fields": fields},
            "Location": {"ObjectArn": f"{bucket}/{manifest_key(handover, place)}", "ETag": etag},
        },
        "Description": f"VidCDN Desktop: {handover.kind.value}, {plural(len(handover.items), 'object')}",
        "Priority": _PRIORITY,
        "RoleArn": place.role,
    }


def _in_partition(operation: Mapping[str, Any], place: Place) -> dict[str, Any]:
    text = json.dumps(dict(operation)).replace('"arn:aws:s3:::', f'"arn:{place.partition}:s3:::')
    found: dict[str, Any] = json.loads(text)
    return found


def trust_policy(place: Place) -> dict[str, Any]:
    """Who may take the role on: Batch Operations, for jobs of this account only."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "batchoperations.s3.amazonaws.com"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"aws:SourceAccount": place.account}},
            }
        ],
    }


_READS = ("s3:GetObject", "s3:GetObjectVersion", "s3:GetObjectTagging", "s3:GetObjectVersionTagging")
_NEEDS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "S3PutObjectCopy": (_READS, ("s3:PutObject", "s3:PutObjectTagging")),
    "S3PutObjectTagging": ((), ("s3:PutObjectTagging", "s3:PutObjectVersionTagging")),
    "S3InitiateRestoreObject": ((), ("s3:RestoreObject",)),
}
"""What the role does to the objects of the list, and to the objects it writes."""


def permission_policy(handover: Handover, place: Place) -> dict[str, Any]:
    """What the role must be allowed, and no more."""
    bucket = f"arn:{place.partition}:s3:::{handover.bucket}"
    target = f"arn:{place.partition}:s3:::{handover.target_bucket or handover.bucket}"
    reads, writes = _NEEDS[next(iter(handover.operation))]
    folder = f"{bucket}/{place.folder}{handover.mark}/"
    statements = [
        _allow("ReadTheList", ("s3:GetObject", "s3:GetObjectVersion"), f"{folder}manifest.csv"),
        _allow("WriteTheReport", ("s3:PutObject",), f"{folder}report/*"),
        *([_allow("ReadTheObjects", reads, f"{bucket}/*")] if reads else []),
        _allow("ChangeTheObjects", writes, f"{target}/*"),
    ]
    return {"Version": "2012-10-17", "Statement": statements}


def _allow(name: str, actions: Sequence[str], resource: str) -> dict[str, Any]:
    return {"Sid": name, "Effect": "Allow", "Action": list(actions), "Resource": resource}


def lifecycle_of(rule: Mapping[str, Any], present: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """All rules of the bucket with the new one: whoever sets a configuration replaces the whole of it."""
    return {"Rules": [*(dict(old) for old in present if old.get("ID") != rule.get("ID")), dict(rule)]}


def write_files(
    folder: Path, handover: Handover, place: Place, present_rules: Sequence[Mapping[str, Any]] | None
) -> list[Path]:
    """Write everything somebody with the rights needs into a folder; gives the files. Blocks.

    Args:
        folder: Made if it is not there; files of the same names in it are replaced.
        handover: What is to be done.
        place: Where, and by which role.
        present_rules: The lifecycle rules the bucket has now; None: they are not known.

    Raises: SettingsInvalid: there is nothing to write, or the folder cannot be written. DiskFull.
    """
    files: dict[str, bytes] = {}
    if handover.is_possible:
        manifest = manifest_of(handover)
        etag = hashlib.md5(manifest, usedforsecurity=False).hexdigest()
        files["manifest.csv"] = manifest
        files["job.json"] = _json(job_request(handover, place, etag))
        files["trust-policy.json"] = _json(trust_policy(place))
        files["permission-policy.json"] = _json(permission_policy(handover, place))
    if handover.rule:
        files["lifecycle.json"] = _json(lifecycle_of(handover.rule, present_rules or ()))
    if not files:
        raise SettingsInvalid(handover.cannot, _NOTHING, "Do it from here.")
    files["how-to.txt"] = "\n".join(_how_to(handover, place, rules_known=present_rules is not None)).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            (folder / name).write_bytes(data)
    except OSError as exc:
        if exc.errno == 28:  # ENOSPC
            raise DiskFull("The disk is full.", _NOTHING, "Make room, or choose another folder.") from exc
        raise SettingsInvalid(
            f"The files cannot be written: {exc.strerror}.", _NOTHING, "Choose another folder.", subject=str(folder)
        ) from exc
    return [folder / name for name in files]


def _json(value: Mapping[str, Any]) -> bytes:
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def _how_to(handover: Handover, place: Place, *, rules_known: bool) -> list[str]:
    lines: list[str] = []
    if handover.is_possible:
        role = place.role.rpartition("/")[2]
        where = f"s3://{handover.bucket}/{manifest_key(handover, place)}"
        lines += [
            f"S3 Batch Operations: {plural(len(handover.items), 'object')}. {handover.does}",
            *handover.remarks,
            handover.cost,
            "",
            "1. Make the role, unless there is one:",
            f"   aws iam create-role --role-name {role} --assume-role-policy-document file://trust-policy.json",
            f"   aws iam put-role-policy --role-name {role} --policy-name vidcdn-{handover.mark}"
            " --policy-document file://permission-policy.json",
            "2. Put the list into the bucket, and write the ETag it gets into job.json if it is another one there",
            "   (a bucket with a KMS key gives another one):",
            f"   aws s3api put-object --bucket {handover.bucket} --key {manifest_key(handover, place)}"
            " --body manifest.csv",
            f"   ({where})",
            "3. Create the job. It waits until it is confirmed:",
            f"   aws s3control create-job --region {place.region} --cli-input-json file://job.json",
            f"   aws s3control update-job-status --region {place.region} --account-id {place.account} --job-id ID"
            " --requested-job-status Ready",
            "",
        ]
    if handover.rule:
        lines += [f"Lifecycle rule: {handover.rule_does}"]
        if rules_known:
            lines += ["lifecycle.json holds the rules the bucket has now, and the new one."]
        else:
            lines += [
                "The rules the bucket has now could not be read, so lifecycle.json holds only the new one. Setting it",
                "REPLACES ALL RULES OF THE BUCKET: put the others into the file first.",
            ]
        lines += [
            f"   aws s3api put-bucket-lifecycle-configuration --bucket {handover.bucket}"
            " --lifecycle-configuration file://lifecycle.json",
            "",
        ]
    return lines
