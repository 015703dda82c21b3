/*
 * Links of the host over real loopback sockets: connect, echo, large transfers with a full send
 * queue, closing, refusals, listeners.
 */
#include "tests/unit/host_fixture.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { PIECE_BYTES = 256 << 10, LINK = 1, SLOW_TRIES_MAX = 20 };

/* Well within the time that a link which was closed is given. */
#define QUICK (2 * DFS_SEC)

/* The server echoes what it gets; the client counts. Both are one host here: the links of a host
 * to itself exercise connecting and accepting at once. */
struct echo {
	u64 to_send; /* Bytes the client sends once it is up. */
	u64 echoed;  /* Bytes that came back. */
	u32 ups;
	u32 news;
	u32 downs;
	u32 rooms;
	int down_status;
	u64 accepted; /* The last accepted link. */
	bool close_accepted_at_once;
	bool close_after_send;
	bool same_turn_echo;
	u64 received_by_server;
};

static void send_bytes(struct dfs_fxs *fxs, u64 link, u64 bytes)
{
	while (bytes > 0) {
		u32 piece = (u32)dfs_min(bytes, (u64)PIECE_BYTES);
		struct dfs_buf *head = dfs_buf_new(16);
		head->length = (u32)dfs_min((u64)piece, 16ul);
		memset(head->data, 'h', head->length);
		struct dfs_fx *fx = dfs_fx_link_send_take(fxs, link, head);
		if (piece > head->length) {
			fx->payload = dfs_buf_new(piece);
			memset(fx->payload->data, 'p', piece);
			fx->payload_offset = head->length;
			fx->payload_bytes = piece - head->length;
		}
		bytes -= piece;
	}
}

static void echo_bytes(struct fixture *f, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct echo *echo = f->data;
	if ((ev->tag & DFS_LINK_ACCEPTED) == 0) {
		echo->echoed += ev->count;
		return;
	}
	echo->received_by_server += ev->count;
	struct dfs_buf *buf = dfs_buf_new((u32)ev->count);
	memcpy(buf->data, f->room, ev->count);
	buf->length = (u32)ev->count;
	dfs_fx_link_send_take(fxs, ev->tag, buf);
}

static void echo_step(struct fixture *f, const struct dfs_ev *ev, struct dfs_fxs *fxs)
{
	struct echo *echo = f->data;
	switch (ev->kind) {
	case DFS_EV_CALL:
		dfs_fx_link_open(fxs, LINK, dfs_span_text(ev->call));
		break;
	case DFS_EV_LINK_UP:
		assert_int_equal(ev->tag, LINK);
		echo->ups++;
		send_bytes(fxs, LINK, echo->to_send);
		if (echo->close_after_send)
			dfs_fx_link_close(fxs, LINK);
		break;
	case DFS_EV_LINK_NEW:
		echo->news++;
		echo->accepted = ev->tag;
		if (echo->close_accepted_at_once) {
			send_bytes(fxs, ev->tag, 1000);
			dfs_fx_link_close(fxs, ev->tag);
		}
		break;
	case DFS_EV_LINK_BYTES:
		echo_bytes(f, ev, fxs);
		break;
	case DFS_EV_LINK_ROOM:
		echo->rooms++;
		break;
	case DFS_EV_LINK_DOWN:
		echo->downs++;
		echo->down_status = ev->status;
		break;
	default:
		break;
	}
}

static struct dfs_listener *listen_on(const char *address)
{
	struct dfs_listener *listener = NULL;
	struct dfs_sentence sentence = {{0}};
	int error = dfs_listener_open(address, &listener, &sentence);
	if (error != 0)
		print_message("%s\n", sentence.text);
	assert_int_equal(error, 0);
	return listener;
}

static struct fixture *echo_new(struct echo *echo, struct dfs_listener *listener)
{
	struct dfs_host_config config = {.listeners = &listener,
					 .listeners_count = listener == NULL ? 0 : 1};
	struct fixture *f = fixture_new(&config);
	f->step = echo_step;
	f->data = echo;
	return f;
}

static void echo_through(const char *listen_address, u64 bytes)
{
	struct echo echo = {.to_send = bytes};
	struct dfs_listener *listener = listen_on(listen_address);
	char address[256];
	snprintf(address, sizeof(address), "%s", dfs_listener_address(listener));
	struct fixture *f = echo_new(&echo, listener);
	dfs_host_call(f->host, 1, address);
	while (echo.echoed < bytes)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(echo.echoed, bytes);
	assert_int_equal(echo.ups, 1);
	assert_int_equal(echo.news, 1);
	assert_int_equal(echo.downs, 0);
	if (bytes > (16 << 20))
		assert_true(echo.rooms > 0);
	fixture_free(f);
	assert_int_equal(dfs_buf_live_count(), 0);
}

