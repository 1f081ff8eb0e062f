// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
#include "victim.h"

namespace net
{
template <typename T> struct Pool {
	__attribute__((noinline)) int take(T value)
	{
		tell_callers();
		return static_cast<int>(value) + 1;
	}
};
} // namespace net

int main(int argc, char **)
{
	net::Pool<long> pool;

	return pool.take(argc) == 12345;
}
