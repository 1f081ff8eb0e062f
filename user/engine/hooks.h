/* SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause) */
#ifndef TCPWATCH_ENGINE_HOOKS_H
#define TCPWATCH_ENGINE_HOOKS_H

#include "finding/watch.h"
#include "leak/leak.h"
#include "track/tracker.h"

struct engine;

/*
 * What one module reports to another, through the engine. Every hook runs upward only: tracker ->
 * leak watch and findings -> output. None asks for records or for a scan, so none comes back into
 * the module that called it.
 */
struct tracker_hooks engine_tracker_hooks(struct engine *engine);
struct leak_hooks engine_leak_hooks(struct engine *engine);
struct finding_hooks engine_finding_hooks(struct engine *engine);

#endif
