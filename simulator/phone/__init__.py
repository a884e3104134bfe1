"""The buyer's app: written once against bleak, for the simulated radio and for real adapters."""
