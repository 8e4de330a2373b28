// Google's own fake of Pub/Sub as a process: listens on the address given, says where, ends when stdin closes.
package main

import (
	"fmt"
	"io"
	"os"

	"cloud.google.com/go/pubsub/v2/pstest"
)

func main() {
	server := pstest.NewServerWithAddress(os.Args[1])
	fmt.Println(server.Addr)
	io.Copy(io.Discard, os.Stdin)
	server.Close()
}
