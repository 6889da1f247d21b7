"""Which proxy a request to an address goes through, by this machine's settings (environment, or Windows' own)."""

from __future__ import annotations

import urllib.request
from urllib.parse import SplitResult, urlsplit

LOOPBACK = ("127.0.0.1", "::1", "localhost")


def find_proxy(url: str) -> SplitResult | None:
    """The proxy's address, which may hold a name and a password; None where the way is direct."""
    parts = urlsplit(url)
    # A proxy of the institute's network cannot reach this machine itself.
    if parts.hostname in LOOPBACK or urllib.request.proxy_bypass(parts.netloc):
        return None
    proxy = urllib.request.getproxies().get(parts.scheme)
    return urlsplit(proxy if "://" in proxy else f"http://{proxy}") if proxy else None
