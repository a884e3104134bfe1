"""`tillsign firmware demo`: a technician's ten minutes, and an update, with no hardware."""
