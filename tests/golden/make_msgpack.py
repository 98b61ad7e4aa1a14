#!/usr/bin/env python3
"""Write tests/golden/msgpack.tsv: what Python's msgpack makes of values.

    python3 tests/golden/make_msgpack.py > tests/golden/msgpack.tsv

Each row is a kind, an input and an output, the last two as JSON strings:

    pack    a literal of Python   msgpack.packb() in hex, or "" (refused)
    unpack  these bytes in hex    repr(msgpack.unpackb())

With --check FILE: whether the file is what would be written.
"""
import io
import json
import sys

import msgpack

values = [None, True, False, 1.5, -0.0, 1e300, float(2**40), '', 'a', 'ä€𝄞',
          'x\0y', b'', b'\x00\xff', [], (), {}, [1, [2, [3, []]]], (1, 'a', None),
          {'a': 1, 'b': [2]}, {'k': {'k': {'k': ()}}}, {b'bytes': 1},
          ['f', None, [2, 'x'], {'k': 1}], [bytes([7]), ''],
          {1, 2}, ['\ud800'], [{3}], {'a': {4}}]
edges = [0, 5, 31, 32, 33, 127, 128, 129, 255, 256, 32767, 32768, 65535, 65536,
         2**31 - 1, 2**31, 2**31 + 1, 2**32 - 1, 2**32, 2**63 - 1, 2**63,
         2**64 - 1, 2**64, 10**30]
values += edges + [-n for n in edges if n]
values += ['x' * n for n in (31, 32, 255, 256)]
values += [b'x' * n for n in (31, 32, 255, 256)]
values += [[0] * n for n in (15, 16, 17)]
values += [{str(i): i for i in range(n)} for n in (15, 16, 17)]


def row(out, kind, source, result):
    print(kind, json.dumps(source), json.dumps(result), sep='\t', file=out)


def rows(out):
    for value in values:
        try:
            packed = msgpack.packb(value, use_bin_type=True)
        except (TypeError, ValueError, OverflowError):
            row(out, 'pack', repr(value), '')
            continue
        row(out, 'pack', repr(value), packed.hex())
        row(out, 'unpack', packed.hex(), repr(msgpack.unpackb(packed)))
    # What others may write: not the shortest forms, floats of 32 bits.
    for packed in ('cf0000000000000001', 'd3ffffffffffffffff', 'd0ff', 'cd0001',
                   'ca3fc00000', 'd90161', 'da000161', 'db0000000161',
                   'c5000161', 'dc000101', 'dd0000000101', 'de0001a16101',
                   'df00000001a16101', '82a16101a16102'):
        row(out, 'unpack', packed, repr(msgpack.unpackb(bytes.fromhex(packed))))


text = io.StringIO()
rows(text)
if sys.argv[1:2] == ['--check']:
    with open(sys.argv[2]) as f:
        sys.exit(f.read() != text.getvalue())
sys.stdout.write(text.getvalue())
