package main

import (
	"context"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/util/retry"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "tests.asya.sh/finalizer"

// controlled is the client of controller-runtime and the namespace it works in.
type controlled struct {
	*run
	client client.Client
}

func (c *controlled) get(name string) (*unstructured.Unstructured, error) {
	read := &unstructured.Unstructured{}
	read.SetGroupVersionKind(actorKind)
	return read, c.client.Get(c.ctx, client.ObjectKey{Namespace: c.namespace, Name: name}, read)
}

func (c *controlled) list(options ...client.ListOption) (*unstructured.UnstructuredList, error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(groupVersion.WithKind("AsyncActorList"))
	return list, c.client.List(c.ctx, list, append(options, client.InNamespace(c.namespace))...)
}

// writes: create, dry run, merge patches with and without optimistic lock, update and its conflict, strict fields.
func (c *controlled) writes() error {
	if err := c.client.Create(c.ctx, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: c.namespace}}); err != nil {
		return fmt.Errorf("a typed Namespace: %w", err)
	}
	one := actor(c.namespace, "one")
	_ = unstructured.SetNestedField(one.Object, false, "spec", "scaling", "enabled") // so that it has a scale to set
	if err := client.NewDryRunClient(c.client).Create(c.ctx, one.DeepCopy()); err != nil {
		return err
	}
	if _, err := c.get("one"); !apierrors.IsNotFound(err) {
		return fmt.Errorf("after a dry run: %v", err)
	}
	if err := c.client.Create(c.ctx, one); err != nil {
		return err
	}
	if err := c.client.Create(c.ctx, actor(c.namespace, "one")); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a second create: %v", err)
	}
	before := one.DeepCopy()
	one.SetLabels(map[string]string{"team": "a"})
	if err := c.client.Patch(c.ctx, one, client.MergeFrom(before)); err != nil {
		return err
	}
	locked := client.MergeFromWithOptions(before.DeepCopy(), client.MergeFromWithOptimisticLock{})
	if err := c.client.Patch(c.ctx, one.DeepCopy(), locked); !apierrors.IsConflict(err) {
		return fmt.Errorf("a patch of an old revision: %v", err)
	}
	if err := c.client.Update(c.ctx, before); !apierrors.IsConflict(err) {
		return fmt.Errorf("an update of an old revision: %v", err)
	}
	unknown := one.DeepCopy()
	_ = unstructured.SetNestedField(unknown.Object, "x", "spec", "nothing")
	strict := client.WithFieldValidation(c.client, metav1.FieldValidationStrict)
	if err := strict.Update(c.ctx, unknown); err == nil || !strings.Contains(err.Error(), `unknown field "spec.nothing"`) {
		return fmt.Errorf("strict about a field that there is not: %v", err)
	}
	return nil
}

// reads: pages, selectors, metadata alone.
func (c *controlled) reads() error {
	for _, name := range []string{"two", "three", "four"} {
		more := actor(c.namespace, name)
		more.SetLabels(map[string]string{"team": "b"})
		if err := c.client.Create(c.ctx, more); err != nil {
			return err
		}
	}
	var names []string
	token := ""
	for pages := 0; pages == 0 || token != ""; pages++ {
		page, err := c.list(client.Limit(3), client.Continue(token))
		if err != nil {
			return err
		}
		for _, item := range page.Items {
			names = append(names, item.GetName())
		}
		token = page.GetContinue()
	}
	if err := wantText("pages", strings.Join(names, " "), "four one three two"); err != nil {
		return err
	}
	selected, err := c.list(client.MatchingLabels{"team": "b"})
	if err != nil || len(selected.Items) != 3 {
		return fmt.Errorf("by label: %d, %v", len(selected.Items), err)
	}
	metadata := &metav1.PartialObjectMetadataList{}
	metadata.SetGroupVersionKind(groupVersion.WithKind("AsyncActorList"))
	if err := c.client.List(c.ctx, metadata, client.InNamespace(c.namespace)); err != nil || len(metadata.Items) != 4 {
		return fmt.Errorf("metadata: %d, %v", len(metadata.Items), err)
	}
	return nil
}

