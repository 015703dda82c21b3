/*
 * The handshake: who speaks what, belongs where, holds the key.
 *
 *   opener                                   acceptor
 *     HELLO (versions, cluster, who) ------->  checks versions, cluster, role
 *     checks all and the proof  <------------  CHALLENGE (version, who, proof over both)
 *     PROVE (proof over both)  ------------->  checks the proof: UP
 *     UP  <----------------------------------  READY
 *
 * Whoever finds a fault says REFUSE with the reason and closes. The two proofs have different
 * labels, so that neither can be played back as the other. Only the one message that is due is
 * taken; everything is small (DFS_HANDSHAKE_BODY_BYTES_MAX) and must end within connect_max. Called
 * by session.c.
 */
#include "libdfsproto/session/session_i.h"

#include <stdarg.h>
#include <stdio.h>

static const char label_acceptor[] = "dfs acceptor 1";
static const char label_opener[] = "dfs opener 1";

enum { HEARTBEAT_MS_MAX = 3600 * 1000 };

static const char *role_name(u16 role)
{
	static const char *const names[] = {"peer", "master", "chunkserver", "client", "admin"};
	return names[role < dfs_array_count(names) ? role : 0];
}

void session_greeting_fini(struct dfs_session *session)
{
	dfs_buf_unref(session->hello);
	session->hello = NULL;
	dfs_buf_unref(session->challenge);
	session->challenge = NULL;
	session->awaited = 0;
}

static void begin(struct dfs_writer *writer, u16 version)
{
	dfs_writer_init(writer, version, DFS_FRAME_HEADER_BYTES);
}

static void send_message(struct dfs_session *session, u16 type, struct dfs_writer *writer,
			 struct dfs_fxs *fxs)
{
	struct dfs_frame frame = {.version = writer->version, .type = type};
	dfs_frame_seal(writer->buf, &frame, 0);
	session_send_take(session, dfs_writer_take(writer), NULL, fxs);
}

/* A body is needed again for the proofs after its frame has gone. */
static struct dfs_buf *keep(struct dfs_span body)
{
	struct dfs_buf *buf = dfs_buf_new(dfs_max(body.length, 1u));
	if (body.length > 0)
		memcpy(buf->data, body.data, body.length);
	buf->length = body.length;
	return buf;
}

static struct dfs_span body_of(const struct dfs_writer *writer)
{
	return dfs_span(writer->buf->data + DFS_FRAME_HEADER_BYTES,
			writer->buf->length - DFS_FRAME_HEADER_BYTES);
}

static struct dfs_span whole(const struct dfs_buf *buf)
{
	return dfs_span(buf->data, buf->length);
}

__attribute__((format(printf, 4, 5))) static void
refuse(struct dfs_session *session, int error, struct dfs_fxs *fxs, const char *format, ...)
{
	char text[DFS_TEXT_BYTES_MAX + 1];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	struct dfs_writer writer;
	begin(&writer, DFS_VERSION_BEFORE_AGREEMENT);
	struct dfs_refuse message = {.error = (u32)-error, .text = dfs_span_text(text)};
	dfs_refuse_put(&writer, &message);
	send_message(session, DFS_MSG_REFUSE, &writer, fxs);
	session_refused(session, error, dfs_span_text(text), fxs);
}

static void fault(struct dfs_session *session, struct dfs_fxs *fxs)
{
	session_lose(session, LEAVE_CLOSING, DFS_EMALFORMED,
		     "the peer does not speak the dfs protocol", fxs);
}

/* Opener: the link is connected. */
void session_greet(struct dfs_session *session, struct dfs_fxs *fxs)
{
	struct dfs_identity *identity = session->identity;
	u8 nonce[DFS_NONCE_BYTES];
	session_nonce(identity, nonce);
	struct dfs_hello hello = {
	    .version_min = DFS_PROTOCOL_VERSION_MIN,
	    .version_max = DFS_PROTOCOL_VERSION,
	    .role = identity->role,
	    .cluster = identity->cluster,
	    .node = identity->node,
	    .host = identity->host,
	    .nonce = dfs_span(nonce, sizeof(nonce)),
	    .name = dfs_span_text(identity->name),
	};
	struct dfs_writer writer;
	begin(&writer, DFS_VERSION_BEFORE_AGREEMENT);
	dfs_hello_put(&writer, &hello);
	session->hello = keep(body_of(&writer));
	session->awaited = DFS_MSG_CHALLENGE;
	send_message(session, DFS_MSG_HELLO, &writer, fxs);
}

