"""The CloudFront control API behind the port `Cdn`. SDK types end here.

Source: Amazon CloudFront API Reference: ListDistributions, CreateInvalidation, GetInvalidation, ListInvalidations.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from vidcdn_desktop.aws_errors import fault_of, translate
from vidcdn_desktop.delivery.invalidation import MAX_PATHS, MAX_WILDCARDS, check_path
from vidcdn_desktop.delivery.model import Behavior, Distribution, Invalidation, Origin
from vidcdn_desktop.errors import InvalidPath, ObjectNotFound, VidcdnError

if TYPE_CHECKING:
    from mypy_boto3_cloudfront import CloudFrontClient

_KEPT_PATHS = 500
"""Invalidations whose paths are remembered; an invalidation's paths never change."""
_PARALLEL = 4
_OLD_COPY = "The edges keep their old copy."
_UNKNOWN = "Which links serve your videos is not known."


def _items(value: Any) -> list[Any]:
    """The list in one of CloudFront's `{Quantity, Items}` shapes; missing and None are empty."""
    return list((value or {}).get("Items") or [])


def _needs_signature(behavior: Mapping[str, Any]) -> bool:
    return any((behavior.get(name) or {}).get("Enabled") for name in ("TrustedKeyGroups", "TrustedSigners"))


def _may_rewrite(behavior: Mapping[str, Any]) -> bool:
    attached = _items(behavior.get("FunctionAssociations")) + _items(behavior.get("LambdaFunctionAssociations"))
    # A function before the origin changes which object is fetched just as one before the cache does.
    return any(str(a.get("EventType", "")).lower() in ("viewer-request", "origin-request") for a in attached)


def _behavior(raw: Mapping[str, Any], pattern: str) -> Behavior:
    return Behavior(pattern, str(raw.get("TargetOriginId") or ""), _needs_signature(raw), _may_rewrite(raw))


def _origins(summary: Mapping[str, Any]) -> tuple[Origin, ...]:
    origins = []
    for raw in _items(summary.get("Origins")):
        path = str(raw.get("OriginPath") or "").strip("/")
        domain = str(raw.get("DomainName") or "")
        origins.append(Origin(str(raw.get("Id") or ""), domain, f"/{path}" if path else ""))
    for raw in _items(summary.get("OriginGroups")):
        members = tuple(str(m.get("OriginId") or "") for m in _items(raw.get("Members")))
        origins.append(Origin(str(raw.get("Id") or ""), "", is_group=True, member_ids=members))
    return tuple(origins)


def distribution_from(summary: Mapping[str, Any]) -> Distribution:
    """One DistributionSummary in our words. Behaviors stay in order of precedence, the default one last."""
    behaviors = [_behavior(raw, str(raw.get("PathPattern") or "")) for raw in _items(summary.get("CacheBehaviors"))]
    behaviors.append(_behavior(summary.get("DefaultCacheBehavior") or {}, "*"))
    return Distribution(
        id=str(summary.get("Id") or ""),
        domain_name=str(summary.get("DomainName") or ""),
        status=str(summary.get("Status") or ""),
        enabled=bool(summary.get("Enabled")),
        aliases=tuple(str(alias) for alias in _items(summary.get("Aliases"))),
        comment=str(summary.get("Comment") or ""),
        origins=_origins(summary),
        behaviors=tuple(behaviors),
        default_root_object=str(summary.get("DefaultRootObject") or ""),
        staging=bool(summary.get("Staging")),
        tenant_only=str(summary.get("ConnectionMode") or "").lower() == "tenant-only",
        arn=str(summary.get("ARN") or ""),
    )


def _invalidation(raw: Mapping[str, Any], distribution_id: str, paths: Sequence[str] = ()) -> Invalidation:
    created = raw.get("CreateTime")
    if not isinstance(created, datetime):
        created = datetime.fromtimestamp(0, UTC)
    elif created.tzinfo is None:
        created = created.replace(tzinfo=UTC)
    batch = (raw.get("InvalidationBatch") or {}).get("Paths")
    return Invalidation(
        id=str(raw.get("Id") or ""),
        distribution_id=distribution_id,
        status=str(raw.get("Status") or ""),
        paths=tuple(str(p) for p in _items(batch)) or tuple(paths),
        created=created.astimezone(UTC),
    )


def _valid(paths: Iterable[str], distribution_id: str) -> list[str]:
    """The paths without repetitions.

    Raises: InvalidPath: one of them would be refused or would silently match nothing; or there are too many.
    """
    unique = list(dict.fromkeys(paths))
    wildcards = sum(path.endswith("*") for path in unique)
    problem = ""
    subject = distribution_id
    if not unique:
        problem = "There is no path to refresh."
    elif wildcards > MAX_WILDCARDS or len(unique) - wildcards > MAX_PATHS:
        problem = f"CloudFront takes {MAX_PATHS:,} single paths and {MAX_WILDCARDS} paths with a * at once."
    for path in unique:
        check = check_path(path)
        if check.problem or check.path != path:
            problem = check.problem or "The path holds characters that must be percent-encoded."
            subject = path
            break
    if problem:
        raise InvalidPath(problem, _OLD_COPY, "Mend the path and try again.", subject=subject)
    return unique


