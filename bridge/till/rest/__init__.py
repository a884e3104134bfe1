"""The till API as HTTP and JSON, with events by WebSocket."""
