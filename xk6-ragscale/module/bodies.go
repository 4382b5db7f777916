package module

import (
	"sync"

	"github.com/grafana/sobek"
)

// Bodies are requests' bodies, built once in the process and kept outside of JavaScript.
type Bodies struct {
	// Length is how many there are.
	Length int `js:"length"`
	all    [][]byte
}

var built = struct {
	sync.Mutex
	byName map[string]*Bodies
}{byName: map[string]*Bodies{}}

// bodies builds bodies on the first call with a name, and returns the same ones on every later call.
func (i *instance) bodies(name string, build sobek.Callable) *Bodies {
	if i.vu.InitEnv() == nil {
		i.throw("bodies() belongs at the top of the script, where every virtual user is made")
	}
	built.Lock()
	defer built.Unlock()
	if known := built.byName[name]; known != nil {
		return known
	}
	list, err := build(sobek.Undefined())
	if err != nil {
		panic(err) // the script's own exception, on its way up
	}
	var texts []string
	if err := i.vu.Runtime().ExportTo(list, &texts); err != nil || len(texts) == 0 {
		i.throw("the bodies %q must be a list of one or more strings", name)
	}
	made := &Bodies{Length: len(texts), all: make([][]byte, len(texts))}
	for n, text := range texts {
		made.all[n] = []byte(text)
	}
	built.byName[name] = made
	return made
}
