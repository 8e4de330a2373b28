// Google's own fake of Pub/Sub as a process: listens on the address given, says where, ends when stdin closes. Says on
// a second line where it tells by HTTP what the protocol has no question for: GET /put?from=N gives what was published
// but for the first N, GET /left how many messages nobody has acknowledged, those of asya-ledger left out.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"sync"

	"cloud.google.com/go/pubsub/v2/pstest"
)

// Reports of relays, which nobody acknowledges when no server runs.
const ledger = "asya-ledger"

type published struct {
	Queue      string            `json:"queue"`
	Body       []byte            `json:"body"`
	Attributes map[string]string `json:"attributes"`
}

func put(server *pstest.Server, from int) []published {
	found := []published{}
	messages := server.Messages()
	for _, message := range messages[min(max(from, 0), len(messages)):] {
		found = append(found, published{path.Base(message.Topic), message.Data, message.Attributes})
	}
	return found
}

func left(server *pstest.Server) int {
	count := 0
	for _, message := range server.Messages() {
		if message.Acks == 0 && path.Base(message.Topic) != ledger {
			count++
		}
	}
	return count
}

func main() {
	server := pstest.NewServerWithAddress(os.Args[1])
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	// Messages() writes into what it gave before.
	var asking sync.Mutex
	answer := func(path string, value func(*http.Request) any) {
		http.HandleFunc(path, func(writer http.ResponseWriter, request *http.Request) {
			asking.Lock()
			defer asking.Unlock()
			json.NewEncoder(writer).Encode(value(request))
		})
	}
	answer("/put", func(request *http.Request) any {
		from, _ := strconv.Atoi(request.URL.Query().Get("from"))
		return put(server, from)
	})
	answer("/left", func(*http.Request) any { return left(server) })
	go http.Serve(listener, nil)
	fmt.Println(server.Addr)
	fmt.Println("http://" + listener.Addr().String())
	io.Copy(io.Discard, os.Stdin)
	server.Close()
}
