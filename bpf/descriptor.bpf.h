/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef TCPWATCH_DESCRIPTOR_BPF_H
#define TCPWATCH_DESCRIPTOR_BPF_H

/* Finds the socket of a descriptor. */

#include "common.bpf.h"

/* Returns the TCP socket behind a descriptor of the task, NULL if there is none. */
static __always_inline struct sock *find_socket(struct task_struct *task, long fd)
{
	struct files_struct *files = task->files;
	struct fdtable *table = BPF_CORE_READ(files, fdt);
	struct socket *socket;
	struct file **slot;
	struct file *file;
	struct sock *sk;
	__u16 family;

	if (fd < 0 || fd >= BPF_CORE_READ(table, max_fds))
		return 0;
	slot = BPF_CORE_READ(table, fd) + fd;
	if (bpf_probe_read_kernel(&file, sizeof(file), slot) || !file)
		return 0;
	socket = BPF_CORE_READ(file, private_data);
	/* Another thread may have replaced the file meanwhile. */
	if (BPF_CORE_READ(socket, file) != file)
		return 0;
	sk = BPF_CORE_READ(socket, sk);
	family = BPF_CORE_READ(sk, __sk_common.skc_family);
	if (family != AF_INET && family != AF_INET6)
		return 0;
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP ? sk : 0;
}

#endif
