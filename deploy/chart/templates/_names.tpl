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

{{/* Transports of the values, and that of the trial's own PostgreSQL, as JSON. */}}
{{- define "asya.transports" -}}
{{- $all := .Values.transports }}
{{- if and .Values.postgresql.enabled .Values.postgresql.broker }}
{{- $place := dict "host" (printf "asya-postgresql.%s.svc" .Release.Namespace) "database" "queues" "sslMode" "disable" }}
{{- $spec := dict "type" "postgres" "default" true "postgres" (set $place "credentialsSecretRef" (dict "name" "asya-postgresql-queues")) }}
{{- range $all }}{{ if .spec.default }}{{ $spec = omit $spec "default" }}{{ end }}{{ end }}
{{- $all = append $all (dict "name" "postgresql" "spec" $spec) }}
{{- end }}
{{- toJson $all }}
{{- end }}

{{/* (list ROOT GIVEN FIELD SECRET): a password of the trial's PostgreSQL; one made up anew at each rendering would lock out who has it. */}}
{{- define "asya.password" -}}
{{- $root := index . 0 }}
{{- $password := index . 1 }}
{{- if not $password }}
{{- if not (lookup "v1" "Namespace" "" "kube-system") }}
{{- fail (printf "postgresql.%s: is needed where the chart is rendered without a look at the cluster (helm template, --dry-run=client, Argo CD)" (index . 2)) }}
{{- end }}
{{- $password = randAlphaNum 32 }}
{{- with lookup "v1" "Secret" $root.Release.Namespace (index . 3) }}
{{- $password = b64dec .data.password }}
{{- end }}
{{- end }}
{{- $password }}
{{- end }}
