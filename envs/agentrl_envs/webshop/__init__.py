"""WebShop: search, look, choose, buy."""
