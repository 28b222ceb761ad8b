"""Who captions the images: batch services behind one Protocol."""
