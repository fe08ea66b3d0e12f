"""What the page Explore is made of."""
