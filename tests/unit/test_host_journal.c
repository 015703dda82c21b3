/*
 * The journal of a logged store under what a power cut may leave: torn, lost and stale records in
 * either segment, and damage to what had been synced.
 */
#include "tests/unit/host_fixture.h"

#include "libdfsproto/host/kv_journal.h"

#include <fcntl.h>

enum { SEGMENT_BYTES = 64 << 10, BATCH_BYTES = 1000, RECORD_BYTES = 1040 };
#define FIRST ((u64)1 << 32)
#define SALT  UINT64_C(0x1122334455667788)

struct heard {
	u64 first;
	u64 last;
	u32 count;
	int answer;
};

static int hear(void *owner, u64 sequence, struct dfs_span batch)
{
	struct heard *heard = owner;
	if (heard->answer != 0)
		return heard->answer;
	if (heard->count == 0)
		heard->first = sequence;
	else
		assert_int_equal(sequence, heard->last + 1);
	assert_int_equal(batch.length, BATCH_BYTES);
	for (u32 i = 0; i < batch.length; i++)
		assert_int_equal(batch.data[i], (u8)sequence);
	heard->last = sequence;
	heard->count++;
	return 0;
}

struct place {
	char directory[256];
	struct kv_journal *journal;
	u64 next;
};

static struct place place_new(void)
{
	struct place place = {.next = FIRST};
	make_directory(place.directory);
	assert_int_equal(kv_journal_create(place.directory, SEGMENT_BYTES), 0);
	assert_int_equal(kv_journal_open(place.directory, &place.journal), 0);
	kv_journal_restart(place.journal, SALT);
	return place;
}

static void place_free(struct place *place)
{
	kv_journal_close(place->journal);
	remove_tree(place->directory);
}

static void append(struct place *place, u32 count)
{
	u8 bytes[BATCH_BYTES];
	for (u32 i = 0; i < count; i++, place->next++) {
		memset(bytes, (u8)place->next, sizeof(bytes));
		if (!kv_journal_has_room(place->journal, BATCH_BYTES))
			kv_journal_switch(place->journal);
		assert_int_equal(
		    kv_journal_append(place->journal, place->next, dfs_span(bytes, sizeof(bytes))),
		    0);
	}
}

static struct heard replay(struct place *place, u64 position, int expected)
{
	struct heard heard = {0};
	assert_int_equal(kv_journal_replay(place->journal, SALT, position, hear, &heard), expected);
	return heard;
}

/* As a power cut may: these bytes never reached the disk, or rotted there. */
static void overwrite(struct place *place, u32 segment, u64 offset, u64 length, u8 byte)
{
	char path[300];
	u8 *bytes = malloc(length);
	memset(bytes, byte, length);
	snprintf(path, sizeof(path), "%s/journal-%u", place->directory, segment);
	int fd = open(path, O_WRONLY);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, length, (off_t)offset), length);
	close(fd);
	free(bytes);
}

static void records_come_back_after_any_position(void **state)
{
	(void)state;
	struct place place = place_new();
	assert_int_equal(replay(&place, FIRST - 1, 0).count, 0);
	append(&place, 20);
	struct heard heard = replay(&place, FIRST - 1, 0);
	assert_int_equal(heard.count, 20);
	assert_int_equal(heard.first, FIRST);
	heard = replay(&place, FIRST + 4, 0);
	assert_int_equal(heard.count, 15);
	assert_int_equal(heard.first, FIRST + 5);
	assert_int_equal(replay(&place, FIRST + 19, 0).count, 0);
	/* The tables may be ahead of what a power cut left of the journal. */
	assert_int_equal(replay(&place, FIRST + 30, 0).count, 0);
	struct heard refusing = {.answer = DFS_EIO};
	assert_int_equal(kv_journal_replay(place.journal, SALT, FIRST - 1, hear, &refusing),
			 DFS_EIO);
	place_free(&place);
}

static void a_record_is_stored_in_version_1s_form(void **state)
{
	(void)state;
	static const u8 expected[56] = {
	    0x44, 0x46, 0x4a, 0x31, 0x00, 0x00, 0x00, 0x00, /* "DFJ1", CRC: see below */
	    0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01, /* sequence */
	    0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* synced */ 0x88,
	    0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11,       /* salt */
	    0x0b, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* bytes, reserved */
	    'h',  'e',  'l',  'l',  'o',  ' ',  'w',  'o',  /* batch, padded to 8 */
	    'r',  'l',  'd',  0x00, 0x00, 0x00, 0x00, 0x00,
	};
	struct place place = place_new();
	char path[300];
	u8 bytes[56];
	assert_int_equal(kv_journal_append(place.journal, UINT64_C(0x0102030405060708),
					   dfs_span_text("hello world")),
			 0);
	snprintf(path, sizeof(path), "%s/journal-0", place.directory);
	int fd = open(path, O_RDONLY);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), sizeof(bytes));
	close(fd);
	u32 crc;
	memcpy(&crc, bytes + 4, sizeof(crc));
	assert_int_equal(crc, 0x6fb25643);
	memset(bytes + 4, 0, 4);
	assert_memory_equal(bytes, expected, sizeof(bytes));
	place_free(&place);
}

