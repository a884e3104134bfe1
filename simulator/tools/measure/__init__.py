"""`tillsign measure`: the promise to the buyer on a real air, by this computer's Bluetooth."""
