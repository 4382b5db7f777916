{{/* Which release answered, for whoever asked for one by its name: a route that is not yet told says nothing. */}}
{{- define "ragscale.says-release" -}}
- type: ResponseHeaderModifier
  responseHeaderModifier:
    set:
      - name: x-ragscale-release
        value: {{ . }}
{{- end -}}

{{/* Rules of an HTTPRoute: first who asks for the next release by a header, then each path by its pool and weights. */}}
{{- define "ragscale.http-rules" -}}
{{- $gateway := .Values.tiers.gateway -}}
{{- $port := int $gateway.ports.http -}}
{{- $timeout := printf "%ds" (int .Values.routing.timeoutSeconds) -}}
{{- if $gateway.next.enabled -}}
- matches:
    {{- range $path, $pool := .Values.routing.paths }}
    - path:
        type: PathPrefix
        value: {{ $path }}
      headers:
        - name: x-ragscale-release
          value: next
    {{- end }}
  filters: {{- include "ragscale.says-release" "next" | nindent 4 }}
  backendRefs:
    - name: {{ include "ragscale.fullname" . }}-gateway-next
      port: {{ $port }}
  timeouts:
    request: {{ $timeout }}
{{ range $path, $pool := .Values.routing.paths -}}
- matches:
    - path:
        type: PathPrefix
        value: {{ $path }}
      headers:
        - name: x-ragscale-release
          value: current
  filters: {{- include "ragscale.says-release" "current" | nindent 4 }}
  backendRefs:
    - name: {{ include "ragscale.stable" (list $ $pool) }}
      port: {{ $port }}
  timeouts:
    request: {{ $timeout }}
{{ end -}}
{{ end -}}
{{- range $path, $pool := .Values.routing.paths -}}
- matches:
    - path:
        type: PathPrefix
        value: {{ $path }}
  backendRefs:
    {{- range include "ragscale.backends" (list $ $pool) | fromYamlArray }}
    - name: {{ .service }}
      port: {{ $port }}
      weight: {{ int .weight }}
    {{- end }}
  timeouts:
    # Of the whole answer, which is a stream.
    request: {{ $timeout }}
{{ end -}}
{{- end -}}
