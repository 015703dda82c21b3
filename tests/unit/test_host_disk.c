/*
 * Chunk files of the host on a real file system: what FILE_* and DISK_* promise, including what is
 * cold, sparse, absent or full.
 */
#include "tests/unit/host_fixture.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/xattr.h>

static const char attribute[] = "cluster 1 chunk 2";

struct place {
	char directory[256];
	struct dfs_disk *disk;
	struct fixture *f;
};

static void place_open(struct place *place, u32 open_files_max)
{
	struct dfs_disk_options options = {.open_files_max = open_files_max};
	struct dfs_sentence sentence;
	int error = dfs_disk_open(place->directory, &options, &place->disk, &sentence);
	if (error != 0)
		print_message("%s\n", sentence.text);
	assert_int_equal(error, 0);
	struct dfs_host_config config = {.disks = &place->disk, .disks_count = 1};
	place->f = fixture_new(&config);
}

static void place_close(struct place *place)
{
	fixture_free(place->f);
	dfs_disk_close(place->disk);
	assert_int_equal(dfs_buf_live_count(), 0);
}

static struct place place_new(u32 open_files_max)
{
	struct place place = {0};
	make_directory(place.directory);
	place_open(&place, open_files_max);
	return place;
}

static void place_free(struct place *place)
{
	place_close(place);
	remove_tree(place->directory);
}

static struct dfs_buf *filled(u32 length, u8 byte)
{
	struct dfs_buf *buf = dfs_buf_new(length);
	memset(buf->data, byte, length);
	buf->length = length;
	return buf;
}

static int put(struct place *place, u64 file, u64 offset, u32 length, u8 byte)
{
	struct dfs_buf *buf = filled(length, byte);
	struct io_result result = io_do(place->f,
					(struct dfs_io){.kind = DFS_IO_FILE_WRITE,
							.file = file,
							.offset = offset,
							.length = length,
							.attribute = dfs_span_text(attribute)},
					buf);
	dfs_buf_unref(buf);
	return result.status;
}

static struct io_result get(struct place *place, u64 file, u64 offset, u64 length)
{
	return io_do(
	    place->f,
	    (struct dfs_io){
		.kind = DFS_IO_FILE_READ, .file = file, .offset = offset, .length = length},
	    NULL);
}

static int plain(struct place *place, enum dfs_io_kind kind, u64 file, u64 offset, u64 length)
{
	struct dfs_io io = {.kind = kind, .file = file, .offset = offset, .length = length};
	return io_do(place->f, io, NULL).status;
}

/* Where data, or a hole, begins. */
static u64 sought(struct place *place, u64 file, u64 offset, bool hole)
{
	struct dfs_io io = {
	    .kind = DFS_IO_FILE_SEEK, .file = file, .offset = offset, .length = hole};
	struct io_result result = io_do(place->f, io, NULL);
	assert_int_equal(result.status, 0);
	return result.count;
}

static void assert_bytes(struct io_result result, u64 count, u64 zeros, u8 byte)
{
	assert_int_equal(result.status, 0);
	assert_int_equal(result.count, count);
	for (u64 i = 0; i < count; i++)
		assert_int_equal(result.buf->data[i], i < zeros ? 0 : byte);
	dfs_buf_unref(result.buf);
}

static void path_of(struct place *place, u64 file, char path[512])
{
	char name[DFS_DISK_NAME_BYTES];
	dfs_disk_name(file, name);
	snprintf(path, 512, "%s/data/%s", place->directory, name);
}

/* Make the next read wait for the disk. */
static void make_cold(struct place *place, u64 file)
{
	char path[512];
	path_of(place, file, path);
	int fd = open(path, O_RDONLY);
	assert_true(fd >= 0);
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
}

static void a_written_file_reads_back_and_describes_itself(void **state)
{
	(void)state;
	struct place place = place_new(0);
	char path[512];
	char value[64] = {0};
	assert_int_equal(put(&place, 0x123f, 0, 10000, 'a'), 0);
	assert_bytes(get(&place, 0x123f, 0, 10000), 10000, 0, 'a');
	path_of(&place, 0x123f, path);
	assert_non_null(strstr(path, "/data/12/000000000000123f"));
	assert_int_equal(getxattr(path, "user.dfs.chunk", value, sizeof(value)), strlen(attribute));
	assert_string_equal(value, attribute);
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, 10000);
	place_free(&place);
}

