"""The authority's HTTPS API for bridges, phones and administrators."""
