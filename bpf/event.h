/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef TCPWATCH_EVENT_H
#define TCPWATCH_EVENT_H

/*
 * The wire format between the BPF programs and user space, and nothing else. Every record is
 * complete by itself and begins with its kind and the version of this file. Numbers are in host
 * byte order, addresses and ports as noted. Times are in nanoseconds of CLOCK_MONOTONIC.
 *
 * Included by the BPF programs (types from vmlinux.h) and by user space (types from linux/types.h).
 */
#ifndef __VMLINUX_H__
#include <linux/types.h>
#endif

#define EVENT_VERSION 3

#define EVENT_COMM_LEN	  16
#define EVENT_ADDRESS_LEN 16

enum event_kind {
	EVENT_TRANSITION = 1,  /* ring: one TCP state change */
	EVENT_FORK = 2,	       /* ring: a process forked */
	EVENT_SCAN_FD = 3,     /* scan: a TCP socket and one descriptor that holds it */
	EVENT_SCAN_SOCKET = 4, /* scan: a TCP socket found in the kernel's own tables */
	EVENT_SCAN_MINI = 5,   /* scan: a mini-socket found there */
	EVENT_ACCEPT = 6,      /* ring: a connection was accepted */
	EVENT_MINI = 7,	       /* ring: a TIME_WAIT or FIN_WAIT2 mini-socket changed or ended */
	EVENT_REQUEST = 8,     /* ring: a SYN_RECV mini-socket ended */
	EVENT_SEGMENT = 9,     /* ring: a retransmission or a reset */
	EVENT_STACK = 10,      /* ring: the user stack that created, or used, a socket (-s) */
	EVENT_EXEC = 11,       /* ring: a process began to run another program (-s) */
	EVENT_SCAN_QUEUE = 12, /* scan: connections in the accept queue of a listener */
	EVENT_EXIT = 13	       /* ring: a process ends; before its files are closed */
};

/* Facts about the socket, and about the running task, at the moment of the record. */
enum event_flag {
	EVENT_ACTOR = 1 << 0,	    /* the task holds the socket's lock: the record has `task` */
	EVENT_SK_SOCKET = 1 << 1,   /* sk_socket is set: no orphan, and not waiting for accept() */
	EVENT_DEAD = 1 << 2,	    /* SOCK_DEAD: orphaned by the last close() */
	EVENT_DONE = 1 << 3,	    /* SOCK_DONE: the peer's FIN was received */
	EVENT_LINGER = 1 << 4,	    /* SOCK_LINGER with a linger time of 0: close() sends a reset */
	EVENT_LINGER2_NEG = 1 << 5, /* TCP_LINGER2 < 0: no FIN_WAIT2 after close() */
	EVENT_KERN_SOCK = 1 << 6,   /* a socket of the kernel itself */
	EVENT_KEEPALIVE = 1 << 7,   /* SOCK_KEEPOPEN: SO_KEEPALIVE is on; only in EVENT_SEGMENT */
	EVENT_EXITING = 1 << 8,	    /* the task is exiting (PF_EXITING): it did not call close()
				       itself; only where the record has `task` */
	EVENT_ACKED = 1 << 9,	    /* of a request: the peer has sent the final ACK, but the kernel
				       waits: for data (TCP_DEFER_ACCEPT), or for room in the accept
				       queue */
	/* Only in a transition to CLOSE: the last data was sent, or received, at least one kernel
	 * tick after the last data in the other direction. */
	EVENT_SENT_LAST = 1 << 10,
	EVENT_RECEIVED_LAST = 1 << 11,
	EVENT_CLOSER = 1 << 12,	    /* the task closes the listener of this connection, which was
				       not accepted: the record has `task`; never with EVENT_ACTOR */
	EVENT_REDIRECTED = 1 << 13, /* of a connection: its address does not tell the listener that
				      it came in by. Only when it leaves SYN_RECV, and in
				      EVENT_SCAN_SOCKET, EVENT_SCAN_MINI and EVENT_REQUEST */
	EVENT_CONNECTED = 1 << 14 /* this side has made the connection: connect(); only in scans, of
				     a socket in CLOSE_WAIT with nothing unsent. Unset where it is
				     not known. */
};

