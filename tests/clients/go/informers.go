package main

import (
	"fmt"
	"net/http"
	"sort"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/dynamic/dynamicinformer"
	"k8s.io/client-go/features"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/cache"
)

// reads counts how the informers read: lists, and watches that begin with everything there is.
type reads struct {
	next      http.RoundTripper
	mutex     sync.Mutex
	lists     int
	watchAlls int
}

func (r *reads) RoundTrip(request *http.Request) (*http.Response, error) {
	query := request.URL.Query()
	r.mutex.Lock()
	switch {
	case request.Method != http.MethodGet:
	case query.Get("sendInitialEvents") == "true":
		r.watchAlls++
	case query.Get("watch") == "":
		r.lists++
	}
	r.mutex.Unlock()
	return r.next.RoundTrip(request)
}

func (r *reads) counts() (int, int) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return r.lists, r.watchAlls
}

// seen keeps what the handlers were told, by name: "+" added, "~" updated, "-" deleted.
type seen struct {
	mutex sync.Mutex
	told  map[string]string
}

func nameOf(told any) string {
	if gone, ok := told.(cache.DeletedFinalStateUnknown); ok {
		told = gone.Obj
	}
	return told.(*unstructured.Unstructured).GetName()
}

func (s *seen) tell(told any, what string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	name := nameOf(told)
	s.told[name] += what
}

func (s *seen) of(name string) string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.told[name]
}

func (s *seen) handler() cache.ResourceEventHandler {
	return cache.ResourceEventHandlerFuncs{
		AddFunc: func(added any) { s.tell(added, "+") },
		UpdateFunc: func(before, after any) {
			// An informer that lists again tells of what is as it was, too.
			if before.(*unstructured.Unstructured).GetResourceVersion() != after.(*unstructured.Unstructured).GetResourceVersion() {
				s.tell(after, "~")
			}
		},
		DeleteFunc: func(deleted any) { s.tell(deleted, "-") },
	}
}

// informed is a set of informers, what they told, and a client beside them whose reads are not counted.
type informed struct {
	*run
	client    dynamic.Interface
	reads     *reads
	factory   dynamicinformer.DynamicSharedInformerFactory
	seen      *seen
	resources []schema.GroupVersionResource
}

func newInformed(r *run) (*informed, error) {
	client, err := dynamic.NewForConfig(r.config)
	if err != nil {
		return nil, err
	}
	counted := &reads{}
	config := rest.CopyConfig(r.config)
	config.Wrap(func(next http.RoundTripper) http.RoundTripper {
		counted.next = next
		return counted
	})
	watching, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	i := &informed{
		run: r, client: client, reads: counted, seen: &seen{told: map[string]string{}},
		factory:   dynamicinformer.NewDynamicSharedInformerFactory(watching, 0),
		resources: []schema.GroupVersionResource{actors, flows, flavors, namespaces},
	}
	for _, resource := range i.resources {
		if _, err := i.factory.ForResource(resource).Informer().AddEventHandler(i.seen.handler()); err != nil {
			return nil, err
		}
	}
	return i, nil
}

func (i *informed) expect(name, told string) error {
	return i.until(fmt.Sprintf("%s is told as %q (was %q)", name, told, i.seen.of(name)), func() (bool, error) {
		return i.seen.of(name) == told, nil
	})
}

// listing is "namespace/name@revision" of each, sorted.
func listing(objects []*unstructured.Unstructured) string {
	var lines []string
	for _, object := range objects {
		lines = append(lines, object.GetNamespace()+"/"+object.GetName()+"@"+object.GetResourceVersion())
	}
	sort.Strings(lines)
	return strings.Join(lines, "\n")
}

// equal waits until every informer holds what a list shows, revisions included.
func (i *informed) equal() error {
	for _, resource := range i.resources {
		var held, listed string
		same := func() (bool, error) {
			list, err := i.client.Resource(resource).List(i.ctx, metav1.ListOptions{})
			if err != nil {
				return false, err
			}
			var objects []*unstructured.Unstructured
			for n := range list.Items {
				objects = append(objects, &list.Items[n])
			}
			listed = listing(objects)
			objects = nil
			for _, held := range i.factory.ForResource(resource).Informer().GetStore().List() {
				objects = append(objects, held.(*unstructured.Unstructured))
			}
			held = listing(objects)
			return held == listed, nil
		}
		if err := i.until("the informer of "+resource.Resource+" equals a list", same); err != nil {
			return fmt.Errorf("%w\n--- held\n%s\n--- listed\n%s", err, held, listed)
		}
	}
	return nil
}

