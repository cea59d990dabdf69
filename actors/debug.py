"""pykka's debug helper: tracebacks of all threads, also as a signal handler."""

from pykka.debug import log_thread_tracebacks

__all__ = ["log_thread_tracebacks"]
