{{/*
The Deployments that a tier is. All but the gateway are one. The gateway is one for every pool: `main`, which serves all
paths, `retrieve` and `generate` where they have replicas, and `next`, the release that is being tried.
(list root name workload) → a YAML list of { name, suffix, replicas, autoscaled, workload }
*/}}
{{- define "ragscale.pools" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}{{- $workload := index . 2 -}}
{{- $autoscaled := and (ne $root.Values.autoscaling.provider "none") (hasKey $workload "autoscaling") $workload.autoscaling.enabled -}}
{{- $main := dict "name" "" "suffix" "" "replicas" $workload.replicas "autoscaled" $autoscaled "workload" $workload -}}
{{- $pools := list $main -}}
{{- if eq $name "gateway" -}}
{{- $_ := set $main "name" "main" -}}
{{- range $pool, $spec := $workload.pools -}}
{{- if gt (int $spec.replicas) 0 -}}
{{- $own := omit $spec "replicas" | mergeOverwrite (deepCopy $workload) -}}
{{- $pools = append $pools (dict "name" $pool "suffix" (printf "-%s" $pool) "replicas" $spec.replicas "autoscaled" false "workload" $own) -}}
{{- end -}}
{{- end -}}
{{- if $workload.next.enabled -}}
{{- $own := omit $workload.next "enabled" "weight" "replicas" | mergeOverwrite (deepCopy $workload) -}}
{{- $pools = append $pools (dict "name" "next" "suffix" "-next" "replicas" $workload.next.replicas "autoscaled" false "workload" $own) -}}
{{- end -}}
{{- end -}}
{{- toYaml $pools -}}
{{- end -}}

{{/* The Service that a path's requests go to where no release is tried. (list root pool) */}}
{{- define "ragscale.stable" -}}
{{- $root := index . 0 -}}
{{- $pool := get $root.Values.tiers.gateway.pools (index . 1) -}}
{{ include "ragscale.fullname" $root }}-gateway{{ if $pool }}{{ if gt (int $pool.replicas) 0 }}-{{ index . 1 }}{{ end }}{{ end }}
{{- end -}}

{{/*
Which of the gateway's Services serve a path's requests, and what share of them, in percent.
(list root pool) → a YAML list of { service, weight }
*/}}
{{- define "ragscale.backends" -}}
{{- $root := index . 0 -}}
{{- $gateway := $root.Values.tiers.gateway -}}
{{- $name := printf "%s-gateway" (include "ragscale.fullname" $root) -}}
{{- $stable := include "ragscale.stable" . -}}
{{- if $gateway.next.enabled -}}
- service: {{ $stable }}
  weight: {{ sub 100 (int $gateway.next.weight) }}
- service: {{ $name }}-next
  weight: {{ int $gateway.next.weight }}
{{- else -}}
- service: {{ $stable }}
  weight: 100
{{- end -}}
{{- end -}}
