{{/* Names. A longer name of the release is cut: with what follows, a pod's controller hash included, 63 is the limit. */}}
{{- define "ragscale.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{ .Values.fullnameOverride | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{ .Release.Name | trunc 30 | trimSuffix "-" }}
{{- else -}}
{{ printf "%s-%s" .Release.Name $name | trunc 30 | trimSuffix "-" }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Labels that select a workload's pods; they never change. (list root workload) */}}
{{- define "ragscale.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ default $root.Chart.Name $root.Values.nameOverride }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{/* All labels of what belongs to a workload. (list root workload) */}}
{{- define "ragscale.labels" -}}
{{- $root := index . 0 -}}
{{ include "ragscale.selector" . }}
app.kubernetes.io/part-of: {{ $root.Values.stack }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Whether a tier's servers are this chart's. (list root tier) → "true" or nothing */}}
{{- define "ragscale.runs" -}}
{{- $root := index . 0 -}}
{{- $tier := get $root.Values.tiers (index . 1) -}}
{{- if and $tier $tier.enabled (or (ne (index . 1) "vector") (eq $root.Values.vector.mode "own")) -}}true{{- end -}}
{{- end -}}

{{/* Where a tier is called: at the balancer, or at its own Service where the balancer is off. (list root tier) */}}
{{- define "ragscale.url" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $balancer := get $root.Values.tiers "balancer" -}}
{{- if and $balancer $balancer.enabled -}}
http://{{ include "ragscale.fullname" $root }}-balancer:{{ get $root.Values.balancerPorts $name }}
{{- else -}}
http://{{ include "ragscale.host" . }}:{{ (get $root.Values.tiers $name).ports.http }}
{{- end -}}
{{- end -}}

{{/* The Service of a tier. (list root tier) */}}
{{- define "ragscale.host" -}}
{{- $root := index . 0 -}}
{{- if and (eq (index . 1) "vector") (ne $root.Values.vector.mode "own") -}}
{{ required "vector.host: name the Service of the Qdrant that is released by itself" $root.Values.vector.host }}
{{- else -}}
{{ include "ragscale.fullname" $root }}-{{ index . 1 }}
{{- end -}}
{{- end -}}

{{/*
A name that resolves to every ready replica of a tier, whole, as nginx knows no search domains. The Service of a
Qdrant that is released by itself has one address, behind which the cluster's own proxy chooses. (list root tier)
*/}}
{{- define "ragscale.replicas-host" -}}
{{- $root := index . 0 -}}
{{- $own := include "ragscale.runs" . -}}
{{ include "ragscale.host" . }}{{ if $own }}-headless{{ end }}.{{ $root.Release.Namespace }}.svc.{{ $root.Values.cluster.domain }}
{{- end -}}

{{- define "ragscale.secret-name" -}}
{{- default (printf "%s-secrets" (include "ragscale.fullname" .)) .Values.secrets.existingSecret -}}
{{- end -}}

{{/* A text that may hold names of this chart. Others' braces (of Jinja, of Grafana) are left alone. (list root text) */}}
{{- define "ragscale.text" -}}
{{- $text := index . 1 | toString -}}
{{- if regexMatch "\\{\\{-? *(include `ragscale\\.|\\.Values\\.|\\.Release\\.)" $text -}}
{{- tpl $text (index . 0) -}}
{{- else -}}
{{- $text -}}
{{- end -}}
{{- end -}}

{{/* (list root image) → reference */}}
{{- define "ragscale.image" -}}
{{- $root := index . 0 -}}{{- $image := index . 1 -}}
{{- with $root.Values.imageRegistry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- with $image.tag }}:{{ . }}{{ end -}}
{{- with $image.digest }}@{{ . }}{{ end -}}
{{- end -}}
