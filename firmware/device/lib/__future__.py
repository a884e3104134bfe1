"""Stand in for `__future__`, which MicroPython lacks; it never evaluates annotations."""

annotations = True
