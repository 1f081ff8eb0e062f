// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/*
 * check_vmlinux [OPTION...] OBJECT KERNEL...: whether these kernels have what the programs of a
 * linked BPF object touch, as they take it to be. KERNEL is a BTF or an ELF file with one. Nothing
 * is loaded. Ends with 0, with 1 where something is amiss, with 2 where that could not be told.
 */
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "header.h"
#include "hook.h"
#include "judge.h"
#include "memory.h"
#include "report.h"

struct setup {
	const char *header;
	const char **optional;
	size_t optional_count;
};

static _Noreturn void usage(void)
{
	fputs("usage: check_vmlinux [--header=OBJECT] [--optional=PROGRAM]... OBJECT KERNEL...\n",
	      stderr);
	exit(2);
}

static void parse_options(struct setup *setup, int argc, char **argv)
{
	static const struct option options[] = {
		{"header", required_argument, NULL, 'h'},
		{"optional", required_argument, NULL, 'o'},
		{0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'h') {
			setup->header = optarg;
		} else if (option == 'o') {
			setup->optional = list_grow(setup->optional, setup->optional_count,
						    sizeof(*setup->optional));
			setup->optional[setup->optional_count++] = optarg;
		} else {
			usage();
		}
	}
	if (argc - optind < 2)
		usage();
}

static bool is_optional(const struct setup *setup, const char *program)
{
	for (size_t i = 0; i < setup->optional_count; i++)
		if (!strcmp(setup->optional[i], program))
			return true;
	return false;
}

static void report_touches(const struct object *object, struct kernel *kernels,
			   struct report *report)
{
	static const char *const headings[] = {"FIELD", "TYPE", "ENUMERATOR"};
	struct judge *judges = zalloc(report->kernel_count, sizeof(*judges));
	struct verdict verdict;
	char how[CELL_MAX];

	for (size_t k = 0; k < report->kernel_count; k++)
		judge_init(&judges[k], object, &kernels[k]);
	for (size_t i = 0; i < object->touch_count; i++) {
		const struct touch *touch = object->touches[i];

		if (!i || object->touches[i - 1]->kind != touch->kind)
			report_heading(report, headings[touch->kind], "READ AS");
		judge_describe(object, touch, how);
		report_row(report, touch->name, how);
		for (size_t k = 0; k < report->kernel_count; k++) {
			judge_touch(&judges[k], touch, &verdict);
			report_judge(report, k, &verdict);
		}
	}
	for (size_t k = 0; k < report->kernel_count; k++)
		judge_free(&judges[k]);
	free(judges);
}

/* Each prototype once, with its kernels where not all have it. */
static void report_prototypes(const struct hook *hook, const struct kernel *kernels,
			      struct report *report)
{
	char(*texts)[WHY_MAX] = zalloc(report->kernel_count, sizeof(*texts));

	for (size_t k = 0; k < report->kernel_count; k++)
		hook_prototype(hook, &kernels[k], texts[k], sizeof(*texts));
	for (size_t k = 0; k < report->kernel_count; k++) {
		char line[2 * WHY_MAX];
		size_t sharing = 0, first = k;
		int length = snprintf(line, sizeof(line), "    is    %s", texts[k]);

		for (size_t i = 0; i < report->kernel_count; i++) {
			if (strcmp(texts[i], texts[k]))
				continue;
			sharing++;
			first = i < first ? i : first;
			if (length < (int)sizeof(line))
				length += snprintf(line + length, sizeof(line) - length, "%s%s",
						   sharing > 1 ? ", " : "  ", kernels[i].label);
		}
		if (!*texts[k] || first != k)
			continue;
		if (sharing == report->kernel_count)
			line[strlen("    is    ") + strlen(texts[k])] = '\0';
		report_text(report, line);
	}
	free(texts);
}

static void report_hook(struct hook *hook, const struct object *object, struct kernel *kernels,
			bool optional, struct report *report)
{
	const struct program *program = hook->program;
	char uses[WHY_MAX] = "    uses  ";
	size_t length = strlen(uses);
	struct verdict verdict;
	char how[CELL_MAX];

	for (size_t k = 0; k < report->kernel_count; k++)
		hook_learn(hook, &kernels[k]);
	snprintf(how, sizeof(how), "%.40s%s", program->name, optional ? ", optional" : "");
	report_row(report, program->section, how);
	for (size_t k = 0; k < report->kernel_count; k++) {
		hook_judge(hook, object, &kernels[k], optional, &verdict);
		report_judge(report, k, &verdict);
	}
	hook_describe(hook, object, uses + length, sizeof(uses) - length);
	if (uses[length])
		report_text(report, uses);
	report_prototypes(hook, kernels, report);
}

static void report_hooks(const struct setup *setup, const struct object *object,
			 struct kernel *kernels, struct report *report)
{
	report_heading(report, "HOOK", "PROGRAM");
	for (size_t i = 0; i < object->program_count; i++) {
		const struct program *program = &object->programs[i];
		struct hook hook;

		if (!*program->section) /* a function that programs call */
			continue;
		hook_init(&hook, object, program);
		report_hook(&hook, object, kernels, is_optional(setup, program->name), report);
	}
}

static void run(const struct setup *setup, const struct object *object, struct kernel *kernels,
		struct report *report)
{
	struct header header;

	report_touches(object, kernels, report);
	report_hooks(setup, object, kernels, report);
	if (!setup->header) {
		report_print_table(report);
	} else {
		header_open(&header, setup->header);
		header_report(&header, object, kernels, report);
		report_print_table(report);
		header_print_untouched(&header, object);
		header_close(&header);
	}
	report_print_complaints(report);
}

int main(int argc, char **argv)
{
	struct setup setup = {0};
	struct report report = {0};
	struct kernel *kernels;
	const char **labels;
	struct object object;

	parse_options(&setup, argc, argv);
	libbpf_set_print(NULL); /* it warns of all that we try */
	report.kernel_count = argc - optind - 1;
	kernels = zalloc(report.kernel_count, sizeof(*kernels));
	labels = zalloc(report.kernel_count, sizeof(*labels));
	object_open(&object, argv[optind]);
	for (size_t k = 0; k < report.kernel_count; k++) {
		kernel_open(&kernels[k], argv[optind + 1 + k]);
		labels[k] = kernels[k].label;
	}
	report.kernels = labels;
	run(&setup, &object, kernels, &report);
	printf("\n%zu passed, %zu failed\n", report.passed, report.failed);
	for (size_t k = 0; k < report.kernel_count; k++)
		kernel_close(&kernels[k]);
	object_close(&object);
	report_free(&report);
	free(kernels);
	free(labels);
	free(setup.optional);
	return report.failed ? 1 : 0;
}
