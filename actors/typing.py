"""pykka's helpers for typed proxies."""

from pykka.typing import ActorMemberMixin, proxy_field, proxy_method

__all__ = ["ActorMemberMixin", "proxy_field", "proxy_method"]
