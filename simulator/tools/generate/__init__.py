"""Programs that write the device's kernels and tables, and the documents' generated parts."""
