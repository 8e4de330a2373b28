{{- define "asya.labels" -}}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
app.kubernetes.io/part-of: asya
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end }}

{{/* (list ROOT "server") */}}
{{- define "asya.image" -}}
{{- $root := index . 0 -}}
{{ $root.Values.images.registry }}/asya-{{ index . 1 }}:{{ $root.Values.images.tag | default $root.Chart.AppVersion }}
{{- end }}

{{- define "asya.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "asya.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}

{{/* Of the server's pods: what is open, by the name that the Service has for it. */}}
{{- define "asya.ports" -}}
https: {{ .Values.server.port }}
{{- if .Values.scaler.enabled }}
scaler: {{ .Values.scaler.port }}
{{- end }}
{{- if .Values.reports.enabled }}
reports: {{ .Values.reports.port }}
{{- end }}
{{- if .Values.webhooks.enabled }}
webhooks: {{ .Values.webhooks.port }}
{{- end }}
{{- end }}
