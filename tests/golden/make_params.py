#!/usr/bin/env python3
"""Write params.tsv: what Python says of calls that do not fit.

    make_params.py > params.tsv
    make_params.py --check params.tsv

A row is a parameter list, positional arguments and keyword arguments (JSON),
and the sentence of Python's TypeError for a function "demo.f" called so, or
"-" followed by what it got: the dict of its variables as JSON.
Python 3.10 or later; 3.13 and later add "Did you mean" to one of the
sentences, which is cut off here.
"""
import itertools
import json
import sys

PARAMS = ['', 'x', 'x, y', 'x, y, z', 'x, y, z, w', 'x=1', 'x, y=2',
          'x, y=2, z=(1, [2, 3], {"a, b": 4})', '*args', 'x, *args',
          'x, y=2, *args', '**kwargs', 'x, **kwargs', 'x=1, **kwargs',
          '*args, **kwargs', 'x, y=2, *args, **kwargs', "x='a, \\'b', y=\"]\"",
          'self', '_a1, args, kwargs']
ARGS = [[], [10], [10, 20], [10, 20, 30], [10, 20, 30, 40]]
KWARGS = [{}, {'x': 1}, {'y': 2}, {'z': 3}, {'y': 2, 'z': 3}, {'z': 3, 'x': 1},
          {'x': 1, 'y': 2, 'z': 3}, {'args': 1}, {'kwargs': 1}, {'': 0},
          {'_a1': 1}, {'self': 5}, {'X': 1}, {'ü': 1}]


def names(params):
    """The plain names, which are all that a C task has variables for."""
    scope = {}
    exec(f'def f({params}): pass', scope)
    code = scope['f'].__code__
    return code.co_varnames[:code.co_argcount]


def row(params, args, kwargs):
    scope = {}
    exec(f'def f({params}): return locals()', scope)
    f = scope['f']
    f.__qualname__ = 'demo.f'
    try:
        got = f(*args, **kwargs)
    except TypeError as error:
        said = str(error).split('. Did you mean')[0]
    else:
        given = dict(zip(names(params), args))
        given.update((k, v) for k, v in kwargs.items() if k in names(params))
        # What was left out has its default, of which C knows nothing.
        said = '-' + json.dumps({
            'values': {k: got[k] for k in names(params) if k in given},
            'args': list(got['args']) if '*args' in params else [],
            'kwargs': got['kwargs'] if '**kwargs' in params else {}})
    return '\t'.join([params, json.dumps(args), json.dumps(kwargs), said])


def table():
    for case in itertools.product(PARAMS, ARGS, KWARGS):
        yield row(*case) + '\n'


def main():
    if sys.argv[1:2] == ['--check']:
        with open(sys.argv[2], encoding='utf-8') as old:
            sys.exit(old.read() != ''.join(table()) and 'params.tsv differs')
    sys.stdout.writelines(table())


if __name__ == '__main__':
    main()
