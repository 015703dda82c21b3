/*
 * Sparse file contents; see image.h.
 */
#include "tests/sim/image.h"

#include <stdlib.h>
#include <string.h>

void image_fini(struct image *image)
{
	for (u32 i = 0; i < image->pages_count; i++)
		free(image->pages[i]);
	free(image->pages);
	memset(image, 0, sizeof(*image));
}

static u8 *page_make(struct image *image, u64 index)
{
	DFS_ASSERT(index < (UINT64_C(1) << 24));
	if (index >= image->pages_count) {
		u32 count = (u32)dfs_max(index + 1, (u64)image->pages_count * 2);
		void *pages = realloc(image->pages, count * sizeof(*image->pages));
		DFS_ASSERT(pages != NULL);
		image->pages = pages;
		memset(image->pages + image->pages_count, 0,
		       (count - image->pages_count) * sizeof(*image->pages));
		image->pages_count = count;
	}
	if (image->pages[index] == NULL) {
		image->pages[index] = calloc(1, IMAGE_PAGE_BYTES);
		DFS_ASSERT(image->pages[index] != NULL);
		image->pages_used++;
	}
	return image->pages[index];
}

u8 *image_at(const struct image *image, u64 offset)
{
	u64 index = offset / IMAGE_PAGE_BYTES;
	if (index >= image->pages_count || image->pages[index] == NULL)
		return NULL;
	return image->pages[index] + offset % IMAGE_PAGE_BYTES;
}

void image_copy(struct image *to, const struct image *from)
{
	image_fini(to);
	for (u32 i = 0; i < from->pages_count; i++) {
		if (from->pages[i] != NULL)
			memcpy(page_make(to, i), from->pages[i], IMAGE_PAGE_BYTES);
	}
	to->length = from->length;
}

void image_write(struct image *image, u64 offset, const u8 *data, u64 length)
{
	image->length = dfs_max(image->length, offset + length);
	while (length > 0) {
		u64 inside = offset % IMAGE_PAGE_BYTES;
		u64 part = dfs_min(length, IMAGE_PAGE_BYTES - inside);
		memcpy(page_make(image, offset / IMAGE_PAGE_BYTES) + inside, data, part);
		offset += part;
		data += part;
		length -= part;
	}
}

void image_read(const struct image *image, u64 offset, u8 *ret_data, u64 length)
{
	while (length > 0) {
		u64 part = dfs_min(length, IMAGE_PAGE_BYTES - offset % IMAGE_PAGE_BYTES);
		const u8 *from = image_at(image, offset);
		if (from != NULL)
			memcpy(ret_data, from, part);
		else
			memset(ret_data, 0, part);
		offset += part;
		ret_data += part;
		length -= part;
	}
}

void image_punch(struct image *image, u64 offset, u64 length)
{
	while (length > 0) {
		u64 part = dfs_min(length, IMAGE_PAGE_BYTES - offset % IMAGE_PAGE_BYTES);
		u8 *at = image_at(image, offset);
		if (at != NULL && part == IMAGE_PAGE_BYTES) {
			free(at);
			image->pages[offset / IMAGE_PAGE_BYTES] = NULL;
			image->pages_used--;
		} else if (at != NULL) {
			memset(at, 0, part);
		}
		offset += part;
		length -= part;
	}
}

void image_truncate(struct image *image, u64 length)
{
	if (length < image->length) {
		u64 end = (u64)image->pages_count * IMAGE_PAGE_BYTES;
		if (end > length)
			image_punch(image, length, end - length);
	}
	image->length = length;
}
