"""One image: a file's bytes in, a small clean JPEG or a reason out.

sniff                       what a file is, by its first bytes
prepare, late_preparer      the whole way of one image; the rooms below are its steps
reading                     a file's bytes, bounded
decoder, raster, jpeg,      one decoder a family of formats, behind one protocol;
jxl, raw, svg               extras tells which formats the installed packages add
plugins, frames,            Pillow's plugins, and the picture that is sent of several
jxl_frames
header_size, pillow_limit,  how large an image may be, by our limits; want of memory
memory
jpeg_header, jxl_header,    what headers say: sizes, orientation
tiff, svg_source
jpeg_scans, png_chunks,     damage that decoders keep quiet about
jpeg_holes, last_pixel,
packed_rows, soundness,
stored_end, stored_sizes,
stream_ends,
tiff_errors, unwritten
flat                        pictures that preparation left without anything to see
strip_metadata              files without EXIF and the like, their pictures untouched
modes, colour, resize       from a file's pixels to sRGB of the size that is sent
sample_range, png_samples,  samples of more than eight bits, in layouts that Pillow
tiff_pages, tiff_samples,   does not know
tiff_image, tiff_inflated
code_points, hdr,           HDR and wide colours that files give by numbers
codestream_colours,
png_colours
icons, xpm_colours, pam,    files that Pillow takes for others, or does not read
apng, big_tiff, psd_channels,
sgi_rows, sun_raster,
jpeg2000_samples
pass_through, perceptual    a file that is sent as it is; hashes of what looks alike
thumbnail                   a small picture of a file, for people
stale_kinds                 what the last version may have prepared wrongly
translation                 the exceptions of image libraries, translated in one place
"""
