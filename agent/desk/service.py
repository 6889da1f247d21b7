"""Runs the desk beside the recording: opens it, hands it cards, looks for forgotten sign-outs, keeps the page up.

    watchers ──emit──▶ service ──▶ recorder        all but cards, at once
                         └── cards ──▶ queue ──▶ desk thread ──▶ readers ──▶ desk

Whatever goes wrong here is told in the status and tried again; the recording goes on without it. A page whose port is
taken leaves cards at work, and the other way round.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agent.clock import Clock
from agent.config import DeskSettings
from agent.desk.api import describe
from agent.desk.cards import open_cards
from agent.desk.client import TOKEN, address_of
from agent.desk.desk import Desk
from agent.desk.guard import Guard
from agent.desk.readers import Readers
from agent.desk.salt import open_salt
from agent.desk.server import Server
from agent.desk.site import Site
from agent.errors import AgentError
from agent.identity import write_private
from agent.journal import Journal
from agent.preview import Preview
from agent.recorder import Recorder
from agent.watchers.watcher import Card, Said, Watcher

GROUP_READABLE = 0o640
TURN_S = 1.0
LOOK_EVERY_MS = 60_000
TRY_AGAIN_S = 10.0
CARDS_WAITING = 64

log = logging.getLogger(__name__)


class DeskService:
    """The desk as the agent runs it. `emit` and `status` may be called by any thread."""

    def __init__(
        self,
        settings: DeskSettings,
        *,
        state_dir: Path,
        journal: Journal,
        recorder: Recorder,
        watchers: Iterable[Watcher],
        clock: Clock,
        glance: Callable[[], Mapping[str, Any]],
    ) -> None:
        """`glance` gives the agent's status, for the page."""
        self._settings = settings
        self._state_dir = state_dir
        self._journal = journal
        self._recorder = recorder
        self._asset_of = {watcher.name: watcher.asset for watcher in watchers}
        self._clock = clock
        self._glance = glance
        self._cards: queue.Queue[Card] = queue.Queue(CARDS_WAITING)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="desk", daemon=True)
        self._desk: Desk | None = None
        self._readers: Readers | None = None
        self._server: Server | None = None
        self._problem = "it has not begun yet"
        self._page_problem = ""
        self._tried_ms = 0  # when the page's port was tried last, monotonic
        self._failures = 0

    def emit(self, said: Said) -> None:
        """Take what a watcher says: cards for the desk, all else for the recorder."""
        if not isinstance(said, Card):
            self._recorder.emit(said)
            return
        with contextlib.suppress(queue.Full):  # a reader that floods is not heard
            self._cards.put_nowait(said)

    def start(self) -> None:
        self._thread.start()

    def stop(self, patience_s: float = 5.0) -> None:
        """End; to be called before the recorder ends, which it needs to finish what it does."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(patience_s)

    def status(self) -> dict[str, Any]:
        """How the desk stands, for `status`."""
        server, readers, desk = self._server, self._readers, self._desk
        return {
            "page": address_of(self._settings) if server else None,
            "problem": self._problem or self._page_problem,
            "hint": readers.hint if readers else "",
            "failures": self._failures + (server.failures if server else 0),
            "present": [describe(person) for person in desk.people()] if desk else [],
        }

    def _keep(self) -> None:
        """Run the desk again and again until `stop`."""
        while not self._stop.is_set():
            try:
                self._run(self._open())
            except AgentError as problem:
                self._problem = str(problem)
            except Exception as problem:  # the desk must not end for good by a mistake of ours, nor stop the others
                log.exception("desk failed")
                self._problem = f"the desk failed ({type(problem).__name__}: {problem})"
            finally:
                self._close()
            if not self._stop.is_set():
                self._failures += 1
                log.error("desk is down", extra={"problem": self._problem, "pause_s": TRY_AGAIN_S})
                self._stop.wait(TRY_AGAIN_S)

    def _open(self) -> tuple[Desk, Readers]:
        salt = open_salt(self._state_dir)
        desk = Desk(
            self._state_dir,
            self._journal,
            salt=salt,
            recorder=self._recorder,
            asset_of=self._asset_of,
            clock=self._clock,
            idle_ms=round(self._settings.idle_h * 3_600_000),
        )
        cards = open_cards(self._state_dir)
        readers = Readers(cards, desk, salt=salt, asset_of=self._asset_of, emit=self._recorder.emit, clock=self._clock)
        self._desk, self._readers, self._problem = desk, readers, ""
        return desk, readers

    def _run(self, opened: tuple[Desk, Readers]) -> None:
        desk, readers = opened
        looked_ms: int | None = None
        while not self._stop.is_set():
            now_ms = self._clock.now().mono_ms
            if looked_ms is None or now_ms - looked_ms >= LOOK_EVERY_MS:
                desk.look_for_forgotten()
                looked_ms = now_ms
            self._serve(desk, readers, now_ms=now_ms)
            with contextlib.suppress(queue.Empty):
                readers.present(self._cards.get(timeout=TURN_S))

    def _serve(self, desk: Desk, readers: Readers, *, now_ms: int) -> None:
        """Have the page up; where its port is taken, try again later."""
        if self._server is not None or (self._page_problem and now_ms - self._tried_ms < TRY_AGAIN_S * 1000):
            return
        self._tried_ms = now_ms
        address, port = self._settings.address, self._settings.port
        try:
            server = Server(address, port)
        except OSError as problem:
            self._complain(f"the page cannot listen on {address} port {port} ({problem}): set another port in [desk]")
            return
        try:
            server.start(self._site(desk, readers, self._renew_token()))
        except OSError as problem:
            server.close()
            self._complain(f"{self._state_dir / TOKEN} cannot be written: {problem}")
            return
        self._server, self._page_problem = server, ""
        log.info("desk page is up", extra={"port": server.server_port})

    def _complain(self, problem: str) -> None:
        if problem != self._page_problem:
            log.error("desk page is down", extra={"problem": problem})
        self._page_problem = problem

    def _renew_token(self) -> str:
        """Draw a token for programs; it serves as long as this page."""
        token = secrets.token_urlsafe(32)
        write_private(self._state_dir / TOKEN, f"{token}\n".encode(), mode=GROUP_READABLE)
        return token

    def _site(self, desk: Desk, readers: Readers, token: str) -> Callable[[int], Site]:
        preview = Preview(
            self._journal,
            state_dir=self._state_dir,
            assets=self._asset_of,
            open_blocks=self._recorder.open_blocks,
        )

        def make(port: int) -> Site:
            guard = Guard(port, secret=secrets.token_bytes(32), token=token)
            return Site(desk, readers, preview, guard=guard, clock=self._clock, glance=self._glance)

        return make

    def _close(self) -> None:
        server, self._server, self._desk, self._readers = self._server, None, None, None
        if server is not None:
            server.close()