static void tcp_echoes_a_small_message(void **state)
{
	(void)state;
	echo_through("127.0.0.1:0", 100);
}

static void tcp_echoes_more_than_any_queue_holds(void **state)
{
	(void)state;
	echo_through("127.0.0.1:0", 64 << 20);
}

static void tcp_v6_is_served_as_well(void **state)
{
	(void)state;
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
	bool usable = fd >= 0 && bind(fd, (struct sockaddr *)&any, sizeof(any)) == 0;
	if (fd >= 0)
		close(fd);
	if (usable)
		echo_through("[::1]:0", 100);
}

static void a_host_name_is_resolved(void **state)
{
	(void)state;
	echo_through("localhost:0", 100);
	struct echo echo = {.to_send = 10};
	struct dfs_listener *listener = listen_on("127.0.0.1:0");
	char address[256];
	snprintf(address, sizeof(address), "localhost%s",
		 strrchr(dfs_listener_address(listener), ':'));
	struct fixture *f = echo_new(&echo, listener);
	dfs_host_call(f->host, 1, address);
	while (echo.echoed < 10)
		uv_run(&f->loop, UV_RUN_ONCE);
	fixture_free(f);
}

static void a_unix_socket_echoes_and_its_file_goes_away(void **state)
{
	(void)state;
	char directory[256];
	char address[300];
	make_directory(directory);
	snprintf(address, sizeof(address), "unix:%s/s", directory);
	echo_through(address, 64 << 20);
	assert_int_equal(access(address + 5, F_OK), -1);
	remove_tree(directory);
}

