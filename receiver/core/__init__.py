"""The receiver as one machine: phones on the radio, one sale, the bridge behind the link."""
