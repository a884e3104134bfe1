"""The bridge for its operators: log, metrics, timings."""
