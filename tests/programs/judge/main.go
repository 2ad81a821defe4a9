// What kubectl deploys of manifests: they are read with the packages that kubectl reads with, and nothing else.
//
// Reads a stream of requests on standard input, each a line with the number of bytes of a manifest and then those bytes;
// answers each with a line of JSON: the images of the containers of its objects, and where reading ended.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/yaml"
)

type answer struct {
	Images []string `json:"images"`
	Error  string   `json:"error,omitempty"`
}

func main() {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		size, err := strconv.Atoi(strings.TrimSpace(line))
		if err != nil {
			fmt.Fprintln(os.Stderr, "not a number of bytes:", line)
			os.Exit(2)
		}
		manifest := make([]byte, size)
		if _, err := io.ReadFull(in, manifest); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		said, _ := json.Marshal(judge(manifest))
		out.Write(said)
		out.WriteByte('\n')
		out.Flush()
	}
}

// judge does what k8s.io/cli-runtime's StreamVisitor does with a file.
func judge(manifest []byte) (said answer) {
	said.Images = []string{}
	defer func() {
		if failure := recover(); failure != nil {
			said.Error = fmt.Sprint(failure)
		}
	}()
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader(manifest), 4096)
	for {
		ext := runtime.RawExtension{}
		if err := decoder.Decode(&ext); err != nil {
			if err != io.EOF {
				said.Error = err.Error()
			}
			return said
		}
		ext.Raw = bytes.TrimSpace(ext.Raw)
		if len(ext.Raw) == 0 || bytes.Equal(ext.Raw, []byte("null")) {
			continue
		}
		object, _, err := unstructured.UnstructuredJSONScheme.Decode(ext.Raw, nil, nil)
		if err != nil {
			said.Error = err.Error()
			continue
		}
		switch it := object.(type) {
		case *unstructured.UnstructuredList:
			for i := range it.Items {
				said.Images = walk(it.Items[i].Object, said.Images)
			}
		case *unstructured.Unstructured:
			said.Images = walk(it.Object, said.Images)
		}
	}
}

func walk(value any, images []string) []string {
	switch it := value.(type) {
	case []any:
		for _, item := range it {
			images = walk(item, images)
		}
	case map[string]any:
		for _, key := range []string{"containers", "initContainers", "ephemeralContainers"} {
			list, _ := it[key].([]any)
			for _, item := range list {
				container, _ := item.(map[string]any)
				if image, is := container["image"].(string); is {
					images = append(images, image)
				}
			}
		}
		for key, inner := range it {
			if key != "metadata" && key != "status" {
				images = walk(inner, images)
			}
		}
	}
	return images
}