class CloudFrontCdn:
    """`model.Cdn` over a boto3 CloudFront client, which the caller owns. Any thread may call any method."""

    def __init__(self, client: CloudFrontClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._paths: OrderedDict[tuple[str, str], tuple[str, ...]] = OrderedDict()

    def list_distributions(self) -> tuple[Distribution, ...]:
        """All distributions of the account, all pages. See `Cdn.list_distributions`."""
        found: list[Distribution] = []
        marker = ""
        while True:
            try:
                answer = self._client.list_distributions(Marker=marker) if marker else self._client.list_distributions()
            except (ClientError, BotoCoreError) as exc:
                raise _told(exc, "cloudfront:ListDistributions", "CloudFront", _UNKNOWN) from exc
            page = answer.get("DistributionList") or {}
            found += [distribution_from(summary) for summary in _items(page)]
            following = str(page.get("NextMarker") or "")
            if not page.get("IsTruncated") or not following or following == marker:
                return tuple(found)
            marker = following

    def create_invalidation(self, distribution_id: str, paths: Sequence[str], caller_reference: str) -> Invalidation:
        """Ask all edges to drop their copies. See `Cdn.create_invalidation`."""
        unique = _valid(paths, distribution_id)
        batch: Any = {"Paths": {"Quantity": len(unique), "Items": unique}, "CallerReference": caller_reference}
        try:
            answer = self._client.create_invalidation(DistributionId=distribution_id, InvalidationBatch=batch)
        except (ClientError, BotoCoreError) as exc:
            fault = fault_of(exc)
            if fault.code in ("InvalidArgument", "BatchTooLarge", "InconsistentQuantities"):
                raise InvalidPath(
                    "CloudFront refused the paths.",
                    _OLD_COPY,
                    "Mend the paths and try again.",
                    subject=distribution_id,
                    code=fault.code,
                    request_id=fault.request_id,
                ) from exc
            raise _told(exc, "cloudfront:CreateInvalidation", distribution_id, _OLD_COPY) from exc
        return self._remember(_invalidation(answer.get("Invalidation") or {}, distribution_id, unique))

    def get_invalidation(self, distribution_id: str, invalidation_id: str) -> Invalidation:
        """One invalidation as it stands now. See `Cdn.get_invalidation`. Raises ObjectNotFound too."""
        try:
            answer = self._client.get_invalidation(DistributionId=distribution_id, Id=invalidation_id)
        except (ClientError, BotoCoreError) as exc:
            meaning = "How far the refresh is, is not known."
            raise _told(exc, "cloudfront:GetInvalidation", distribution_id, meaning) from exc
        return self._remember(_invalidation(answer.get("Invalidation") or {}, distribution_id))

    def list_invalidations(self, distribution_id: str, limit: int = 20) -> tuple[Invalidation, ...]:
        """The newest invalidations with their paths. See `Cdn.list_invalidations`.

        The listing has no paths: they are fetched once per invalidation, a few at a time, and remembered.
        """
        listed = self._listed(distribution_id, limit)
        with self._lock:
            known = {i.id: self._paths.get((distribution_id, i.id)) for i in listed}
        missing = [i.id for i in listed if known[i.id] is None]
        if missing:
            with ThreadPoolExecutor(min(_PARALLEL, len(missing)), "invalidation-paths") as pool:
                fetched = pool.map(lambda i: self._paths_of(distribution_id, i), missing)
                known.update(zip(missing, fetched, strict=True))
        return tuple(Invalidation(i.id, distribution_id, i.status, known[i.id] or (), i.created) for i in listed)

    def _listed(self, distribution_id: str, limit: int) -> list[Invalidation]:
        listed: list[Invalidation] = []
        marker = ""
        while len(listed) < limit:
            request: Any = {"DistributionId": distribution_id, "MaxItems": str(min(100, limit - len(listed)))}
            if marker:
                request["Marker"] = marker
            try:
                answer = self._client.list_invalidations(**request)
            except (ClientError, BotoCoreError) as exc:
                meaning = "Earlier refreshes cannot be shown."
                raise _told(exc, "cloudfront:ListInvalidations", distribution_id, meaning) from exc
            page = answer.get("InvalidationList") or {}
            listed += [_invalidation(raw, distribution_id) for raw in _items(page)]
            following = str(page.get("NextMarker") or "")
            if not page.get("IsTruncated") or not following or following == marker:
                break
            marker = following
        # AWS lists the newest first; not every server does.
        return sorted(listed, key=lambda i: i.created, reverse=True)[:limit]

    def _paths_of(self, distribution_id: str, invalidation_id: str) -> tuple[str, ...]:
        try:
            return self.get_invalidation(distribution_id, invalidation_id).paths
        except ObjectNotFound:  # dropped from CloudFront's history between the two questions
            return ()

    def _remember(self, invalidation: Invalidation) -> Invalidation:
        with self._lock:
            self._paths[(invalidation.distribution_id, invalidation.id)] = invalidation.paths
            while len(self._paths) > _KEPT_PATHS:
                self._paths.popitem(last=False)
        return invalidation


def _told(exc: BaseException, action: str, subject: str, meaning: str) -> VidcdnError:
    return translate(exc, action=action, subject=subject, meaning=meaning)
