"""Define the core's inputs and outputs: plain values, no I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

# In: from the radio.
Connected = NamedTuple("Connected", [("link", int)])
Disconnected = NamedTuple("Disconnected", [("link", int)])
MtuAgreed = NamedTuple("MtuAgreed", [("link", int), ("mtu", int)])
Written = NamedTuple("Written", [("link", int), ("data", bytes)])
RadioLost = NamedTuple("RadioLost", [])  # the stack is down, and all links with it
Buffers = NamedTuple("Buffers", [("left", bool)])  # whether the stack has one for a notification
# In: from the device. The receiver opens no other offer until it is reset.
Fault = NamedTuple("Fault", [("reason", int), ("detail", str)])
# In: from the line.
WireUp = NamedTuple("WireUp", [("hello", bytes)])
WireMessage = NamedTuple("WireMessage", [("channel", int), ("payload", bytes)])

# Out: to the radio.
Notify = NamedTuple("Notify", [("link", int), ("data", bytes)])
NotifyOffer = NamedTuple("NotifyOffer", [("link", int)])
ShowOffer = NamedTuple("ShowOffer", [("data", bytes)])
ShowCertificate = NamedTuple("ShowCertificate", [("data", bytes)])
# An interval of 0 ends it.
Advertise = NamedTuple("Advertise", [("interval_us", int), ("data", bytes), ("response", bytes)])
AskBuffers = NamedTuple("AskBuffers", [])
Disconnect = NamedTuple("Disconnect", [("link", int)])
# Out: to the line, the store, the board.
Send = NamedTuple("Send", [("channel", int), ("payload", bytes)])
LogLine = NamedTuple("LogLine", [("text", str)])
Keep = NamedTuple("Keep", [("name", str), ("data", bytes)])
Blink = NamedTuple("Blink", [("seconds", int)])
Restart = NamedTuple("Restart", [("slot", int), ("service", int)])

if TYPE_CHECKING:
    RadioEvent = Connected | Disconnected | MtuAgreed | Written | RadioLost | Buffers
    Event = RadioEvent | Fault | WireUp | WireMessage
    ToPhones = Notify | NotifyOffer | ShowOffer | ShowCertificate
    ToRadio = ToPhones | Advertise | AskBuffers | Disconnect
    Output = ToRadio | Send | LogLine | Keep | Blink | Restart
