"""Pages as a site, their command blocks as programs, and what of them is proven."""
