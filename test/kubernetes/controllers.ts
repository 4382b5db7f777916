/** What acts on what an API server stores, beside the nodes: controllers and scheduler. */
import { join } from 'node:path'
import { type ApiServer, freePort } from './api-server.ts'

/** @param more flags of the controllers */
export async function startControllers(
  { kubeconfig, folder, processes }: ApiServer,
  programs: { readonly controllers: string; readonly scheduler: string },
  more: readonly string[],
): Promise<void> {
  const common = [`--kubeconfig=${kubeconfig}`, '--leader-elect=false', '--bind-address=127.0.0.1']
  processes.start('kube-controller-manager', programs.controllers, [
    ...common,
    `--secure-port=${await freePort()}`,
    `--cert-dir=${join(folder, 'controllers')}`,
    `--service-account-private-key-file=${join(folder, 'sa.key')}`,
    '--use-service-account-credentials=false',
    ...more,
  ])
  processes.start('kube-scheduler', programs.scheduler, [
    ...common,
    `--secure-port=${await freePort()}`,
    `--cert-dir=${join(folder, 'scheduler')}`,
  ])
}
