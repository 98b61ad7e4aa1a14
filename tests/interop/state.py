"""A Redis database as text, to compare what two programs left in it."""

import base64
import json
import pickle
import re
import zlib

ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def _plain(data):
    """The value of serialized bytes, compressed or not."""
    try:
        data = zlib.decompress(data)
    except zlib.error:
        pass
    try:
        return ("pickle", pickle.loads(data))
    except Exception:
        return ("json", json.loads(data))


def _field(name, data):
    # Compressed bytes may differ: what they hold may not.
    if name in (b"data", b"meta"):
        return repr(_plain(data))
    return TIME.sub("<time>", data.decode(errors="backslashreplace"))


def _entry(name, data):
    """A field of a result entry. What an error says is each program's own."""
    if name == b"return_value":
        return repr(_plain(base64.b64decode(data)))
    if name in (b"execution_id", b"exc_string"):
        return f"<{name.decode()}>"
    if name.startswith(b"execution_"):
        return "<time>" if float(data) > 0 else data.decode()
    return data.decode()


def _content(r, key):
    kind = r.type(key).decode()
    if kind == "hash":
        return {k.decode(): _field(k, v) for k, v in r.hgetall(key).items()}
    if kind == "zset":
        # Scores are times: as whole seconds from now.
        now = r.time()[0]
        return [(m.decode(), round(s - now, -1) if s > 1e9 else s)
                for m, s in r.zrange(key, 0, -1, withscores=True)]
    if kind == "stream":
        return [{k.decode(): _entry(k, v) for k, v in entry.items()}
                for _, entry in r.xrange(key)]
    if kind == "list":
        return [v.decode() for v in r.lrange(key, 0, -1)]
    if kind == "set":
        return sorted(v.decode() for v in r.smembers(key))
    return r.get(key)


def _in_steps(ttl, step):
    """Rounded up: time only takes away from what was set."""
    return -(-ttl // step) if ttl > 0 else ttl


def dump(r, ttl_step=1):
    """All keys with their contents and TTLs; new ids and times are masked.

    ttl_step: TTLs count as equal when they are less than this apart, for
    states that took a while to make."""
    state = {}
    for key in r.keys():
        name = ID.sub("<id>", key.decode())
        assert name not in state, "two jobs with new ids cannot be told apart"
        state[name] = (r.type(key).decode(), _content(r, key),
                       _in_steps(r.ttl(key), ttl_step))
    return json.loads(ID.sub("<id>", json.dumps(state, sort_keys=True,
                                                default=repr)))
