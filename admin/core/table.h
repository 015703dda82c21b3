/*
 * Columns of text, as wide as their widest cell, two spaces between them.
 */
#ifndef DFS_ADMIN_TABLE_H
#define DFS_ADMIN_TABLE_H

#include "admin/core/text.h"

enum { AD_TABLE_COLUMNS_MAX = 10 };

struct ad_table {
	u32 columns;
	bool right[AD_TABLE_COLUMNS_MAX]; /* Numbers stand to the right. */
	struct ad_text cells;             /* Each with a NUL behind it. */
	u32 cells_count;
};

/* `titles` are the first row; one that begins with `>` is of a column that stands to the right. */
void ad_table_init(struct ad_table *table, u32 columns, const char *const *titles);
void ad_table_cell(struct ad_table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Each line begins with `indent`. All rows must be complete. */
void ad_table_print(const struct ad_table *table, const char *indent, struct ad_text *out);
void ad_table_fini(struct ad_table *table);

#endif
