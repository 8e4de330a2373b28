package main

import (
	"fmt"
	"sort"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

const apiVersion = "asya.sh/v1alpha1"

var (
	groupVersion = schema.GroupVersion{Group: "asya.sh", Version: "v1alpha1"}
	actors       = groupVersion.WithResource("asyncactors")
	flows        = groupVersion.WithResource("flows")
	flavors      = groupVersion.WithResource("flavors")
	namespaces   = schema.GroupVersionResource{Version: "v1", Resource: "namespaces"}
	actorKind    = groupVersion.WithKind("AsyncActor")
)

// object is a whole object; `namespace` is empty for a kind that lies in none.
func object(version, kind, namespace, name string, spec map[string]any) *unstructured.Unstructured {
	metadata := map[string]any{"name": name}
	if namespace != "" {
		metadata["namespace"] = namespace
	}
	whole := map[string]any{"apiVersion": version, "kind": kind, "metadata": metadata}
	if spec != nil {
		whole["spec"] = spec
	}
	return &unstructured.Unstructured{Object: whole}
}

// actor is a valid one.
func actor(namespace, name string) *unstructured.Unstructured {
	return object(apiVersion, "AsyncActor", namespace, name, map[string]any{
		"image":   "i:1",
		"handler": "m.f",
		"env":     []any{map[string]any{"name": "MODE", "value": "fast"}, map[string]any{"name": "LEVEL", "value": "1"}},
	})
}

func flow(namespace, name string) *unstructured.Unstructured {
	return object(apiVersion, "Flow", namespace, name, map[string]any{"entrypoint": "first"})
}

func flavor(name string) *unstructured.Unstructured {
	return object(apiVersion, "Flavor", "", name, map[string]any{"concurrency": int64(2)})
}

func namespaceObject(name string) *unstructured.Unstructured {
	return object("v1", "Namespace", "", name, nil)
}

// specInt is spec.NAME, 0 where there is none.
func specInt(object *unstructured.Unstructured, name string) int64 {
	value, _, _ := unstructured.NestedInt64(object.Object, "spec", name)
	return value
}

// setReady is what the control plane would write into the status of an actor: a Ready condition of this generation.
func setReady(object *unstructured.Unstructured, status string) error {
	condition := map[string]any{
		"type": "Ready", "status": status, "reason": "Told", "message": "by a test",
		"observedGeneration": object.GetGeneration(), "lastTransitionTime": "2026-01-01T00:00:00Z",
	}
	return unstructured.SetNestedMap(object.Object, map[string]any{
		"observedGeneration": object.GetGeneration(), "conditions": []any{condition},
	}, "status")
}

// isReady says whether Ready is True of the generation that is wanted now.
func isReady(object *unstructured.Unstructured) bool {
	observed, _, _ := unstructured.NestedInt64(object.Object, "status", "observedGeneration")
	conditions, _, _ := unstructured.NestedSlice(object.Object, "status", "conditions")
	for _, item := range conditions {
		condition, _ := item.(map[string]any)
		if condition["type"] == "Ready" {
			return condition["status"] == "True" && observed == object.GetGeneration()
		}
	}
	return false
}

// managersOf is "manager/Operation" of every entry of managedFields of the main resource, sorted.
func managersOf(object *unstructured.Unstructured) string {
	var managers []string
	for _, entry := range object.GetManagedFields() {
		if entry.Subresource == "" {
			managers = append(managers, entry.Manager+"/"+string(entry.Operation))
		}
	}
	sort.Strings(managers)
	return strings.Join(managers, " ")
}

func wantText(what, got, want string) error {
	if got != want {
		return fmt.Errorf("%s: got %q, not %q", what, got, want)
	}
	return nil
}
