# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
"""An asyncio server that forgets to close what it has read to the end. Prints its port."""

import asyncio

connections = []


async def handle(reader, writer):
    connections.append(writer)
    await reader.read()


def on_connected(reader, writer):
    return asyncio.ensure_future(handle(reader, writer))


async def main():
    server = await asyncio.start_server(on_connected, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


asyncio.run(main())
