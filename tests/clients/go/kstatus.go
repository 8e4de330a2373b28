package main

import (
	"fmt"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/cli-utils/pkg/kstatus/status"
)

// judged is what kstatus said of each state of an actor that a watch showed.
type judged struct {
	mutex    sync.Mutex
	statuses []status.Status
	wrong    error
}

func (j *judged) judge(object *unstructured.Unstructured) {
	result, err := status.Compute(object)
	j.mutex.Lock()
	defer j.mutex.Unlock()
	if err != nil {
		j.wrong = err
		return
	}
	if len(j.statuses) == 0 || j.statuses[len(j.statuses)-1] != result.Status {
		j.statuses = append(j.statuses, result.Status)
	}
	if result.Status == status.CurrentStatus && !isReady(object) {
		j.wrong = fmt.Errorf("current before it was ready: %v", object.Object)
	}
}

func (j *judged) said() (string, error) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	return fmt.Sprint(j.statuses), j.wrong
}

// kstatus: what it says of an actor at each moment of its life; "Current" never before the actor is ready.
func kstatus(r *run) error {
	client, err := dynamic.NewForConfig(r.config)
	if err != nil {
		return err
	}
	if _, err := client.Resource(namespaces).Create(r.ctx, namespaceObject(r.namespace), metav1.CreateOptions{}); err != nil {
		return err
	}
	space := client.Resource(actors).Namespace(r.namespace)
	watch, err := space.Watch(r.ctx, metav1.ListOptions{})
	if err != nil {
		return err
	}
	defer watch.Stop()
	said := &judged{}
	go func() {
		for event := range watch.ResultChan() {
			if object, ok := event.Object.(*unstructured.Unstructured); ok && event.Type != "DELETED" {
				said.judge(object)
			}
		}
	}()
	expect := func(want string) error {
		err := r.until("kstatus says "+want, func() (bool, error) {
			statuses, err := said.said()
			return statuses == want, err
		})
		statuses, _ := said.said()
		if err != nil {
			return fmt.Errorf("%w; it said %s", err, statuses)
		}
		return nil
	}
	told := func(ready string) error {
		read, err := space.Get(r.ctx, "one", metav1.GetOptions{})
		if err != nil {
			return err
		}
		if err := setReady(read, ready); err != nil {
			return err
		}
		_, err = space.UpdateStatus(r.ctx, read, metav1.UpdateOptions{})
		return err
	}
	patch := func(text string) error {
		_, err := space.Patch(r.ctx, "one", types.MergePatchType, []byte(text), metav1.PatchOptions{})
		return err
	}
	steps := []struct {
		what func() error
		said string
	}{
		{func() error {
			one := actor(r.namespace, "one")
			one.SetFinalizers([]string{finalizer})
			_, err := space.Create(r.ctx, one, metav1.CreateOptions{})
			return err
		}, "[InProgress]"},
		{func() error { return told("False") }, "[InProgress]"},
		{func() error { return told("True") }, "[InProgress Current]"},
		{func() error { return patch(`{"spec":{"concurrency":2}}`) }, "[InProgress Current InProgress]"},
		{func() error { return told("Unknown") }, "[InProgress Current InProgress]"},
		{func() error { return told("True") }, "[InProgress Current InProgress Current]"},
		{func() error { return patch(`{"metadata":{"labels":{"team":"a"}}}`) }, "[InProgress Current InProgress Current]"},
		{func() error { return space.Delete(r.ctx, "one", metav1.DeleteOptions{}) },
			"[InProgress Current InProgress Current Terminating]"},
	}
	for number, step := range steps {
		if err := step.what(); err != nil {
			return fmt.Errorf("step %d: %w", number, err)
		}
		if err := expect(step.said); err != nil {
			return err
		}
	}
	did("told")
	return patch(`{"metadata":{"finalizers":null}}`)
}
