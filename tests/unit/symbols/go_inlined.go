// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)
package main

import (
	"fmt"
	"os"
	"runtime"
)

func show() {
	var callers [20]uintptr
	count := runtime.Callers(1, callers[:])
	for _, caller := range callers[:count] {
		fmt.Printf("%x ", caller)
	}
	fmt.Println()
}

func inner(socket int) int {
	show()
	return socket + 1
}

func middle(socket int) int {
	return inner(socket) + 1
}

func main() {
	fmt.Fprintln(os.Stderr, middle(len(os.Args)))
}
