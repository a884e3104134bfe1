"""Machine code for the chips, in viper: MicroPython alone reads these files."""
