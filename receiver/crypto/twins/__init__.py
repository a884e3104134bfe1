"""What the kernels compute, in plain integers: for CPython, and to compare them with."""
