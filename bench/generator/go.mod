module ragscale.dev/bench/generator

go 1.25.0
