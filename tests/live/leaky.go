// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

// Does what its arguments say, each with the URL that follows. "-" waits for a line first.
package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

type counted struct {
	net.Conn
	bytes int
}

var transport = &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
var client = &http.Client{Transport: transport}

func get(url string) *http.Response {
	response, err := client.Get(url)
	if err != nil {
		fmt.Println("error:", err)
		os.Exit(1)
	}
	return response
}

//go:noinline
func careful(url string) {
	response := get(url)
	io.Copy(io.Discard, response.Body)
	response.Body.Close()
}

//go:noinline
func forgetful(url string) {
	response := get(url)
	fmt.Println(response.StatusCode)
}

func wrap() {
	transport.Dial = func(network, address string) (net.Conn, error) {
		conn, err := net.Dial(network, address)
		return &counted{Conn: conn}, err
	}
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	for i := 1; i < len(os.Args); i++ {
		switch os.Args[i] {
		case "-":
			lines.ReadString('\n')
		case "wrap":
			wrap()
		case "careful":
			i++
			careful(os.Args[i])
		case "forgetful":
			i++
			forgetful(os.Args[i])
		}
	}
	lines.ReadString('\n')
}
