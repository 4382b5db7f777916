package module

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/grafana/sobek"

	"ragscale.dev/xk6-ragscale/client"
)

var errorLabel = regexp.MustCompile(`^[a-z0-9_]+$`)

// requestOf reads a script's options; it throws where they are wrong.
func (i *instance) requestOf(options *sobek.Object, timeout time.Duration) client.Request {
	request := client.Request{Timeout: timeout}
	for _, key := range options.Keys() {
		value := options.Get(key)
		if isNullish(value) {
			continue
		}
		if err := i.readOption(&request, options, key, value); err != nil {
			i.throw("%s: %w", key, err)
		}
	}
	if err := checkURL(request.URL); err != nil {
		i.throw("url: %w", err)
	}
	if request.Method == "" && request.Body != nil {
		request.Method = http.MethodPost
	}
	return request
}

func (i *instance) readOption(request *client.Request, options *sobek.Object, key string, value sobek.Value) error {
	switch key {
	case "method":
		request.Method = strings.ToUpper(value.String())
	case "url":
		request.URL = value.String()
	case "headers":
		return i.readHeaders(request, value, func(text string) (string, error) { return text, nil })
	case "headersEnv":
		return i.readHeaders(request, value, secret)
	case "body":
		request.Body = []byte(value.String())
	case "bodies":
		chosen, ok := value.Export().(*Bodies)
		if !ok {
			return fmt.Errorf("must be what bodies() returned")
		}
		index := 0
		if at := options.Get("index"); !isNullish(at) {
			index = int(at.ToInteger())
		}
		if index < 0 || index >= chosen.Length {
			return fmt.Errorf("there is no body %d among %d", index, chosen.Length)
		}
		request.Body = chosen.all[index]
	case "index": // read with bodies
	case "timeoutMs":
		ms := value.ToFloat()
		if !(ms >= 0) || ms > math.MaxInt64/1e6 {
			return fmt.Errorf("must be 0 or more, not %v", ms)
		}
		request.Timeout = time.Duration(ms * float64(time.Millisecond))
	case "keepBody":
		request.KeepBody = value.ToBoolean()
	case "expectStatus":
		return i.vu.Runtime().ExportTo(value, &request.ExpectStatus)
	default:
		return fmt.Errorf("there is no such option")
	}
	return nil
}

func (i *instance) readHeaders(request *client.Request, value sobek.Value, resolve func(string) (string, error)) error {
	if request.Header == nil {
		request.Header = http.Header{}
	}
	object := value.ToObject(i.vu.Runtime())
	for _, name := range object.Keys() {
		content, err := resolve(object.Get(name).String())
		if err != nil {
			return err
		}
		request.Header.Set(name, content)
	}
	return nil
}

// secret is the value of an environment variable: a plan names secrets and never holds them.
func secret(variable string) (string, error) {
	value, set := os.LookupEnv(variable)
	if !set || value == "" {
		return "", fmt.Errorf("the environment variable %s is not set", variable)
	}
	return value, nil
}

func checkURL(text string) error {
	parsed, err := url.Parse(text)
	if err != nil {
		return err
	}
	if (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return fmt.Errorf("must be http:// or https:// and a host, not %q", text)
	}
	return nil
}
