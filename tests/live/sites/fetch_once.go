// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// Asks the URL given once, and forgets to close what it got.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

//go:noinline
func fetch(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		panic(err)
	}
	return resp.StatusCode
}

func main() {
	fmt.Println(fetch(os.Args[1]))
	time.Sleep(time.Hour)
}
