"""Machine code for the chips, in viper: only MicroPython reads these files."""
