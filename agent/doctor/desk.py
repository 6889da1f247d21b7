"""The desk's local page: can it have its port, and what it says of itself while it runs."""

import os
import socket
from collections.abc import Iterator

import psutil

from agent.doctor.case import Case
from agent.finding import Finding, split_remedy
from agent.status import Status

WHAT = "desk"


def examine_desk(case: Case) -> Iterator[Finding]:
    """Say whether the page is there, or could be; nothing where no desk is configured."""
    desk = case.configuration.desk
    if desk is None:
        return
    if case.status is not None:
        yield judge_desk(case.status.get("desk") or {})
    elif not case.is_attended:
        yield judge_address(desk.address, desk.port, why_taken(desk.address, desk.port))


def judge_desk(desk: Status) -> Finding:
    """Judge what a running agent says of its desk."""
    if desk.get("problem"):
        found, remedy = split_remedy(desk["problem"])
        return Finding(WHAT, "fail", found, "a page", remedy)
    if not desk.get("page"):
        remedy = "the agent runs with an older configuration: start it again"
        return Finding(WHAT, "fail", "the running agent has no desk", "a page", remedy)
    return Finding(WHAT, "ok", f"{desk['page']}, {len(desk.get('present', []))} people are signed in")


def judge_address(address: str, port: int, taken: str) -> Finding:
    """Judge whether the page can have its port; `taken` says why not, empty where it can."""
    if not taken:
        return Finding(WHAT, "ok", f"port {port} on {address} is free for the page")
    remedy = "end that program, or choose another port in [desk]"
    return Finding(WHAT, "fail", f"port {port} on {address} {taken}", "a free port", remedy)


def why_taken(address: str, port: int) -> str:
    """Say who listens at an address already, or why nobody may; empty where it is free."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":  # elsewhere it would share the port with whoever has it
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except PermissionError:
            return "may not be taken by this user, for it is below 1024"
        except OSError as problem:
            return f"is taken by {holder}" if (holder := _listener(port)) else f"is not free ({problem.strerror})"
    return ""


def _listener(port: int) -> str:
    """The process that listens at a port, as far as this user may see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            at = connection.laddr
            if at and at.port == port and connection.status == psutil.CONN_LISTEN and connection.pid:
                return f"process {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return ""
