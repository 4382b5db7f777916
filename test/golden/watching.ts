/** Whether a file is one that `render/observability` writes: those have golden files of their own. */
export function watching(path: string): boolean {
  return /^(prometheus|grafana|collector)\//.test(path)
}
