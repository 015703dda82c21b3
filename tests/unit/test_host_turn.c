/*
 * Turns of the host: what comes first, when timers are stepped, that a busy core does not starve
 * sockets, how it ends.
 */
#include "tests/unit/host_fixture.h"

struct trace {
	enum dfs_ev_kind kinds[64];
	u32 count;
	nsec nows[64];
	u8 seed[DFS_SEED_BYTES];
	u32 timers;
	u32 chain_left; /* I/Os to start one after the other. */
	u32 link_ups;
	bool exit_on_stop;
};

static void trace_step(struct fixture *f, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct trace *trace = f->data;
	if (trace->count < 64) {
		trace->kinds[trace->count] = ev->kind;
		trace->nows[trace->count++] = ev->now;
	}
	switch (ev->kind) {
	case DFS_EV_BOOT:
		memcpy(trace->seed, ev->seed, sizeof(trace->seed));
		break;
	case DFS_EV_CALL:
		if (ev->call != NULL)
			dfs_fx_link_open(fxs, 1, dfs_span_text(ev->call));
		else
			dfs_fx_reply(fxs, ev->tag, "reply");
		break;
	case DFS_EV_TIMER:
		trace->timers++;
		uv_stop(&f->loop); /* The test waits for this and nothing else would wake it. */
		if (trace->timers >= 3)
			f->deadline = DFS_NEVER;
		break;
	case DFS_EV_LINK_UP:
		trace->link_ups++;
		break;
	case DFS_EV_STOP:
		if (trace->exit_on_stop)
			dfs_fx_exit(fxs, DFS_EIO);
		break;
	default:
		break;
	}
	if (trace->chain_left > 0 && (ev->kind == DFS_EV_IO_DONE || ev->kind == DFS_EV_BOOT)) {
		/* There is no disk 9: ends at once, with an error. */
		trace->chain_left--;
		dfs_fx_io(fxs, 0, &(struct dfs_io){.kind = DFS_IO_FILE_SYNC, .disk = 9}, NULL);
	}
}

static struct fixture *trace_new(struct trace *trace, const struct dfs_host_config *config)
{
	struct fixture *f = fixture_new(config);
	f->step = trace_step;
	f->data = trace;
	return f;
}

static void boot_comes_first_with_a_random_seed(void **state)
{
	(void)state;
	struct trace a = {0};
	struct trace b = {0};
	struct fixture *f = trace_new(&a, NULL);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(a.kinds[0], DFS_EV_BOOT);
	assert_int_equal(a.count, 1);
	fixture_free(f);
	/* Also when a shell calls before the loop runs. */
	f = trace_new(&b, NULL);
	dfs_host_call(f->host, 5, NULL);
	assert_int_equal(b.kinds[0], DFS_EV_BOOT);
	assert_int_equal(b.kinds[1], DFS_EV_CALL);
	assert_int_equal(f->replies, 1);
	assert_memory_not_equal(a.seed, b.seed, sizeof(a.seed));
	fixture_free(f);
}

static void a_deadline_that_has_come_is_stepped_at_the_end_of_the_turn(void **state)
{
	(void)state;
	struct trace trace = {0};
	struct fixture *f = trace_new(&trace, NULL);
	f->deadline = 1;
	dfs_host_call(f->host, 1, NULL);
	dfs_host_call(f->host, 2, NULL);
	assert_int_equal(trace.timers, 0); /* Several calls of one turn share one timer step. */
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(trace.timers, 3);
	assert_int_equal(trace.nows[1], trace.nows[2]);
	fixture_free(f);
}

static void a_later_deadline_wakes_the_loop_then(void **state)
{
	(void)state;
	struct trace trace = {.timers = 2};
	struct fixture *f = trace_new(&trace, NULL);
	nsec start = dfs_host_now(f->host);
	f->deadline = start + 30 * DFS_MSEC;
	while (trace.timers == 2)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(trace.nows[1] >= start + 30 * DFS_MSEC);
	assert_int_equal(trace.kinds[1], DFS_EV_TIMER);
	assert_int_equal(trace.count, 2);
	fixture_free(f);
}

static void a_core_that_never_rests_does_not_starve_its_links(void **state)
{
	(void)state;
	struct trace trace = {.chain_left = UINT32_MAX};
	struct dfs_listener *listener = NULL;
	struct dfs_sentence sentence;
	assert_int_equal(dfs_listener_open("127.0.0.1:0", &listener, &sentence), 0);
	struct dfs_host_config config = {.listeners = &listener, .listeners_count = 1};
	struct fixture *f = trace_new(&trace, &config);
	dfs_host_call(f->host, 1, dfs_listener_address(listener));
	while (trace.link_ups == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(trace.chain_left > 0);
	fixture_free(f);
}

static void after_exit_nothing_is_stepped(void **state)
{
	(void)state;
	struct trace trace = {.exit_on_stop = true};
	struct fixture *f = trace_new(&trace, NULL);
	int status;
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_false(dfs_host_exited(f->host, &status));
	dfs_host_stop(f->host);
	assert_true(dfs_host_exited(f->host, &status));
	assert_int_equal(status, DFS_EIO);
	u32 count = trace.count;
	dfs_host_stop(f->host);
	dfs_host_cancel(f->host, 1);
	dfs_host_call(f->host, 1, NULL);
	assert_int_equal(trace.count, count);
	fixture_free(f);
}

static void a_host_that_never_ran_closes(void **state)
{
	(void)state;
	struct dfs_listener *listener = NULL;
	struct dfs_sentence sentence;
	assert_int_equal(dfs_listener_open("127.0.0.1:0", &listener, &sentence), 0);
	struct dfs_host_config config = {.listeners = &listener, .listeners_count = 1};
	struct trace trace = {0};
	struct fixture *f = trace_new(&trace, &config);
	fixture_free(f);
	assert_int_equal(trace.count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boot_comes_first_with_a_random_seed),
	    cmocka_unit_test(a_deadline_that_has_come_is_stepped_at_the_end_of_the_turn),
	    cmocka_unit_test(a_later_deadline_wakes_the_loop_then),
	    cmocka_unit_test(a_core_that_never_rests_does_not_starve_its_links),
	    cmocka_unit_test(after_exit_nothing_is_stepped),
	    cmocka_unit_test(a_host_that_never_ran_closes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
