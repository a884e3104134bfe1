"""The lines to receivers: serial ports, TCP, USB look-up, and the link over them."""
