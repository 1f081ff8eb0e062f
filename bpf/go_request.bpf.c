// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which code uses a connection of Go's net/http. net/http dials in a goroutine of its own, whose
 * stack has no frame of the program. But code that sends a request calls
 * net/http.(*persistConn).roundTrip on the connection that it was given, new or used.
 * user/kernel/go_probe.c attaches this to each Go program.
 */
#include "common.bpf.h"
#include "descriptor.bpf.h"
#include "ring.bpf.h"
#include "stack.bpf.h"
#include <bpf/bpf_tracing.h>

/* The first argument in Go's calling convention since 1.17 (arm64: 1.18), ABIInternal. */
#define GO_ARGUMENT(ctx) PT_REGS_RC(ctx)

/*
 * Go's structures, as far as they are read. All versions with that calling convention have them so.
 * What is read counts only where it leads to a socket of this process.
 */
#define GO_PERSIST_CONN_CONN 80 /* behind an interface, a pointer, three strings and a bool */

struct go_interface {
	__u64 type;
	__u64 data;
};

/* internal/poll.FD, and what follows it in net.netFD. */
struct go_net_fd {
	__u64 lock[2];
	__s64 fd;
	__u64 poll[4];
	__s64 family;
	__s64 type;
};

#define SOCK_STREAM 1

/* How many connections are unwrapped: TLS, and wrappers that count or limit. */
#define GO_WRAPPED_MAX 4

static __always_inline bool read_user(void *to, __u32 size, __u64 from)
{
	return !bpf_probe_read_user(to, size, (const void *)from);
}

/* Returns the socket of the net.TCPConn at the address, NULL if there is none. The only member of a
 * TCPConn points to its net.netFD. */
static __always_inline struct sock *find_tcp(struct task_struct *task, __u64 address)
{
	struct go_net_fd net_fd;
	struct sock *sk;
	__u64 at;

	if (!read_user(&at, sizeof(at), address) || !read_user(&net_fd, sizeof(net_fd), at))
		return 0;
	if ((net_fd.family != AF_INET && net_fd.family != AF_INET6) || net_fd.type != SOCK_STREAM)
		return 0;
	sk = find_socket(task, net_fd.fd);
	if (!sk || BPF_CORE_READ(sk, __sk_common.skc_family) != net_fd.family)
		return 0;
	return sk;
}

/* Unwraps a connection. A wrapper such as crypto/tls.Conn has the inner one as its first member. */
static __always_inline struct sock *find_connection(struct task_struct *task, __u64 address)
{
	struct go_interface conn;
	struct sock *sk;

	for (int i = 0; i < GO_WRAPPED_MAX; i++) {
		if (!read_user(&conn, sizeof(conn), address))
			return 0;
		sk = find_tcp(task, conn.data);
		if (sk)
			return sk;
		address = conn.data;
	}
	return 0;
}

/* Returns the function's return address, 0 where it cannot be read. */
static __always_inline __u64 read_caller(struct pt_regs *ctx)
{
#if defined(__TARGET_ARCH_x86)
	__u64 caller;

	return read_user(&caller, sizeof(caller), PT_REGS_SP(ctx)) ? caller : 0;
#else
	return PT_REGS_RET(ctx);
#endif
}

static __always_inline int write_request(struct pt_regs *ctx)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 cookie, caller;
	struct sock *sk;

	if (!stacks)
		return 0;
	sk = find_connection(task, GO_ARGUMENT(ctx) + GO_PERSIST_CONN_CONN);
	if (!sk)
		return 0;
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	caller = read_caller(ctx);
	if (cookie && caller)
		write_stack_of(ctx, task, STACK_REQUEST, cookie,
			       BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum), caller);
	return 0;
}

/* Runs in every process of a program: user/kernel/go_probe.c. */
SEC("uprobe")
int on_go_request(struct pt_regs *ctx)
{
	return write_request(ctx);
}

/* Runs in one process that has just started, until the probe is attached:
 * user/kernel/go_breakpoint.c. The context of such a program begins with the registers. */
SEC("perf_event")
int on_go_breakpoint(struct pt_regs *ctx)
{
	return write_request(ctx);
}
