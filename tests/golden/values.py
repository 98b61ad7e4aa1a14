#!/usr/bin/env python3
"""Write tests/golden/values.tsv: what Python makes of values.

    python3.11 tests/golden/values.py > tests/golden/values.tsv

Each row is a kind, an input and an output, the last two as JSON strings:

    literal  Python source             repr(ast.literal_eval()), or "" (refused)
    loads    JSON text                 repr(json.loads()), or ""
    dumps    Python source             json.dumps(), or "" and the message
    float    a double, 16 hex digits   its repr()
    int      two's complement in hex,  its digits
             least byte first
    char     one character             its repr()
"""
import ast
import json
import random
import struct
import sys

rnd = random.Random(20)


def row(kind, source, out):
    print(kind, json.dumps(source), json.dumps(out), sep='\t')


def attempt(call, *args):
    try:
        return call(*args)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        return None


# ---- floats: corners, powers of two with their neighbours, random bits

def bits(d):
    return struct.unpack('>Q', struct.pack('>d', d))[0]


patterns = [bits(d) for d in (
    0.0, -0.0, 1.0, -1.0, 0.1, 0.3, 0.1 + 0.2, 100.0, 123456.0, 1e15, 1e16,
    1e17, 123456789012345678.0, 9007199254740993.0, 1e22, 1e23, 5e-324,
    2.2250738585072014e-308, 2.225073858507201e-308, 1.7976931348623157e308,
    0.001, 0.0001, 0.00012345, 0.00001, 1.5e-7, 3.14159, 1e100, 1e-100,
    float('inf'), float('-inf'), float('nan'), 4.35, 2.5e-323, 1e21)]
for power in range(-1074, 1024, 6):
    at = bits(2.0 ** power)
    patterns += [at]
for power in (-1022, -1021, -44, -24, -10, 0, 24, 44, 53, 54, 63, 64, 1023):
    at = bits(2.0 ** power)
    patterns += [at - 1, at, at + 1]
patterns += [rnd.getrandbits(64) for i in range(150)]
patterns += [rnd.getrandbits(rnd.randrange(1, 52)) for i in range(40)]
patterns += [bits(round(rnd.uniform(-1e6, 1e6), rnd.randrange(8)))
             for i in range(60)]
for p in patterns:
    row('float', '%016x' % p, repr(struct.unpack('>d', struct.pack('>Q', p))[0]))

# ---- ints around each width, and the largest that have a text

ints = [s * (2 ** p + d) for p in (0, 7, 8, 15, 16, 31, 32, 62, 63, 64, 65,
                                   127, 128, 200, 511)
        for d in (-1, 0, 1) for s in (1, -1)]
ints += [10 ** 18, 10 ** 19, -10 ** 27, 10 ** 4300 - 1, 1 - 10 ** 4300,
         10 ** 4299]
ints += [rnd.getrandbits(rnd.randrange(1, 400)) for i in range(30)]
for n in ints:
    size = (n + (n < 0)).bit_length() // 8 + 1  # as few as hold the sign
    row('int', n.to_bytes(size, 'little', signed=True).hex(), str(n))

# ---- characters: the edges of what repr() escapes

edges = set(range(0x120))
last = True
for c in range(0x80, sys.maxunicode + 1):
    if chr(c).isprintable() != last:
        last = not last
        if c < 0x700 or 0x1ff0 < c < 0x2100 or c > 0xd000 and c % 3 == 0:
            edges |= {c - 1, c}
edges |= {0x378, 0x20ac, 0xfeff, 0xffff, 0x10000, 0x1f600, 0xe0001, 0x10ffff}
for c in sorted(edges):
    row('char', chr(c), repr(chr(c)))

# ---- Python source

