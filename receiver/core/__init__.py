"""The receiver as one machine: phones on the radio, one sale, and the bridge over the link."""
