#!/usr/bin/env python3
"""Write the golden pickles: what real Pythons make of plain values.

    make_pickles.py PYTHON... [--seeds FOLDER]

Runs itself under each interpreter (2.7 too; at least one must be 3.8 or
later), both with the C modules and without, and writes into pickle/ here:

    pickles.tsv   name, first Python that wrote it, protocol, pickle in hex,
                  the pickle of protocol 5 of what it loads to ("=": the same),
                  and its repr
    sums.tsv      name, length and CRC-32 of large pickles of protocol 5, for
                  values that check_pickle.c builds under the same names

Every Python from 3.8 on must agree on each pickle of protocol 5.
"""
from __future__ import print_function

import sys

if '--pure' in sys.argv:
    for name in ('_datetime', '_decimal', '_pickle', 'cPickle'):
        sys.modules[name] = None

import binascii
import collections
import datetime
import decimal
import json
import os
import pickle
import subprocess
import types
import uuid
import zlib

PY3 = sys.version_info[0] == 3
Ordered = collections.OrderedDict


class Retry(object):
    """rq.job.Retry as a pickle sees it; RQ itself is not needed here."""

    def __init__(self, max, intervals, enqueue_at_front):
        self.max = max
        self.intervals = intervals
        self.enqueue_at_front = enqueue_at_front

    def __repr__(self):
        return 'Retry(%r, %r, %r)' % (
            self.max, self.intervals, self.enqueue_at_front)


Retry.__module__ = 'rq.job'
sys.modules['rq'] = types.ModuleType('rq')
sys.modules['rq.job'] = types.ModuleType('rq.job')
sys.modules['rq.job'].Retry = Retry


def numbers():
    yield 'None', None
    yield 'True', True
    yield 'False', False
    for n in (0, 1, 127, 128, 255, 256, 65535, 65536, 2**31 - 1, 2**31,
              2**32, 2**63 - 1, 2**63, 2**64, 10**30, 2**2039 - 1,
              2**2039):
        yield 'int %s' % (n if n < 10**31 else 'of %d bits' % n.bit_length()), n
        yield 'int %s' % (-n if n < 10**31 else
                          'of -%d bits' % n.bit_length()), -n
        yield 'int below it, negative, %d bits' % n.bit_length(), -n - 1
    for f in (0.0, -0.0, 1.5, 0.1, -1e300, 5e-324, 1e16, float('inf'),
              float('-inf'), float('nan')):
        yield 'float %r' % f, f


def texts():
    for s in (u'', u'a', u'\xe9', u'\u0100', u'text', u'x' * 255, u'x' * 256,
              u'\u20ac uro', u'\U0001f600', u'\ud800 alone',
              u'back\\slash \\u0041 \\\\', u'line\nfeed\r\0\x1a', u"quotes'\""):
        yield 'str %s' % json.dumps(s[:20]), s
    if not PY3:
        yield 'str of Python 2', b'a\t\'"\\\n\x7f'
        return
    for b in (b'', b'a', b'\xff', b'bytes\0\n\\', bytes(bytearray(range(256))),
              b'b' * 255):
        yield 'bytes of %d, %s' % (len(b), binascii.hexlify(b[:4])), b
    for b in (b'', b'a', b'\0\xff' * 3, b'c' * 300):
        yield 'bytearray of %d' % len(b), bytearray(b)


def containers():
    shared = [1]
    same = (u'twice', shared)
    for n in range(5):
        yield 'tuple of %d' % n, tuple(range(n))
        yield 'list of %d' % n, list(range(n))
        yield 'dict of %d' % n, dict((i, -i) for i in range(n))
        yield 'set of %d' % n, set(range(n))
        yield 'frozenset of %d' % n, frozenset(range(n))
        yield 'OrderedDict of %d' % n, Ordered(
            (u'k%d' % i, i) for i in range(n))
    yield 'nested', [[], {}, (), [[[1]]], {u'a': {u'b': (1, [2])}}]
    yield 'shared parts', [shared, shared, same, {u'x': same}, same]
    yield 'empty and short strings again', [u'', u'', u'a', u'a', u'\xff',
                                            u'\xff', u'ab']
    yield 'keys of all kinds', {None: 1, True: 2, 3: 4, 2.5: 5, u's': 6,
                                (1, (2,)): 7, frozenset([1]): 8}
    yield 'a memo of 300', [[] for i in range(300)]
    late = [u'late']
    yield 'a late reference', [[] for i in range(260)] + [late, late]


def zones():
    if not PY3:
        return
    hours = datetime.timedelta(hours=1)
    yield 'utc', datetime.timezone.utc
    yield 'east', datetime.timezone(2 * hours)
    yield 'west, named', datetime.timezone(-5.5 * hours, 'a name')
    yield 'fraction', datetime.timezone(datetime.timedelta(
        seconds=-1, microseconds=250000) if sys.version_info >= (3, 7)
        else -hours)
    yield 'short name', datetime.timezone(hours, 'X')
    yield 'utc, named', datetime.timezone(0 * hours, 'UTC')


