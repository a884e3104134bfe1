"""One target under atheris, until time is up or a rule is broken: a process of its own.

libFuzzer never comes back, and what it is to see must be imported after it: so the command
(`tests.fuzz.__main__`) starts this for each target as `python -m tests.fuzz.worker NAME ...`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from random import Random

WATCHED = ["receiver", "bridge", "simulator"]
BLIND = 0.5  # of all mutations: libFuzzer's own, which know what has reached new code


def main(name: str, *options: str) -> None:
    """`options` are libFuzzer's: flags, then the folders of the corpus."""
    atheris = import_module("atheris")  # not installed where types are checked
    with atheris.instrument_imports(include=WATCHED):
        targets = import_module("tests.fuzz.targets").TARGETS
    check = import_module("tests.fuzz.target").check
    mutate = import_module("tests.fuzz.mutations").mutate
    target, seeds = targets[name], targets[name].seeds()

    def one(data: bytes) -> None:
        check(target, data)

    def mutator(data: bytes, size_most: int, number: int) -> bytes:
        random = Random(number)
        if random.random() < BLIND:
            blind: bytes = atheris.Mutate(data, size_most)
            return blind
        spoilt: bytes = mutate(data, random, seeds)
        return spoilt[:size_most]

    atheris.Setup([name, *options], one, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
