"""What MicroPython's build freezes into a Tillsign image.

Made before by `python -m firmware.tools.bundle --board NAME --frozen build/image`; then give this
file to the port's make as FROZEN_MANIFEST.
"""

include("$(PORT_DIR)/boards/manifest.py")  # noqa: F821 - the port's own: asyncio, and what boots
freeze("../../build/image", opt=3)  # noqa: F821
