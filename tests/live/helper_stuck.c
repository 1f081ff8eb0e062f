/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
/*
 * stuck FOLDER PORT COUNT: as an ordinary user, in namespaces of its own, mounts a file system on
 * the folder that never answers FLUSH. Each of COUNT processes named "stuck" connects to the port
 * and executes a program while a file of it is open: execve() closes that file and never returns.
 * Prints their pids; the end of stdin ends it all. In a guest only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define USER 1000

static void check(int failed, const char *what)
{
	if (!failed)
		return;
	perror(what);
	exit(1);
}

static void put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	check(fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text), path);
	close(fd);
}

static void become_user(void)
{
	check(setgid(USER) || setuid(USER), "setuid");
	prctl(PR_SET_DUMPABLE, 1);
	check(unshare(CLONE_NEWUSER | CLONE_NEWNS), "unshare");
	put("/proc/self/setgroups", "deny");
	put("/proc/self/uid_map", "0 1000 1");
	put("/proc/self/gid_map", "0 1000 1");
}

static void answer(int fd, uint64_t unique, int error, const void *data, size_t size)
{
	char packet[512] = {0};
	struct fuse_out_header head = {
		.len = (uint32_t)(sizeof(head) + size), .error = error, .unique = unique};

	memcpy(packet, &head, sizeof(head));
	if (size)
		memcpy(packet + sizeof(head), data, size);
	if (write(fd, packet, head.len) < 0 && errno != ENOENT)
		exit(0);
}

static void get_attributes(struct fuse_attr *attr, uint64_t node)
{
	attr->ino = node;
	attr->mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr->nlink = 1;
}

static void serve_one(int fd, const struct fuse_in_header *in)
{
	struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
	struct fuse_entry_out entry = {.nodeid = 2, .entry_valid = 3600, .attr_valid = 3600};
	struct fuse_attr_out attr = {.attr_valid = 3600};
	struct fuse_open_out opened = {.fh = 1};

	switch (in->opcode) {
	case FUSE_INIT:
		answer(fd, in->unique, 0, &init, sizeof(init));
		break;
	case FUSE_LOOKUP:
		get_attributes(&entry.attr, 2);
		answer(fd, in->unique, 0, &entry, sizeof(entry));
		break;
	case FUSE_GETATTR:
		get_attributes(&attr.attr, in->nodeid);
		answer(fd, in->unique, 0, &attr, sizeof(attr));
		break;
	case FUSE_OPEN:
		answer(fd, in->unique, 0, &opened, sizeof(opened));
		break;
	case FUSE_FLUSH:
	case FUSE_INTERRUPT:
	case FUSE_FORGET:
		break;
	default:
		answer(fd, in->unique, -ENOSYS, NULL, 0);
	}
}

_Noreturn static void serve(int fd)
{
	static _Alignas(8) char packet[1 << 17];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, packet, sizeof(packet)) > 0)
		serve_one(fd, (const struct fuse_in_header *)packet);
	exit(0);
}

_Noreturn static void get_stuck(const char *folder, const struct sockaddr_in *address)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), file;
	char path[512];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "stuck");
	snprintf(path, sizeof(path), "%s/file", folder);
	file = open(path, O_RDONLY | O_CLOEXEC);
	check(file < 0, path);
	check(connect(fd, (const struct sockaddr *)address, sizeof(*address)), "connect");
	execl("/bin/sleep", "sleep", "600", NULL);
	check(1, "execl");
	exit(1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	char options[128];
	pid_t server;
	int fd;

	if (argc != 4)
		return 2;
	address.sin_port = htons((uint16_t)atoi(argv[2]));
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	become_user();
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	check(fd < 0, "/dev/fuse");
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", fd);
	check(mount("fuse", argv[1], "fuse", MS_NOSUID | MS_NODEV, options), "mount");
	server = fork();
	check(server < 0, "fork");
	if (server == 0)
		serve(fd);
	close(fd);
	for (int i = 0; i < atoi(argv[3]); i++) {
		pid_t child = fork();

		check(child < 0, "fork");
		if (child == 0)
			get_stuck(argv[1], &address);
		printf("%d\n", child);
	}
	fflush(stdout);
	while (getchar() != EOF)
		;
	/* The file system ends with its server, and so does every wait for it. */
	kill(server, SIGKILL);
	signal(SIGTERM, SIG_IGN);
	kill(0, SIGTERM);
	while (wait(NULL) > 0)
		;
	return 0;
}