literals = r'''
None|True|False|0|00|0_0|-0|+7|1_000|0x_ff|0XfF|0o17|0O7|0b1_01|0B1
9223372036854775807|9223372036854775808|-9223372036854775808
-9223372036854775809|18446744073709551615|18446744073709551616
0x7fffffffffffffff|0x8000000000000000|-0x8000000000000000
0xffffffffffffffffffffffffffffffff|-0xffffffffffffffffffffffffffffffff
0o7777777777777777777777777|0b11111111111111111111111111111111111111111111
1.|.5|1.5|1e5|1E+5|1e-5|1_0.0_1e1_0|01.5|01e1|0.0|-0.0|1e400|-1e400|5e-324
1e16|123456789012345678|0.1|1e22|09.5|00.5|0e0
01|0x|0b2|0o8|1__0|_1|1_|0x_|1e|1e+|1.e|.|1._5|1_.5|.5_|1a|0xg|1e5_|0_x1
1j|1+2j|-1j|1.5J|(1+2j)|1+1|1-1|--1|-(1)|+-1|~1|not True|-True|-None|-'a'|- 1
-(-1)|-((5))|+0x10|-[1]|(-1)|-0b1|-1.5|-\
1
''|""|'a'|"b"|'it''s'|"it's"|'a"b'|'''+"'''x'''|\"\"\"y\"\"\"|'''a\nb'''|'''a'b''c'''" + r'''
'a' 'b'|'a' "b" r'\n'|b'a' b'b'|b'a' 'b'|'a' b'b'|'a'  'b'|('a' 'b', 'c')
r'\d'|R'\\'|u'x'|U'x'|b'x'|B'x'|br'\x'|Rb'\x'|bR'\x'|rb'\''|ur'x'|f'x'|F'x'
bu'x'|rr'x'|fr'x'|t'x'|'\n\t\r\a\b\f\v\\\'\"'|'\0'|'\7'|'\12'|'\123'|'\1234'
'\x41'|'\x4'|'\xg0'|'\u20ac'|'\u20a'|'\U0001f600'|'\U00110000'|'\ud800'
'\ud83d\ude00'|'\q'|'\ '|b'\x41'|b'\u20ac'|b'\N{x}'|b'\377'|b'\1'|b'é'|'é'
'€'|'😀'|b'\xff'|r'\u20ac'|'a|"a|'a"|'\|r'\'|b'\x'|'\
x'|b'\
y'|'a
b'|[]|[1]|[1,]|[,]|[1,,]|[1, 2, 3]|[1 2]|(|)|[|]|{|}|()|(1)|(1,)|(1, 2)|(1, 2,)
(,)|((1))|((1),)|1,|1, 2|1,2,|,|,1|{}|{1}|{1,}|{,}|{1, 2, 1}|{1: 2}|{1: 2,}
{1: 2, 3}|{1, 2: 3}|{1: 2 3: 4}|{1:}|{:1}|{'a': [1, (2,), {3: {4}}]}|set()
set( )|set ()|set([1])|set|frozenset()|list()|dict()|{[]}|{[]: 1}|{{}: 1}
{(1, 2): 3}|{(1, []): 3}|{1: 'a', 1.0: 'b', True: 'c'}|{1, 1.0, True}
{**{}}|{*()}|[*()]|[1, *[2]]|...|Ellipsis|nan|inf|none|true|x|__import__('os')
[x for x in ()]|lambda: 1|1 if 1 else 2|'a'.b|'a'[0]|1 < 2|1 and 2|(yield)
[1, # one
 2]|( # c
1)|[
1
]|1 # c|1#c|1;|1\
|1 \
|(1 \
, 2)|\
1|[1,
2
,
]|'a' \
'b'|('a'
'b')|'a'
'b'|{1:
2}|1:2|[1)|(1]|{1)|1)|'a')|(1,2|[[[[]]]]|[(),[],{},set()]|b''|b""|()()|[]()
'a' % 1|"%s"|None None|NoneNone|None1|True,|Truex|1None|1 None|1if 1else 2
b'\q'|b'\8'|'\8'|'\400'|b'\400'|"\x7f\xa0\xad"|"'\""|'"'|"\'"|10 ** 2|3 * 'a'
(1, 2), 3|[1][0]|{1: {2: {3: 4}}}|{'a': 1, 'b': 2, 'a': 3}|{b'a': 1, 'a': 2}
'''
sources = [s for s in literals[1:-1].replace('\n', '|').split('|')]
# Some hold line breaks themselves.
sources += ['-\\\n1', "'\\\nx'", "b'\\\ny'", "'a\nb'", '[1, # one\n 2]',
            '( # c\n1)', '[\n1\n]', '1\\\n', '1 \\\n', '(1 \\\n, 2)', '\\\n1',
            '[1,\n2\n,\n]', "'a' \\\n'b'", "('a'\n'b')", "'a'\n'b'",
            '{1:\n2}', '\n1', '\n\n1\n\n', ' 1', '\t1', ' \t 1 ', '\n 1', '',
            ' ', '\n', '#', '# c\n1', '1\n# c', '1\n2', '1\n  # c\n',
            '\x0c1', '1\x0c', '1\x0b', '1\x00', '[1\r\n,2\r,3]', "'''a\r\nb\rc'''",
            "'a\rb'", "'''a\\\r\nb'''", "'a\\\r\nb'", "'''\\'''", "''''a'''",
            '"""a""b"""', "'''a'''b'''", '\ufeff1', '1\u00a0', '\u0661',
            "'\u2028'", "'\x01'", "'\x7f'", '[1,\\\n2]',
            '[1,\\\r\n2]', "r'a\\\nb'", "r'a\\\r\nb'", '1 2\\', '(1\\ \n)',
            '-' * 300 + '1', '1' * 4300, '-' + '9' * 4300, '1' * 4301,
            '0' * 5000, '0x' + 'f' * 3500, '1.' + '0' * 5000 + '1',
            'rb""', "'''", "''''", "'''a", "r'''\\'''", 'b"""\n"""',
            "u'a' 'b'", "'a' f'b'", "{'a' 'b': 1}", '\\N', "'\\N{DIGIT ONE}'"]
