#!/usr/bin/env python3
"""Write src/codec/unprintable.h: the characters that repr() escapes.

    python3.11 tests/golden/unprintable.py > src/codec/unprintable.h
"""
import sys
import unicodedata

ranges = []
for c in range(0x80, sys.maxunicode + 1):
    if chr(c).isprintable():
        continue
    if ranges and ranges[-1][1] == c - 1:
        ranges[-1][1] = c
    else:
        ranges.append([c, c])

print(f'''\
/*
 * unprintable.h - the ranges of characters above ASCII that Python's
 * str.isprintable() refuses: Cc, Cf, Cs, Co, Cn, Zl, Zp and Zs of Unicode
 * {unicodedata.unidata_version}, which Python {sys.version_info[0]}.\
{sys.version_info[1]} has. Other versions differ in
 * characters that were not assigned then.
 *
 * Written by tests/golden/unprintable.py.
 */
/* clang-format off */
static const struct {{
    uint32_t first, last;
}} unprintable[] = {{''')
line = '   '
for first, last in ranges:
    item = f' {{ 0x{first:x}, 0x{last:x} }},'
    if len(line) + len(item) > 80:
        print(line)
        line = '   '
    line += item
print(line)
print('};\n/* clang-format on */')
