/*
 * base/list.h.
 */
#include "libdfsproto/base/list.h"
#include "tests/unit/unit.h"

struct item {
	int value;
	struct dfs_list node;
};

/* The values in order as decimal digits. */
static int digits(const struct dfs_list *head)
{
	int number = 0;
	dfs_list_for_each (node, (struct dfs_list *)(uintptr_t)head)
		number = number * 10 + dfs_list_entry(node, struct item, node)->value;
	return number;
}

static void setup(struct dfs_list *head, struct item items[4])
{
	dfs_list_init(head);
	for (int i = 0; i < 4; i++) {
		items[i].value = i + 1;
		dfs_list_init(&items[i].node);
	}
}

static void items_stay_in_the_order_they_were_pushed(void **state)
{
	(void)state;
	struct dfs_list head;
	struct item items[4];
	setup(&head, items);
	assert_true(dfs_list_empty(&head));
	dfs_list_push_back(&head, &items[0].node);
	dfs_list_push_back(&head, &items[1].node);
	dfs_list_push_front(&head, &items[2].node);
	dfs_list_insert_after(&items[0].node, &items[3].node);
	assert_int_equal(digits(&head), 3142);
	assert_int_equal(dfs_list_first(&head, struct item, node)->value, 3);
	assert_int_equal(dfs_list_last(&head, struct item, node)->value, 2);
}

static void removing_twice_is_harmless(void **state)
{
	(void)state;
	struct dfs_list head;
	struct item items[4];
	setup(&head, items);
	for (int i = 0; i < 4; i++)
		dfs_list_push_back(&head, &items[i].node);
	dfs_list_remove(&items[1].node);
	dfs_list_remove(&items[1].node);
	assert_int_equal(digits(&head), 134);
	assert_true(dfs_list_empty(&items[1].node));
}

static void the_current_item_may_go_inside_the_safe_loop(void **state)
{
	(void)state;
	struct dfs_list head;
	struct item items[4];
	setup(&head, items);
	for (int i = 0; i < 4; i++)
		dfs_list_push_back(&head, &items[i].node);
	dfs_list_for_each_safe (node, &head) {
		if (dfs_list_entry(node, struct item, node)->value % 2 == 0)
			dfs_list_remove(node);
	}
	assert_int_equal(digits(&head), 13);
}

static void splicing_moves_all_and_leaves_nothing(void **state)
{
	(void)state;
	struct dfs_list to, from;
	struct item items[4];
	setup(&to, items);
	dfs_list_init(&from);
	dfs_list_splice_back(&to, &from);
	assert_true(dfs_list_empty(&to));
	dfs_list_push_back(&to, &items[0].node);
	for (int i = 1; i < 4; i++)
		dfs_list_push_back(&from, &items[i].node);
	dfs_list_splice_back(&to, &from);
	assert_int_equal(digits(&to), 1234);
	assert_true(dfs_list_empty(&from));
	dfs_list_splice_back(&from, &to);
	assert_int_equal(digits(&from), 1234);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(items_stay_in_the_order_they_were_pushed),
	    cmocka_unit_test(removing_twice_is_harmless),
	    cmocka_unit_test(the_current_item_may_go_inside_the_safe_loop),
	    cmocka_unit_test(splicing_moves_all_and_leaves_nothing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