static void holes_read_as_zeros_and_the_end_is_short(void **state)
{
	(void)state;
	struct place place = place_new(0);
	assert_int_equal(put(&place, 7, 1 << 20, 4096, 'b'), 0);
	assert_bytes(get(&place, 7, (1 << 20) - 8192, 1 << 20), 8192 + 4096, 8192, 'b');
	assert_bytes(get(&place, 7, 2 << 20, 4096), 0, 0, 0);
	make_cold(&place, 7);
	assert_bytes(get(&place, 7, (1 << 20) - 8192, 1 << 20), 8192 + 4096, 8192, 'b');
	place_free(&place);
}

static void cold_files_read_the_same(void **state)
{
	(void)state;
	struct place place = place_new(0);
	for (u32 i = 0; i < 8; i++)
		assert_int_equal(put(&place, 9, i << 20, 1 << 20, (u8)('a' + i)), 0);
	make_cold(&place, 9);
	place_close(&place);
	place_open(&place, 0);
	for (u32 i = 0; i < 16; i++)
		assert_bytes(get(&place, 9, i << 19, 1 << 19), 1 << 19, 0, (u8)('a' + i / 2));
	place_free(&place);
}

static void several_cold_reads_are_in_flight_at_once(void **state)
{
	(void)state;
	struct place place = place_new(0);
	struct io_result results[64];
	for (u32 i = 0; i < 64; i++)
		assert_int_equal(put(&place, 9, i * 65536, 65536, (u8)i), 0);
	make_cold(&place, 9);
	for (u32 i = 0; i < 64; i++)
		io_start(place.f,
			 (struct dfs_io){.kind = DFS_IO_FILE_READ,
					 .file = 9,
					 .offset = (63 - i) * 65536,
					 .length = 4096},
			 NULL, &results[63 - i]);
	for (u32 i = 0; i < 64; i++) {
		io_wait(place.f, &results[i]);
		assert_bytes(results[i], 4096, 0, (u8)i);
	}
	place_free(&place);
}

static void an_absent_file_is_reported(void **state)
{
	(void)state;
	struct place place = place_new(0);
	assert_int_equal(get(&place, 5, 0, 4096).status, DFS_ENOENT);
	assert_int_equal(plain(&place, DFS_IO_FILE_SYNC, 5, 0, 0), DFS_ENOENT);
	assert_int_equal(plain(&place, DFS_IO_FILE_TRUNCATE, 5, 0, 10), DFS_ENOENT);
	assert_int_equal(plain(&place, DFS_IO_FILE_UNLINK, 5, 0, 0), DFS_ENOENT);
	struct dfs_buf *buf = filled(10, 'x');
	struct dfs_io io = {.kind = DFS_IO_FILE_WRITE, .file = 5, .length = 10};
	assert_int_equal(io_do(place.f, io, buf).status, DFS_ENOENT);
	dfs_buf_unref(buf);
	io.disk = 3;
	assert_int_equal(io_do(place.f, io, NULL).status, DFS_EDISK_FAILED);
	place_free(&place);
}

static void truncate_and_punch_leave_zeros(void **state)
{
	(void)state;
	struct place place = place_new(0);
	assert_int_equal(put(&place, 1, 0, 65536, 'c'), 0);
	assert_int_equal(plain(&place, DFS_IO_FILE_PUNCH, 1, 0, 8192), 0);
	assert_bytes(get(&place, 1, 0, 65536), 65536, 8192, 'c');
	assert_int_equal(sought(&place, 1, 0, false), 8192);
	assert_int_equal(sought(&place, 1, 8193, false), 8193);
	assert_int_equal(sought(&place, 1, 0, true), 0);
	assert_int_equal(sought(&place, 1, 8192, true), 65536);
	assert_int_equal(sought(&place, 1, 70000, false), 65536);
	assert_int_equal(sought(&place, 1, 70000, true), 65536);
	assert_int_equal(plain(&place, DFS_IO_FILE_SEEK, 2, 0, 0), DFS_ENOENT);
	assert_int_equal(plain(&place, DFS_IO_FILE_TRUNCATE, 1, 0, 8192), 0);
	assert_int_equal(sought(&place, 1, 0, false), 8192); /* Nothing but a hole. */
	assert_int_equal(plain(&place, DFS_IO_FILE_TRUNCATE, 1, 0, 100000), 0);
	assert_bytes(get(&place, 1, 0, 200000), 100000, 100000, 0);
	place_free(&place);
}

static int copied(struct place *place, u64 source, u64 file, u64 length)
{
	struct dfs_io io = {.kind = DFS_IO_FILE_COPY,
			    .file = file,
			    .source = source,
			    .length = length,
			    .attribute = dfs_span_text(attribute)};
	return io_do(place->f, io, NULL).status;
}

