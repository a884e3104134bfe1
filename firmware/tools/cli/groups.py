"""The groups of commands that work on boards."""

from __future__ import annotations

from receiver.host.command import Group

firmware = Group("Build a board's firmware, flash it, read what it left")
receiver = Group("Enrol a receiver, look after it, test it")
update = Group("Sign firmware releases, publish them, watch them arrive")
authority = Group("Make tickets, confirm enrolments as the second person")
