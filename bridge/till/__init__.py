"""What tills and cashiers speak to; the REST interface is one of several."""
