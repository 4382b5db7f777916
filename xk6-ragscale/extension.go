package main

import (
	"go.k6.io/k6/js/modules"
	"go.k6.io/k6/lib"
	k6output "go.k6.io/k6/output"

	"ragscale.dev/xk6-ragscale/executor"
	"ragscale.dev/xk6-ragscale/module"
	"ragscale.dev/xk6-ragscale/output"
)

func init() {
	modules.Register(module.Name, &module.Module{})
	k6output.RegisterExtension(output.Name, output.New)
	lib.RegisterExecutorConfigType(executor.Type, executor.NewConfig)
}
