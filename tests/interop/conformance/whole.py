"""The whole state of a Redis as flat, comparable text.

read() gives {"rq:job:a/status": "finished", "rq:job:a ttl": About(500), ...}:
every key, field, member, score and TTL, with what differs between any two runs
(times, ids of executions, processes) masked. compare() gives the paths at
which two such states differ.
"""

import base64
import json
import pickle
import re
import zlib
from dataclasses import dataclass

EXECUTION = re.compile(r"\b[0-9a-f]{32}\b")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")

#: How far apart two numbers of seconds from now may be: scenarios take a
#: while, longer on a busy machine. Those that matter are 50 apart or more.
TOLERANCE_S = 20

#: Fields of a worker's hash that say who and where it is.
WHO = {"pid", "hostname", "ip_address", "version", "python_version"}
SECONDS = {"total_working_time", "current_job_working_time"}
#: The dates of a job; of equal ones, in the order in which they may come.
DATES = ("created_at", "started_at", "ended_at", "enqueued_at")


@dataclass(frozen=True)
class About:
    """Seconds from now, give or take some."""

    seconds: float

    def __eq__(self, other):
        return isinstance(other, About) and \
            abs(self.seconds - other.seconds) <= TOLERANCE_S

    def __repr__(self):
        return f"~{self.seconds:.0f} s"


def value(data):
    """The value of serialized bytes, compressed or not, as text."""
    serializer, got = _value(data)
    if type(got).__name__ == "Retry":
        return f"Retry({got.max}, {got.intervals}, {got.enqueue_at_front})"
    return f"{serializer} {got!r}"


def _call(data):
    """The call of a job. RQ's own clients write its arguments as a list or as
    a tuple."""
    serializer, (func, instance, args, kwargs) = _value(data)
    return f"{serializer} {func} {instance} {tuple(args)} {kwargs}"


def _value(data):
    try:
        data = zlib.decompress(data)
    except zlib.error:
        pass
    try:
        return "pickle", pickle.loads(data)
    except Exception:
        return "json", json.loads(data)


#: RQ's own sentences.
SENTENCE = re.compile(
    r"^(Work-horse terminated unexpectedly; waitpid returned \d+"
    r"( \(signal \d+\))?; |Job stopped by user, work-horse terminated\."
    r"|Moved to FailedJobRegistry, due to AbandonedJobError, at "
    r"|Job was stuck in intermediate queue\.)")


def sentence(text):
    """What an error text says beside its evidence: RQ's own sentence, or the
    last line of a traceback. crq adds what it knows."""
    found = SENTENCE.match(text)
    if found:
        return found.group()
    errors = [line for line in text.splitlines()
              if re.match(r"[\w.]+(: |$)", line)]
    return (errors or [text])[-1]


def _text(data):
    text = data.decode(errors="backslashreplace")
    return TIME.sub("<time>", EXECUTION.sub("<exec>", text))


def _job_field(name, data):
    if name == "data":
        return _call(data)
    if name in ("meta", "result") and data:
        return value(data)
    if name == "exc_info":
        return sentence(zlib.decompress(data).decode())
    return _text(data)


def _worker_field(name, data):
    if name in WHO:
        return f"<{name}>" if data else ""
    return "<seconds>" if name in SECONDS else _text(data)


def _execution_field(name, data):
    if name in ("created_at", "last_heartbeat"):
        return "<time>" if float(data) > 1e9 else _text(data)
    return _text(data)


def _entry_field(name, data):
    if name == "return_value":
        return value(base64.b64decode(data))
    if name == "exc_string":
        return sentence(zlib.decompress(base64.b64decode(data)).decode())
    if name in ("execution_started_at", "execution_ended_at"):
        return "<time>" if float(data) > 1e9 else _text(data)
    return _text(data)


def _order(fields):
    """Which of its dates a job has, the earliest first."""
    dates = sorted((fields[name.encode()], DATES.index(name)) for name in DATES
                   if fields.get(name.encode()))
    return " ".join(DATES[place] for _, place in dates)


def _hash(key, fields):
    if re.match(r"rq:job:[^:]+$", key):
        read, more = _job_field, {"(order of dates)": _order(fields)}
    elif key.startswith("rq:worker:"):
        read, more = _worker_field, {}
    elif key.startswith("rq:execution:"):
        read, more = _execution_field, {}
    elif key.startswith("crq:runs:"):
        return {_text(name): "<run>" for name in fields}
    else:
        read, more = (lambda name, data: _text(data)), {}
    return {**{name.decode(): read(name.decode(), data)
               for name, data in fields.items()}, **more}


def _score(score, now):
    return About(score - now) if 1e9 < score < 1e11 else f"{score:g}"


def _key(key):
    """The runs of crq's workers are kept by names that are never the same."""
    return re.sub(r"^(crq:runs):.*", r"\1:<worker>", _text(key))


def _member(key, data):
    if key == b"crq:alive":
        return "<worker>"
    return _text(data)


def _item(data):
    """Of a list: an id, or a line of JSON, which may have other blanks."""
    if data.startswith(b"{"):
        return json.dumps(json.loads(data), sort_keys=True)
    return _text(data)


def _content(r, key, kind, now):
    """Of one key, as {place in it: what is there}."""
    if kind == "hash":
        return _hash(key.decode(), r.hgetall(key))
    if kind == "zset":
        return {_member(key, member): _score(score, now)
                for member, score in r.zrange(key, 0, -1, withscores=True)}
    if kind == "stream":
        return {f"{place} {name.decode()}": _entry_field(name.decode(), data)
                for place, (_, entry) in enumerate(r.xrange(key))
                for name, data in entry.items()}
    if kind == "list":
        return {place: _item(data)
                for place, data in enumerate(r.lrange(key, 0, -1))}
    if kind == "set":
        return {_text(member): "in it" for member in r.smembers(key)}
    text = r.get(key)
    return {"": "<time>" if re.fullmatch(rb"\d{10}\.\d+", text)
            else _text(text)}


def read(r):
    """All of a database."""
    seconds, micros = r.time()
    now = seconds + micros / 1e6
    state = {}
    for key in sorted(r.keys()):
        name, kind = _key(key), r.type(key).decode()
        # What workers count is late by design, and of no effect on any job:
        # tests/live/check_stats.c has it.
        if kind == "none" or key.startswith((b"crq:stats:", b"crq:failures")):
            continue
        ttl = r.ttl(key)
        state[f"{name} ttl"] = About(ttl) if ttl >= 0 else ttl
        for place, what in _content(r, key, kind, now).items():
            state[f"{name}/{place}"] = what
    return state


def compare(theirs, ours):
    """[(path, theirs, ours)], None for what is not there."""
    return [(path, theirs.get(path), ours.get(path))
            for path in sorted({*theirs, *ours})
            if theirs.get(path) != ours.get(path)]
