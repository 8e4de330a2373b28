package main

import (
	"fmt"
	"sort"
	"strings"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/engine"
	"github.com/argoproj/gitops-engine/pkg/health"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/dynamic"
)

const (
	argocdManager = "argocd-controller"
	trackingKey   = "argocd.argoproj.io/tracking-id"
)

// synced is Argo CD's engine with its cache of everything that the server serves, and a set that it is to keep.
type synced struct {
	*run
	client dynamic.Interface
	cache  cache.ClusterCache
	engine engine.GitOpsEngine
	set    []*unstructured.Unstructured
}

// isManaged is how Argo CD knows what it has made.
func isManaged(resource *cache.Resource) bool {
	return resource.Resource != nil && resource.Resource.GetAnnotations()[trackingKey] == "app"
}

func (s *synced) wanted() []*unstructured.Unstructured {
	var copies []*unstructured.Unstructured
	for _, object := range s.set {
		copied := object.DeepCopy()
		copied.SetAnnotations(map[string]string{trackingKey: "app"})
		copies = append(copies, copied)
	}
	return copies
}

// sync brings the set to the server, and tells what became of each: "kind/name status".
func (s *synced) sync(want string, options ...sync.SyncOpt) error {
	options = append(options, sync.WithPrune(true), sync.WithOperationSettings(false, true, false, false),
		sync.WithManifestValidation(true), sync.WithLogr(logr.Discard()))
	results, err := s.engine.Sync(s.ctx, s.wanted(), isManaged, "1", s.namespace, options...)
	if err != nil {
		return err
	}
	var lines []string
	for _, result := range results {
		line := result.ResourceKey.Name + " " + string(result.Status)
		if result.Status != "Synced" && result.Status != "Pruned" {
			line += ": " + result.Message
		}
		lines = append(lines, line)
	}
	sort.Strings(lines)
	return wantText("sync", strings.Join(lines, ", "), want)
}

// modes are the ways in which Argo CD compares.
func (s *synced) modes() (map[string][]diff.Option, func(), error) {
	runner, cleanup, err := kube.ManageServerSideDiffDryRuns(s.config, s.cache.GetOpenAPISchema(), tracing.NopTracer{},
		logr.Discard(), func(string) (kube.CleanupFunc, error) { return func() {}, nil })
	if err != nil {
		return nil, nil, err
	}
	return map[string][]diff.Option{
		"three-way": {},
		"structured merge": {diff.WithStructuredMergeDiff(true), diff.WithGVKParser(s.cache.GetGVKParser()),
			diff.WithManager(argocdManager)},
		"server side": {diff.WithServerSideDiff(true), diff.WithGVKParser(s.cache.GetGVKParser()),
			diff.WithManager(argocdManager), diff.WithServerSideDryRunner(diff.NewK8sServerSideDryRunner(runner))},
	}, cleanup, nil
}

// differing is the names of what differs in one way of comparing; "(missing)" and "(extra)" behind what is on one
// side only.
func (s *synced) differing(options []diff.Option) (string, error) {
	live, err := s.cache.GetManagedLiveObjs(s.wanted(), isManaged)
	if err != nil {
		return "", err
	}
	result := sync.Reconcile(s.wanted(), live, s.namespace, s.cache)
	compared, err := diff.DiffArray(result.Target, result.Live, append(options, diff.WithLogr(logr.Discard()))...)
	if err != nil {
		return "", err
	}
	var names []string
	for n, one := range compared.Diffs {
		switch {
		case result.Live[n] == nil:
			names = append(names, result.Target[n].GetName()+" (missing)")
		case result.Target[n] == nil:
			names = append(names, result.Live[n].GetName()+" (extra)")
		case one.Modified:
			names = append(names, result.Target[n].GetName())
		}
	}
	sort.Strings(names)
	return strings.Join(names, ", "), nil
}

// differs waits, since the cache follows by watches, until every way of comparing shows just these names.
func (s *synced) differs(want string) error {
	modes, cleanup, err := s.modes()
	if err != nil {
		return err
	}
	defer cleanup()
	for name, options := range modes {
		got := ""
		err := s.until("diff by "+name, func() (bool, error) {
			var err error
			got, err = s.differing(options)
			return got == want, err
		})
		if err != nil {
			return fmt.Errorf("diff by %s: %w: got %q, not %q", name, err, got, want)
		}
	}
	return nil
}

