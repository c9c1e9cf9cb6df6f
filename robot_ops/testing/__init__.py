"""Manual clock, fakes and conformance kits; never imported by product code."""
