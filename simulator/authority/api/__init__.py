"""What bridges, phones and administrators ask of the authority over HTTPS."""
