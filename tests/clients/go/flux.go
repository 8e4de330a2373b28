package main

import (
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/fluxcd/cli-utils/pkg/kstatus/polling"
	"github.com/fluxcd/pkg/ssa"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const fluxManager = "kustomize-controller"

// fluxed is Flux's manager of resources, a client beside it, and the set that it is to keep.
type fluxed struct {
	*run
	client  client.Client
	manager *ssa.ResourceManager
	set     []*unstructured.Unstructured
}

func (f *fluxed) read(like *unstructured.Unstructured) (*unstructured.Unstructured, error) {
	read := &unstructured.Unstructured{}
	read.SetGroupVersionKind(like.GroupVersionKind())
	return read, f.client.Get(f.ctx, client.ObjectKeyFromObject(like), read)
}

// wanted is a fresh copy of the set, since applying changes what is given.
func (f *fluxed) wanted() []*unstructured.Unstructured {
	var copies []*unstructured.Unstructured
	for _, object := range f.set {
		copies = append(copies, object.DeepCopy())
	}
	return copies
}

func actionsOf(changes *ssa.ChangeSet) string {
	var lines []string
	for _, entry := range changes.Entries {
		lines = append(lines, entry.ObjMetadata.Name+" "+entry.Action.String())
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

func (f *fluxed) apply(want string) error {
	changes, err := f.manager.ApplyAllStaged(f.ctx, f.wanted(), ssa.DefaultApplyOptions())
	if err != nil {
		return err
	}
	return wantText("apply", actionsOf(changes), want)
}

// diff is "name action" of the whole set.
func (f *fluxed) diff(want string) error {
	changes := ssa.NewChangeSet()
	for _, object := range f.wanted() {
		entry, _, _, err := f.manager.Diff(f.ctx, object, ssa.DefaultDiffOptions())
		if err != nil {
			return err
		}
		changes.Add(*entry)
	}
	return wantText("diff", actionsOf(changes), want)
}

func (f *fluxed) actions(action string, but ...string) string {
	var lines []string
	for _, object := range f.set {
		line := object.GetName() + " " + action
		for _, other := range but {
			if strings.HasPrefix(other, object.GetName()+" ") {
				line = other
			}
		}
		lines = append(lines, line)
	}
	sort.Strings(lines)
	return strings.Join(lines, ", ")
}

// applies the set once, and finds nothing to do the second time.
func (f *fluxed) applies() error {
	f.manager.SetOwnerLabels(f.set, "app", "flux-system")
	if err := f.apply(f.actions("created")); err != nil {
		return err
	}
	if err := f.diff(f.actions("unchanged")); err != nil {
		return err
	}
	return f.apply(f.actions("unchanged"))
}

// drifts: what another has changed is seen and put right, and nothing else is written; what nobody of the set
// claims stays.
func (f *fluxed) drifts() error {
	first := f.set[2]
	live, err := f.read(first)
	if err != nil {
		return err
	}
	before := live.DeepCopy()
	_ = unstructured.SetNestedField(live.Object, "i:other", "spec", "image")
	_ = unstructured.SetNestedField(live.Object, int64(5), "spec", "concurrency")
	if err := f.client.Patch(f.ctx, live, client.MergeFrom(before), client.FieldOwner("somebody")); err != nil {
		return err
	}
	if err := f.diff(f.actions("unchanged", "first configured")); err != nil {
		return err
	}
	if err := f.apply(f.actions("unchanged", "first configured")); err != nil {
		return err
	}
	if live, err = f.read(first); err != nil {
		return err
	}
	image, _, _ := unstructured.NestedString(live.Object, "spec", "image")
	if image != "i:1" || specInt(live, "concurrency") != 5 {
		return fmt.Errorf("after the second apply: %v", live.Object["spec"])
	}
	if err := wantText("managers", managersOf(live), fluxManager+"/Apply somebody/Update"); err != nil {
		return err
	}
	return f.apply(f.actions("unchanged"))
}

// adopts: what kubectl applied before is taken over, its field manager and annotation with it.
func (f *fluxed) adopts() error {
	adopted := actor(f.namespace, "adopted")
	adopted.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
	if err := f.client.Create(f.ctx, adopted.DeepCopy(), client.FieldOwner("kubectl-client-side-apply")); err != nil {
		return err
	}
	options := ssa.DefaultApplyOptions()
	options.Cleanup = ssa.ApplyCleanupOptions{
		Annotations: []string{"kubectl.kubernetes.io/last-applied-configuration"},
		FieldManagers: []ssa.FieldManager{{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationUpdate},
			{Name: "kubectl", OperationType: metav1.ManagedFieldsOperationApply}},
	}
	wanted := actor(f.namespace, "adopted")
	unstructured.RemoveNestedField(wanted.Object, "spec", "env")
	if _, err := f.manager.Apply(f.ctx, wanted, options); err != nil {
		return err
	}
	live, err := f.read(wanted)
	if err != nil {
		return err
	}
	if len(live.GetAnnotations()) > 0 {
		return fmt.Errorf("annotations are left: %v", live.GetAnnotations())
	}
	if _, left, _ := unstructured.NestedSlice(live.Object, "spec", "env"); left {
		return fmt.Errorf("a field that is not applied any more is left: %v", live.Object["spec"])
	}
	return wantText("managers", managersOf(live), fluxManager+"/Apply")
}

// waits: not before every actor is ready.
func (f *fluxed) waits() error {
	options := ssa.WaitOptions{Interval: 50 * time.Millisecond, Timeout: 500 * time.Millisecond}
	err := f.manager.Wait(f.wanted(), options)
	if err == nil || !strings.Contains(err.Error(), "InProgress") {
		return fmt.Errorf("a wait for actors that nobody has looked at: %v", err)
	}
	for _, object := range f.set {
		if object.GetKind() != "AsyncActor" {
			continue
		}
		live, err := f.read(object)
		if err != nil {
			return err
		}
		if err := setReady(live, "True"); err != nil {
			return err
		}
		if err := f.client.Status().Update(f.ctx, live); err != nil {
			return err
		}
	}
	options.Timeout = patience
	return f.manager.Wait(f.wanted(), options)
}

// recreates what cannot be changed, where it is told to.
func (f *fluxed) recreates() error {
	first := f.set[2].DeepCopy()
	before, err := f.read(first)
	if err != nil {
		return err
	}
	_ = unstructured.SetNestedField(first.Object, "other", "spec", "actor")
	if _, err := f.manager.Apply(f.ctx, first.DeepCopy(), ssa.DefaultApplyOptions()); err == nil {
		return fmt.Errorf("an immutable field was changed")
	}
	options := ssa.DefaultApplyOptions()
	options.Force = true
	if _, err := f.manager.Apply(f.ctx, first.DeepCopy(), options); err != nil {
		return err
	}
	after, err := f.read(first)
	if err != nil {
		return err
	}
	if before.GetUID() == after.GetUID() {
		return fmt.Errorf("it is still the same object")
	}
	return nil
}

// prunes what has left the set, by its labels, and in the end the namespace with all that is in it.
func (f *fluxed) prunes() error {
	options := ssa.DefaultDeleteOptions()
	options.PropagationPolicy = metav1.DeletePropagationForeground
	options.Inclusions = f.manager.GetOwnerLabels("app", "flux-system")
	stale := []*unstructured.Unstructured{f.set[4], actor(f.namespace, "adopted")}
	changes, err := f.manager.DeleteAll(f.ctx, stale, options)
	if err != nil {
		return err
	}
	if err := wantText("delete", actionsOf(changes), "adopted skipped, main deleted"); err != nil {
		return err
	}
	// Flux takes it for a failure when an object goes between its look and its deletion.
	wait := ssa.WaitOptions{Interval: 50 * time.Millisecond, Timeout: patience}
	if err := f.manager.WaitForTermination(stale[:1], wait); err != nil {
		return err
	}
	changes, err = f.manager.DeleteAll(f.ctx, f.wanted(), ssa.DefaultDeleteOptions())
	if err != nil {
		return err
	}
	if err := f.manager.WaitForSetTermination(changes, wait); err != nil {
		return err
	}
	return f.manager.WaitForTermination([]*unstructured.Unstructured{actor(f.namespace, "adopted")}, wait)
}

// flux: its package `ssa` keeps a set of objects, as the kustomize-controller does.
func flux(r *run) error {
	made, err := client.New(r.config, client.Options{})
	if err != nil {
		return err
	}
	poller := polling.NewStatusPoller(made, made.RESTMapper(), polling.Options{})
	f := &fluxed{
		run: r, client: made,
		manager: ssa.NewResourceManager(made, poller, ssa.Owner{Field: fluxManager, Group: "kustomize.toolkit.fluxcd.io"}),
		set: []*unstructured.Unstructured{namespaceObject(r.namespace), flavor("fluxed"), actor(r.namespace, "first"),
			actor(r.namespace, "second"), flow(r.namespace, "main")},
	}
	steps := []struct {
		name string
		run  func() error
	}{
		{"applies", f.applies}, {"drifts", f.drifts}, {"adopts", f.adopts}, {"waits", f.waits},
		{"recreates", f.recreates}, {"prunes", f.prunes},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		did(step.name)
	}
	return nil
}
