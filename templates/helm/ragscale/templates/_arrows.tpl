{{/* Who calls whom, from what each workload's `calls` says. */}}

{{- define "ragscale.tcp" -}}
{{- range $index, $port := . }}
{{- if $index }}{{ print "\n" }}{{ end -}}
- port: {{ int $port }}
  protocol: TCP
{{- end }}
{{- end -}}

{{/*
What a workload calls: through the balancer where it is on, and what no balancer stands before.
(list root workload) → a YAML list of { to, ports }
*/}}
{{- define "ragscale.called" -}}
{{- $root := index . 0 -}}{{- $calls := (index . 1).calls -}}
{{- $balancer := get $root.Values.tiers "balancer" -}}
{{- $through := list -}}
{{- $called := list -}}
{{- range $tier := $calls.balanced -}}
{{- if and $balancer $balancer.enabled -}}
{{- $through = append $through (get $root.Values.balancerPorts $tier) -}}
{{- else -}}
{{- $called = append $called (dict "to" $tier "ports" (list (get $root.Values.tiers $tier).ports.http)) -}}
{{- end -}}
{{- end -}}
{{- if $through }}{{ $called = prepend $called (dict "to" "balancer" "ports" $through) }}{{ end -}}
{{- range $to, $ports := $calls.direct -}}
{{- if hasKey $root.Values.tiers $to -}}
{{- if (get $root.Values.tiers $to).enabled -}}
{{- $called = append $called (dict "to" $to "ports" $ports) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $called -}}
{{- end -}}

{{/* The same arrows seen from their end. (list root name) → a YAML list of { from, ports } */}}
{{- define "ragscale.callers" -}}
{{- $root := index . 0 -}}{{- $name := index . 1 -}}
{{- $callers := list -}}
{{- range $group, $workloads := dict "tiers" $root.Values.tiers "jobs" $root.Values.jobs -}}
{{- range $from, $workload := $workloads -}}
{{- if and $workload.enabled (or (eq $group "jobs") (include "ragscale.runs" (list $root $from))) -}}
{{- range include "ragscale.called" (list $root $workload) | fromYamlArray -}}
{{- if eq .to $name -}}
{{- $callers = append $callers (dict "from" $from "ports" .ports) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $callers -}}
{{- end -}}
