"""pykka's own messages, for calls without a proxy."""

from pykka.messages import ProxyCall, ProxyGetAttr, ProxySetAttr

__all__ = ["ProxyCall", "ProxyGetAttr", "ProxySetAttr"]