static void a_copy_has_the_bytes_and_the_holes(void **state)
{
	(void)state;
	struct place place = place_new(2);
	assert_int_equal(put(&place, 1, 0, 8192, 'c'), 0);
	assert_int_equal(put(&place, 1, 1 << 20, 5000, 'c'), 0);
	assert_int_equal(copied(&place, 1, 2, (1 << 20) + 100), 0);
	assert_bytes(get(&place, 2, 0, 8192), 8192, 0, 'c');
	assert_bytes(get(&place, 2, 8192, 4096), 4096, 4096, 0);
	assert_bytes(get(&place, 2, 1 << 20, 8192), 100, 0, 'c');
	assert_int_equal(sought(&place, 2, 0, true), 8192);
	/* Shorter, longer than the source; and over what is left of an earlier try. */
	assert_int_equal(copied(&place, 1, 2, 10), 0);
	assert_bytes(get(&place, 2, 0, 8192), 10, 0, 'c');
	assert_int_equal(copied(&place, 1, 3, 2 << 20), 0);
	assert_bytes(get(&place, 3, 1 << 20, 5000), 5000, 0, 'c');
	assert_bytes(get(&place, 3, (1 << 20) + 8192, 2 << 20), (1 << 20) - 8192, 1 << 20, 0);
	/* Each is a file of its own. */
	assert_int_equal(put(&place, 2, 0, 10, 'x'), 0);
	assert_bytes(get(&place, 1, 0, 8192), 8192, 0, 'c');
	assert_int_equal(copied(&place, 9, 4, 10), DFS_ENOENT);
	place_free(&place);
}

static void an_unlinked_file_is_gone_and_may_be_made_anew(void **state)
{
	(void)state;
	struct place place = place_new(0);
	/* Enough to have a write-back kick hold the descriptor meanwhile. */
	for (u32 i = 0; i < 17; i++)
		assert_int_equal(put(&place, 1, i << 20, 1 << 20, 'd'), 0);
	assert_int_equal(plain(&place, DFS_IO_FILE_UNLINK, 1, 0, 0), 0);
	assert_int_equal(get(&place, 1, 0, 4096).status, DFS_ENOENT);
	assert_int_equal(put(&place, 1, 0, 100, 'e'), 0);
	assert_bytes(get(&place, 1, 0, 4096), 100, 0, 'e');
	char path[512];
	path_of(&place, 1, path);
	assert_int_equal(access(path, F_OK), 0);
	place_free(&place);
}

static void syncs_of_many_files_in_one_turn_all_end(void **state)
{
	(void)state;
	struct place place = place_new(64);
	enum { FILES = 1500 };
	struct io_result *results = calloc(FILES, sizeof(*results));
	for (u32 i = 0; i < FILES; i++)
		assert_int_equal(put(&place, 1 + i, 0, 1000, (u8)i), 0);
	for (u32 i = 0; i < FILES; i++)
		io_start(place.f, (struct dfs_io){.kind = DFS_IO_FILE_SYNC, .file = 1 + i}, NULL,
			 &results[i]);
	for (u32 i = 0; i < FILES; i++) {
		io_wait(place.f, &results[i]);
		assert_int_equal(results[i].status, 0);
	}
	for (u32 i = 0; i < FILES; i++)
		assert_bytes(get(&place, 1 + i, 0, 4096), 1000, 0, (u8)i);
	free(results);
	place_free(&place);
}

static u64 walk(struct place *place, u64 expected_first)
{
	u64 after = 0;
	u64 total = 0;
	for (;;) {
		struct dfs_io io = {.kind = DFS_IO_DISK_LIST, .offset = after};
		struct io_result page = io_do(place->f, io, NULL);
		assert_int_equal(page.status, 0);
		u64 count = page.count;
		u32 at = 0;
		for (u64 i = 0; i < count; i++) {
			struct dfs_listed listed;
			memcpy(&listed, page.buf->data + at, sizeof(listed));
			assert_true(listed.file > after);
			assert_int_equal(listed.length, listed.file % 1000);
			assert_int_equal(listed.attribute_bytes, strlen(attribute));
			assert_memory_equal(page.buf->data + at + sizeof(listed), attribute,
					    strlen(attribute));
			if (total == 0)
				assert_int_equal(listed.file, expected_first);
			after = listed.file;
			at += (u32)sizeof(listed) + ((listed.attribute_bytes + 7) & ~7u);
			total++;
		}
		assert_int_equal(page.buf->length, at);
		dfs_buf_unref(page.buf);
		if (count == 0)
			return total;
	}
}