// readsAre waits until all informers have read everything `times` times, by the requests that they are to do it by.
func (i *informed) readsAre(times int) error {
	want := [2]int{times * len(i.resources), 0}
	if features.FeatureGates().Enabled(features.WatchListClient) {
		want = [2]int{0, times * len(i.resources)}
	}
	var got [2]int
	err := i.until("lists and watches of everything", func() (bool, error) {
		got[0], got[1] = i.reads.counts()
		return got == want, nil
	})
	if err != nil {
		return fmt.Errorf("%w: %v, not %v", err, got, want)
	}
	return nil
}

type made struct {
	object   *unstructured.Unstructured
	resource schema.GroupVersionResource
}

func (i *informed) createAll(all ...made) error {
	for _, one := range all {
		space := i.client.Resource(one.resource).Namespace(one.object.GetNamespace())
		if _, err := space.Create(i.ctx, one.object, metav1.CreateOptions{}); err != nil {
			return err
		}
	}
	return nil
}

// changes sees an add, an update and a delete, and an add of every kind: a watch that ends within a second without
// an event is taken for a broken one by client-go, and everything is read again.
func (i *informed) changes() error {
	space := i.client.Resource(actors).Namespace(i.namespace)
	err := i.createAll(made{actor(i.namespace, "second"), actors}, made{flow(i.namespace, "flow"), flows},
		made{flavor("small-second"), flavors}, made{namespaceObject(i.namespace + "-second"), namespaces})
	if err != nil {
		return err
	}
	patch := []byte(`{"spec":{"concurrency":3}}`)
	if _, err := space.Patch(i.ctx, "first", types.MergePatchType, patch, metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := space.Delete(i.ctx, "gone", metav1.DeleteOptions{}); err != nil {
		return err
	}
	told := map[string]string{"first": "+~", "second": "+", "gone": "+-", "flow": "+", "small-second": "+",
		i.namespace + "-second": "+"}
	for name, told := range told {
		if err := i.expect(name, told); err != nil {
			return err
		}
	}
	return nil
}

// afterRestart sees changes that come after the server was killed and started again.
func (i *informed) afterRestart() error {
	if err := i.client.Resource(flows).Namespace(i.namespace).Delete(i.ctx, "main", metav1.DeleteOptions{}); err != nil {
		return err
	}
	err := i.createAll(made{flow(i.namespace, "next"), flows}, made{flavor("small-third"), flavors},
		made{actor(i.namespace, "third"), actors}, made{namespaceObject(i.namespace + "-third"), namespaces})
	if err != nil {
		return err
	}
	told := map[string]string{"main": "+-", "next": "+", "small-third": "+", "third": "+", i.namespace + "-third": "+"}
	for name, told := range told {
		if err := i.expect(name, told); err != nil {
			return err
		}
	}
	return nil
}

// informers: a shared informer factory sees adds, updates and deletes, goes on where it was when the server comes
// back, and reads all again when what it missed is no longer known.
func informers(r *run) error {
	i, err := newInformed(r)
	if err != nil {
		return err
	}
	err = i.createAll(made{namespaceObject(r.namespace), namespaces}, made{actor(r.namespace, "first"), actors},
		made{actor(r.namespace, "gone"), actors}, made{actor(r.namespace, "lost"), actors},
		made{flow(r.namespace, "main"), flows}, made{flavor("small"), flavors})
	if err != nil {
		return err
	}
	i.factory.Start(r.ctx.Done())
	for resource, synced := range i.factory.WaitForCacheSync(r.ctx.Done()) {
		if !synced {
			return fmt.Errorf("%s: not synced", resource.Resource)
		}
	}
	steps := []func() error{
		i.equal, func() error { return i.readsAre(1) }, i.changes, i.equal,
		func() error { return i.ask("restart") }, i.afterRestart, i.equal,
		// It goes on from where it was: nothing was read again.
		func() error { return i.readsAre(1) },
		// Meanwhile `lost` is deleted and `found` is made, and both are forgotten.
		func() error { return i.ask("compact") },
		func() error { return i.expect("lost", "+-") }, func() error { return i.expect("found", "+") },
		func() error { return i.readsAre(2) }, i.equal,
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	did("equal")
	return nil
}
