"""Build MicroPython for the RISC-V machine, or say what that needs.

Usage: python -m simulator.hardware.rv32
"""

from __future__ import annotations

import sys

from . import image, receiver, sources, toolchain


def main() -> int:
    """Build both images; return 1 if that cannot be done here."""
    try:
        for made in (image.stock(), receiver.frozen_image()):
            print(made)
    except (toolchain.ToolsMissingError, sources.SourcesError, image.ImageError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