static void listing_pages_through_all_files_in_order(void **state)
{
	(void)state;
	struct place place = place_new(32);
	enum { FILES = 8000 };
	assert_int_equal(walk(&place, 0), 0);
	for (u64 i = 0; i < FILES; i++) {
		u64 id = 1 + i * 37;
		assert_int_equal(put(&place, id, 0, 1, 'f'), 0);
		assert_int_equal(plain(&place, DFS_IO_FILE_TRUNCATE, id, 0, id % 1000), 0);
	}
	char path[512];
	snprintf(path, sizeof(path), "%s/data/00/notes.txt", place.directory);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(walk(&place, 1), FILES);
	assert_int_equal(plain(&place, DFS_IO_FILE_UNLINK, 1, 0, 0), 0);
	assert_int_equal(walk(&place, 38), FILES - 1);
	place_free(&place);
}

static void a_file_without_attribute_is_listed_without(void **state)
{
	(void)state;
	struct place place = place_new(0);
	char path[512];
	path_of(&place, 77, path);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	struct io_result page = io_do(place.f, (struct dfs_io){.kind = DFS_IO_DISK_LIST}, NULL);
	struct dfs_listed listed;
	assert_int_equal(page.count, 1);
	memcpy(&listed, page.buf->data, sizeof(listed));
	assert_int_equal(listed.file, 77);
	assert_int_equal(listed.attribute_bytes, 0);
	dfs_buf_unref(page.buf);
	/* A write that would create it gives it the attribute. */
	assert_int_equal(put(&place, 77, 0, 10, 'g'), 0);
	assert_int_equal(getxattr(path, "user.dfs.chunk", NULL, 0), strlen(attribute));
	place_free(&place);
}

static void space_is_reported(void **state)
{
	(void)state;
	struct place place = place_new(0);
	struct io_result result = io_do(place.f, (struct dfs_io){.kind = DFS_IO_DISK_SPACE}, NULL);
	assert_int_equal(result.status, 0);
	assert_true(result.count > 0);
	assert_true(result.aux >= result.count);
	place_free(&place);
}

/* Needs a small file system of its own: skipped when this user may not mount one. */
static void a_full_disk_is_reported_as_such(void **state)
{
	(void)state;
	struct place place = {0};
	make_directory(place.directory);
	if (mount("tmpfs", place.directory, "tmpfs", 0, "size=4m,mode=700") != 0) {
		remove_tree(place.directory);
		skip();
	}
	struct dfs_disk_options options = {0};
	struct dfs_sentence sentence;
	int error = dfs_disk_open(place.directory, &options, &place.disk, &sentence);
	if (error == 0) {
		struct dfs_host_config config = {.disks = &place.disk, .disks_count = 1};
		place.f = fixture_new(&config);
		int status = 0;
		u32 written = 0;
		for (; written < 100 && status == 0; written++)
			status = put(&place, 1 + written, 0, 256 << 10, 'h');
		assert_int_equal(status, DFS_EDISK_FULL);
		assert_true(written > 2);
		assert_bytes(get(&place, 1, 0, 256 << 10), 256 << 10, 0, 'h');
		/* Removing makes room again. */
		assert_int_equal(plain(&place, DFS_IO_FILE_UNLINK, 1, 0, 0), 0);
		assert_int_equal(put(&place, 1000, 0, 64 << 10, 'i'), 0);
		place_close(&place);
	} else {
		assert_non_null(strstr(sentence.text, "extended attributes"));
	}
	assert_int_equal(umount(place.directory), 0);
	remove_tree(place.directory);
}

static void a_missing_directory_is_named(void **state)
{
	(void)state;
	struct dfs_disk_options options = {0};
	struct dfs_disk *disk = NULL;
	struct dfs_sentence sentence;
	assert_int_equal(dfs_disk_open("/nonexistent/disk", &options, &disk, &sentence),
			 DFS_ENOENT);
	assert_non_null(strstr(sentence.text, "/nonexistent/disk"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_written_file_reads_back_and_describes_itself),
	    cmocka_unit_test(holes_read_as_zeros_and_the_end_is_short),
	    cmocka_unit_test(cold_files_read_the_same),
	    cmocka_unit_test(several_cold_reads_are_in_flight_at_once),
	    cmocka_unit_test(an_absent_file_is_reported),
	    cmocka_unit_test(truncate_and_punch_leave_zeros),
	    cmocka_unit_test(a_copy_has_the_bytes_and_the_holes),
	    cmocka_unit_test(an_unlinked_file_is_gone_and_may_be_made_anew),
	    cmocka_unit_test(syncs_of_many_files_in_one_turn_all_end),
	    cmocka_unit_test(listing_pages_through_all_files_in_order),
	    cmocka_unit_test(a_file_without_attribute_is_listed_without),
	    cmocka_unit_test(space_is_reported),
	    cmocka_unit_test(a_full_disk_is_reported_as_such),
	    cmocka_unit_test(a_missing_directory_is_named),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