def times():
    days = datetime.timedelta
    yield 'date', datetime.date(2026, 11, 21)
    yield 'first date', datetime.date.min
    yield 'last date', datetime.date.max
    for name, d in (('zero', days()), ('plain', days(1, 2, 3)),
                    ('negative', days(-1, 86399, 999999)),
                    ('longest', days.max), ('shortest', days.min)):
        yield 'timedelta, %s' % name, d
    if not PY3:
        # Python 3 refuses the text of those that are not ASCII.
        return
    yield 'datetime', datetime.datetime(2026, 11, 21, 7, 47, 50, 513712)
    yield 'first datetime', datetime.datetime.min
    yield 'last datetime', datetime.datetime.max
    yield 'time', datetime.time(23, 59, 58, 999999)
    yield 'midnight', datetime.time()
    for name, tz in zones():
        yield 'timezone %s' % name, tz
        yield 'datetime %s' % name, datetime.datetime(
            2026, 1, 2, 3, 4, 5, 6, tz)
        yield 'time %s' % name, datetime.time(3, 4, 5, 6, tz)
    if sys.version_info >= (3, 6):
        yield 'datetime, fold', datetime.datetime(2026, 10, 25, 2, fold=1)
        yield 'time, fold', datetime.time(2, fold=1)
    utc = datetime.timezone.utc
    at = datetime.datetime(2026, 1, 2, tzinfo=utc)
    yield 'datetimes in utc', [at, utc, datetime.datetime(
        2027, 1, 2, tzinfo=utc), datetime.time(1, tzinfo=utc), at]
    yield 'all times', [at, at.date(), at.time(), days(3), days(4)]


def others():
    for d in ('0', '1.50', '-1E+3', 'NaN', '-sNaN12', 'Infinity', '-Infinity',
              '123456789012345678901234567890.123456789', '0E-10'):
        yield 'Decimal %s' % d, decimal.Decimal(d)
    for n in (0, 5, 255, 65535, 2**31 - 1, 2**31, 2**40, 2**63, 2**120,
              2**127, 2**128 - 1):
        yield 'UUID %d' % n, uuid.UUID(int=n)
    two = uuid.UUID(int=2)
    yield 'UUIDs', [two, uuid.UUID(int=3), two]
    yield 'UUID said to be safe', safe()
    yield 'OrderedDict again', [Ordered(), Ordered(a=Ordered(b=1))]
    yield 'Retry', Retry(3, [10, 60], False)
    yield 'Retries', [Retry(1, [0], True), Retry(2, [0], False)]


def safe():
    u = uuid.UUID(int=77)
    if hasattr(uuid, 'SafeUUID'):
        u = uuid.UUID(int=77, is_safe=uuid.SafeUUID.safe)
    return u


def jobs():
    yield 'job', (u'shop.mail', None, (1, u'to', [u'x']), {u'cc': None})
    yield 'job without arguments', (u'shop.count', None, (), {})
    yield 'job of everything', (
        u'shop.all', None,
        (1, 2.5, u'str', None, True, [1], (2,), {u'k': u'v'}, set([3]),
         frozenset([4]), decimal.Decimal('1.5'), uuid.UUID(int=2**100),
         datetime.date(2026, 1, 2), datetime.timedelta(1)),
        {u'one': 1, u'two': {u'three': [3]}})


def values():
    for part in (numbers, texts, containers, times, others, jobs):
        for name, value in part():
            yield name, value


def large():
    """As check_pickle.c builds them: see `large` there."""
    for n in (999, 1000, 1001, 2000, 2001):
        yield 'list of %d' % n, list(range(n))
        yield 'tuple of %d' % n, tuple(range(n))
        yield 'dict of %d' % n, dict((i, i) for i in range(n))
        yield 'set of %d' % n, set(range(n))
        yield 'frozenset of %d' % n, frozenset(range(n))
        yield 'OrderedDict of %d' % n, Ordered((i, i) for i in range(n))
    for n in (65522, 65527, 65531, 65532, 65535, 65536, 70000):
        yield 'str of %d' % n, u'x' * n
        yield 'bytes of %d' % n, b'x' * n
        yield 'bytearray of %d' % n, bytearray(b'x' * n)
        yield 'between texts of %d' % n, [1, u'x' * n, 2, b'x' * n, 3]
    yield 'strings', [u'text %d' % i for i in range(20000)]
    yield 'strings twice', 2 * [[u'text %d' % i for i in range(5000)]]
    yield 'strings, each twice', [s for i in range(300)
                                  for s in 2 * [u'text %d' % i]]
    yield 'dates', [datetime.date(2026, 1 + i % 12, 1 + i % 28)
                    for i in range(8000)]
    yield 'datetimes', [datetime.datetime(2026, 1, 1, i // 3600, i // 60 % 60,
                                          i % 60, i,
                                          datetime.timezone.utc)
                        for i in range(8000)]
    yield 'timedeltas', [datetime.timedelta(i, 1, i) for i in range(8000)]
    yield 'Decimals', [decimal.Decimal(i) for i in range(8000)]
    yield 'UUIDs', [uuid.UUID(int=i << 64) for i in range(8000)]
    yield 'OrderedDicts', [Ordered([(i, u'v%d' % i)]) for i in range(8000)]
    yield 'ints', [i << 20 for i in range(20000)]
    yield 'long int', 1 << 600000


