import { existsSync, readFileSync, readdirSync } from 'node:fs'
import type { Exposition } from './exposition.ts'

export interface MemoryUse {
  readonly active: number
  readonly allocated: number
  readonly metadata: number
  readonly resident: number
  readonly retained: number
}

/** Memory of this process in the words of Qdrant's allocator. */
export function memoryUse(): MemoryUse {
  const { heapTotal, heapUsed, external, arrayBuffers, rss } = process.memoryUsage()
  return {
    active: heapTotal + external,
    allocated: heapUsed + external,
    metadata: arrayBuffers,
    resident: rss,
    retained: heapTotal - heapUsed,
  }
}

/** Memory everywhere; threads, maps and files where the operating system tells of them, as Qdrant does. */
export function processMetrics(out: Exposition): void {
  const memory = memoryUse()
  out.gauge(
    'memory_active_bytes',
    'Total number of bytes in active pages allocated by the application',
    memory.active,
  )
  out.gauge('memory_allocated_bytes', 'Total number of bytes allocated by the application', memory.allocated)
  out.gauge('memory_metadata_bytes', 'Total number of bytes dedicated to metadata', memory.metadata)
  out.gauge(
    'memory_resident_bytes',
    'Maximum number of bytes in physically resident data pages mapped',
    memory.resident,
  )
  out.gauge('memory_retained_bytes', 'Total number of bytes in virtual memory mappings', memory.retained)
  if (!existsSync('/proc/self/limits')) return
  const { minorPageFault, majorPageFault } = process.resourceUsage()
  const linesOf = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').length
  const maxFiles = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))
  const maxMaps = '/proc/sys/vm/max_map_count'
  out.gauge('process_threads', 'count of active threads', readdirSync('/proc/self/task').length)
  out.gauge('process_open_mmaps', 'count of open mmaps', linesOf('/proc/self/maps'))
  if (existsSync(maxMaps)) {
    out.gauge('system_max_mmaps', 'system wide limit of open mmaps', Number(readFileSync(maxMaps, 'utf8')))
  }
  out.gauge(
    'process_open_fds',
    'count of currently open file descriptors',
    readdirSync('/proc/self/fd').length,
  )
  out.gauge('process_max_fds', 'limit for open file descriptors', Number(maxFiles?.[1] ?? 0))
  out.counter(
    'process_minor_page_faults_total',
    "count of minor page faults which didn't cause a disk access",
    minorPageFault,
  )
  out.counter(
    'process_major_page_faults_total',
    'count of disk accesses caused by a mmap page fault',
    majorPageFault,
  )
}
