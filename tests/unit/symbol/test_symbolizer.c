// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Names of real programs, which are built here. */
#include <fcntl.h>
#include <stdarg.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "../../symbols/symbols.h"
#include "shell.h"

#define SOURCES "tests/unit/symbols/"
#define COMMON	"-fno-omit-frame-pointer -fno-optimize-sibling-calls -w "

/* Lines of victim.c. */
enum { LINE_DEEP = 7, LINE_INLINED = 13, LINE_HANDLE = 20, LINE_MAIN = 28 };

static char folder[] = "/tmp/tcpwatch-symbols-XXXXXX";

struct victim {
	pid_t pid;
	int in, out;
	struct event_stack stack;
};

static void read_frames(struct victim *victim)
{
	char text[1024] = "", *at = text, *end;
	size_t len = 0;

	while (!strchr(text, '\n') && len < sizeof(text) - 1) {
		ssize_t count = read(victim->out, text + len, sizeof(text) - 1 - len);

		assert_true(count > 0);
		len += (size_t)count;
	}
	victim->stack = stack_of_process((uint32_t)victim->pid);
	for (;; at = end) {
		uint64_t ip = strtoull(at, &end, 16);

		if (end == at || victim->stack.count == EVENT_STACK_FRAMES)
			break;
		victim->stack.frames[victim->stack.count++] = ip;
	}
}

