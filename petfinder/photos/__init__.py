"""From a file, bytes or a picture to upright RGB pixels, with the place and date of its EXIF. May use the domain."""
