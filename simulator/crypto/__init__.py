"""The keys of a phone's hardware and of a certificate authority."""