static void start(struct victim *victim, const char *program, const char *argument)
{
	int in[2], out[2];
	char path[256];

	snprintf(path, sizeof(path), "%s/%s", folder, program);
	assert_int_equal(pipe2(in, O_CLOEXEC), 0);
	assert_int_equal(pipe2(out, O_CLOEXEC), 0);
	victim->pid = fork();
	if (!victim->pid) {
		dup2(in[0], STDIN_FILENO);
		dup2(out[1], STDOUT_FILENO);
		execl(path, path, argument, NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	victim->in = in[1];
	victim->out = out[0];
	read_frames(victim);
}

static void stop(struct victim *victim)
{
	close(victim->in);
	close(victim->out);
	kill(victim->pid, SIGKILL);
	waitpid(victim->pid, NULL, 0);
}

static struct call_sites *new_sites(void)
{
	struct call_sites *sites;

	assert_int_equal(symbolizer_new(&sites, false), 0);
	return sites;
}

static const struct call_stack *names_of(struct call_sites *sites, const struct victim *victim)
{
	const struct call_stack *names;

	sites->ops->taken(sites, 1, &victim->stack);
	names = wait_for_names(sites, 1, 20000);
	assert_non_null(names);
	return names;
}

static void assert_frame(const struct call_frame *frame, const char *function, const char *file,
			 uint32_t line)
{
	const char *slash = frame->file ? strrchr(frame->file, '/') : NULL;

	if (function)
		assert_string_equal(frame->function, function);
	else
		assert_null(frame->function);
	assert_int_equal(frame->line, line);
	if (file)
		assert_string_equal(slash + 1, file);
	else
		assert_null(frame->file);
}

static void assert_victim(const struct call_stack *names)
{
	assert_true(names->count >= 4);
	assert_frame(&names->frames[0], "inlined_deep", "victim.c", LINE_DEEP);
	assert_frame(&names->frames[1], "inlined", "victim.c", LINE_INLINED);
	assert_frame(&names->frames[2], "handle_conn", "victim.c", LINE_HANDLE);
	assert_frame(&names->frames[3], "main", "victim.c", LINE_MAIN);
	assert_int_equal(names->frames[0].ip, names->frames[2].ip);
	assert_int_equal(names->how, STACK_ACCEPT);
	assert_false(names->is_short);
}

static void check_victim(const char *flags)
{
	struct call_sites *sites = new_sites();
	struct victim victim;

	shell("gcc %s -O2 -g " COMMON SOURCES "victim.c -o %s/victim", flags, folder);
	start(&victim, "victim", NULL);
	assert_victim(names_of(sites, &victim));
	stop(&victim);
	sites->ops->free(sites);
}

static void position_independent(void **state)
{
	(void)state;
	check_victim("-pie -fPIE");
}

static void at_a_fixed_place(void **state)
{
	(void)state;
	check_victim("-no-pie -fno-pie");
}

static void without_address_tables(void **state)
{
	(void)state;
	check_victim("-static -gno-as-locview-support -fno-dwarf2-cfi-asm");
}

static void compressed_and_dwarf_4(void **state)
{
	(void)state;
	check_victim("-gdwarf-4 -gz=zlib");
}

static void separate_debug_file(void **state)
{
	struct call_sites *sites = new_sites();
	struct victim victim;
	char from[256], to[256];

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim && cd %s && "
	      "objcopy --only-keep-debug victim victim.debug && strip victim && "
	      "objcopy --add-gnu-debuglink=victim.debug victim",
	      folder, folder);
	start(&victim, "victim", NULL);
	assert_victim(names_of(sites, &victim));
	sites->ops->free(sites);
	/* The file is gone: there are no names, but offsets in the file. */
	snprintf(from, sizeof(from), "%s/victim.debug", folder);
	snprintf(to, sizeof(to), "%s/moved", folder);
	assert_int_equal(rename(from, to), 0);
	sites = new_sites();
	{
		const struct call_stack *names = names_of(sites, &victim);

		snprintf(to, sizeof(to), "%s/victim", folder);
		assert_frame(&names->frames[0], NULL, NULL, 0);
		assert_string_equal(names->frames[0].module, to);
		assert_true(names->frames[0].offset > 0x1000 && names->frames[0].offset < 0x2000);
		assert_int_equal(names->frames[0].offset & 0xfff, names->frames[0].ip & 0xfff);
		assert_int_equal(strlen(names->frames[0].build_id), 40);
	}
	sites->ops->free(sites);
	stop(&victim);
}

static void symbols_without_lines(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;

	(void)state;
	shell("gcc -O2 " COMMON SOURCES "victim.c -o %s/victim", folder);
	start(&victim, "victim", NULL);
	names = names_of(sites, &victim);
	assert_frame(&names->frames[0], "handle_conn", NULL, 0);
	assert_true(names->frames[0].offset > 0 && names->frames[0].offset < 64);
	assert_frame(&names->frames[1], "main", NULL, 0);
	stop(&victim);
	sites->ops->free(sites);
}

static void library_that_came_later(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;
	char path[256];

	(void)state;
	shell("gcc -O2 -g -shared -fPIC " COMMON SOURCES "library.c -o %s/library.so", folder);
	shell("gcc -O2 -g " COMMON SOURCES "user.c -o %s/user", folder);
	snprintf(path, sizeof(path), "%s/library.so", folder);
	start(&victim, "user", path);
	sites->ops->taken(sites, 2, &victim.stack);
	assert_int_equal(write(victim.in, "\n", 1), 1);
	read_frames(&victim);
	names = names_of(sites, &victim);
	assert_frame(&names->frames[0], "library_accept", "library.c", 8);
	assert_string_equal(names->frames[0].module, path);
	assert_frame(&names->frames[1], "main", "user.c", 19);
	stop(&victim);
	sites->ops->free(sites);
}

static void after_its_process(void **state)
{
	struct call_sites *sites = new_sites();
	struct victim victim;
	struct event_fork fork = {0};

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim", folder);
	start(&victim, "victim", NULL);
	sites->ops->taken(sites, 2, &victim.stack);
	stop(&victim);
	/* The child ended before its mappings could be read. */
	fork.parent = fork.child = victim.stack.task;
	fork.child.start_ns += 1000000000;
	sites->ops->forked(sites, &fork);
	victim.stack.task = fork.child;
	assert_victim(names_of(sites, &victim));
	assert_victim(wait_for_names(sites, 2, 20000));
	sites->ops->free(sites);
}

static void check_addresses(const struct call_stack *names, const struct victim *victim)
{
	assert_int_equal(call_stack_ip(names, 0), victim->stack.frames[0]);
	assert_int_equal(call_stack_ip(names, 2), victim->stack.frames[0]);
	assert_int_equal(call_stack_ip(names, 3), victim->stack.frames[1]);
}

static const struct call_stack *names_of_next(struct call_sites *sites, uint32_t number,
					      const struct victim *victim)
{
	const struct call_stack *names;

	sites->ops->taken(sites, number, &victim->stack);
	names = wait_for_names(sites, number, 20000);
	assert_non_null(names);
	return names;
}

/* Processes of one program have the same names, each with addresses of its own, also after the one
 * that was first has gone. */
static void processes_of_a_program(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names[3];
	struct victim victims[3];

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim", folder);
	for (uint32_t i = 0; i < 3; i++) {
		start(&victims[i], "victim", NULL);
		names[i] = names_of_next(sites, i + 1, &victims[i]);
		assert_victim(names[i]);
		check_addresses(names[i], &victims[i]);
		assert_ptr_equal(names[i]->frames, names[0]->frames);
	}
	sites->ops->dropped(sites, 1);
	sites->ops->dropped(sites, 2);
	assert_victim(names[2]);
	check_addresses(names[2], &victims[2]);
	for (int i = 0; i < 3; i++)
		stop(&victims[i]);
	sites->ops->free(sites);
}

/* A program that was written again, into the same file, has names of its own. */
static void program_that_was_rewritten(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names[2];
	struct victim victim;

	(void)state;
	for (uint32_t i = 0; i < 2; i++) {
		shell("gcc -O2 -g " COMMON "-Dhandle_conn=handle_%u " SOURCES
		      "victim.c -o %s/made && cat %s/made > %s/again && chmod 755 %s/again",
		      i, folder, folder, folder, folder);
		start(&victim, "again", NULL);
		names[i] = names_of_next(sites, i + 1, &victim);
		stop(&victim);
	}
	assert_string_equal(names[0]->frames[2].function, "handle_0");
	assert_string_equal(names[1]->frames[2].function, "handle_1");
	sites->ops->free(sites);
}

static void nobody_knows_it(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim = {.stack = stack_of_process((uint32_t)getpid())};

	(void)state;
	victim.stack.task.start_ns += 5000000000; /* another process with the same pid */
	victim.stack.count = 2;
	victim.stack.frames[0] = (uint64_t)(uintptr_t)&new_sites;
	victim.stack.frames[1] = 7;
	names = names_of(sites, &victim);
	assert_int_equal(names->count, 2);
	assert_int_equal(names->frames[0].ip, victim.stack.frames[0]);
	assert_null(names->frames[0].module);
	assert_frame(&names->frames[0], NULL, NULL, 0);
	assert_true(names->is_short);
	assert_non_null(sites->ops->names(sites, 99));
	assert_int_equal(sites->ops->names(sites, 99)->count, 0);
	sites->ops->free(sites);
}

static void file_that_was_replaced(void **state)
{
	struct call_sites *sites = new_sites();
	struct victim victim;

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim", folder);
	start(&victim, "victim", NULL);
	sites->ops->taken(sites, 2, &victim.stack);
	shell("cd %s && cp victim other && mv other victim && rm -f victim.debug", folder);
	if (!getuid()) {
		assert_victim(names_of(sites, &victim));
	} else { /* only root may read map_files */
		assert_null(names_of(sites, &victim)->frames[0].function);
	}
	stop(&victim);
	sites->ops->free(sites);
}

static void classes_of_cpp(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;

	(void)state;
	shell("g++ -O2 -g " COMMON SOURCES "classes.cc -o %s/classes", folder);
	start(&victim, "classes", NULL);
	names = names_of(sites, &victim);
	assert_frame(&names->frames[0], "net::Pool<long>::take(long)", "classes.cc", 9);
	assert_frame(&names->frames[1], "main", "classes.cc", 19);
	stop(&victim);
	sites->ops->free(sites);
}

static void program_of_go(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;

	(void)state;
	shell("GO111MODULE=off GOFLAGS= HOME=%s GOCACHE=%s/go go build -o %s/main " SOURCES
	      "main.go",
	      folder, folder, folder);
	start(&victim, "main", NULL);
	names = names_of(sites, &victim);
	assert_frame(&names->frames[0], "main.handle", "main.go", 13);
	assert_frame(&names->frames[1], "main.main", "main.go", 23);
	assert_frame(&names->frames[2], "runtime.main", "proc.go", names->frames[2].line);
	assert_false(names->is_short);
	stop(&victim);
	sites->ops->free(sites);
}

static void code_of_a_jit_compiler(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;

	(void)state;
	shell("gcc -O2 " COMMON SOURCES "jit.c -o %s/jit", folder);
	start(&victim, "jit", NULL);
	names = names_of(sites, &victim);
	assert_int_equal(names->count, 2);
	assert_frame(&names->frames[0], "py::serve:/srv/app.py", NULL, 0);
	assert_int_equal(names->frames[0].offset, 0x20);
	assert_frame(&names->frames[1], NULL, NULL, 0);
	assert_null(names->frames[1].module);
	assert_int_equal(write(victim.in, "\n", 1), 1);
	waitpid(victim.pid, NULL, 0);
	stop(&victim);
	sites->ops->free(sites);
}

static void debug_information_that_is_garbage(void **state)
{
	struct call_sites *sites = new_sites();
	const struct call_stack *names;
	struct victim victim;

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim && cd %s && "
	      "yes garbage | head -c 50000 >garbage && for i in info abbrev line rnglists; do "
	      "objcopy --update-section .debug_$i=garbage victim || exit; done",
	      folder, folder);
	start(&victim, "victim", NULL);
	names = names_of(sites, &victim);
	assert_string_equal(names->frames[0].function, "handle_conn");
	assert_string_equal(names->frames[1].function, "main");
	stop(&victim);
	sites->ops->free(sites);
}