def emit():
    version = '%d.%d' % sys.version_info[:2]
    for name, value in values():
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            data = pickle.dumps(value, protocol)
            row = {'name': name, 'python': version, 'protocol': protocol,
                   'hex': binascii.hexlify(data).decode()}
            if pickle.HIGHEST_PROTOCOL >= 5:
                again = pickle.loads(data)
                if name == 'UUID said to be safe':
                    again = uuid.UUID(int=77)  # crq does not keep that
                row['five'] = binascii.hexlify(
                    pickle.dumps(again, 5)).decode()
            print(json.dumps(row))
    if pickle.HIGHEST_PROTOCOL >= 5 and '--pure' not in sys.argv:
        for name, value in large():
            data = pickle.dumps(value, 5)
            print(json.dumps({'large': name, 'len': len(data),
                              'crc': zlib.crc32(data) & 0xffffffff}))


def rows_of(python):
    env = dict(os.environ, PYTHONHASHSEED='0')
    for mode in ([], ['--pure']):
        out = subprocess.run([python, __file__, '--emit'] + mode, env=env,
                             check=True, stdout=subprocess.PIPE).stdout
        for line in out.decode().splitlines():
            # The pure pickler differs from the C one in protocol 5; ours
            # follows the C one, but what the pure one wrote is read.
            row = json.loads(line)
            if mode:
                row.pop('five', None)
            yield row


SEEDS = (
    'job of everything', 'shared parts', 'nested', 'keys of all kinds',
    'Retries', 'UUIDs', 'UUID said to be safe', 'OrderedDict again',
    'Decimal 1.50', 'date', 'all times', 'datetime west, named',
    'time fraction', 'timedelta, negative', 'int of 2040 bits', 'float nan',
    'bytearray of 6', 'bytes of 9, 62797465', 'str "\\u20ac uro"',
    'str "\\ud800 alone"', 'set of 3', 'frozenset of 3', 'str of Python 2')


def seed_name(name, protocol):
    plain = ''.join(c if c.isalnum() else '_' for c in name)[:40]
    return '%s-%d' % (plain, protocol)


def main():
    pythons = [a for a in sys.argv[1:] if not a.startswith('--')]
    # Small pickles of every kind, for the fuzzer to start from.
    seeds = pythons.pop() if '--seeds' in sys.argv else None
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'pickle')
    rows, sums = {}, {}
    for python in pythons:
        for row in rows_of(python):
            if 'large' in row:
                name, sum = row['large'], (row['len'], row['crc'])
                assert sums.setdefault(name, sum) == sum, (python, name)
                continue
            kept = rows.setdefault(row['hex'], row)
            if 'five' in row:
                assert kept.setdefault('five', row['five']) == row['five'], (
                    python, row['name'], row['protocol'])
    with open(os.path.join(here, 'sums.tsv'), 'w') as out:
        for name, (length, crc) in sums.items():
            out.write('%s\t%d\t%08x\n' % (name, length, crc))
    with open(os.path.join(here, 'pickles.tsv'), 'w') as out:
        for row in rows.values():
            data = binascii.unhexlify(row['hex'])
            try:
                value = pickle.loads(data)
            except (AttributeError, UnicodeDecodeError):
                # Some versions' pure classes write what only they read, and
                # Python 2 has dates that Python 3 takes for bad text.
                assert 'five' not in row, row
                continue
            if b'_pydatetime' in data or b'_pydecimal' in data:
                continue  # they load as other classes than were pickled
            if row['name'] == 'UUID said to be safe':
                value = uuid.UUID(int=77)
            five = row.get('five') or binascii.hexlify(
                pickle.dumps(value, 5)).decode()
            out.write('\t'.join([
                row['name'], row['python'], str(row['protocol']), row['hex'],
                '=' if five == row['hex'] else five,
                ascii(value)[:60]]) + '\n')
            if seeds and row['name'] in SEEDS and row['protocol'] in (0, 2, 4):
                path = os.path.join(
                    seeds, seed_name(row['name'], row['protocol']))
                with open(path, 'wb') as seed:
                    seed.write(data)


if '--emit' in sys.argv:
    emit()
else:
    main()
