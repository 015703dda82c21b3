/*
 * Tables: see table.h.
 */
#include "admin/core/table.h"

static void end_cell(struct ad_table *table)
{
	ad_text_add_span(&table->cells, dfs_span("", 1));
	table->cells_count++;
}

void ad_table_init(struct ad_table *table, u32 columns, const char *const *titles)
{
	DFS_ASSERT(columns > 0);
	DFS_ASSERT(columns <= AD_TABLE_COLUMNS_MAX);
	*table = (struct ad_table){.columns = columns};
	for (u32 i = 0; i < columns; i++) {
		table->right[i] = titles[i][0] == '>';
		ad_text_add(&table->cells, "%s", titles[i] + table->right[i]);
		end_cell(table);
	}
}

void ad_table_cell(struct ad_table *table, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	ad_text_vadd(&table->cells, format, arguments);
	va_end(arguments);
	end_cell(table);
}

/* Columns on the screen: bytes that continue a UTF-8 character take none. */
static u32 width_of(const char *cell)
{
	u32 width = 0;
	for (; *cell != '\0'; cell++)
		width += ((u8)*cell & 0xc0) != 0x80;
	return width;
}

void ad_table_print(const struct ad_table *table, const char *indent, struct ad_text *out)
{
	u32 widths[AD_TABLE_COLUMNS_MAX] = {0};
	const char *cell = table->cells.data;
	DFS_ASSERT(table->cells_count % table->columns == 0);
	for (u32 i = 0; i < table->cells_count; i++, cell += strlen(cell) + 1) {
		u32 *width = &widths[i % table->columns];
		*width = dfs_max(*width, width_of(cell));
	}
	cell = table->cells.data;
	for (u32 i = 0; i < table->cells_count; i++, cell += strlen(cell) + 1) {
		u32 column = i % table->columns;
		bool last = column + 1 == table->columns;
		int space = (int)(widths[column] - width_of(cell));
		if (column == 0)
			ad_text_add(out, "%s", indent);
		if (table->right[column])
			ad_text_add(out, "%*s%s", space, "", cell);
		else /* Nothing trails the last one. */
			ad_text_add(out, "%s%*s", cell, last ? 0 : space, "");
		ad_text_add(out, last ? "\n" : "  ");
	}
}

void ad_table_fini(struct ad_table *table)
{
	ad_text_fini(&table->cells);
}