// applies: server-side apply, its conflict, and force.
func (c *controlled) applies() error {
	apply := func(manager string, concurrency int64, options ...client.ApplyOption) error {
		wanted := actor(c.namespace, "applied")
		_ = unstructured.SetNestedField(wanted.Object, concurrency, "spec", "concurrency")
		options = append(options, client.FieldOwner(manager))
		return c.client.Apply(c.ctx, client.ApplyConfigurationFromUnstructured(wanted), options...)
	}
	if err := apply("first", 2); err != nil {
		return err
	}
	if err := apply("second", 2); err != nil {
		return fmt.Errorf("the same value from another: %w", err)
	}
	err := apply("second", 3)
	if !apierrors.IsConflict(err) || !strings.Contains(err.Error(), ".spec.concurrency") {
		return fmt.Errorf("another value from another: %v", err)
	}
	if err := apply("second", 3, client.ForceOwnership); err != nil {
		return err
	}
	read, err := c.get("applied")
	if err != nil {
		return err
	}
	if specInt(read, "concurrency") != 3 {
		return fmt.Errorf("after force: %d", specInt(read, "concurrency"))
	}
	return wantText("managers", managersOf(read), "first/Apply second/Apply")
}

// parts: status alone by patch, update and apply, and scale.
func (c *controlled) parts() error {
	one, err := c.get("one")
	if err != nil {
		return err
	}
	before := one.DeepCopy()
	_ = unstructured.SetNestedField(one.Object, int64(9), "spec", "concurrency")
	if err := setReady(one, "True"); err != nil {
		return err
	}
	if err := c.client.Status().Patch(c.ctx, one, client.MergeFrom(before)); err != nil {
		return err
	}
	if one, err = c.get("one"); err != nil {
		return err
	}
	if !isReady(one) || specInt(one, "concurrency") != 0 || one.GetGeneration() != 1 {
		return fmt.Errorf("a status patch changed more or less than the status: %v", one.Object)
	}
	if err := setReady(one, "False"); err != nil {
		return err
	}
	if err := c.client.Status().Update(c.ctx, one); err != nil {
		return err
	}
	scale := &unstructured.Unstructured{}
	scale.SetAPIVersion("autoscaling/v1")
	scale.SetKind("Scale")
	if err := c.client.SubResource("scale").Get(c.ctx, one, scale); err != nil {
		return err
	}
	_ = unstructured.SetNestedField(scale.Object, int64(4), "spec", "replicas")
	if err := c.client.SubResource("scale").Update(c.ctx, one, client.WithSubResourceBody(scale)); err != nil {
		return err
	}
	if one, err = c.get("one"); err != nil {
		return err
	}
	if isReady(one) || specInt(one, "replicas") != 4 || one.GetGeneration() != 2 {
		return fmt.Errorf("after scale: %v", one.Object)
	}
	return nil
}

// deletes: preconditions, then the rest as a collection.
func (c *controlled) deletes() error {
	one, err := c.get("one")
	if err != nil {
		return err
	}
	other := types.UID("another")
	if err := c.client.Delete(c.ctx, one, client.Preconditions{UID: &other}); !apierrors.IsConflict(err) {
		return fmt.Errorf("a delete of another uid: %v", err)
	}
	uid := one.GetUID()
	if err := c.client.Delete(c.ctx, one, client.Preconditions{UID: &uid}); err != nil {
		return err
	}
	all := actor(c.namespace, "")
	if err := c.client.DeleteAllOf(c.ctx, all, client.InNamespace(c.namespace), client.MatchingLabels{"team": "b"}); err != nil {
		return err
	}
	left, err := c.list()
	if err != nil || len(left.Items) != 1 {
		return fmt.Errorf("after deletions: %d, %v", len(left.Items), err)
	}
	return nil
}

