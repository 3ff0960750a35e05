"""The host's end of the socket pair, in a process of its own, since it ends that process."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from inference.protocol import Cancel, encode_line
from tests.unit.node.dispatch.tasks import make_task

# Busy in the main thread, as while a network runs; says what it was told.
CHILD = """
import socket, sys
from inference.engine.mailbox import Mailbox
mailbox = Mailbox(socket.socket(fileno=int(sys.argv[1])))
task = mailbox.next_task()
print("task", task.job_id, flush=True)
while not mailbox.is_cancelled(task.job_id):
    pass
print("cancelled", flush=True)
task = mailbox.next_task()
print("task", task.job_id, mailbox.is_cancelled(task.job_id), flush=True)
while True:
    pass
"""

Child = tuple[subprocess.Popen[str], socket.socket]


@pytest.fixture
def child() -> Iterator[Child]:
    ours, theirs = socket.socketpair()
    with theirs:
        fd = theirs.fileno()
        process = subprocess.Popen([sys.executable, "-c", CHILD, str(fd)], pass_fds=[fd], stdout=subprocess.PIPE, text=True)
    with process, ours:
        yield process, ours
        process.kill()


def test_a_cancel_reaches_a_busy_host_and_does_not_stick(child: Child) -> None:
    process, ours = child
    assert process.stdout is not None
    ours.sendall(encode_line(make_task(7)))
    assert process.stdout.readline() == "task 7\n"
    ours.sendall(encode_line(Cancel(job_id=7)))
    assert process.stdout.readline() == "cancelled\n"
    ours.sendall(encode_line(make_task(7)))
    assert process.stdout.readline() == "task 7 False\n"


def test_end_of_file_ends_a_busy_host(child: Child) -> None:
    process, ours = child
    assert process.stdout is not None
    ours.sendall(encode_line(make_task(7)))
    assert process.stdout.readline() == "task 7\n"
    ours.close()
    assert process.wait(5.0) == 0


def test_a_line_that_is_no_message_ends_the_host(child: Child) -> None:
    process, ours = child
    ours.sendall(b"what?\n")
    assert process.wait(60.0) == 3
