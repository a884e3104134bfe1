"""`python -m simulator.hardware.serial_line --config JSON`: run a line until SIGTERM or SIGINT."""

from __future__ import annotations

import argparse
import asyncio
import json
import selectors
import signal
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from pathlib import Path

from .config import Config
from .control import LineControl
from .device import Device
from .pump import Pump


def main() -> None:
    """Run the process."""
    parser = argparse.ArgumentParser(prog="simulator.hardware.serial_line", description=__doc__)
    parser.add_argument(
        "--config", required=True, help="JSON, the keys of simulator.hardware.serial_line.config"
    )
    config = Config.from_json(parser.parse_args().config)
    with asyncio.Runner(loop_factory=_precise_loop) as runner:
        runner.run(run(config))


def _precise_loop() -> asyncio.AbstractEventLoop:
    """Return a loop whose timers are not rounded up to whole milliseconds, as epoll's are.

    A byte takes 87 µs at 115,200 baud: rounded up, every frame would come a millisecond late.
    """
    return asyncio.SelectorEventLoop(selectors.SelectSelector())


async def run(config: Config) -> None:
    """Run the line with its receiver until a signal, or until the receiver fails."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        pump = Pump(config)
        stack.callback(pump.close)
        device = Device(config, pump.device, pump.boot)
        works: list[Coroutine[object, None, object]] = [device.run(), stop.wait()]
        if config.reset_on_open:
            works.append(reset_on_open(pump, device))
        tasks = [asyncio.create_task(work) for work in works]
        stack.push_async_callback(end, tasks)
        server = await asyncio.start_unix_server(LineControl(pump, device).serve, config.control)
        stack.callback(Path(config.control).unlink, missing_ok=True)
        stack.callback(server.close)
        print(json.dumps({"serial": config.serial, "control": config.control}), flush=True)
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def reset_on_open(pump: Pump, device: Device) -> None:
    """Reset the receiver when the host opens the line."""
    while True:
        await pump.opened.wait()
        pump.opened.clear()
        device.kill()


async def end(tasks: list[asyncio.Task[object]]) -> None:
    """Cancel the tasks and wait: this ends the receiver's process."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError, OSError):
            await task


if __name__ == "__main__":
    main()
