"""Compute in plain integers what the kernels do: the reference, and the stand-in without viper."""
