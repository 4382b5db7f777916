{{/* Whether the cluster's Prometheus operator is told of this release: by value, or "auto" by what the cluster knows. */}}
{{- define "ragscale.monitored" -}}
{{- $enabled := toString .Values.monitoring.enabled -}}
{{- if or (eq $enabled "true") (and (eq $enabled "auto") (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1")) -}}true{{- end -}}
{{- end -}}
