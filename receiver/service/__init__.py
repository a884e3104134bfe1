"""What a receiver does in service mode, as machines (docs/wire.md)."""
