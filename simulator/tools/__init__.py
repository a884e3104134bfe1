"""Programs for engineers: demo, bench, load, soak, the chip's emulator, generators."""