/* The youngest child: older ones may still be ending. */
/* The last child of the process; 0: it has none. */
static pid_t child_of(pid_t parent)
{
	char path[64];
	FILE *file;
	int pid = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", parent, parent);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fscanf(file, "%d", &pid) == 1)
		;
	fclose(file);
	return pid;
}

/* The spawner starts it after symbolizer_new() returns. */
static pid_t find_worker(void)
{
	pid_t spawner = child_of(getpid()), worker = 0;

	assert_true(spawner > 0);
	for (int i = 0; i < 60000 && !(worker = child_of(spawner)); i++)
		usleep(1000);
	assert_true(worker > 0);
	return worker;
}

static void worker_that_died(void **state)
{
	struct call_sites *sites = new_sites();
	pid_t worker = find_worker();
	struct victim victim;

	(void)state;
	shell("gcc -O2 -g " COMMON SOURCES "victim.c -o %s/victim", folder);
	assert_int_equal(kill(worker, SIGKILL), 0);
	start(&victim, "victim", NULL);
	assert_victim(names_of(sites, &victim));
	stop(&victim);
	assert_int_not_equal(find_worker(), worker);
	sites->ops->free(sites);
}

static void read_status(pid_t pid, char *text, size_t size)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	assert_non_null(file);
	text[fread(text, 1, size - 1, file)] = 0;
	fclose(file);
}

