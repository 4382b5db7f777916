import type { Connection, Observed, StackTarget } from '../targets/target.ts'

/** The addresses of what runs; whoever asked closes it in the end. @throws UserError where a target cannot open them */
export async function connectTo(target: StackTarget, observed: Observed): Promise<Connection> {
  if (target.connect !== undefined && observed.running) return await target.connect(observed)
  return {
    endpoints: target.endpoints(observed),
    vectorNodes: target.vectorNodes?.(observed) ?? [],
    close: async () => {},
  }
}
