// Programs of the Kubernetes world against a server, one a subcommand: clients NAME KUBECONFIG NAMESPACE.
//
// Each prints a line for what it has done, and ends with 0 or with what was not as expected. go_clients_test.py runs
// them.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"
)

// How long something that has to happen is waited for; passing never depends on it.
const patience = 60 * time.Second

// run is what a subcommand works with.
type run struct {
	ctx       context.Context
	config    *rest.Config
	namespace string
	stdin     *bufio.Reader
}

var commands = map[string]func(*run) error{
	"argocd":     argocd,
	"controller": controller,
	"flux":       flux,
	"informers":  informers,
	"kstatus":    kstatus,
}

// did tells the one who started the program that a step is done.
func did(step string) { fmt.Println(step) }

// ask tells that `step` is to be done by the one who started the program, and waits until it is.
func (r *run) ask(step string) error {
	fmt.Println(step)
	line, err := r.stdin.ReadString('\n')
	if err != nil {
		return fmt.Errorf("after %q nobody answered: %w", step, err)
	}
	if line != "done\n" {
		return fmt.Errorf("after %q the answer was %q", step, line)
	}
	return nil
}

// until waits for `holds`, and says with `what` that it never did.
func (r *run) until(what string, holds func() (bool, error)) error {
	deadline := time.Now().Add(patience)
	for time.Now().Before(deadline) {
		ok, err := holds()
		if err != nil || ok {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
	return fmt.Errorf("%s: not within %s", what, patience)
}

func execute(arguments []string) error {
	if len(arguments) != 3 || commands[arguments[0]] == nil {
		return fmt.Errorf("usage: clients argocd|controller|flux|informers|kstatus KUBECONFIG NAMESPACE")
	}
	config, err := clientcmd.BuildConfigFromFlags("", arguments[1])
	if err != nil {
		return err
	}
	config.QPS = -1 // nothing here is to be slowed down
	return commands[arguments[0]](&run{context.Background(), config, arguments[2], bufio.NewReader(os.Stdin)})
}

func main() {
	ctrllog.SetLogger(logr.Discard())
	klogFlags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(klogFlags)
	_ = klogFlags.Set("logtostderr", "true")
	klogFlags.SetOutput(io.Discard)
	if err := execute(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