struct event_header {
	__u8 kind;    /* enum event_kind */
	__u8 version; /* EVENT_VERSION */
	__u16 size;   /* of the whole record */
	__u32 netns;  /* inode number of the network namespace; 0 in EVENT_FORK */
};

/* A process: the pair (tgid, start time) is its identity, since pids are reused. */
struct event_task {
	__u64 start_ns; /* start of the thread group leader, CLOCK_BOOTTIME */
	__u32 tgid;	/* in tcpwatch's pid namespace; 0 if it is not visible there */
	__u32 tid;	/* EVENT_SCAN_FD: the thread whose descriptors do not belong to the whole
			   process, likewise; else 0 */
	__u8 comm[EVENT_COMM_LEN]; /* of the thread group leader; any bytes, 0-terminated unless
				      full */
};

/* The socket's addresses. IPv4 addresses of AF_INET sockets are in the first 4 bytes. */
struct event_flow {
	__u8 local[EVENT_ADDRESS_LEN];	/* network byte order */
	__u8 remote[EVENT_ADDRESS_LEN]; /* network byte order */
	__u16 local_port;		/* host byte order; 0 while the kernel has not chosen one */
	__u16 remote_port;		/* host byte order */
	__u16 family;			/* AF_INET or AF_INET6 (also for IPv4-mapped addresses) */
	__u16 flags;			/* enum event_flag */
};

struct event_transition {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_flow flow;
	__u8 from; /* kernel state numbers: enum in net/tcp_states.h */
	__u8 to;
	__u8 shutdown;	  /* sk_shutdown: 1 = RCV_SHUTDOWN, 2 = SEND_SHUTDOWN */
	__u8 retransmits; /* total_retrans; 255 stands for 255 or more */
	__u32 error;	  /* sk_err */
	union {
		__u32 srtt_us; /* smoothed round-trip time; 0: not measured yet */
		__u32 mss;     /* ... > CLOSE: bytes of data in a segment */
	};
	__u32 recv_queue; /* bytes; the FIN counts as 1 */
	__u32 write_seq;
	__u32 copied_seq;
	__u32 segment; /* low half of tcp_clock_cache: one value for all work on a segment */
	union {
		/* SYN_RECV > ESTABLISHED: since the first SYN-ACK, if it was repeated; 0: the
		 * kernel does not measure it (before 3868ab0f1925 in 6.7). */
		__u32 rto_time_ms;
		/* SYN_SENT > CLOSE: the socket's own range of local ports (IP_LOCAL_PORT_RANGE),
		 * highest << 16 | lowest, where 0 is no limit. */
		__u32 port_range;
		/* Others > CLOSE: bytes, sent or not; SYN and FIN count as 1. */
		__u32 unacknowledged;
	};
	struct event_task task; /* only with EVENT_WITH_TASK; else the record ends before it */
};

/* The flags of transitions that have a task. */
#define EVENT_WITH_TASK (EVENT_ACTOR | EVENT_CLOSER)

#define EVENT_TRANSITION_SHORT (sizeof(struct event_transition) - sizeof(struct event_task))

struct event_fork {
	struct event_header header;
	__u64 time_ns;
	struct event_task parent;
	struct event_task child;
};

/* The last thread of a process ends. */
struct event_exit {
	struct event_header header;
	__u64 time_ns;
	struct event_task task;
};

/* execve() past its point of no return. */
struct event_exec {
	struct event_header header;
	__u64 time_ns;
	struct event_task task; /* with its new name */
	__u32 exec_id;		/* of the new program, as in event_stack */
	__u32 reserved;
};

/* accept(), at the moment when the connection gets its struct socket (sock_graft()). */
struct event_accept {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_flow flow;
	__u8 state;
	__u8 reserved[7];
	struct event_task task; /* the process that accepts */
};

