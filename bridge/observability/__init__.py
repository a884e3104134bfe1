"""What operators see: log, metrics, timings."""
