"""Provide the names of `typing` that device files need at run time (MicroPython ships none)."""

from collections import namedtuple

TYPE_CHECKING = False


def NamedTuple(name, fields):  # noqa: N802 - CPython's spelling
    return namedtuple(name, [field for field, _ in fields])


def cast(_kind, value):
    return value
