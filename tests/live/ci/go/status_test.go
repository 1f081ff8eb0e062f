// SPDX-License-Identifier: (LGPL-2.1 OR BSD-2-Clause)

package status

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"
)

func TestOf(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(
		func(w http.ResponseWriter, r *http.Request) {
			http.Error(w, "I am a teapot", http.StatusTeapot)
		}))
	defer server.Close()
	code, err := Of(server.URL)
	if err != nil || code != http.StatusTeapot {
		t.Fatal(code, err)
	}
}

func TestSomethingSlow(t *testing.T) {
	time.Sleep(300 * time.Millisecond)
}
