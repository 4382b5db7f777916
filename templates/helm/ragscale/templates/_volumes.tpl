{{/* Volumes of a pod; those of a StatefulSet's own claims are not among them. (as for ragscale.pod) */}}
{{- define "ragscale.volumes" -}}
{{- $root := .root -}}{{- $values := .root.Values -}}
{{- $workloads := dict .name .workload -}}
{{- if and .workload.prefetch $values.prefetch.enabled -}}
{{- $_ := set $workloads .workload.prefetch (get $values.jobs .workload.prefetch) -}}
{{- end -}}
- name: tmp
  emptyDir: {}
{{- range $name, $workload := $workloads }}
{{- if $workload.files }}
- name: config-{{ $name }}
  configMap:
    name: {{ include "ragscale.fullname" $root }}-{{ $name }}{{ if eq $name $.name }}{{ $.suffix }}{{ end }}
{{- end }}
{{- end }}
{{- $secrets := list -}}
{{- range $workloads }}{{ range .secrets }}{{ $secrets = append $secrets (pick . "name" "optional") }}{{ end }}{{ end -}}
{{- with uniq $secrets }}
- name: secrets
  projected:
    # 0440: read by the container's user and group alone.
    defaultMode: 288
    sources:
      {{- range . }}
      - secret:
          name: {{ include "ragscale.secret-name" $root }}
          {{- if .optional }}
          optional: true
          {{- end }}
          items:
            - key: {{ .name }}
              path: {{ .name }}
      {{- end }}
{{- end }}
{{- $seen := dict -}}
{{- range $workloads }}
{{- range .mounts }}
{{- if not (hasKey $seen .name) }}
{{- $_ := set $seen .name true -}}
{{- if eq .kind "memory" }}
- name: {{ .name }}
  emptyDir:
    medium: Memory
    {{- with .size }}
    sizeLimit: {{ . }}
    {{- end }}
{{- else if eq .kind "scratch" }}
- name: {{ .name }}
  emptyDir:
    {{- with .size }}
    sizeLimit: {{ . }}
    {{- else }} {}
    {{- end }}
{{- else if eq .kind "shared" }}
{{- $storage := get $values.storage .name }}
- name: {{ .name }}
  {{- if $storage.enabled }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-%s" (include "ragscale.fullname" $root) .name) $storage.existingClaim }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .workload.sharedMemory }}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: {{ . }}
{{- end }}
{{- end -}}

{{/* A key of a ConfigMap for a file's path. */}}
{{- define "ragscale.key" -}}
{{- . | trimPrefix "/" | replace "/" "." -}}
{{- end -}}

{{/*
The configuration files of a workload and of what prefetches for it, as the data of a ConfigMap; its checksum rolls the
pods. (dict "root" $ "workload" its values)
*/}}
{{- define "ragscale.config" -}}
{{- $root := .root -}}
{{- range $path, $file := (default dict .workload.files) }}
{{ include "ragscale.key" $path }}: |
  {{- $text := default ($root.Files.Get $file) (get (default dict $.workload.filesOverride) $path) }}
  {{- include "ragscale.text" (list $root $text) | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A claim's spec. (list root name) */}}
{{- define "ragscale.claim" -}}
{{- $root := index . 0 -}}
{{- $storage := get $root.Values.storage (index . 1) -}}
accessModes:
  {{- toYaml $storage.accessModes | nindent 2 }}
{{- with $storage.storageClassName }}
storageClassName: {{ . }}
{{- end }}
resources:
  requests:
    storage: {{ $storage.size }}
{{- end -}}
