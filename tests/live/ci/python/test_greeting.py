# SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
import socket
import threading
import time
import unittest

import greeting


class GreetingTest(unittest.TestCase):
    def setUp(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.port = server.getsockname()[1]
        threading.Thread(target=self.serve, args=[server]).start()

    def serve(self, server):
        with server, server.accept()[0] as connection:
            connection.sendall(b"hello\n")

    def test_a_server_that_hangs_up(self):
        self.assertEqual(greeting.greeting(self.port), "hello")
        with self.assertRaises(ConnectionError):
            greeting.greeting(self.port)


class SlowTest(unittest.TestCase):
    def test_something_slow(self):
        time.sleep(3)
