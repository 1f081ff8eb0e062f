// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "web_pages.h"

#include <stdlib.h>
#include <string.h>

#include "http/negotiate.h"
#include "output/landing_page.h"
#include "metric/prometheus.h"

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

	return http_negotiate(accept, offers, sizeof(offers) / sizeof(*offers)) == 1;
}

static void metrics_page(struct engine *engine, const struct http_request *request,
			 struct http_response *response)
{
	struct metric_text text = {.open_metrics = wants_open_metrics(request->accept)};

	if (engine_metrics(engine, &text)) {
		free(text.data);
		text_page(response, 500, "The metrics could not be generated.\n");
		return;
	}
	response->status = 200;
	response->content_type = metrics_content_type(text.open_metrics);
	response->body = text.data;
	response->size = text.size;
}

static void landing_page(struct engine *engine, struct http_response *response)
{
	struct watch_status now;
	int err = engine_status(engine, &now);

	if (!err) {
		err = landing_page_write(&now, &response->body, &response->size);
		engine_status_clear(&now);
	}
	if (err) {
		text_page(response, 500, "The page could not be generated.\n");
		return;
	}
	response->status = 200;
	response->content_type = "text/html; charset=utf-8";
}

const char *const web_pages_vital[] = {"/-/healthy", "/-/ready", NULL};

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