static void wait_for_down(struct fixture *f, struct echo *echo)
{
	while (echo->downs == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static void connect_expecting_down(const char *address, int status)
{
	struct echo echo = {0};
	struct fixture *f = echo_new(&echo, NULL);
	dfs_host_call(f->host, 1, address);
	wait_for_down(f, &echo);
	assert_int_equal(echo.down_status, status);
	assert_int_equal(echo.ups, 0);
	assert_int_equal(echo.downs, 1);
	fixture_free(f);
}

static void connecting_to_nobody_ends_with_link_down(void **state)
{
	(void)state;
	struct dfs_listener *listener = listen_on("127.0.0.1:0");
	char address[256];
	snprintf(address, sizeof(address), "%s", dfs_listener_address(listener));
	dfs_listener_close(listener);
	connect_expecting_down(address, DFS_ELINK_LOST);
	connect_expecting_down("unix:/nonexistent/socket", DFS_ELINK_LOST);
}

static void a_malformed_address_ends_with_link_down(void **state)
{
	(void)state;
	connect_expecting_down("no port", DFS_EINVAL);
	connect_expecting_down("::1:80", DFS_EINVAL);
	connect_expecting_down("host:70000", DFS_EINVAL);
	connect_expecting_down("host:", DFS_EINVAL);
	connect_expecting_down("unix:", DFS_EINVAL);
}

/* False: it took so long that the linger of a close may have cut it off, which says nothing. */
static bool send_and_close(u64 bytes)
{
	struct echo echo = {.to_send = bytes, .close_after_send = true};
	struct dfs_listener *listener = listen_on("127.0.0.1:0");
	struct fixture *f = echo_new(&echo, listener);
	nsec start = uv_hrtime();
	dfs_host_call(f->host, 1, dfs_listener_address(listener));
	wait_for_down(f, &echo);
	bool quick = uv_hrtime() - start < QUICK;
	/* The server sees all bytes and then the end of the stream; the client hears nothing. */
	if (quick)
		assert_int_equal(echo.received_by_server, bytes);
	assert_int_equal(echo.echoed, 0);
	assert_int_equal(echo.downs, 1);
	fixture_free(f);
	assert_int_equal(dfs_buf_live_count(), 0);
	return quick || echo.received_by_server == bytes;
}

/* Several times what a socket takes: most of it is still queued when the link is closed. */
static void what_was_sent_before_close_arrives(void **state)
{
	(void)state;
	u32 tries = 0;
	while (!send_and_close(12 << 20))
		assert_true(++tries < SLOW_TRIES_MAX);
}

static void a_refusal_reaches_a_peer_that_is_still_sending(void **state)
{
	(void)state;
	struct echo echo = {.to_send = 1 << 20, .close_accepted_at_once = true};
	struct dfs_listener *listener = listen_on("127.0.0.1:0");
	struct fixture *f = echo_new(&echo, listener);
	dfs_host_call(f->host, 1, dfs_listener_address(listener));
	wait_for_down(f, &echo);
	assert_int_equal(echo.echoed, 1000);
	assert_int_equal(echo.received_by_server, 0);
	fixture_free(f);
}

static void the_peer_closing_is_reported_once(void **state)
{
	(void)state;
	struct echo echo = {0};
	struct dfs_listener *listener = listen_on("127.0.0.1:0");
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	to.sin_port = htons((u16)atoi(strrchr(dfs_listener_address(listener), ':') + 1));
	struct fixture *f = echo_new(&echo, listener);
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
	while (echo.news == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	/* A reset rather than an orderly end. */
	struct linger linger = {.l_onoff = 1};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
	wait_for_down(f, &echo);
	uv_run(&f->loop, UV_RUN_NOWAIT);
	assert_int_equal(echo.downs, 1);
	assert_int_equal(echo.down_status, DFS_ELINK_LOST);
	fixture_free(f);
}

static void a_port_in_use_is_named(void **state)
{
	(void)state;
	struct dfs_listener *first = listen_on("127.0.0.1:0");
	struct dfs_listener *second = NULL;
	struct dfs_sentence sentence = {{0}};
	int error = dfs_listener_open(dfs_listener_address(first), &second, &sentence);
	assert_int_equal(error, DFS_EBUSY);
	assert_non_null(strstr(sentence.text, dfs_listener_address(first)));
	assert_non_null(strstr(sentence.text, "in use"));
	dfs_listener_close(first);
	assert_int_equal(dfs_listener_open("nonsense", &second, &sentence), DFS_EINVAL);
	assert_int_equal(dfs_listener_open("192.0.2.1:0", &second, &sentence), DFS_EIO);
	assert_non_null(strstr(sentence.text, "192.0.2.1"));
}

static void a_stale_unix_socket_is_replaced_and_a_live_one_refused(void **state)
{
	(void)state;
	char directory[256];
	char address[300];
	make_directory(directory);
	snprintf(address, sizeof(address), "unix:%s/s", directory);
	struct sockaddr_un un = {.sun_family = AF_UNIX};
	assert_true(strlen(address + 5) < sizeof(un.sun_path));
	memcpy(un.sun_path, address + 5, strlen(address + 5) + 1);
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof(un)), 0);
	close(fd); /* Stale: the file is there and nobody listens. */
	struct dfs_listener *listener = listen_on(address);
	struct dfs_listener *second = NULL;
	struct dfs_sentence sentence;
	assert_int_equal(dfs_listener_open(address, &second, &sentence), DFS_EBUSY);
	dfs_listener_close(listener);
	/* Something else by that name is not ours to remove. */
	close(open(un.sun_path, O_CREAT | O_WRONLY, 0600));
	assert_int_not_equal(dfs_listener_open(address, &second, &sentence), 0);
	assert_int_equal(access(un.sun_path, F_OK), 0);
	remove_tree(directory);
}

static void closing_the_host_ends_with_a_peer_that_never_reads(void **state)
{
	(void)state;
	struct echo echo = {.to_send = 64 << 20};
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t bytes = sizeof(own);
	assert_int_equal(bind(fd, (struct sockaddr *)&own, sizeof(own)), 0);
	assert_int_equal(listen(fd, 1), 0);
	getsockname(fd, (struct sockaddr *)&own, &bytes);
	char address[64];
	snprintf(address, sizeof(address), "127.0.0.1:%u", ntohs(own.sin_port));
	struct fixture *f = echo_new(&echo, NULL);
	dfs_host_call(f->host, 1, address);
	while (echo.ups == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	fixture_free(f);
	assert_int_equal(dfs_buf_live_count(), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(tcp_echoes_a_small_message),
	    cmocka_unit_test(tcp_echoes_more_than_any_queue_holds),
	    cmocka_unit_test(tcp_v6_is_served_as_well),
	    cmocka_unit_test(a_host_name_is_resolved),
	    cmocka_unit_test(a_unix_socket_echoes_and_its_file_goes_away),
	    cmocka_unit_test(connecting_to_nobody_ends_with_link_down),
	    cmocka_unit_test(a_malformed_address_ends_with_link_down),
	    cmocka_unit_test(what_was_sent_before_close_arrives),
	    cmocka_unit_test(a_refusal_reaches_a_peer_that_is_still_sending),
	    cmocka_unit_test(the_peer_closing_is_reported_once),
	    cmocka_unit_test(a_port_in_use_is_named),
	    cmocka_unit_test(a_stale_unix_socket_is_replaced_and_a_live_one_refused),
	    cmocka_unit_test(closing_the_host_ends_with_a_peer_that_never_reads),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
