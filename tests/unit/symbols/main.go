// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
package main

import (
	"fmt"
	"os"
	"runtime"
)

//go:noinline
func handle(socket int) int {
	var callers [20]uintptr
	count := runtime.Callers(1, callers[:])
	for _, caller := range callers[:count] {
		fmt.Printf("%x ", caller)
	}
	fmt.Println()
	os.Stdin.Read(make([]byte, 1))
	return socket + count
}

func main() {
	fmt.Fprintln(os.Stderr, handle(1))
}
