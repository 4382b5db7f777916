import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { mebibyte, resources } from '../resources.ts'
import { dcgmObserved } from './observed.ts'

/** Newest tag in June 2026, since which only the distroless image is published (NVIDIA/dcgm-exporter#703). */
const image = 'nvcr.io/nvidia/k8s/dcgm-exporter:4.5.3-4.8.2-distroless'

const port = 9400

function dcgmContainer(): Container {
  return {
    image: { reference: image, because: 'utilisation, memory, power and errors of every GPU of a host' },
    env: {},
    secrets: [],
    ports: { http: port },
    mounts: [],
    files: [],
    health: {
      http: { path: '/health', port },
      // The image has bash and no curl (docker/Dockerfile): bash asks over /dev/tcp.
      command: [
        'bash',
        '-c',
        String.raw`exec 3<>/dev/tcp/127.0.0.1/9400 && printf 'GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' >&3 && read -r status <&3 && [[ $status == *" 200 "* ]]`,
      ],
      livePath: null,
      startupSeconds: 60,
      intervalSeconds: 15,
      timeoutSeconds: 5,
      failures: 3,
    },
    resources: resources({
      cpus: 0.1,
      memoryBytes: 256 * mebibyte,
      because: 'its embedded DCGM engine holds about 200 MiB',
    }),
    // It sees all GPUs of its host and takes none from anybody: NVIDIA_VISIBLE_DEVICES=all in the image.
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 30, preStopSeconds: 0 },
    root: true,
    readOnly: false,
    // Profiling metrics alone would want SYS_ADMIN (its Dockerfile), and nothing here asks for them.
    host: { paths: [], capabilities: [], allGpus: true },
  }
}

/** NVIDIA's exporter, one on every host with GPUs. */
export const dcgm: Component = {
  name: 'dcgm',
  title: 'DCGM exporter',
  fills: ['observability'],
  protocol: null,
  ports: { http: port },
  healthPath: '/health',
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: dcgmContainer,
  observed: dcgmObserved,
}
