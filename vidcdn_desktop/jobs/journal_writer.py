"""The journal's file, one user at a time: the writer's thread, or a caller that finds it idle.

    any thread ── later(work) ──> queue ──> [work work work] ── one commit every 0.2 s
               ── write(work) ──>       ──> what is queued, then work and its commit ──> the caller goes on
               ── read(work)  ──>       ──> what is queued, then work ──> its result

Callers that wait at the same time share one transaction, so that many small files do not wait for a flush each. What
needs no flush and finds nothing queued is done by the caller itself: handing it to a thread and back takes longer than
the work.

What is queued with `later` must survive being late; a disk that is full for a while only makes it later.
"""

from __future__ import annotations

import logging
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from time import monotonic
from typing import Any, TypeVar

_log = logging.getLogger(__name__)

_T = TypeVar("_T")

Work = Callable[[sqlite3.Connection], _T]

_LINGER_S = 0.2
"""How long queued work waits for company: a commit costs a flush of the disk, a part costs none."""

_RETRY_S = 5.0
"""Before queued work that could not be written is tried again by itself."""

_MOST_KEPT = 50_000
"""Pieces of queued work kept while nothing can be written; five uploads of 10,000 parts."""


class WriterClosed(Exception):
    """The journal was closed before this call."""


@dataclass(frozen=True)
class _Task:
    work: Work[Any]
    begin: str
    """Statement that opens the transaction; empty for queued work."""
    future: Future[Any] | None
    flush: bool = True
    """Whether it must outlive a loss of power, not only the process."""


_MOST_TOGETHER = 64


