"""captionmill: batch image captioning with exact money."""
