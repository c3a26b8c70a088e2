"""How the network is reached: through which proxy, and which authorities are trusted. A value, passed by constructor.

Certificates are always verified; there is no setting against it. This computer itself is never asked for through a
proxy.
"""

from __future__ import annotations

import ipaddress
import os
import ssl
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from vidcdn_desktop.errors import SettingsInvalid
from vidcdn_desktop.textsafe import display

NO_PROXY = "none"
"""The setting for "no proxy at all", whatever the environment says."""

CA_VARIABLE = "AWS_CA_BUNDLE"

_MEANING = "Nothing was sent."


@dataclass(frozen=True)
class NetworkSettings:
    """What the user set about the network. Holds no secret."""

    proxy: str = ""
    """Empty: from the environment or the system. "none": no proxy. Otherwise the proxy's address, without a login."""
    ca_bundle: str = ""
    """PEM file with authorities that are trusted beside the known ones; empty: the file in AWS_CA_BUNDLE, if any."""

    def sdk_proxies(self, url: str = "") -> dict[str, str] | None:
        """The proxies in the shape the SDK takes: None for "as the environment says", empty for none.

        Args:
            url: What will be asked for; empty for AWS.
        """
        if (url and is_loopback(url)) or self.proxy == NO_PROXY:
            return {}
        return {"http": self.proxy, "https": self.proxy} if self.proxy else None

    def proxy_for(self, url: str) -> str:
        """The address of the proxy for a URL; empty for a direct connection."""
        if is_loopback(url) or self.proxy == NO_PROXY:
            return ""
        return self.proxy or _system_proxy(url)

    def bundle(self, environ: Mapping[str, str] | None = None) -> str:
        """The file of authorities that counts: the setting, else the variable; empty if neither is given.

        Raises: SettingsInvalid: it cannot be read, or holds no certificate.
        """
        environ = os.environ if environ is None else environ
        path = self.ca_bundle or environ.get(CA_VARIABLE, "")
        if path:
            check_ca_bundle(path, by_variable=not self.ca_bundle)
        return path


AS_FOUND = NetworkSettings()
"""Nothing set: the network as the environment and the system describe it."""


def proxy_problem(text: str) -> str:
    """What is wrong with the setting of a proxy, as a sentence; empty if nothing is."""
    if text in ("", NO_PROXY):
        return ""
    wrong = "A proxy is written like “http://proxy.example.com:8080”."
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        return wrong
    if parts.username is not None or parts.password is not None:
        return (
            "A proxy's address must not hold a name or a password: they would be kept in a file for all to read. "
            "Set HTTPS_PROXY in the environment instead, and leave this empty."
        )
    if parts.scheme not in ("http", "https") or not host or not port or parts.path not in ("", "/"):
        return wrong
    if parts.query or parts.fragment or any(c.isspace() or not c.isprintable() for c in text):
        return wrong
    return ""


def check_ca_bundle(path: str, *, by_variable: bool = False) -> None:
    """See that a file holds certificates that can be trusted.

    Args:
        path: The file, PEM.
        by_variable: It is named by AWS_CA_BUNDLE, not by the settings.

    Raises: SettingsInvalid: it cannot be read, or holds no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    try:
        context.load_verify_locations(cafile=path)
    except (OSError, ValueError) as exc:  # an SSLError is an OSError
        there = "in AWS_CA_BUNDLE" if by_variable else "in the settings"
        advice = (
            "Correct AWS_CA_BUNDLE or remove it."
            if by_variable
            else "Choose another file under Settings, Network, or leave the field empty."
        )
        trouble = "holds no certificate" if isinstance(exc, ssl.SSLError) else "cannot be read"
        raise SettingsInvalid(
            f"The certificate file {there} {trouble}.", _MEANING, advice, subject=display(path), code=type(exc).__name__
        ) from exc


def is_loopback(url: str) -> bool:
    """Whether `url` names this computer."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _system_proxy(url: str) -> str:
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme) or proxies.get("all") or ""
    if not proxy or urllib.request.proxy_bypass(parts.hostname or ""):
        return ""
    return proxy if "://" in proxy else f"http://{proxy}"
