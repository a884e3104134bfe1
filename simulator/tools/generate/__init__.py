"""Programs that write the device's kernels and tables."""
