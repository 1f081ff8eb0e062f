// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "web_pages.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http_accept.h"
#include "output_prometheus.h"
#include "units.h"

static void text_page(struct http_response *response, unsigned int status, const char *text)
{
	response->status = status;
	response->content_type = "text/plain; charset=utf-8";
	response->body = strdup(text);
	response->size = strlen(text);
	if (!response->body)
		response->status = 0;
}

static bool wants_open_metrics(const char *accept)
{
	static const struct http_offer offers[] = {
		{.type = "text/plain", .version = "0.0.4"},
		{.type = "application/openmetrics-text", .version = "1.0.0"},
	};

	return http_accept_choose(accept, offers, sizeof(offers) / sizeof(*offers)) == 1;
}

static void metrics_page(struct engine *engine, const struct http_request *request,
			 struct http_response *response)
{
	struct metric_text text = {.open_metrics = wants_open_metrics(request->accept)};

	if (engine_metrics(engine, &text)) {
		free(text.data);
		text_page(response, 500, "the metrics could not be made\n");
		return;
	}
	response->status = 200;
	response->content_type = metrics_content_type(text.open_metrics);
	response->body = text.data;
	response->size = text.size;
}

static const char landing[] =
	"<!DOCTYPE html>\n"
	"<html lang=\"en\">\n"
	"<head>\n"
	"<meta charset=\"utf-8\">\n"
	"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
	"<title>tcpwatch</title>\n"
	"<style>\n"
	":root { color-scheme: light dark; }\n"
	"body { font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto;"
	" padding: 0 1rem; }\n"
	"h1 { font-size: 1.6rem; margin: 0; }\n"
	"p.what { margin: 0 0 1.5rem; opacity: .75; }\n"
	"table { border-collapse: collapse; width: 100%%; }\n"
	"td { padding: .35rem .5rem; border-bottom: 1px solid rgba(128, 128, 128, .3); }\n"
	"td:last-child { text-align: right; font-variant-numeric: tabular-nums; }\n"
	".bad { color: #c62828; font-weight: 600; }\n"
	"ul { list-style: none; padding: 0; display: flex; gap: 1.5rem; }\n"
	"</style>\n"
	"</head>\n"
	"<body>\n"
	"<h1>tcpwatch</h1>\n"
	"<p class=\"what\">TCP sockets, state by state, and those that leak in CLOSE_WAIT</p>\n"
	"<table>\n"
	"<tr><td>Leaked sockets open now</td><td%s>%llu</td></tr>\n"
	"<tr><td>Leaks reported since the start</td><td>%llu</td></tr>\n"
	"<tr><td>Open TCP sockets</td><td>%zu</td></tr>\n"
	"<tr><td>of these in CLOSE_WAIT</td><td>%zu</td></tr>\n"
	"<tr><td>Events seen</td><td>%llu</td></tr>\n"
	"<tr><td>Events lost</td><td%s>%llu</td></tr>\n"
	"<tr><td>Watching since</td><td>%s</td></tr>\n"
	"<tr><td>Mode</td><td>%s</td></tr>\n"
	"<tr><td>Kernel</td><td>%s</td></tr>\n"
	"<tr><td>Version</td><td>%s</td></tr>\n"
	"</table>\n"
	"<ul>\n"
	"<li><a href=\"/metrics\">Metrics</a></li>\n"
	"<li><a href=\"/-/healthy\">Healthy</a></li>\n"
	"<li><a href=\"/-/ready\">Ready</a></li>\n"
	"</ul>\n"
	"</body>\n"
	"</html>\n";

static const char *mark(uint64_t number)
{
	return number ? " class=\"bad\"" : "";
}

static void landing_page(struct engine *engine, struct http_response *response)
{
	char duration[DURATION_TEXT_LEN];
	struct engine_status now;
	char *body;
	int size;

	engine_status(engine, &now);
	size = asprintf(&body, landing, mark(now.leaks_open), (unsigned long long)now.leaks_open,
			(unsigned long long)now.leaks_total, now.sockets, now.close_wait,
			(unsigned long long)now.events, mark(now.lost),
			(unsigned long long)now.lost, duration_format(now.duration_ns, duration),
			now.mode, now.kernel, now.version);
	if (size < 0)
		return;
	response->status = 200;
	response->content_type = "text/html; charset=utf-8";
	response->body = body;
	response->size = (size_t)size;
}

void web_pages_handle(void *context, const struct http_request *request,
		      struct http_response *response)
{
	if (!strcmp(request->path, "/"))
		landing_page(context, response);
	else if (!strcmp(request->path, "/metrics"))
		metrics_page(context, request, response);
	else if (!strcmp(request->path, "/-/healthy"))
		text_page(response, 200, "tcpwatch is healthy.\n");
	else if (!strcmp(request->path, "/-/ready"))
		text_page(response, 200, "tcpwatch is ready.\n");
	else
		text_page(response, 404, "There is no such page.\n");
}