// Reconcile is a small control plane: it holds an actor by a finalizer and says that it is ready.
func (c *controlled) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	read := &unstructured.Unstructured{}
	read.SetGroupVersionKind(actorKind)
	if err := c.client.Get(ctx, request.NamespacedName, read); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if read.GetDeletionTimestamp() != nil {
		controllerutil.RemoveFinalizer(read, finalizer)
		return ctrl.Result{}, client.IgnoreNotFound(c.client.Update(ctx, read))
	}
	if controllerutil.AddFinalizer(read, finalizer) {
		return ctrl.Result{}, c.client.Update(ctx, read)
	}
	if isReady(read) {
		return ctrl.Result{}, nil
	}
	if err := setReady(read, "True"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, c.client.Status().Update(ctx, read)
}

// manages: a manager with its cache makes actors ready, follows a change, and lets go of what is deleted.
func (c *controlled) manages() error {
	manager, err := ctrl.NewManager(c.config, ctrl.Options{Scheme: scheme.Scheme, Metrics: server.Options{BindAddress: "0"}})
	if err != nil {
		return err
	}
	watched := actor("", "")
	index := func(object client.Object) []string {
		image, _, _ := unstructured.NestedString(object.(*unstructured.Unstructured).Object, "spec", "image")
		return []string{image}
	}
	if err := manager.GetFieldIndexer().IndexField(c.ctx, watched, "spec.image", index); err != nil {
		return err
	}
	inner := &controlled{c.run, manager.GetClient()}
	if err := ctrl.NewControllerManagedBy(manager).Named("actors").For(watched).Complete(inner); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(c.ctx)
	ended := make(chan error, 1)
	go func() { ended <- manager.Start(ctx) }()
	if err := c.managed(manager.GetCache()); err != nil {
		stop()
		return err
	}
	stop()
	return <-ended
}

// managed: what the manager of `manages` has to come to; `cached` reads from its cache.
func (c *controlled) managed(cached client.Reader) error {
	ready := func(name string) func() (bool, error) {
		return func() (bool, error) {
			read, err := c.get(name)
			return err == nil && isReady(read), err
		}
	}
	if err := c.client.Create(c.ctx, actor(c.namespace, "managed")); err != nil {
		return err
	}
	for _, name := range []string{"managed", "applied"} {
		if err := c.until(name+" is ready", ready(name)); err != nil {
			return err
		}
	}
	err := retry.RetryOnConflict(retry.DefaultRetry, func() error {
		read, err := c.get("managed")
		if err != nil {
			return err
		}
		_ = unstructured.SetNestedField(read.Object, "i:2", "spec", "image")
		return c.client.Update(c.ctx, read)
	})
	if err != nil {
		return err
	}
	if err := c.until("managed is ready again", ready("managed")); err != nil {
		return err
	}
	indexed := func() (bool, error) {
		list := &unstructured.UnstructuredList{}
		list.SetGroupVersionKind(groupVersion.WithKind("AsyncActorList"))
		err := cached.List(c.ctx, list, client.InNamespace(c.namespace), client.MatchingFields{"spec.image": "i:2"})
		return len(list.Items) == 1 && list.Items[0].GetName() == "managed", err
	}
	if err := c.until("the cache finds it by its image", indexed); err != nil {
		return err
	}
	for _, name := range []string{"managed", "applied"} {
		if err := c.client.Delete(c.ctx, actor(c.namespace, name)); err != nil {
			return err
		}
	}
	return c.until("actors are let go", func() (bool, error) {
		list, err := c.list()
		return len(list.Items) == 0, err
	})
}

// controller: the client of controller-runtime, every verb, then a manager whose controller is a small control plane.
func controller(r *run) error {
	made, err := client.New(r.config, client.Options{})
	if err != nil {
		return err
	}
	c := &controlled{r, made}
	steps := []struct {
		name string
		run  func() error
	}{
		{"writes", c.writes}, {"reads", c.reads}, {"applies", c.applies}, {"parts", c.parts}, {"deletes", c.deletes},
		{"manages", c.manages},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		did(step.name)
	}
	return nil
}
