{{/* Annotations that bring a pod into the mesh; its proxy is a sidecar that starts first and ends last, also of jobs. */}}
{{- define "ragscale.mesh-annotations" -}}
{{- if eq .Values.routing.provider "istio" -}}
sidecar.istio.io/nativeSidecar: "true"
{{- else if eq .Values.routing.provider "linkerd" -}}
linkerd.io/inject: enabled
config.beta.linkerd.io/proxy-enable-native-sidecar: "true"
config.linkerd.io/shutdown-grace-period: 150s
{{- end -}}
{{- end -}}
