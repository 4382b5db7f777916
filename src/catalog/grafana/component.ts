import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { gibibyte, mebibyte, resources } from '../resources.ts'
import { secretNames, secretPath } from '../secrets.ts'

/** Newest release in September 2026. */
const image = 'grafana/grafana:13.2.1'

const port = 3000

function grafanaContainer(): Container {
  return {
    image: { reference: image, because: 'newest release in September 2026' },
    env: {
      // Grafana's own way to read a secret from a file: a variable that ends in __FILE.
      GF_SECURITY_ADMIN_PASSWORD__FILE: secretPath(secretNames.grafanaPassword),
      GF_ANALYTICS_REPORTING_ENABLED: 'false',
      GF_ANALYTICS_CHECK_FOR_UPDATES: 'false',
      GF_ANALYTICS_CHECK_FOR_PLUGIN_UPDATES: 'false',
      GF_PLUGINS_PREINSTALL_DISABLED: 'true',
      GF_USERS_ALLOW_SIGN_UP: 'false',
      GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH: '/etc/grafana/dashboards/overview.json',
    },
    secrets: [{ name: secretNames.grafanaPassword }],
    ports: { http: port },
    mounts: [{ name: 'grafana-data', path: '/var/lib/grafana', kind: 'own', sizeBytes: gibibyte }],
    files: [],
    // The image is made on Alpine, whose busybox has wget.
    health: healthByWget(port, '/api/health', 120),
    resources: resources({
      cpus: 0.1,
      memoryBytes: 256 * mebibyte,
      because: 'a few people looking at a few dashboards',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 0 },
    root: false,
    user: '472:0',
    readOnly: true,
  }
}

export const grafana: Component = {
  name: 'grafana',
  title: 'Grafana',
  fills: ['observability'],
  protocol: null,
  ports: { http: port },
  healthPath: '/api/health',
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: grafanaContainer,
}
