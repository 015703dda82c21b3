/*
 * The scalar types and the assertion that every file uses.
 *
 * Not here: anything with behaviour. Included by every header of the project; read span.h next.
 */
#ifndef DFS_BASE_TYPES_H
#define DFS_BASE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int64_t s64;

/* Nanoseconds. Monotonic when called `now` or `deadline`; since 1970 when called `wall`. */
typedef u64 nsec;

#define DFS_NEVER UINT64_MAX
#define DFS_USEC  UINT64_C(1000)
#define DFS_MSEC  (1000 * DFS_USEC)
#define DFS_SEC   (1000 * DFS_MSEC)
#define DFS_KIB   UINT64_C(1024)
#define DFS_MIB   (1024 * DFS_KIB)
#define DFS_GIB   (1024 * DFS_MIB)

#define dfs_container_of(pointer, type, member)                                                    \
	((type *)(void *)((char *)(pointer)-offsetof(type, member)))
#define dfs_array_count(array) (sizeof(array) / sizeof((array)[0]))

#define dfs_min(a, b)          ((a) < (b) ? (a) : (b))
#define dfs_max(a, b)          ((a) > (b) ? (a) : (b))

/*
 * Bad logic, never bad input. Stays on in production: a process that stops is repaired by its
 * peers, one that goes on with a broken invariant destroys data. One condition per assertion.
 */
_Noreturn void dfs_assert_failed(const char *condition, const char *file, int line);
#define DFS_ASSERT(condition)                                                                      \
	((condition) ? (void)0 : dfs_assert_failed(#condition, __FILE__, __LINE__))

#endif
