"""The gallery: every spec that ships with its picture and what is known of it."""
