"""crq-protocol(7) holds: its examples run, and it names what RQ writes."""

import pickle
import re
import shlex
import zlib
from pathlib import Path

import pytest
from rq import Callback, Queue, Retry, SimpleWorker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

PAGE = Path(__file__).parents[2] / "man" / "crq-protocol.7"
HEX_LINE = re.compile(r"^(?:[0-9a-f]{2} ?)+(?:\s|$)")


def literal_blocks():
    return [block.strip("\n").split("\n") for block in re.findall(
        r"^\.Bd -literal.*?\n(.*?)^\.Ed$", PAGE.read_text(), re.M | re.S)]


def hex_bytes(lines):
    """The bytes at the beginnings of lines, without what explains them."""
    return b"".join(bytes.fromhex(m[0]) for m in map(HEX_LINE.match, lines)
                    if m)


def items_of(section):
    """The tags of the lists in a section."""
    body = PAGE.read_text().split(f".Ss {section}\n")[1]
    body = re.split(r"^\.S[sh] ", body, maxsplit=1, flags=re.M)[0]
    return {name for line in re.findall(r"^\.It Sy (.*)$", body, re.M)
            for name in re.findall(r"[a-z_]+", line)}


def block_with(text):
    [block] = [b for b in literal_blocks() if text in "\n".join(b)]
    return block


@pytest.fixture
def commands():
    """The worked example, its folded lines made whole again."""
    text = "\n".join(block_with("RPUSH")).replace("\n  ", " ")
    return [shlex.split(line) for line in text.split("\n")]


def run(r, commands):
    for command in commands:
        r.execute_command(*command)


@pytest.mark.old_rq
def test_the_example_is_a_job_that_a_worker_runs(r, commands):
    run(r, commands)

    queue = Queue("mail", connection=r, serializer=JSONSerializer)
    assert queue.job_ids == ["demo-1"]
    SimpleWorker([queue], connection=r, serializer=JSONSerializer).work(
        burst=True)

    job = Job.fetch("demo-1", connection=r, serializer=JSONSerializer)
    assert job.get_status() == "finished"
    assert job.return_value() == 1024
    [(_, entry)] = r.xrange("rq:results:demo-1")
    assert f".Ql {entry[b'return_value'].decode()} ," in PAGE.read_text()


@pytest.mark.old_rq
def test_the_data_shown_byte_by_byte_is_the_same_call(r, commands):
    plain = hex_bytes(block_with("PROTO 5"))
    packed = hex_bytes(block_with("78 9c"))

    assert zlib.decompress(packed) == plain
    assert pickle.loads(plain) == ("builtins.pow", None, (2, 10), {})

    run(r, commands)
    r.hset("rq:job:demo-1", "data", packed)
    queue = Queue("mail", connection=r)
    SimpleWorker([queue], connection=r).work(burst=True)
    assert Job.fetch("demo-1", connection=r).return_value() == 1024
    [(_, entry)] = r.xrange("rq:results:demo-1")
    shown = block_with("XREVRANGE")
    assert f'"{entry[b"return_value"].decode()}"' in "\n".join(shown)


def test_every_field_that_rq_writes_is_named(r):
    queue = Queue("mail", connection=r)
    first = queue.enqueue("builtins.pow", 2, 10)
    callback = Callback("builtins.print", timeout=5)
    job = queue.enqueue(
        "builtins.pow", 2, 10, depends_on=first, meta={"a": 1}, ttl=60,
        result_ttl=60, failure_ttl=60, at_front=True,
        retry=Retry(max=3, interval=[1, 2]), on_success=callback,
        on_failure=callback, on_stopped=callback)
    SimpleWorker([queue], connection=r).work(burst=True)

    keys = [f"rq:job:{job.id}", f"rq:job:{first.id}"]
    written = {name.decode() for key in keys for name in r.hkeys(key)}
    assert len(written) > 20
    # The status has a sentence of its own; the timeouts share one.
    written -= {"status", "failure_callback_timeout",
                "stopped_callback_timeout"}
    assert written - items_of("The job hash") == set()


def test_every_status_is_named():
    assert {status.value for status in JobStatus} == items_of("To follow it")
