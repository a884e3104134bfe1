"""What `tillsign firmware demo` runs and prints."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.text import Text

from receiver.host.command import FAILED, OK, UsageError

from .story import STEPS, Facts, TechnicianStory, WorkStep
from .technician import Technician
from .workshop import Workshop


def run(keep: Path | None, *, as_json: bool) -> int:
    """Play every step; return the exit code."""
    console = Console(quiet=as_json, highlight=False, soft_wrap=True)
    if keep is not None:
        if keep.exists():
            raise UsageError(f"--keep {keep}: is there already: name a new folder")
        keep.mkdir(parents=True)
        return asyncio.run(_play(keep.absolute(), console, as_json=as_json))
    with TemporaryDirectory(prefix="tillsign-") as folder:
        return asyncio.run(_play(Path(folder), console, as_json=as_json))


async def _play(folder: Path, console: Console, *, as_json: bool) -> int:
    def typed(line: str) -> None:
        console.print(Text(f"  $ {line}", style="cyan"))

    def heard(line: str) -> None:
        console.print(Text(f"    {line}", style="dim"))

    began, played, failure = time.monotonic(), list[Facts](), ""
    async with Workshop(folder) as workshop:
        story = TechnicianStory(workshop, Technician(folder, typed, heard))
        for number, step in enumerate(STEPS, 1):
            console.print()
            console.rule(Text(f"{number}. {step.title}", style="bold"), align="left")
            try:
                played.append(await _step(step, story, console))
            except Exception as error:
                failure = f"{step.name}: {str(error) or type(error).__name__}"
                console.print(Text(f"  FAILED: {failure}", style="bold red"))
                break
    seconds = round(time.monotonic() - began, 1)
    console.print(f"\n{len(played)} of {len(STEPS)} steps in {seconds} s")
    if as_json:
        print(json.dumps({"steps": played, "seconds": seconds, "failure": failure or None}))
    return FAILED if failure else OK


async def _step(step: WorkStep, story: TechnicianStory, console: Console) -> Facts:
    began = time.monotonic()
    facts = await step.play(story)
    seconds = round(time.monotonic() - began, 1)
    shown = ", ".join(f"{name} {value}" for name, value in facts.items())
    line = Text(f"  ok {seconds:5.1f} s  ", style="green")
    line.append(shown[:200], style="default")
    console.print(line)
    return {"step": step.name, "seconds": seconds, **facts}