static void worker_may_do_nothing(void **state)
{
	struct call_sites *sites = new_sites();
	pid_t worker = find_worker();
	char text[4096] = "";

	(void)state;
	/* It limits its system calls when it begins, after all else. */
	for (int i = 0; i < 60000 && !strstr(text, "Seccomp:\t2"); i++) {
		usleep(1000);
		read_status(worker, text, sizeof(text));
	}
	assert_non_null(strstr(text, "Name:\ttcpwatch-symbol"));
	assert_non_null(strstr(text, "CapPrm:\t0000000000000000"));
	assert_non_null(strstr(text, "CapEff:\t0000000000000000"));
	assert_non_null(strstr(text, "NoNewPrivs:\t1"));
	assert_non_null(strstr(text, "Seccomp:\t2"));
	if (!getuid())
		assert_non_null(strstr(text, "Uid:\t65534\t65534\t65534\t65534"));
	sites->ops->free(sites);
}

static int make_folder(void **state)
{
	(void)state;
	return !mkdtemp(folder) || chmod(folder, 0755);
}

static int remove_folder(void **state)
{
	(void)state;
	shell("chmod -R u+w %s && rm -rf %s", folder, folder);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(position_independent),
		cmocka_unit_test(at_a_fixed_place),
		cmocka_unit_test(without_address_tables),
		cmocka_unit_test(compressed_and_dwarf_4),
		cmocka_unit_test(separate_debug_file),
		cmocka_unit_test(symbols_without_lines),
		cmocka_unit_test(library_that_came_later),
		cmocka_unit_test(after_its_process),
		cmocka_unit_test(processes_of_a_program),
		cmocka_unit_test(program_that_was_rewritten),
		cmocka_unit_test(nobody_knows_it),
		cmocka_unit_test(file_that_was_replaced),
		cmocka_unit_test(classes_of_cpp),
		cmocka_unit_test(program_of_go),
		cmocka_unit_test(code_of_a_jit_compiler),
		cmocka_unit_test(debug_information_that_is_garbage),
		cmocka_unit_test(worker_that_died),
		cmocka_unit_test(worker_may_do_nothing),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
