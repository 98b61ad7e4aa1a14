"""Functions that the jobs of these tests call."""

import collections
import datetime
import decimal
import uuid

import rq

#: One value of every type that crq knows, as Python has it.
VALUES = {
    "none": None,
    "true": True,
    "int": 42,
    "negative": -1,
    "int64": 2**63 - 1,
    "big": 10**40,
    "big_negative": -(10**40),
    "float": 0.1,
    "whole_float": 1e22,
    "str": "naïve ☃ 𝄞",
    "nul": "a\0b",
    "bytes": b"\x00\xff",
    "bytearray": bytearray(b"xyz"),
    "list": [1, [2, [3]]],
    "tuple": (1, (), ("a", None)),
    "dict": {"a": 1, 2: "b", None: 3.5, (1, 2): []},
    "set": {1, 2, 3},
    "frozenset": frozenset({"x"}),
    "datetime": datetime.datetime(2026, 11, 21, 7, 47, 50, 513712),
    "aware": datetime.datetime(2026, 1, 2, 3, 4, 5,
                               tzinfo=datetime.timezone.utc),
    "offset": datetime.datetime(
        2026, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=-5))),
    "date": datetime.date(2026, 2, 28),
    "time": datetime.time(23, 59, 59, 999999),
    "timedelta": datetime.timedelta(days=-1, seconds=5, microseconds=7),
    "decimal": decimal.Decimal("-1.50E+10"),
    "uuid": uuid.UUID("12345678-1234-5678-1234-567812345678"),
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
}


def echo(*args, **kwargs):
    """Returns its only argument, or all of them."""
    if len(args) == 1 and not kwargs:
        return args[0]
    return [list(args), kwargs]


def fail(text="no luck"):
    raise ValueError(text)


def again(times, intervals=0):
    """Asks to be run again."""
    return rq.Retry(times, interval=intervals)


def value(name):
    return VALUES[name]


class Order:
    """A class of the application's own: nothing that crq takes."""

    def __init__(self, number):
        self.number = number

    def ship(self):
        return self.number


def order(number):
    return Order(number)