/* Role and name as people know them: client "host-a". */
static void describe(char *data, u32 capacity, u16 role, struct dfs_span name)
{
	struct dfs_text text = {.data = data, .capacity = capacity};
	dfs_text_add(&text, "%s \"", role_name(role));
	dfs_text_add_bytes(&text, name);
	dfs_text_add(&text, "\"");
}

/* Are the peer's cluster and role right? Otherwise it is refused. */
static bool admit(struct dfs_session *session, u64 cluster, u16 role, struct dfs_span name,
		  struct dfs_fxs *fxs)
{
	struct dfs_identity *own = session->identity;
	char peer_text[400], own_text[200];
	describe(peer_text, sizeof(peer_text), role, name);
	describe(own_text, sizeof(own_text), own->role, dfs_span_text(own->name));
	if (cluster != own->cluster) {
		refuse(session, DFS_EWRONG_CLUSTER, fxs,
		       "%s belongs to cluster %016llx, %s to cluster %016llx: the address or the "
		       "key is another cluster's; correct the address, or give both the same key "
		       "file (option --key, or key= of mount)",
		       peer_text, (unsigned long long)cluster, own_text,
		       (unsigned long long)own->cluster);
		return false;
	}
	u32 roles = session->connector ? 1u << session->expect_role : session->roles;
	if (role >= 32 || (roles & 1u << role) == 0) {
		if (session->connector)
			refuse(session, DFS_EWRONG_ROLE, fxs,
			       "%s expected a %s at %s and found %s there; correct that address",
			       own_text, role_name(session->expect_role),
			       dfs_session_address(session), peer_text);
		else
			refuse(session, DFS_EWRONG_ROLE, fxs,
			       "%s takes no sessions of %s; correct the address that was given "
			       "to the latter",
			       own_text, peer_text);
		return false;
	}
	return true;
}

static void note_peer(struct dfs_session *session, u16 version, const struct dfs_hello *hello)
{
	memset(&session->peer, 0, sizeof(session->peer));
	session->peer.version = version;
	session->peer.role = hello->role;
	session->peer.node = hello->node;
	session->peer.host = hello->host;
	session_copy_text(hello->name, session->peer.name, sizeof(session->peer.name));
}

static void send_challenge(struct dfs_session *session, struct dfs_fxs *fxs)
{
	struct dfs_identity *identity = session->identity;
	u8 nonce[DFS_NONCE_BYTES], proof[DFS_PROOF_BYTES];
	session_nonce(identity, nonce);
	u64 heartbeat_ms = dfs_max(session->tuning.heartbeat / DFS_MSEC, UINT64_C(1));
	heartbeat_ms = dfs_min(heartbeat_ms, (u64)HEARTBEAT_MS_MAX);
	session->heartbeat = heartbeat_ms * DFS_MSEC;
	struct dfs_challenge challenge = {
	    .version = session->peer.version,
	    .role = identity->role,
	    .cluster = identity->cluster,
	    .node = identity->node,
	    .host = identity->host,
	    .heartbeat_ms = (u32)heartbeat_ms,
	    .credits = DFS_CREDITS,
	    .nonce = dfs_span(nonce, sizeof(nonce)),
	    .name = dfs_span_text(identity->name),
	};
	struct dfs_writer writer;
	begin(&writer, session->peer.version);
	dfs_challenge_put(&writer, &challenge);
	dfs_auth_proof(identity->key, label_acceptor, whole(session->hello), body_of(&writer),
		       proof);
	dfs_writer_fini(&writer);
	challenge.proof = dfs_span(proof, sizeof(proof));
	begin(&writer, session->peer.version);
	dfs_challenge_put(&writer, &challenge);
	session->challenge = keep(body_of(&writer));
	session->awaited = DFS_MSG_PROVE;
	send_message(session, DFS_MSG_CHALLENGE, &writer, fxs);
}

