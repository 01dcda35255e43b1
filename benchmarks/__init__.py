"""How fast the taps are, beside other tools and a bare loop: `make bench`, `make bench-quick`."""
