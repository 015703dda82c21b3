/*
 * Where the link to one master stands: see master_link.c.
 */
#ifndef CS_CORE_MASTER_H
#define CS_CORE_MASTER_H

#include "chunkserver/core/cs_i.h"

enum cs_master_state {
	CS_MASTER_DOWN,        /* No session. */
	CS_MASTER_REGISTERING, /* Waits for the answer to REGISTER. */
	CS_MASTER_REPORTING,   /* Sends the full report, part by part. */
	CS_MASTER_CURRENT,     /* Knows all; is sent changes. */
	CS_MASTER_REFUSED,     /* Did not take it: tries again in a while. */
	CS_MASTER_STATES,
};

/* From the start of a registration on: what the full report may miss goes out after it. */
static inline bool cs_master_wants_changes(const struct cs_master *master)
{
	return master->state == CS_MASTER_REGISTERING || master->state == CS_MASTER_REPORTING ||
	       master->state == CS_MASTER_CURRENT;
}

#endif
