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

/** As `connectTo`, with each node of the Qdrant cluster by its own address where the target can. */
export async function connectToVector(target: StackTarget, observed: Observed): Promise<Connection> {
  if (target.connectVector !== undefined && observed.running) return await target.connectVector(observed)
  return await connectTo(target, observed)
}
