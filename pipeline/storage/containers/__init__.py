"""Files inside files: archives and tables that images lie in, read in place.

member       what is inside, its address, an index of names
zip_directory, zip_data   a zip's directory; a member's bytes
tar_headers  a tar's members; tar_archive reads them
gzip_window  any place of a gzip file, without unpacking all before it
parquet_images, parquet_text   values of a Parquet table that are images; the others as text
value_text   one value as text
readers      bytes at an address, with few containers open at once
"""