static void on_hello(struct dfs_session *session, const struct dfs_frame *frame,
		     struct dfs_fxs *fxs)
{
	struct dfs_identity *own = session->identity;
	struct dfs_hello hello;
	if (frame->version != DFS_VERSION_BEFORE_AGREEMENT ||
	    dfs_hello_decode(frame->body, frame->version, &hello) != 0 ||
	    hello.nonce.length != DFS_NONCE_BYTES || hello.version_min > hello.version_max) {
		fault(session, fxs);
		return;
	}
	if (hello.version_max < DFS_PROTOCOL_VERSION_MIN ||
	    hello.version_min > DFS_PROTOCOL_VERSION) {
		char peer_text[400], own_text[200];
		describe(peer_text, sizeof(peer_text), hello.role, hello.name);
		describe(own_text, sizeof(own_text), own->role, dfs_span_text(own->name));
		refuse(session, DFS_EWRONG_VERSION, fxs,
		       "%s speaks dfs protocol %u to %u, %s speaks %u to %u; upgrade the older "
		       "of the two",
		       peer_text, hello.version_min, hello.version_max, own_text,
		       DFS_PROTOCOL_VERSION_MIN, DFS_PROTOCOL_VERSION);
		return;
	}
	if (!admit(session, hello.cluster, hello.role, hello.name, fxs))
		return;
	session->hello = keep(frame->body);
	note_peer(session, dfs_min(hello.version_max, (u16)DFS_PROTOCOL_VERSION), &hello);
	send_challenge(session, fxs);
}

/* Does CHALLENGE prove the key? Its proof covers itself with the proof left empty. */
static bool challenge_proved(const struct dfs_session *session, struct dfs_challenge challenge)
{
	u8 expected[DFS_PROOF_BYTES];
	struct dfs_span proof = challenge.proof;
	struct dfs_writer writer;
	challenge.proof = (struct dfs_span){0};
	begin(&writer, challenge.version);
	dfs_challenge_put(&writer, &challenge);
	dfs_auth_proof(session->identity->key, label_acceptor, whole(session->hello),
		       body_of(&writer), expected);
	dfs_writer_fini(&writer);
	return session_proof_equal(proof, expected);
}

static void refuse_key(struct dfs_session *session, u16 role, struct dfs_span name,
		       struct dfs_fxs *fxs)
{
	char peer_text[400], own_text[200];
	struct dfs_identity *own = session->identity;
	describe(peer_text, sizeof(peer_text), role, name);
	describe(own_text, sizeof(own_text), own->role, dfs_span_text(own->name));
	refuse(session, DFS_EWRONG_KEY, fxs,
	       "%s and %s hold different keys for cluster %016llx; copy the cluster's key file to "
	       "both machines (option --key, or key= of mount)",
	       peer_text, own_text, (unsigned long long)own->cluster);
}

static void on_challenge(struct dfs_session *session, const struct dfs_frame *frame,
			 struct dfs_fxs *fxs)
{
	struct dfs_challenge challenge;
	if (frame->version < DFS_PROTOCOL_VERSION_MIN || frame->version > DFS_PROTOCOL_VERSION ||
	    dfs_challenge_decode(frame->body, frame->version, &challenge) != 0 ||
	    challenge.version != frame->version || challenge.nonce.length != DFS_NONCE_BYTES ||
	    challenge.credits == 0 || challenge.heartbeat_ms == 0 ||
	    challenge.heartbeat_ms > HEARTBEAT_MS_MAX) {
		fault(session, fxs);
		return;
	}
	if (!admit(session, challenge.cluster, challenge.role, challenge.name, fxs))
		return;
	if (!challenge_proved(session, challenge)) {
		refuse_key(session, challenge.role, challenge.name, fxs);
		return;
	}
	struct dfs_hello peer = {
	    .role = challenge.role,
	    .node = challenge.node,
	    .host = challenge.host,
	    .name = challenge.name,
	};
	note_peer(session, challenge.version, &peer);
	session->heartbeat = challenge.heartbeat_ms * DFS_MSEC;
	session->credits = challenge.credits;
	u8 proof[DFS_PROOF_BYTES];
	dfs_auth_proof(session->identity->key, label_opener, whole(session->hello), frame->body,
		       proof);
	struct dfs_prove prove = {
	    .credits = DFS_CREDITS,
	    .proof = dfs_span(proof, sizeof(proof)),
	};
	struct dfs_writer writer;
	begin(&writer, session->peer.version);
	dfs_prove_put(&writer, &prove);
	session->awaited = DFS_MSG_READY;
	send_message(session, DFS_MSG_PROVE, &writer, fxs);
}

