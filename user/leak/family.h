/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_LEAK_FAMILY_H
#define TCPWATCH_LEAK_FAMILY_H

#include <stdbool.h>
#include <stdint.h>

#include "track/process_table.h"
#include "track/socket_table.h"

/*
 * Processes of the same name that leak at the same listener: those of a server that forks for each
 * connection. Where they are many and each has few leaks, they are told as one.
 */
struct leak_families;

/* So many processes with so few leaks each are told as one. */
#define LEAK_FAMILY_MANY 8
#define LEAK_FAMILY_FEW	 2

struct leak_family {
	struct process process; /* stands for those processes: `alike` is their number */
	void *links;		/* for family.c */
};

/* A process of a family. */
struct leak_member {
	struct leak_family *family;
	uint64_t leaks; /* by leak_member_count() */
	void *links;	/* for family.c */
};

/* Returns NULL without memory. */
struct leak_families *leak_families_new(void);
void leak_families_free(struct leak_families *families);

/* The member for a process with a leak of this socket, which is a server's; it is created if there
 * is none. NULL without memory. */
struct leak_member *leak_families_join(struct leak_families *families,
				       const struct process *process,
				       const struct tcp_socket *socket);

/* The family of such a process; NULL if there is none. */
struct leak_family *leak_families_find(struct leak_families *families,
				       const struct process *process,
				       const struct tcp_socket *socket);

/* Counts one more leak of this member. */
void leak_member_count(struct leak_member *member);

/* Whether the processes with few leaks of this family are told as one. */
static inline bool leak_family_is_one(const struct leak_family *family)
{
	return family->process.alike >= LEAK_FAMILY_MANY;
}

/* Whether this one is such a process. */
static inline bool leak_member_is_told_with_others(const struct leak_member *member)
{
	return member->leaks <= LEAK_FAMILY_FEW && leak_family_is_one(member->family);
}

#endif
