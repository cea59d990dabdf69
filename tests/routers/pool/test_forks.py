"""A pool in a forked child: its workers did not come along."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

PROGRAM = """
    import os, signal, sys, threading
    from actors import ActorSystem, ForkedError
    from actors.routers import Pool

    system = ActorSystem()
    pool = Pool(system, repr, size=1)
    assert pool.ref.ask(1) == "1"
    uses = [
        lambda: pool.ref.tell(1), lambda: pool.ref.ask(1), lambda: pool.drain(), lambda: pool.close(), lambda: pool.resize(3),
        lambda: pool.pause(1.0), lambda: pool.stats(), lambda: pool.workers,
    ]
    held, over = threading.Event(), threading.Event()

    def hold():  # what a sender does at the moment of the fork
        with pool._books.lock:
            held.set()
            over.wait()

    if HELD:
        threading.Thread(target=hold).start()
        held.wait()
    child = os.fork()
    if not child:
        signal.alarm(60)  # a child that hangs does not stay
        refused = 0
        for use in uses:
            try:
                use()
            except ForkedError:
                refused += 1
        os._exit(refused)
    status = os.waitpid(child, 0)[1]
    over.set()
    assert status == len(uses) << 8, status
    assert pool.ref.ask(2) == "2"
    system.shutdown()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no fork there")
@pytest.mark.parametrize("held", [False, True])
def test_a_forked_child_is_refused_by_the_pool_it_inherited_at_once(held: bool) -> None:
    program = textwrap.dedent(PROGRAM).replace("HELD", str(held))
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