enum event_mini_what {
	MINI_ENDED = 1,	 /* the kernel frees it */
	MINI_TIMED = 2,	 /* it is in TIME_WAIT, and its 60 s begin, maybe anew */
	MINI_REFUSED = 3 /* tcp_max_tw_buckets or lack of memory: the socket just closes */
};

/* A socket that continues as a mini-socket, with the same cookie. */
struct event_mini {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_flow flow;
	__u8 what;  /* enum event_mini_what */
	__u8 state; /* TCP_TIME_WAIT or TCP_FIN_WAIT2 */
	__u8 reserved[2];
	__s32 left_ticks; /* MINI_ENDED: kernel ticks until its timer would have ended it */
};

enum event_request_what {
	REQUEST_DROPPED = 1,  /* it never became a connection */
	REQUEST_COMPLETED = 2 /* it became one, after SYN-ACKs were repeated */
};

/* A connection that its peer had not confirmed yet. */
struct event_request {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie; /* a connection that it becomes has the same one */
	struct event_flow flow;
	__u64 age_us;	  /* since the first SYN-ACK */
	__u8 what;	  /* enum event_request_what */
	__u8 retransmits; /* of the SYN-ACK */
	__u8 reserved[2];
	__s32 left_ticks; /* kernel ticks until its timer; above 0, the timer did not end it */
};

enum event_segment_what {
	SEGMENT_REPEATED = 1,	     /* data, a SYN or a FIN was sent again */
	SEGMENT_SYNACK_REPEATED = 2, /* a SYN-ACK was sent again */
	SEGMENT_RESET_SENT = 3,
	SEGMENT_RESET_RECEIVED = 4 /* or data after close(): then SEGMENT_RESET_SENT follows */
};

/* A segment that is sent again, or a reset. */
struct event_segment {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;		/* SEGMENT_SYNACK_REPEATED: that of the listener */
	struct event_flow flow; /* SEGMENT_SYNACK_REPEATED: that of the half-open connection */
	__u8 what;		/* enum event_segment_what */
	__u8 state;
	__u8 timeouts;		   /* retransmission timeouts in a row, without an answer */
	__u8 backoff;		   /* how many times the timeout was doubled */
	__u32 unacknowledged;	   /* bytes, sent or not; SYN and FIN count as 1 */
	__u32 last_received_ticks; /* kernel ticks since an ACK was last received; meaningless
				      before the first one */
	__u32 reason; /* SEGMENT_RESET_SENT: enum sk_rst_reason of this kernel; 0: not reported */
};

enum event_stack_how {
	STACK_CONNECT = 1, /* connect(), or the first send of TCP Fast Open */
	STACK_ACCEPT = 2,  /* accept() */
	STACK_REQUEST = 3  /* a Go program began an HTTP request on it */
};

/* Of more frames the outermost are cut off. */
#define EVENT_STACK_FRAMES 64

/* A user stack. It comes after the record by which its socket is known. */
struct event_stack {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_task task;
	__u32 exec_id; /* task_struct.self_exec_id, which each execve() changes */
	__u16 how;     /* enum event_stack_how */
	__u16 count;   /* of frames */
	__u64 frames[EVENT_STACK_FRAMES]; /* return addresses, innermost first */
};

struct event_scan {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;
	struct event_flow flow;
	struct event_task task; /* EVENT_SCAN_FD: a holder; EVENT_SCAN_SOCKET: zero */
	__u32 fd;		/* EVENT_SCAN_FD */
	__u8 state;
	__u8 leaderless; /* EVENT_SCAN_FD with a tid: the first thread of the process has ended, so
			    its threads may share these descriptors; 0 or 1 */
	__u8 reserved[2];
	union {
		struct {
			/* bytes; of a LISTEN socket: connections that wait for accept() */
			__u32 recv_queue;
			/* bytes; of a LISTEN socket: how many may wait */
			__u32 send_queue;
			__u32 write_seq;
			__u32 copied_seq;
			__u32 last_sent_ticks;	   /* kernel ticks since data was last sent */
			__u32 last_received_ticks; /* kernel ticks since an ACK was last received */
		};
		struct {
			__u64 age_us;	   /* SYN_RECV: since the first SYN-ACK */
			__s32 left_ticks;  /* kernel ticks until its timer */
			__u32 retransmits; /* SYN_RECV: of the SYN-ACK */
		} mini;			   /* EVENT_SCAN_MINI: TIME_WAIT, FIN_WAIT2 or SYN_RECV */
	};
};

