#!/usr/bin/env python3
"""Random values through crq's pickle codec and back, as TAP.

    pickle_peer.py PEER [COUNT [SEED]]

Each value is pickled by this Python in one of its protocols, read and written
by crq, and must come back as the very bytes that this Python writes for what
the pickle loads to.
"""
import collections
import datetime
import decimal
import pickle
import random
import struct
import subprocess
import sys
import uuid

# Zones are values of their own in crq's datetimes: two that share one zone
# object come back with a zone each. UTC is one object everywhere.
ZONES = [None, datetime.timezone.utc]


def text(r):
    kinds = ['abcXYZ_', 'a\u00e9\u20ac\U0001f600', '\0\n\r\\\'"\x1a\x7f',
             '\ud800\udfff']
    chars = r.choice(kinds)
    return ''.join(r.choice(chars) for _ in range(r.choice(
        [0, 1, 2, 5, 20, 255, 256, 300])))


def number(r):
    n = r.getrandbits(r.choice([1, 7, 8, 15, 16, 31, 32, 33, 63, 64, 65, 128,
                                2040, 2041]))
    return r.choice([n, -n, -n - 1])


def when(r):
    return datetime.datetime(
        r.randint(1, 9999), r.randint(1, 12), r.randint(1, 28),
        r.randint(0, 23), r.randint(0, 59), r.randint(0, 59),
        r.randint(0, 999999), r.choice(ZONES), fold=r.randint(0, 1))


def delta(r):
    # Not 0: newer Pythons have one object of that.
    return datetime.timedelta(r.randint(-999999999, 999999998),
                              r.randint(1, 86399), r.randint(0, 999999))


SCALARS = [
    lambda r: None, lambda r: r.random() < 0.5, number,
    lambda r: r.choice([0.0, -0.0, 1e300, r.random(), float('inf')]), text,
    lambda r: text(r).encode('utf-8', 'surrogatepass') * 2,
    lambda r: uuid.UUID(int=r.getrandbits(r.choice([1, 31, 64, 127, 128]))),
    lambda r: decimal.Decimal(number(r)).scaleb(r.randint(-20, 20)),
    when, lambda r: when(r).date(), lambda r: when(r).timetz(), delta]


def items(r, depth, count=None):
    n = r.choice([0, 1, 2, 3, 4, 9]) if count is None else count
    return [value(r, depth - 1) for _ in range(n)]


def pairs(r, depth):
    return [(r.choice([number, text])(r), v) for v in items(r, depth)]


CONTAINERS = [
    items, lambda r, d: tuple(items(r, d)), lambda r, d: dict(pairs(r, d)),
    lambda r, d: collections.OrderedDict(pairs(r, d)),
    lambda r, d: bytearray(text(r).encode('utf-8', 'replace')),
    lambda r, d: {number(r)}, lambda r, d: frozenset([text(r)]),
    lambda r, d: 2 * items(r, d, 2), lambda r, d: 2 * [items(r, d)]]


def value(r, depth):
    if depth > 0 and r.random() < 0.5:
        return r.choice(CONTAINERS)(r, depth)
    return r.choice(SCALARS)(r)


class Peer:
    def __init__(self, path):
        self.process = subprocess.Popen(
            [path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def again(self, data):
        self.process.stdin.write(struct.pack('<I', len(data)) + data)
        self.process.stdin.flush()
        length, = struct.unpack('<I', self.process.stdout.read(4))
        return self.process.stdout.read(length)

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def main():
    if sys.version_info < (3, 8):
        print('1..0 # SKIP Python 3.8 or later is needed')
        return 0
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 2000
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    peer = Peer(sys.argv[1])
    bad = 0
    print('1..2')
    for i in range(count):
        r = random.Random('%d.%d' % (seed, i))
        data = pickle.dumps(value(r, 5), r.randint(0, 5))
        want = pickle.dumps(pickle.loads(data), 5)
        got = peer.again(data)
        if got != want:
            bad += 1
            print('# value %d of seed %d: %s' % (i, seed, data.hex()[:300]))
            print('#   want %s' % want.hex()[:600])
            print('#   got  %s' % got.hex()[:600])
    print('%sok 1 - %d values come back as Python writes them' % (
        'not ' if bad else '', count))
    print('%sok 2 - the peer ends well' % ('not ' if peer.close() else ''))
    return 0


sys.exit(main())
