// Recorder: runs scenarios (scenarios.py) through the field manager of kube-apiserver, with the OpenAPI document of
// our own server as the schema, and prints each with what came out. Scenarios in which it leaves a null are left out:
// there we differ on purpose (docs/server-side-apply.md).
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/structured-merge-diff/v4/fieldpath"
)

// One version and no defaults: nothing is converted.
type plain struct{}

func (plain) Convert(_, _, _ interface{}) error { return fmt.Errorf("one version only") }
func (plain) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}
func (plain) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
func (plain) Default(runtime.Object) {}
func (plain) New(kind schema.GroupVersionKind) (runtime.Object, error) {
	object := &unstructured.Unstructured{Object: map[string]interface{}{}}
	object.SetGroupVersionKind(kind)
	return object, nil
}

type step struct {
	Op          string                 `json:"op"`
	Manager     string                 `json:"manager"`
	Subresource string                 `json:"subresource"`
	Force       bool                   `json:"force"`
	Object      map[string]interface{} `json:"object"`
}

var kind = schema.GroupVersionKind{Group: "asya.sh", Version: "v1alpha1", Kind: "AsyncActor"}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// The managers of the main endpoint and of the status, each without what it cannot write.
func fieldManagers(path string) map[string]*managedfields.FieldManager {
	data, err := os.ReadFile(path)
	check(err)
	var document struct {
		Components struct {
			Schemas map[string]*spec.Schema `json:"schemas"`
		} `json:"components"`
	}
	check(json.Unmarshal(data, &document))
	types, err := managedfields.NewTypeConverter(document.Components.Schemas, false)
	check(err)
	managers := map[string]*managedfields.FieldManager{}
	for subresource, reset := range map[string]*fieldpath.Set{
		"":       fieldpath.NewSet(fieldpath.MakePathOrDie("status")),
		"status": fieldpath.NewSet(fieldpath.MakePathOrDie("metadata"), fieldpath.MakePathOrDie("spec")),
	} {
		filters := map[fieldpath.APIVersion]fieldpath.Filter{
			fieldpath.APIVersion(kind.GroupVersion().String()): fieldpath.NewExcludeSetFilter(reset),
		}
		managers[subresource], err = managedfields.NewDefaultCRDFieldManager(
			types, plain{}, plain{}, plain{}, kind, kind.GroupVersion(), subresource, filters)
		check(err)
	}
	return managers
}

// Numbers of JSON as the API server reads them.
func whole(value interface{}) interface{} {
	switch typed := value.(type) {
	case map[string]interface{}:
		for name := range typed {
			typed[name] = whole(typed[name])
		}
	case []interface{}:
		for i := range typed {
			typed[i] = whole(typed[i])
		}
	case float64:
		return int64(typed)
	}
	return value
}

// The object as it is compared: whether a manager has a time, not which.
func comparable(live *unstructured.Unstructured) map[string]interface{} {
	object := live.DeepCopy().Object
	entries, _, err := unstructured.NestedSlice(object, "metadata", "managedFields")
	check(err)
	for _, entry := range entries {
		if _, found := entry.(map[string]interface{})["time"]; found {
			entry.(map[string]interface{})["time"] = "set"
		}
	}
	if len(entries) > 0 {
		check(unstructured.SetNestedSlice(object, entries, "metadata", "managedFields"))
	}
	return object
}

func run(managers map[string]*managedfields.FieldManager, steps []step) []interface{} {
	created, err := plain{}.New(kind)
	check(err)
	live := created.(*unstructured.Unstructured)
	results := []interface{}{}
	for _, one := range steps {
		object := &unstructured.Unstructured{
			Object: runtime.DeepCopyJSON(whole(one.Object).(map[string]interface{}))}
		object.SetGroupVersionKind(kind)
		object.SetName("a")
		object.SetUID(live.GetUID())
		var after runtime.Object
		if one.Op == "apply" {
			after, err = managers[one.Subresource].Apply(live.DeepCopy(), object, one.Manager, one.Force)
		} else {
			if status, found := live.Object["status"]; found {
				object.Object["status"] = runtime.DeepCopyJSONValue(status)
			}
			after, err = managers[one.Subresource].Update(live.DeepCopy(), object, one.Manager)
		}
		if err != nil {
			results = append(results, map[string]interface{}{"conflict": err.Error()})
			continue
		}
		live = after.(*unstructured.Unstructured)
		live.SetUID("u")
		results = append(results, comparable(live))
	}
	return results
}

func main() {
	managers := fieldManagers(os.Args[1])
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		steps := []step{}
		check(json.Unmarshal(lines.Bytes(), &steps))
		line, err := json.Marshal(map[string]interface{}{"steps": steps, "results": run(managers, steps)})
		check(err)
		if !strings.Contains(string(line), ":null") {
			fmt.Println(string(line))
		}
	}
	check(lines.Err())
}