class JournalWriter:
    """Runs work on a connection, in order of arrival. Any thread may call any method; owns the connection."""

    def __init__(self, connection: sqlite3.Connection, on_trouble: Callable[[sqlite3.Error | None], None]) -> None:
        """`on_trouble` hears of every commit of queued work, in the writer's thread: the error, or None."""
        self._connection = connection
        self._on_trouble = on_trouble
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._pending: list[Work[Any]] = []
        self._due: float | None = None
        self._lock = threading.Lock()
        self._turn = threading.Lock()
        """Held by whoever uses the connection."""
        self._flushes = True
        """Whether commits wait for the disk now, as `journal_schema` opens the file."""
        self._waiting = 0
        """Tasks handed to the thread and not done; queued lines count until they are committed."""
        self._closed = False
        self._ended = False
        """The connection is closed; read in one's turn."""
        # A daemon: a program that forgot to close must still end. Queued work may be lost then, nothing else.
        self._thread = threading.Thread(target=self._run, name="journal", daemon=True)
        self._thread.start()

    def later(self, work: Work[None]) -> None:
        """Queue work for the next commit and return at once. After `close` it is dropped."""
        with self._lock:
            self._waiting += 1
            self._tasks.put(_Task(work, "", None))

    def write(self, work: Work[_T], *, flush: bool = True) -> _T:
        """Run work, whole or not at all; returns when a loss of power cannot undo it.

        Without `flush` only the end of the process cannot; the next flush takes it along.

        Raises: WriterClosed, sqlite3.Error, and what `work` raises; nothing of it was written then.
        """
        return self._ask(work, "BEGIN IMMEDIATE", flush)

    def read(self, work: Work[_T]) -> _T:
        """Run work that only reads, after everything queued before.

        Raises: WriterClosed, sqlite3.Error, and what `work` raises.
        """
        return self._ask(work, "BEGIN", flush=False)

    def close(self) -> None:
        """Write what is queued, then close the file. Waits; twice is harmless."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._tasks.put(None)
        self._thread.join()

    def _ask(self, work: Work[_T], begin: str, flush: bool) -> _T:
        future: Future[_T] = Future()
        with self._lock:
            if self._closed:
                raise WriterClosed
            alone = not flush and not self._waiting
            if not alone:
                self._waiting += 1
                self._tasks.put(_Task(work, begin, future, flush))
        if not alone:
            return future.result()
        # Another caller's turn is over sooner than the writer's thread would be awake.
        with self._turn:
            if self._ended:
                raise WriterClosed
            return self._transaction(work, begin, flush=False)

    def _flushing(self, on: bool) -> None:
        """Whether the next commit waits for the disk. By whoever has the turn, before its transaction."""
        if on != self._flushes:
            self._connection.execute(f"PRAGMA synchronous = {'FULL' if on else 'NORMAL'}")
            self._flushes = on

    def _done(self, count: int) -> None:
        with self._lock:
            self._waiting -= count

    # In the writer's thread
    def _run(self) -> None:
        next_task: list[_Task | None] = []
        """What was taken out of the queue and does not belong to the group before it."""
        while True:
            try:
                wait_s = None if self._due is None else max(0.0, self._due - monotonic())
                task = next_task.pop() if next_task else self._tasks.get(timeout=wait_s)
            except Empty:
                self._commit_pending()
                continue
            if task is None:
                break
            if task.future is None:
                self._keep(task.work)
                continue
            group = [task]
            while len(group) < _MOST_TOGETHER and not next_task:
                try:
                    following = self._tasks.get_nowait()
                except Empty:
                    break
                if following is None or following.future is None:
                    next_task.append(following)
                else:
                    group.append(following)
            self._commit_pending()
            with self._turn:
                self._answer(group)
            self._done(len(group))
        self._commit_pending()
        with self._turn:
            self._ended = True
            self._connection.close()

    def _keep(self, work: Work[Any]) -> None:
        if len(self._pending) < _MOST_KEPT:
            self._pending.append(work)
        else:
            self._done(1)
        if self._due is None:
            self._due = monotonic() + _LINGER_S

    def _commit_pending(self) -> None:
        self._due = None
        if not self._pending:
            return
        try:
            with self._turn:
                self._transaction(self._all_pending, "BEGIN IMMEDIATE", flush=True)
        except sqlite3.Error as exc:
            self._due = monotonic() + _RETRY_S
            self._on_trouble(exc)
        else:
            self._done(len(self._pending))
            self._pending.clear()
            self._on_trouble(None)

    def _all_pending(self, connection: sqlite3.Connection) -> None:
        for work in self._pending:
            try:
                work(connection)
            except Exception as exc:
                if not _is_hopeless(exc):
                    raise
                _log.exception("a line of the journal was dropped")

    def _answer(self, group: list[_Task]) -> None:
        """Run what some callers wait for in one transaction; each gets its own result or exception."""
        begin = "BEGIN IMMEDIATE" if any(task.begin == "BEGIN IMMEDIATE" for task in group) else "BEGIN"
        flush = any(task.flush for task in group)
        outcomes: list[tuple[Any, Exception | None]] = []

        def all_of_them(connection: sqlite3.Connection) -> None:
            for task in group:
                outcomes.append(_alone(connection, task.work) if len(group) > 1 else (task.work(connection), None))

        try:
            self._transaction(all_of_them, begin, flush)
        except BaseException as exc:  # noqa: BLE001 - it belongs to the callers, who read their futures
            for task in group:
                if task.future is not None:
                    task.future.set_exception(exc)
        else:
            for task, (result, failure) in zip(group, outcomes, strict=True):
                if task.future is not None and failure is not None:
                    task.future.set_exception(failure)
                elif task.future is not None:
                    task.future.set_result(result)

    def _transaction(self, work: Work[_T], begin: str, flush: bool) -> _T:
        connection = self._connection
        self._flushing(flush)
        try:
            connection.execute(begin)
            result = work(connection)
            connection.execute("COMMIT")
        except BaseException:
            self._roll_back()
            raise
        return result

    def _roll_back(self) -> None:
        # Some failures end the transaction by themselves.
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error as exc:
                _log.warning("the journal could not roll back: %s", exc)


def _alone(connection: sqlite3.Connection, work: Work[_T]) -> tuple[_T | None, Exception | None]:
    """Work beside others in a transaction: what it raises undoes its own lines only.

    Raises: sqlite3.Error: the whole transaction is lost (a full disk ends it).
    """
    connection.execute("SAVEPOINT alone")
    try:
        result = work(connection)
    except Exception as exc:  # noqa: BLE001 - it belongs to one caller, who reads the future
        connection.execute("ROLLBACK TO alone")
        connection.execute("RELEASE alone")
        return None, exc
    connection.execute("RELEASE alone")
    return result, None


def _is_hopeless(exc: Exception) -> bool:
    """Whether trying again cannot help: then one line is at fault, and it must not keep the others from the disk."""
    lasting = (sqlite3.IntegrityError, sqlite3.ProgrammingError, sqlite3.DataError, sqlite3.InterfaceError)
    return isinstance(exc, lasting) or not isinstance(exc, sqlite3.Error)
