import type { Observed } from '../observed.ts'

/** By etc/default-counters.csv of dcgm-exporter 4.5.3-4.8.2, as far as every GPU has them. */
export const dcgmObserved: Observed = {
  exports: {
    DCGM_FI_DEV_GPU_UTIL: 'gauge',
    DCGM_FI_DEV_MEM_COPY_UTIL: 'gauge',
    DCGM_FI_DEV_FB_USED: 'gauge',
    DCGM_FI_DEV_FB_FREE: 'gauge',
    DCGM_FI_DEV_POWER_USAGE: 'gauge',
    DCGM_FI_DEV_GPU_TEMP: 'gauge',
    DCGM_FI_DEV_XID_ERRORS: 'gauge',
  },
  alerts: [
    {
      name: 'GpuError',
      expr: 'max by (Hostname, gpu) (DCGM_FI_DEV_XID_ERRORS{job="$job"}) > 0',
      for: '1m',
      severity: 'critical',
      summary: 'GPU {{ $labels.gpu }} of {{ $labels.Hostname }} reported XID {{ $value }}',
      description:
        'The driver reported an error of the GPU, and keeps the number of the last. 13, 31 and 43 are mostly the program’s; 48, 63, 64, 74, 79, 94 and 95 the hardware’s: move the replica away and reset or replace the GPU. The list is NVIDIA’s "XID errors".',
    },
    {
      name: 'GpuHot',
      expr: 'max by (Hostname, gpu) (DCGM_FI_DEV_GPU_TEMP{job="$job"}) > 85',
      for: '10m',
      severity: 'warning',
      summary: 'GPU {{ $labels.gpu }} of {{ $labels.Hostname }} is at {{ $value }} °C',
      description:
        'Most GPUs of data centres lower their clock from 85 to 90 °C on, so that every answer gets slower. Look at the host’s cooling, and at what else runs on it.',
    },
  ],
  panels: [
    {
      title: 'GPU busy',
      queries: [{ expr: 'DCGM_FI_DEV_GPU_UTIL{job="$job"} / 100', legend: '{{Hostname}} {{gpu}}' }],
      unit: 'percentunit',
      description:
        'The share of time in which any kernel ran. It is near 100 % with one sequence as with a hundred: it does not say how much room is left.',
    },
    {
      title: 'GPU memory used',
      queries: [{ expr: 'DCGM_FI_DEV_FB_USED{job="$job"} * 1048576', legend: '{{Hostname}} {{gpu}}' }],
      unit: 'bytes',
      description:
        'vLLM takes its share of the memory at the start and fills it by itself: look at its KV cache instead.',
    },
    {
      title: 'GPU power',
      queries: [{ expr: 'DCGM_FI_DEV_POWER_USAGE{job="$job"}', legend: '{{Hostname}} {{gpu}}' }],
      unit: 'watt',
      description:
        'Nearer to how hard a GPU works than its utilisation is: decoding alone draws far less than prefill.',
    },
    {
      title: 'GPU temperature',
      queries: [{ expr: 'DCGM_FI_DEV_GPU_TEMP{job="$job"}', legend: '{{Hostname}} {{gpu}}' }],
      unit: 'celsius',
      description: 'From 85 °C on most lower their clock.',
    },
  ],
}
