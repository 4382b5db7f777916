import { healthByWget } from '../busybox.ts'
import type { Component } from '../component.ts'
import type { Container } from '../container.ts'
import { mebibyte, resources } from '../resources.ts'
import { cadvisorObserved } from './observed.ts'

/** Newest release in September 2026; from 0.53 on at ghcr.io, no longer at gcr.io (google/cadvisor#3806). */
const image = 'ghcr.io/google/cadvisor:v0.60.6'

const port = 8080

function cadvisorContainer(): Container {
  return {
    image: { reference: image, because: 'CPU, memory, network and restarts of every container of a host' },
    args: [
      // What no rule and no panel asks for, and what makes it costly.
      '--docker_only=true',
      '--housekeeping_interval=10s',
      '--disable_metrics=advtcp,cpu_topology,cpuset,hugetlb,memory_numa,percpu,referenced_memory,resctrl,sched,tcp,udp',
      // All labels of a container become labels of its series otherwise.
      '--store_container_labels=false',
      '--whitelisted_container_labels=com.ragscale.stack,com.ragscale.tier,com.ragscale.replica',
    ],
    env: {},
    secrets: [],
    ports: { http: port },
    mounts: [],
    files: [],
    // The image is made on Alpine, whose busybox has wget.
    health: healthByWget(port, '/healthz'),
    resources: resources({
      cpus: 0.2,
      memoryBytes: 200 * mebibyte,
      because: 'one read of every container’s cgroup each 10 s',
    }),
    gpus: 0,
    sharedMemoryBytes: null,
    stop: { graceSeconds: 10, preStopSeconds: 0 },
    // It reads other containers' cgroups, and the engine's socket.
    root: true,
    readOnly: true,
    // docs/running.md of cadvisor.
    host: {
      paths: [
        { path: '/', at: '/rootfs' },
        { path: '/var/run', at: '/var/run' },
        { path: '/sys', at: '/sys' },
        { path: '/var/lib/docker', at: '/var/lib/docker' },
      ],
      // The kernel's log says which container was killed for want of memory; nothing else of cAdvisor's does.
      devices: ['/dev/kmsg'],
      capabilities: ['SYSLOG'],
      allGpus: false,
    },
  }
}

/** cAdvisor, one on every host of Compose and Swarm; a kubelet has it built in. */
export const cadvisor: Component = {
  name: 'cadvisor',
  title: 'cAdvisor',
  fills: ['observability'],
  protocol: null,
  ports: { http: port },
  healthPath: '/healthz',
  metricsPath: '/metrics',
  metrics: {},
  scales: 'replicas',
  deploy: cadvisorContainer,
  observed: cadvisorObserved,
}