static void up(struct dfs_session *session, struct dfs_session_event *ret_event,
	       struct dfs_fxs *fxs)
{
	session_greeting_fini(session);
	dfs_framer_bound(session->framer, DFS_BODY_BYTES_MAX, DFS_PAYLOAD_BYTES_MAX);
	session_move(session, DFS_SESSION_UP);
	session->up_at = session->now;
	session_pump(session, fxs);
	ret_event->kind = DFS_SESSION_EV_UP;
}

static bool on_prove(struct dfs_session *session, const struct dfs_frame *frame,
		     struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	struct dfs_prove prove;
	u8 expected[DFS_PROOF_BYTES];
	if (frame->version != session->peer.version ||
	    dfs_prove_decode(frame->body, frame->version, &prove) != 0 || prove.credits == 0) {
		fault(session, fxs);
		return false;
	}
	dfs_auth_proof(session->identity->key, label_opener, whole(session->hello),
		       whole(session->challenge), expected);
	if (!session_proof_equal(prove.proof, expected)) {
		refuse_key(session, session->peer.role, dfs_span_text(session->peer.name), fxs);
		return false;
	}
	session->credits = prove.credits;
	struct dfs_writer writer;
	begin(&writer, session->peer.version);
	send_message(session, DFS_MSG_READY, &writer, fxs);
	up(session, ret_event, fxs);
	return true;
}

static bool on_ready(struct dfs_session *session, const struct dfs_frame *frame,
		     struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	struct dfs_ready ready;
	if (frame->version != session->peer.version ||
	    dfs_ready_decode(frame->body, frame->version, &ready) != 0) {
		fault(session, fxs);
		return false;
	}
	up(session, ret_event, fxs);
	return true;
}

static void on_refuse(struct dfs_session *session, const struct dfs_frame *frame,
		      struct dfs_fxs *fxs)
{
	struct dfs_refuse refusal;
	if (dfs_refuse_decode(frame->body, DFS_VERSION_BEFORE_AGREEMENT, &refusal) != 0) {
		fault(session, fxs);
		return;
	}
	int error = refusal.error <= INT16_MAX ? -(int)refusal.error : 0;
	if (error == 0 || !dfs_error_known(error))
		error = DFS_EIO; /* A newer peer's: its sentence says more. */
	session_refused(session, error, refusal.text, fxs);
}

bool session_on_greeting(struct dfs_session *session, const struct dfs_frame *frame,
			 struct dfs_session_event *ret_event, struct dfs_fxs *fxs)
{
	DFS_ASSERT(session->state == DFS_SESSION_GREETING);
	bool due = frame->type == session->awaited || frame->type == DFS_MSG_REFUSE;
	if (!due || frame->flags != 0 || frame->request != 0) {
		fault(session, fxs);
		return false;
	}
	switch (frame->type) {
	case DFS_MSG_HELLO:
		on_hello(session, frame, fxs);
		return false;
	case DFS_MSG_CHALLENGE:
		on_challenge(session, frame, fxs);
		return false;
	case DFS_MSG_PROVE:
		return on_prove(session, frame, ret_event, fxs);
	case DFS_MSG_READY:
		return on_ready(session, frame, ret_event, fxs);
	default:
		on_refuse(session, frame, fxs);
		return false;
	}
}