static void a_torn_tail_ends_the_replay_wherever_it_is_torn(void **state)
{
	(void)state;
	struct place place = place_new();
	append(&place, 5);
	for (u32 cut = 5 * RECORD_BYTES - 1; cut > 3 * RECORD_BYTES; cut -= 7) {
		overwrite(&place, 0, cut, 5 * RECORD_BYTES - cut, 0);
		/* The padding and a batch's own zeros are not missed; anything else is. */
		u32 whole = cut / RECORD_BYTES;
		struct heard heard = replay(&place, FIRST - 1, 0);
		assert_in_range(heard.count, whole, whole + 1);
		if (cut % RECORD_BYTES < 1000)
			assert_int_equal(heard.count, whole);
	}
	place_free(&place);
}

static void a_hole_ends_the_replay_although_records_follow(void **state)
{
	(void)state;
	struct place place = place_new();
	append(&place, 10);
	overwrite(&place, 0, 4 * RECORD_BYTES + 100, 512, 0xee);
	assert_int_equal(replay(&place, FIRST - 1, 0).count, 4);
	place_free(&place);
}

static void damage_to_what_was_synced_is_not_taken_for_the_end(void **state)
{
	(void)state;
	struct place place = place_new();
	append(&place, 10);
	assert_int_equal(kv_journal_sync(place.journal), 0);
	append(&place, 1); /* Its header says that the ten were synced. */
	overwrite(&place, 0, 4 * RECORD_BYTES + 100, 1, 0xee);
	assert_int_equal(replay(&place, FIRST - 1, DFS_ECORRUPT).count, 4);
	/* Harmless once the tables hold it. */
	assert_int_equal(replay(&place, FIRST + 9, 0).count, 1);
	/* Also when the first record of the segment is hit. */
	overwrite(&place, 0, 0, 1, 0xee);
	assert_int_equal(replay(&place, FIRST - 1, DFS_ECORRUPT).count, 0);
	place_free(&place);
}

static void laps_replay_from_the_older_segment_to_the_newer(void **state)
{
	(void)state;
	enum { PER_SEGMENT = SEGMENT_BYTES / RECORD_BYTES };
	struct place place = place_new();
	for (u32 lap = 0; lap < 7; lap++) {
		append(&place, PER_SEGMENT);
		u64 last = place.next - 1;
		/* Everything in the segment before this one is still there. */
		struct heard heard = replay(&place, last - PER_SEGMENT - (lap > 0 ? 10 : 0), 0);
		assert_int_equal(heard.last, last);
		assert_int_equal(heard.count, PER_SEGMENT + (lap > 0 ? 10 : 0));
	}
	/* A few records over a full old lap: the rest of that lap is stale. */
	append(&place, 3);
	struct heard heard = replay(&place, place.next - 1 - PER_SEGMENT, 0);
	assert_int_equal(heard.last, place.next - 1);
	place_free(&place);
}

static void a_lost_end_of_the_older_segment_hides_the_newer(void **state)
{
	(void)state;
	enum { PER_SEGMENT = SEGMENT_BYTES / RECORD_BYTES };
	struct place place = place_new();
	append(&place, PER_SEGMENT - 2);
	assert_int_equal(kv_journal_sync(place.journal), 0);
	append(&place, 2 + 5);
	overwrite(&place, 0, (PER_SEGMENT - 1) * RECORD_BYTES, RECORD_BYTES, 0);
	struct heard heard = replay(&place, FIRST - 1, 0);
	assert_int_equal(heard.count, PER_SEGMENT - 1);
	/* Had the newer one been written after a sync, that would be a loss. */
	assert_int_equal(kv_journal_sync(place.journal), 0);
	append(&place, 1);
	replay(&place, FIRST - 1, DFS_ECORRUPT);
	place_free(&place);
}

static void what_an_earlier_life_left_never_continues_a_new_one(void **state)
{
	(void)state;
	struct place place = place_new();
	append(&place, 10);
	/* The fifth was lost; 6 to 10 are whole. The next life writes a fifth of its own there. */
	overwrite(&place, 0, 4 * RECORD_BYTES, RECORD_BYTES, 0);
	assert_int_equal(replay(&place, FIRST - 1, 0).count, 4);
	kv_journal_restart(place.journal, SALT + 1);
	place.next = FIRST + 4;
	append(&place, 5);
	struct heard heard = {0};
	assert_int_equal(kv_journal_replay(place.journal, SALT + 1, FIRST + 3, hear, &heard), 0);
	assert_int_equal(heard.count, 5);
	place_free(&place);
}

static void a_missing_or_cut_file_is_refused(void **state)
{
	(void)state;
	struct place place = place_new();
	char path[300];
	struct kv_journal *journal = NULL;
	snprintf(path, sizeof(path), "%s/journal-1", place.directory);
	assert_int_equal(truncate(path, SEGMENT_BYTES - 4096), 0);
	assert_int_equal(kv_journal_open(place.directory, &journal), DFS_ECORRUPT);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(kv_journal_open(place.directory, &journal), DFS_ECORRUPT);
	assert_null(journal);
	place_free(&place);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(records_come_back_after_any_position),
	    cmocka_unit_test(a_record_is_stored_in_version_1s_form),
	    cmocka_unit_test(a_torn_tail_ends_the_replay_wherever_it_is_torn),
	    cmocka_unit_test(a_hole_ends_the_replay_although_records_follow),
	    cmocka_unit_test(damage_to_what_was_synced_is_not_taken_for_the_end),
	    cmocka_unit_test(laps_replay_from_the_older_segment_to_the_newer),
	    cmocka_unit_test(a_lost_end_of_the_older_segment_hides_the_newer),
	    cmocka_unit_test(what_an_earlier_life_left_never_continues_a_new_one),
	    cmocka_unit_test(a_missing_or_cut_file_is_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
