"""Enrol a receiver from a technician's laptop (docs/enrolment.md)."""
