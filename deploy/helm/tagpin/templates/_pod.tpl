{{- define "tagpin.image" -}}
{{- with .Values.image -}}
{{ .repository }}{{ with .tag }}:{{ . }}{{ end }}{{ with .digest }}@{{ . }}{{ end }}
{{- end -}}
{{- end -}}

{{- define "tagpin.labels" -}}
app.kubernetes.io/name: tagpin
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "tagpin.pod" -}}
serviceAccountName: {{ .Release.Name }}
automountServiceAccountToken: false
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 65532
  runAsGroup: 65532
  fsGroup: 65532
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: tagpin
    image: {{ include "tagpin.image" . | quote }}
    imagePullPolicy: {{ .Values.image.pullPolicy }}
    {{- if eq .Values.mode "serve" }}
    args: [serve, --config, /etc/tagpin/tagpin.toml]
    ports:
      - name: http
        containerPort: 8080
    livenessProbe:
      httpGet:
        path: /healthz
        port: http
      periodSeconds: 30
    readinessProbe:
      httpGet:
        path: /readyz
        port: http
    {{- else }}
    args: [run, --config, /etc/tagpin/tagpin.toml]
    {{- end }}
    env:
      - name: TAGPIN_GITHUB_TOKEN
        valueFrom:
          secretKeyRef:
            name: {{ .Values.existingSecret }}
            key: github-token
      {{- if .Values.registrySecret }}
      - name: REGISTRY_AUTH_FILE
        value: /etc/tagpin-registry/.dockerconfigjson
      {{- end }}
      {{- with .Values.env }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    resources:
      {{- toYaml .Values.resources | nindent 6 }}
    volumeMounts:
      - name: config
        mountPath: /etc/tagpin
        readOnly: true
      {{- if .Values.registrySecret }}
      - name: registry
        mountPath: /etc/tagpin-registry
        readOnly: true
      {{- end }}
      - name: cache
        mountPath: /var/cache/tagpin
      - name: tmp
        mountPath: /tmp
volumes:
  - name: config
    configMap:
      name: {{ .Release.Name }}
  {{- with .Values.registrySecret }}
  - name: registry
    secret:
      secretName: {{ . }}
  {{- end }}
  - name: cache
    {{- if .Values.cache.persistent }}
    persistentVolumeClaim:
      claimName: {{ .Release.Name }}-cache
    {{- else }}
    emptyDir:
      sizeLimit: {{ .Values.cache.size }}
    {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: 256Mi
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}