func (s *synced) patch(resource schema.GroupVersionResource, name, text string, parts ...string) error {
	space := s.client.Resource(resource).Namespace(s.namespace)
	_, err := space.Patch(s.ctx, name, types.MergePatchType, []byte(text), metav1.PatchOptions{}, parts...)
	return err
}

// drifts: what another has changed is shown by every way of comparing, and the next sync puts it right.
func (s *synced) drifts() error {
	if err := s.patch(actors, "first", `{"spec":{"image":"i:other"}}`); err != nil {
		return err
	}
	if err := s.differs("first"); err != nil {
		return err
	}
	if err := s.sync("first Synced, main Synced, second Synced, synced Synced"); err != nil {
		return err
	}
	if err := s.differs(""); err != nil {
		return err
	}
	// A status is nobody's drift.
	if err := s.patch(actors, "first", `{"status":{"observedGeneration":9}}`, "status"); err != nil {
		return err
	}
	return s.differs("")
}

// heals: an actor has no health of Argo CD's own, so that it counts as healthy without a script.
func (s *synced) heals() error {
	for _, live := range s.cache.FindResources(s.namespace, isManaged) {
		judged, err := health.GetResourceHealth(live.Resource, nil)
		if err != nil || judged != nil {
			return fmt.Errorf("health of %s: %v, %v", live.Ref.Name, judged, err)
		}
	}
	return nil
}

// applies: by server-side apply as argocd-controller.
func (s *synced) applies() error {
	s.set = append(s.set, actor(s.namespace, "third"))
	if err := s.differs("third (missing)"); err != nil {
		return err
	}
	options := []sync.SyncOpt{sync.WithServerSideApply(true), sync.WithServerSideApplyManager(argocdManager)}
	if err := s.sync("first Synced, main Synced, second Synced, synced Synced, third Synced", options...); err != nil {
		return err
	}
	if err := s.differs(""); err != nil {
		return err
	}
	live, err := s.client.Resource(actors).Namespace(s.namespace).Get(s.ctx, "third", metav1.GetOptions{})
	if err != nil {
		return err
	}
	return wantText("managers", managersOf(live), argocdManager+"/Apply")
}

// prunes what has left the set.
func (s *synced) prunes() error {
	s.set = append(s.set[:1], s.set[2:]...)
	if err := s.differs("first (extra)"); err != nil {
		return err
	}
	if err := s.sync("first Pruned, main Synced, second Synced, synced Synced, third Synced"); err != nil {
		return err
	}
	return s.differs("")
}

func newSynced(r *run) (*synced, error) {
	client, err := dynamic.NewForConfig(r.config)
	if err != nil {
		return nil, err
	}
	if _, err := client.Resource(namespaces).Create(r.ctx, namespaceObject(r.namespace), metav1.CreateOptions{}); err != nil {
		return nil, err
	}
	cached := cache.NewClusterCache(r.config, cache.SetLogr(logr.Discard()), cache.SetRespectRBAC(cache.RespectRbacStrict),
		cache.SetPopulateResourceInfoHandler(func(object *unstructured.Unstructured, _ bool) (any, bool) {
			return nil, object.GetAnnotations()[trackingKey] != ""
		}))
	return &synced{
		run: r, client: client, cache: cached, engine: engine.NewEngine(r.config, cached, engine.WithLogr(logr.Discard())),
		set: []*unstructured.Unstructured{flavor("synced"), actor(r.namespace, "first"), actor(r.namespace, "second"),
			flow(r.namespace, "main")},
	}, nil
}

// argocd: the engine below Argo CD keeps a set of objects.
func argocd(r *run) error {
	s, err := newSynced(r)
	if err != nil {
		return err
	}
	stop, err := s.engine.Run()
	if err != nil {
		return err
	}
	defer stop()
	steps := []struct {
		name string
		run  func() error
	}{
		{"syncs", func() error { return s.sync("first Synced, main Synced, second Synced, synced Synced") }},
		{"compares", func() error { return s.differs("") }},
		{"drifts", s.drifts}, {"heals", s.heals}, {"applies", s.applies}, {"prunes", s.prunes},
	}
	for _, step := range steps {
		if err := step.run(); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
		did(step.name)
	}
	return nil
}