/* How many connections a record of a queue has at most. */
#define EVENT_QUEUE_WAITING 13

/* Connections that wait for accept(), oldest first. A long queue has several records, one after the
 * other, and only its beginning is told. */
struct event_scan_queue {
	struct event_header header;
	__u64 time_ns;
	__u64 cookie;			    /* of the listener */
	__u64 waiting[EVENT_QUEUE_WAITING]; /* cookies; 0: no more */
};

/* Any record. A new kind gets a member here, which gives every buffer for records its size. */
union event_record {
	struct event_header header;
	struct event_transition transition;
	struct event_fork fork;
	struct event_exit exit;
	struct event_exec exec;
	struct event_accept accept;
	struct event_mini mini;
	struct event_request request;
	struct event_segment segment;
	struct event_stack stack;
	struct event_scan scan;
	struct event_scan_queue queue;
};

/* What the iterator of tasks writes: the network namespace of a process; and of a thread, where
 * that is another one. */
struct event_netns {
	__u32 netns;
	__u32 pid;    /* in tcpwatch's pid namespace; of a thread: its own */
	__u32 thread; /* 1: of a thread that is not the first of its process */
};

/* As many namespaces as an iterator can write at once: 8 pages (bpf_seq_read() in
 * kernel/bpf/bpf_iter.c). */
#define EVENT_NAMESPACES 2000

/* A network namespace that exists. The last one is zero, unless there are more. */
struct event_namespace {
	__u64 id; /* ns_common.ns_id; 0: this kernel has none */
	__u32 netns;
	__u32 reserved;
};

/* How many rings all CPUs share at most. */
#define EVENT_SHARED_RINGS 3

/*
 * What a CPU keeps for itself, in cache lines of its own (two, since processors fetch them in
 * pairs). User space only reads it, and sums what is counted.
 */
struct event_cpu {
	__u64 wanted;	 /* runs of programs that had a record to write */
	__u64 ring_full; /* those for which no ring had room */
	__u64 shared;	 /* those whose record is in a shared ring */
	__u64 shared_ns; /* CLOCK_MONOTONIC, when the last one of these had been reserved */
	__u64 netns;	 /* the last one: cookie << 32 | inode number */
	__u64 reserved[11];
};

_Static_assert(sizeof(struct event_header) == 8, "wire format");
_Static_assert(sizeof(struct event_task) == 32, "wire format");
_Static_assert(sizeof(struct event_flow) == 40, "wire format");
_Static_assert(sizeof(struct event_transition) == 128, "wire format");
_Static_assert(sizeof(struct event_fork) == 80, "wire format");
_Static_assert(sizeof(struct event_exit) == 48, "wire format");
_Static_assert(sizeof(struct event_exec) == 56, "wire format");
_Static_assert(sizeof(struct event_accept) == 104, "wire format");
_Static_assert(sizeof(struct event_mini) == 72, "wire format");
_Static_assert(sizeof(struct event_request) == 80, "wire format");
_Static_assert(sizeof(struct event_segment) == 80, "wire format");
_Static_assert(sizeof(struct event_stack) == 576, "wire format");
_Static_assert(sizeof(struct event_scan) == 128, "wire format");
_Static_assert(sizeof(struct event_namespace) * EVENT_NAMESPACES < 8 * 4096, "see there");
_Static_assert(sizeof(struct event_scan_queue) == sizeof(struct event_scan), "scans are read so");
_Static_assert(sizeof(union event_record) == sizeof(struct event_stack), "the longest one");
_Static_assert(sizeof(struct event_cpu) == 128, "two cache lines");

#endif
