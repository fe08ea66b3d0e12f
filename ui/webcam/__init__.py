"""What the page Webcam is made of."""
