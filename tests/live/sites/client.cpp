// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
/* Connects to the port given, in a member function of a template; keeps all until killed. */
#include <arpa/inet.h>
#include <cstdio>
#include <cstdlib>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace pool {

template <typename Key> class Connections {
public:
	__attribute__((noinline)) bool open(Key port);

private:
	std::vector<int> all;
};

template <typename Key> bool Connections<Key>::open(Key port)
{
	sockaddr_in server = {};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	server.sin_family = AF_INET;
	server.sin_port = htons(static_cast<in_port_t>(port));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (connect(fd, reinterpret_cast<sockaddr *>(&server), sizeof(server))) // here
		return false;
	all.push_back(fd);
	return true;
}

} // namespace pool

int main(int argc, char **argv)
{
	pool::Connections<long> connections;

	if (argc < 2 || !connections.open(std::atol(argv[1])))
		return 1;
	std::puts("connected");
	std::fflush(stdout);
	pause();
	return 0;
}
