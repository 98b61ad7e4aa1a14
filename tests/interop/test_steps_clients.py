"""A client that is killed when Redis has done what it asked for, and before it
has the answer: to do the same again leaves what one call would have left."""

import datetime
import os
import select
import socket
import subprocess
import threading

import pytest
from rq import Queue, Retry
from rq.job import Job
from rq.registry import FailedJobRegistry

from conftest import program_folder
from state import dump


class Between:
    """Between a client and Redis. It kills the client when Redis has answered a
    call that has one of these words in it."""

    def __init__(self, port, words):
        self.port, self.words, self.client = port, words, None
        self.struck = threading.Event()
        self.known = threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"redis://127.0.0.1:{self.listener.getsockname()[1]}/0"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", self.port))
        struck = False
        while not struck:
            for end in select.select([near, far], [], [])[0]:
                piece = end.recv(1 << 20)
                if not piece:
                    struck = True
                elif end is near:
                    far.sendall(piece)
                    if any(word in piece for word in self.words):
                        assert far.recv(1 << 20)[:1] not in (b"-", b"")
                        self.known.wait(10)
                        self.client.kill()
                        self.struck.set()
                        struck = True
                else:
                    near.sendall(piece)
        near.close()
        far.close()


def seed(r):
    """A job in each state that can be steered."""
    r.flushall()
    q = Queue("q", connection=r)
    made = {"job_timeout": 60}
    q.enqueue("f", 1, job_id="queued", **made)
    q.enqueue("f", 2, job_id="parent", **made)
    q.enqueue("f", depends_on="parent", job_id="child", **made)
    q.enqueue("f", job_id="behind", **made)
    q.enqueue("f", job_id="failed", retry=Retry(1), **made)
    r.lrem("rq:queue:q", 1, "failed")
    Job.fetch("failed", connection=r).set_status("failed")
    FailedJobRegistry("q", connection=r).add(
        Job.fetch("failed", connection=r), 1000)
    q.enqueue_in(datetime.timedelta(hours=1), "f", job_id="scheduled")


SCRIPT = (b"EVALSHA", b"EVAL\r\n")
CASES = {
    "cancel a queued job": (["cancel", "queued"], SCRIPT),
    "cancel one with dependents": (
        ["cancel", "--enqueue-dependents", "parent"], SCRIPT),
    "cancel a deferred one": (["cancel", "child"], SCRIPT),
    "cancel a scheduled one": (["cancel", "scheduled"], SCRIPT),
    "delete a queued job": (["delete", "queued"], SCRIPT),
    "delete a deferred one": (["delete", "child"], SCRIPT),
    "delete one with dependents": (
        ["delete", "--delete-dependents", "parent"], SCRIPT),
    "requeue": (["requeue", "failed"], SCRIPT),
    "move": (["move", "--to", "other", "queued"], SCRIPT),
    "empty": (["empty", "q"], SCRIPT),
    "enqueue": (["enqueue", "-q", "q", "--job-id", "new", "--unique", "f"],
                SCRIPT),
    "suspend": (["suspend"], (b"SET\r\n",)),
    "resume": (["resume"], (b"DEL\r\n",)),
}


@pytest.mark.parametrize("what", CASES)
def test_what_a_killed_client_did_can_be_done_again(r, redis_server, crq,
                                                    what):
    args, words = CASES[what]
    # Once, which also lets Redis know the script.
    seed(r)
    done = crq(*args)
    assert done.code == 0, done
    want = dump(r, ttl_step=60)

    seed(r)
    before = dump(r, ttl_step=60)
    between = Between(redis_server.port, words)
    between.client = subprocess.Popen(
        [os.path.join(program_folder(), "crq"), "-u", between.url, *args],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    between.known.set()
    assert between.client.wait(20) == -9
    assert between.struck.is_set()
    assert dump(r, ttl_step=60) == want
    assert what == "resume" or want != before
    assert crq(*args).code in (0, 1)
    assert dump(r, ttl_step=60) == want
