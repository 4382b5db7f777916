/** What the number of replicas of a tier follows, told to KEDA and HPA by `render/` and checked by `stack/rules`. */
export interface Scaling {
  /** What it is, in words: `requests running and waiting`. */
  readonly metric: string
  /** PromQL that gives one series over the whole tier, `$job` being its job's name; divided by the replicas it is compared with the target. */
  readonly query: string
  /** What `autoscale.target` means in `ragscale.yaml`, and its default. */
  readonly unit: 'requests' | 'documents' | 'milliseconds'
  readonly defaultTarget: number
  /** The most that one replica can show of it, null where nothing bounds it: a target above it never scales. */
  readonly ceiling: number | null
  readonly because: string
}
