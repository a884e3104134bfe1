"""`rfc2217://` as pyserial has it, but a new time limit does not cost a request to the server.

esptool sets the limit twice for each command; pyserial then repeats every setting of the port and
waits 50 ms for the answers, which makes a flash ten times longer.
"""

from __future__ import annotations

from serial import rfc2217


class ServedPort(rfc2217.Serial):
    """A port of a serial server."""

    _settled: tuple[object, ...] = ()

    def _reconfigure_port(self) -> None:
        framing = (self.baudrate, self.bytesize, self.parity, self.stopbits)
        wanted = (*framing, self.rtscts, self.xonxoff)
        # A limit for writes is one that pyserial refuses here, and esptool expects it to.
        if wanted != self._settled or self.write_timeout is not None:
            super()._reconfigure_port()  # type: ignore[misc]
            self._settled = wanted

    def close(self) -> None:
        """Close it, and the socket too if the server is gone: pyserial leaves that open."""
        line = self._socket  # type: ignore[attr-defined]
        super().close()
        if line is not None:
            line.close()


Serial = ServedPort  # the name by which pyserial asks for it
