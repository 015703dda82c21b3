/*
 * The bytes of one file as sparse 4 KiB pages: a 64 MiB chunk with one block at its end costs one
 * page. Used by disk_sim.c for what the page cache has and for what the platter has.
 */
#ifndef TESTS_SIM_IMAGE_H
#define TESTS_SIM_IMAGE_H

#include "libdfsproto/base/types.h"

enum { IMAGE_PAGE_BYTES = 4096 };

/* A zeroed struct is an empty file. Bytes at and beyond `length` are zeros. */
struct image {
	u8 **pages; /* NULL: a hole. */
	u32 pages_count;
	u32 pages_used; /* That are no holes. */
	u64 length;     /* Bytes. */
};

void image_fini(struct image *image);
void image_copy(struct image *to, const struct image *from);
/* Grows the file when needed. */
void image_write(struct image *image, u64 offset, const u8 *data, u64 length);
/* Holes and what lies beyond the end read as zeros. */
void image_read(const struct image *image, u64 offset, u8 *ret_data, u64 length);
void image_truncate(struct image *image, u64 length);
void image_punch(struct image *image, u64 offset, u64 length);
/* The byte inside an existing page, or NULL in a hole. */
u8 *image_at(const struct image *image, u64 offset);

#endif
