/*
 * The distance is that of Damerau and Levenshtein in its restricted form (optimal string
 * alignment): no letter is edited twice. Words are short, so the whole matrix is kept.
 */
#include "admin/core/suggest.h"

#include <string.h>

enum { WORD_BYTES_MAX = 32 };

static u32 distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	u32 at[WORD_BYTES_MAX + 1][WORD_BYTES_MAX + 1];
	DFS_ASSERT(a_length <= WORD_BYTES_MAX);
	DFS_ASSERT(b_length <= WORD_BYTES_MAX);
	for (u32 i = 0; i <= a_length; i++) {
		for (u32 j = 0; j <= b_length; j++) {
			if (i == 0 || j == 0) {
				at[i][j] = i + j;
				continue;
			}
			u32 best = at[i - 1][j - 1] + (a[i - 1] != b[j - 1]);
			best = dfs_min(best, at[i - 1][j] + 1);
			best = dfs_min(best, at[i][j - 1] + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				best = dfs_min(best, at[i - 2][j - 2] + 1);
			at[i][j] = best;
		}
	}
	return at[a_length][b_length];
}

const char *ad_suggest(const char *typed, const char *const *words, u32 count)
{
	const char *nearest = NULL;
	size_t length = strlen(typed);
	u32 least = UINT32_MAX;
	if (length == 0 || length > WORD_BYTES_MAX)
		return NULL;
	for (u32 i = 0; i < count; i++) {
		size_t word_length = strlen(words[i]);
		u32 edits = distance(typed, length, words[i], word_length);
		u32 allowed = (u32)dfs_max(word_length, length) / 3;
		/* "st" for status: one letter could be the start of anything. */
		if (length >= 2 && strncmp(typed, words[i], length) == 0)
			edits = dfs_min(edits, 1u);
		if (edits <= dfs_max(allowed, 1u) && edits < least) {
			least = edits;
			nearest = words[i];
		}
	}
	return nearest;
}
