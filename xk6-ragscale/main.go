// Command k6-ragscale is k6 with the ragscale extension linked in.
package main

import "go.k6.io/k6/cmd"

func main() { cmd.Execute() }
