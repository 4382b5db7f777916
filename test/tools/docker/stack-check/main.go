// docker-stack-check says whether `docker stack deploy -c a -c b` would take stack files, as far as that can be said
// without an engine: it loads and merges them with the Docker command's own loader and turns them into the service
// specifications that would be sent. What `docker stack deploy` would silently ignore is an error here.
//
// Usage: docker-stack-check <stack file>... Prints the specifications by service as JSON; exit 1 with the reason.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/compose/convert"
	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/schema"
	"github.com/docker/cli/cli/compose/types"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: docker-stack-check <stack file>...")
		os.Exit(2)
	}
	specs, err := check(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(specs); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func check(paths []string) (map[string]swarm.ServiceSpec, error) {
	config, err := load(paths)
	if err != nil {
		return nil, err
	}
	for _, service := range config.Services {
		if _, err := reference.ParseAnyReference(service.Image); err != nil {
			return nil, fmt.Errorf("service %s: image %q: %w", service.Name, service.Image, err)
		}
	}
	namespace := convert.NewNamespace("checked")
	// Both read the files that they name.
	secrets, err := convert.Secrets(namespace, config.Secrets)
	if err != nil {
		return nil, err
	}
	configs, err := convert.Configs(namespace, config.Configs)
	if err != nil {
		return nil, err
	}
	made := engine{secrets: map[string]bool{}, configs: map[string]bool{}}
	for _, secret := range secrets {
		made.secrets[secret.Name] = true
	}
	for name, secret := range config.Secrets {
		if secret.External.External {
			made.secrets[externalName(name, secret.Name)] = true
		}
	}
	for _, file := range configs {
		made.configs[file.Name] = true
	}
	return convert.Services(context.Background(), namespace, config, made)
}

func load(paths []string) (*types.Config, error) {
	var files []types.ConfigFile
	var documents []map[string]any
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		document, err := loader.ParseYAML(text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		files = append(files, types.ConfigFile{Filename: path, Config: document})
		documents = append(documents, document)
	}
	first, err := filepath.Abs(paths[0])
	if err != nil {
		return nil, err
	}
	environment := map[string]string{}
	for _, entry := range os.Environ() {
		if name, value, ok := strings.Cut(entry, "="); ok {
			environment[name] = value
		}
	}
	config, err := loader.Load(types.ConfigDetails{
		Version:     schema.Version(documents[0]),
		WorkingDir:  filepath.Dir(first),
		ConfigFiles: files,
		Environment: environment,
	})
	if err != nil {
		return nil, err
	}
	if ignored := loader.GetUnsupportedProperties(documents...); len(ignored) > 0 {
		return nil, fmt.Errorf("docker stack deploy ignores: %s", strings.Join(ignored, ", "))
	}
	for name, why := range loader.GetDeprecatedProperties(documents...) {
		return nil, fmt.Errorf("docker stack deploy ignores %s: %s", name, why)
	}
	for _, service := range config.Services {
		if len(service.DependsOn) > 0 {
			return nil, fmt.Errorf("docker stack deploy ignores depends_on: service %s", service.Name)
		}
	}
	return config, nil
}

func externalName(key, name string) string {
	if name != "" {
		return name
	}
	return key
}

// engine answers what the conversion asks of one: which secrets and configs there are. Nothing else may be asked.
type engine struct {
	client.APIClient
	secrets, configs map[string]bool
}

func (e engine) SecretList(_ context.Context, options client.SecretListOptions) (client.SecretListResult, error) {
	var found client.SecretListResult
	for name := range options.Filters["name"] {
		if !e.secrets[name] {
			return found, errors.New("no secret " + name)
		}
		spec := swarm.SecretSpec{Annotations: swarm.Annotations{Name: name}}
		found.Items = append(found.Items, swarm.Secret{ID: "id-" + name, Spec: spec})
	}
	return found, nil
}

func (e engine) ConfigList(_ context.Context, options client.ConfigListOptions) (client.ConfigListResult, error) {
	var found client.ConfigListResult
	for name := range options.Filters["name"] {
		if !e.configs[name] {
			return found, errors.New("no config " + name)
		}
		spec := swarm.ConfigSpec{Annotations: swarm.Annotations{Name: name}}
		found.Items = append(found.Items, swarm.Config{ID: "id-" + name, Spec: spec})
	}
	return found, nil
}
