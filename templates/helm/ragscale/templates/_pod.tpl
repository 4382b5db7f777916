{{/*
The pod of a workload: metadata and spec, for Deployments, StatefulSets and Jobs.
(dict "root" $ "name" workload "workload" its values "pool" a gateway's pool or "" "suffix" of the pool's names "job" whether
it runs to its end). Its labels have no version: a pod rolls when it is another itself, not when the chart is.
*/}}
{{- define "ragscale.pod" -}}
{{- $root := .root -}}{{- $values := .root.Values -}}{{- $workload := .workload -}}
metadata:
  labels:
    {{- include "ragscale.selector" (list $root .name) | nindent 4 }}
    app.kubernetes.io/part-of: {{ $values.stack }}
    {{- with .pool }}
    ragscale.com/pool: {{ . }}
    {{- end }}
    {{- if eq $values.routing.provider "istio" }}
    sidecar.istio.io/inject: "true"
    {{- end }}
    {{- with mergeOverwrite (dict) $values.pods.labels (default dict $workload.podLabels) }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "ragscale.pod-annotations" . | trim }}
  annotations:
    {{- . | nindent 4 }}
  {{- end }}
spec:
  serviceAccountName: {{ include "ragscale.fullname" $root }}-{{ .name }}
  # Nothing here calls the API server.
  automountServiceAccountToken: false
  # Variables of Services named like a server's own would configure it (vLLM's begin with VLLM_).
  enableServiceLinks: false
  {{- with $values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with (default $values.pods.priorityClassName $workload.priorityClassName) }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- if gt (int $workload.gpus) 0 }}
  {{- with (default $values.gpus.runtimeClassName $workload.runtimeClassName) }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- else }}
  {{- with $workload.runtimeClassName }}
  runtimeClassName: {{ . }}
  {{- end }}
  {{- end }}
  {{- if .job }}
  restartPolicy: OnFailure
  {{- end }}
  terminationGracePeriodSeconds: {{ int $workload.terminationGracePeriodSeconds }}
  securityContext:
    {{- if $workload.runAsRoot }}
    # Its image is made so.
    runAsNonRoot: false
    {{- else }}
    runAsNonRoot: true
    runAsUser: {{ int (default $values.pods.user $workload.user) }}
    runAsGroup: {{ int (default $values.pods.user $workload.group) }}
    {{- end }}
    # Volumes are written as this group, whoever wrote there before.
    fsGroup: {{ int (default $values.pods.user $workload.group) }}
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile:
      type: RuntimeDefault
  {{- include "ragscale.placement" . | nindent 2 }}
  {{- with include "ragscale.prefetch" . }}
  initContainers:
    {{- . | nindent 4 }}
  {{- end }}
  containers:
    - name: {{ .name }}
      {{- include "ragscale.container" (dict "root" $root "name" .name "workload" $workload) | nindent 6 }}
  volumes:
    {{- include "ragscale.volumes" . | nindent 4 }}
{{- end -}}

{{- define "ragscale.pod-annotations" -}}
{{- $root := .root -}}{{- $values := .root.Values -}}
{{- $config := include "ragscale.config" (dict "root" $root "workload" .workload) -}}
{{- if and .workload.prefetch $values.prefetch.enabled -}}
{{- $config = print $config (include "ragscale.config" (dict "root" $root "workload" (get $values.jobs .workload.prefetch))) -}}
{{- end -}}
{{- if trim $config }}
# A changed configuration is a changed pod, which rolls.
checksum/config: {{ $config | sha256sum }}
{{- end }}
{{- with include "ragscale.mesh-annotations" $root }}
{{ . }}
{{- end }}
{{- with mergeOverwrite (dict) $values.pods.annotations (default dict .workload.podAnnotations) }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Where its pods may run. (as for ragscale.pod) */}}
{{- define "ragscale.placement" -}}
{{- $root := .root -}}{{- $values := .root.Values -}}{{- $workload := .workload -}}
{{- $gpu := gt (int $workload.gpus) 0 -}}
{{- $selector := mergeOverwrite (dict) $values.pods.nodeSelector (ternary $values.gpus.nodeSelector (dict) $gpu) (default dict $workload.nodeSelector) -}}
{{- with $selector -}}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{ end -}}
{{- $tolerations := concat $values.pods.tolerations (ternary $values.gpus.tolerations (list) $gpu) (default list $workload.tolerations) -}}
{{- with $tolerations -}}
tolerations:
  {{- toYaml . | nindent 2 }}
{{ end -}}
{{- $affinity := deepCopy (default $values.pods.affinity $workload.affinity) -}}
{{- $apart := default "none" $workload.apart -}}
{{- if and (ne $apart "none") (not (hasKey $affinity "podAntiAffinity")) -}}
{{- $term := dict "topologyKey" "kubernetes.io/hostname" "labelSelector" (dict "matchLabels" (include "ragscale.selector" (list $root .name) | fromYaml)) -}}
{{- if eq $apart "required" -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "requiredDuringSchedulingIgnoredDuringExecution" (list $term)) -}}
{{- else -}}
{{- $_ := set $affinity "podAntiAffinity" (dict "preferredDuringSchedulingIgnoredDuringExecution" (list (dict "weight" 100 "podAffinityTerm" $term))) -}}
{{- end -}}
{{- end -}}
{{- with $affinity -}}
affinity:
  {{- toYaml . | nindent 2 }}
{{ end -}}
{{- if not .job -}}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: {{ $values.pods.whenUnevenlySpread }}
    labelSelector:
      matchLabels:
        {{- include "ragscale.selector" (list $root $.name) | nindent 8 }}
        {{- with $.pool }}
        ragscale.com/pool: {{ . }}
        {{- end }}
    {{- if eq $workload.kind "Deployment" }}
    # Each version by itself, so that the last pods of an old one do not skew a new one.
    matchLabelKeys: [pod-template-hash]
    {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{/* What fetches a tier's model before its server starts, by the job's container: nothing to do where it is there. */}}
{{- define "ragscale.prefetch" -}}
{{- $values := .root.Values -}}
{{- if and .workload.prefetch $values.prefetch.enabled -}}
{{- $job := get $values.jobs .workload.prefetch -}}
- name: {{ .workload.prefetch }}
  {{- include "ragscale.container" (dict "root" .root "name" .workload.prefetch "workload" $job) | nindent 2 }}
{{- end -}}
{{- end -}}
