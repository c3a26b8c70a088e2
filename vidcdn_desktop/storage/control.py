"""S3 Batch Operations: create a job, look how far it is, confirm it or cancel it. The store works, nobody waits here.

Source: Amazon S3 Control API Reference: CreateJob, DescribeJob, UpdateJobStatus; Amazon S3 API Reference,
GetBucketLifecycleConfiguration.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from vidcdn_desktop import aws_errors
from vidcdn_desktop.errors import AccessDenied, ObjectNotFound, ServiceTrouble, SettingsInvalid, VidcdnError

_MEANING = "Nothing was changed in the bucket by this."
_REFUSED = frozenset({"InvalidRequest", "BadRequestException", "InvalidManifest", "IdempotencyException", "400"})
_UNKNOWN = frozenset({"NotImplemented", "MethodNotAllowed", "404", "405", "501", "UnknownOperationException"})


class BatchState(Enum):
    """How far a job is, as the store says it, in fewer words."""

    PREPARING = "preparing"
    WAITING = "waiting"
    """Prepared; it begins when somebody confirms it."""
    RUNNING = "running"
    COMPLETE = "complete"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"

    @property
    def is_over(self) -> bool:
        """Whether nothing happens any more."""
        return self in (BatchState.COMPLETE, BatchState.FAILED, BatchState.CANCELLED)


_STATES = {
    "New": BatchState.PREPARING,
    "Preparing": BatchState.PREPARING,
    "Suspended": BatchState.WAITING,
    "Ready": BatchState.RUNNING,
    "Active": BatchState.RUNNING,
    "Pausing": BatchState.RUNNING,
    "Paused": BatchState.RUNNING,
    "Completing": BatchState.RUNNING,
    "Cancelling": BatchState.RUNNING,
    "Failing": BatchState.RUNNING,
    "Complete": BatchState.COMPLETE,
    "Failed": BatchState.FAILED,
    "Cancelled": BatchState.CANCELLED,
}


@dataclass(frozen=True)
class BatchStatus:
    """A job at one instant."""

    job_id: str
    state: BatchState
    word: str
    """What the store calls it."""
    total: int = 0
    """Objects; 0 as long as the list is not read."""
    done: int = 0
    failed: int = 0
    reasons: tuple[str, ...] = ()
    """Why it failed."""

    def to_json(self) -> dict[str, Any]:
        """As the command line shows it."""
        return {
            "job_id": self.job_id,
            "state": self.state.value,
            "status": self.word,
            "total": self.total,
            "done": self.done,
            "failed": self.failed,
            "reasons": list(self.reasons),
        }


class BatchControl:
    """The jobs of one account in one region. Any thread may call any method; close it when done.

    Args:
        client: Of S3 Control.
        account: 12 digits.
    """

    def __init__(self, client: Any, account: str) -> None:
        self._client = client
        self._account = account

    def create(self, request: Mapping[str, Any]) -> str:
        """CreateJob; gives the id. The same `ClientRequestToken` again makes no second job.

        Raises: AccessDenied: also where the role may not be handed over. SettingsInvalid: the store refuses the wish.
            What every call raises.
        """
        try:
            reply = self._client.create_job(**request)
        except (BotoCoreError, ClientError) as exc:
            error = self._in_words(exc, "s3:CreateJob", str(request.get("RoleArn") or ""))
            raise _not_allowed(error) if isinstance(error, AccessDenied) else error from exc
        return str(reply["JobId"])

    def status(self, job_id: str) -> BatchStatus:
        """DescribeJob.

        Raises: ObjectNotFound: there is no such job (any more: the store forgets them after 90 days).
        """
        try:
            reply = self._client.describe_job(AccountId=self._account, JobId=job_id)
        except (BotoCoreError, ClientError) as exc:
            raise self._in_words(exc, "s3:DescribeJob", job_id) from exc
        job = reply.get("Job") or {}
        progress = job.get("ProgressSummary") or {}
        reasons = [str(found.get("FailureReason") or "") for found in job.get("FailureReasons") or ()]
        if job.get("StatusUpdateReason"):
            reasons.append(str(job["StatusUpdateReason"]))
        word = str(job.get("Status") or "")
        return BatchStatus(
            job_id,
            _STATES.get(word, BatchState.UNKNOWN),
            word,
            int(progress.get("TotalNumberOfTasks") or 0),
            int(progress.get("NumberOfTasksSucceeded") or 0),
            int(progress.get("NumberOfTasksFailed") or 0),
            tuple(reason for reason in reasons if reason),
        )

    def confirm(self, job_id: str) -> None:
        """UpdateJobStatus to Ready: a prepared job begins.

        Raises: what `status` raises.
        """
        self._set(job_id, "Ready")

    def cancel(self, job_id: str) -> None:
        """UpdateJobStatus to Cancelled. What was done with stays done.

        Raises: what `status` raises.
        """
        self._set(job_id, "Cancelled")

    def _set(self, job_id: str, wanted: str) -> None:
        try:
            self._client.update_job_status(AccountId=self._account, JobId=job_id, RequestedJobStatus=wanted)
        except (BotoCoreError, ClientError) as exc:
            raise self._in_words(exc, "s3:UpdateJobStatus", job_id) from exc

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def _in_words(self, exc: Exception, action: str, subject: str) -> VidcdnError:
        fault = aws_errors.fault_of(exc)
        if fault.code in ("NoSuchJob", "NoSuchJobException"):
            return ObjectNotFound(
                "There is no such job any more.",
                "The store forgets jobs 90 days after they have ended.",
                "Look at its report in the bucket.",
                subject=subject,
                code=fault.code,
                request_id=fault.request_id,
            )
        if fault.code == "JobStatusException":
            return SettingsInvalid(
                "The job is not in a state in which that can be done.",
                _MEANING,
                "Look at its status again.",
                subject=subject,
                code=fault.code,
                request_id=fault.request_id,
            )
        if fault.code in _UNKNOWN:
            return ServiceTrouble(
                "This store has no S3 Batch Operations.",
                _MEANING,
                "Do it from here, or save the files for somebody who can use them.",
                subject=subject,
                code=fault.code,
                request_id=fault.request_id,
            )
        if fault.code in _REFUSED:
            said = f" It says: {fault.message[:300]}" if fault.message else ""
            return SettingsInvalid(
                f"S3 Batch Operations refuses this job.{said}",
                _MEANING,
                "Check the role, and that the bucket is in the connection's region.",
                subject=subject,
                code=fault.code,
                request_id=fault.request_id,
            )
        return aws_errors.translate(exc, action=action, subject=subject, meaning=_MEANING)


def _not_allowed(error: AccessDenied) -> AccessDenied:
    return AccessDenied(
        "This account may not create the job, or may not hand this role over.",
        _MEANING,
        "Ask for s3:CreateJob, and for iam:PassRole on the role; or save the files for somebody who has both.",
        subject=error.subject,
        code=error.code,
        request_id=error.request_id,
    )


def lifecycle_rules(client: Any, bucket: str, owner: str | None) -> list[dict[str, Any]] | None:
    """GetBucketLifecycleConfiguration: the rules the bucket has; None where that may not be asked, or is not known.

    Args:
        client: Of S3.
        bucket: Whose rules.
        owner: Account id the bucket must belong to; empty or None: any.

    Raises: what every call raises.
    """
    arguments = {"ExpectedBucketOwner": owner} if owner else {}
    try:
        reply = client.get_bucket_lifecycle_configuration(Bucket=bucket, **arguments)
    except (BotoCoreError, ClientError) as exc:
        if aws_errors.fault_of(exc).code == "NoSuchLifecycleConfiguration":
            return []
        error = aws_errors.translate(
            exc, action="s3:GetLifecycleConfiguration", subject=bucket, bucket=bucket, meaning=_MEANING
        )
        if isinstance(error, AccessDenied) or not error.retryable:
            return None
        raise error from exc
    return [dict(rule) for rule in reply.get("Rules") or ()]
