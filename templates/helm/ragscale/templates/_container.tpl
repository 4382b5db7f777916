{{/* All of a container but its name. (dict "root" $ "name" workload "workload" its values) */}}
{{- define "ragscale.container" -}}
{{- $root := .root -}}{{- $values := .root.Values -}}{{- $workload := .workload -}}
image: {{ include "ragscale.image" (list $root $workload.image) | quote }}
imagePullPolicy: {{ $workload.image.pullPolicy }}
{{- with $workload.command }}
command:
  {{- range . }}
  - {{ include "ragscale.text" (list $root .) | quote }}
  {{- end }}
{{- end }}
{{- with $workload.args }}
args:
  {{- range . }}
  - {{ include "ragscale.text" (list $root .) | quote }}
  {{- end }}
{{- end }}
{{- with include "ragscale.env" . | trim }}
env:
  {{- . | nindent 2 }}
{{- end }}
{{- with $workload.ports }}
ports:
  {{- range $name, $port := . }}
  - name: {{ $name }}
    containerPort: {{ int $port }}
  {{- end }}
{{- end }}
{{- range $probe, $spec := (default dict $workload.probes) }}
{{ $probe }}Probe:
  {{- toYaml $spec | nindent 2 }}
{{- end }}
{{- if gt (int $workload.preStopSeconds) 0 }}
lifecycle:
  preStop:
    # It is sent nothing new once endpoints and balancers have learnt that it goes.
    sleep:
      seconds: {{ int $workload.preStopSeconds }}
{{- end }}
resources:
  {{- include "ragscale.resources" (list $root $workload) | nindent 2 }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: {{ $workload.readOnlyRootFilesystem }}
  capabilities:
    drop: [ALL]
    {{- $low := false }}
    {{- range $workload.ports }}{{ if lt (int .) 1024 }}{{ $low = true }}{{ end }}{{ end }}
    {{- if $low }}
    # It listens below 1024.
    add: [NET_BIND_SERVICE]
    {{- end }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  {{- range $path, $file := (default dict $workload.files) }}
  - name: config-{{ $.name }}
    mountPath: {{ $path }}
    subPath: {{ include "ragscale.key" $path }}
    readOnly: true
  {{- end }}
  {{- if $workload.secrets }}
  - name: secrets
    mountPath: /run/secrets
    readOnly: true
  {{- end }}
  {{- range $workload.mounts }}
  - name: {{ .name }}
    mountPath: {{ .path }}
    {{- with .subPath }}
    subPath: {{ . }}
    {{- end }}
  {{- end }}
  {{- if $workload.sharedMemory }}
  - name: shared-memory
    mountPath: /dev/shm
  {{- end }}
{{- end -}}

{{- define "ragscale.env" -}}
{{- $root := .root -}}{{- $workload := .workload -}}
{{- range $name, $value := (default dict $workload.env) }}
- name: {{ $name }}
  value: {{ include "ragscale.text" (list $root $value) | quote }}
{{- end }}
{{- range $workload.secrets }}
{{- if .fileEnv }}
- name: {{ .fileEnv }}
  value: /run/secrets/{{ .name }}
{{- end }}
{{- end }}
{{- if and $workload.tracesEnv $root.Values.tracing.endpoint }}
- name: {{ $workload.tracesEnv }}
  value: {{ $root.Values.tracing.endpoint | quote }}
{{- end }}
{{- with $workload.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* Requests and limits, with the GPUs among both. (list root workload) */}}
{{- define "ragscale.resources" -}}
{{- $root := index . 0 -}}{{- $workload := index . 1 -}}
{{- $resources := deepCopy (default dict $workload.resources) -}}
{{- if gt (int $workload.gpus) 0 -}}
{{- range $kind := list "requests" "limits" -}}
{{- $gpus := dict $root.Values.gpus.resource (int $workload.gpus) -}}
{{- $_ := set $resources $kind (merge $gpus (default dict (get $resources $kind))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
