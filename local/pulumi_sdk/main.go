// Command sdk writes a package's SDKs with Pulumi's own generators: sdk <schema.json> <folder> <language>…
// They are as `pulumi package add` makes them: the one for Node.js is compiled where it is installed.
//
// The Pulumi CLI asks a language host for this. The hosts for Python, Node.js and Go are in no registry of modules.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	golang "github.com/pulumi/pulumi/pkg/v3/codegen/go"
	"github.com/pulumi/pulumi/pkg/v3/codegen/nodejs"
	"github.com/pulumi/pulumi/pkg/v3/codegen/python"
	"github.com/pulumi/pulumi/pkg/v3/codegen/schema"
)

const tool = "keycloak-token-exchange"

func bound(file string) (*schema.Package, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var spec schema.PackageSpec
	if err := json.Unmarshal(text, &spec); err != nil {
		return nil, err
	}
	found, diagnostics, err := schema.BindSpec(spec, schema.NewNullLoader(), schema.ValidationOptions{})
	if err == nil && len(diagnostics) > 0 {
		err = diagnostics
	}
	return found, err
}

func files(pkg *schema.Package, language string) (map[string][]byte, error) {
	switch language {
	case "python":
		return python.GeneratePackage(tool, pkg, nil, nil)
	case "nodejs":
		return nodejs.GeneratePackage(tool, pkg, nil, nil, true, nil)
	case "go":
		return golang.GeneratePackage(tool, pkg, nil)
	}
	return nil, fmt.Errorf("no generator for %q", language)
}

func write(file, folder, language string) error {
	pkg, err := bound(file)
	if err != nil {
		return err
	}
	made, err := files(pkg, language)
	if err != nil {
		return err
	}
	for name, text := range made {
		path := filepath.Join(folder, language, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

func main() {
	for _, language := range os.Args[3:] {
		if err := write(os.Args[1], os.Args[2], language); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}