import warnings
warnings.simplefilter('ignore')
for s in dict.fromkeys(sources):
    try:
        value = ast.literal_eval(s)
        if '\\N{' in s and not s.startswith('b') or value is Ellipsis \
                or isinstance(value, complex):
            raise ValueError  # not ours
        out = repr(value)
    except (ValueError, SyntaxError, TypeError, MemoryError):
        out = ''
    row('literal', s, out)

# ---- JSON texts

texts = r'''
null true false 0 -0 1 -1 12345678901234567 123456789012345678
9223372036854775807 9223372036854775808 -9223372036854775808 1e5 1E5 1e+5
1e-5 0.1 -0.0 1.5 1e400 -1e400 5e-324 1.0 0e0 0.30000000000000004 NaN Infinity
-Infinity -NaN +1 01 -01 1. .5 1.e5 1e 1e+ - -- -a 0x1 1_0 Nan nul nulll truex
inf nan None True "" "a" 'a' "a "a\" "\n" "\u0000" "\u20ac" "\u20AC" "\ud83d\ude00"
"\ud83d" "\ude00" "\ud83d\ud83d\ude00" "\ud83dx" "\ud83d\n" "\ud83d\u0041"
"\uD83D\uDE00" "\u12" "\u12g4" "\ud83d\u12" "\q" "\\" "\"" "\/" "\b\f\n\r\t" "\
"é" "€" "😀" [] [1] [1,2] [1,] [,] [1,,2] [1 [ ] {} {"a":1} {"a":1,} {,} {"a"}
{"a":} {"a"1} {a:1} {1:2} {"a":1"b":2} {"a":1,"a":2} {"a":1,"b":2,"a":3} { }
[[[]]] {"a":{"b":[{}]}} [}  {] "a"b 1a [1]2 {}{} [1]] "a","b" /**/1 //1 -"a" [-]
["a",null,true,1.5,{"k":[]}] {"":0} {"\u0061":1,"a":2}
'''.split()
texts += [' 1 ', '\t\n\r 1\n', '1 2', '[ 1 , 2 ]', '{ "a" : 1 , "b" : 2 }',
          '"a\tb"', '"a\nb"', '"\x7f"', '"\x00"', '\x0c1', '\xa01', '', ' ',
          '\u20281', '1' * 4300, '-' + '1' * 4300, '0.' + '3' * 400,
          '1' * 400 + '.5', '1e' + '0' * 400 + '1', '"' + 'x' * 300 + '\\u0041"',
          '[' * 100 + ']' * 100, '123456789.123456789', '-1e-400']
for s in dict.fromkeys(texts):
    value = attempt(json.loads, s)
    row('loads', s, '' if value is None and s.strip() != 'null' else repr(value))

# ---- values to JSON

for s in r'''
None|True|False|0|-1|9223372036854775808|1.5|1e16|1e22|-0.0|1e-7|1e400|-1e400
1e400-1e400|'a'|''|'\x00\x1f \x7f\x80\xff'|'\u20ac'|'\U0001f600'|'\ud800'|'"\\/'
'\b\f\n\r\t\v\a'|[]|[1, 2]|()|(1,)|(1, (2, [3]))|{}|{'a': 1, 'b': [None]}
{1: 2}|{1.5: 1}|{1e400: 1}|{True: 1, None: 2}|{-5: {}}|{9223372036854775808: 1}
{(1,): 2}|{b'a': 1}|b'a'|{1}|set()|[b'']|{'a': {1}}|{'\u20ac"': 1}|[[], {}, ()]
{'1': 'a', 1: 'b'}|'a' * 0|[1.0, True, 'x\ny']
'''[1:-1].replace('\n', '|').split('|'):
    value = attempt(ast.literal_eval, s)
    if value is None and s != 'None':
        continue
    try:
        out = json.dumps(value)
    except TypeError as e:
        out = '!' + str(e)
    row('dumps', s, out)
